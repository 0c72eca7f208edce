/* SPDX-License-Identifier: MIT */
/* Setting and asking how a thread is scheduled; the end of a periodic job. */
#include "kernel/thread_policy.h"
#include "kernel/errno.h"
#include "kernel/mutex.h"
#include "kernel/preempt.h"
#include "kernel/thread_private.h"
#include "kernel/trace.h"
#include <arch/time.h>

struct mutex thread_admission = MUTEX_INIT(thread_admission);

static int set_params(struct thread *t, const struct sched_params *params)
{
	arch_irqflags_t irqs = arch_irq_save();
	int err = sched_set_params(&scheduler, &t->se, params, arch_cpu_id(), arch_time_now());

	if (!err) {
		atomic_store(&t->priority, (uint8_t)thread_priority_of_level(params->level));
		atomic_store(&t->follows_process, false);
	}
	arch_irq_restore(irqs);
	return err == -ESRCH ? -ETHREAD_NOT_FOUND : err;
}

int thread_set_params(struct thread *t, const struct sched_params *params)
{
	int err;

	if (atomic_load(&t->flags) & THREAD_IDLE)
		return -ETHREAD_ACCESS;
	mutex_lock(&thread_admission);
	err = set_params(t, params);
	mutex_unlock(&thread_admission);
	if (err)
		return err;
	mutex_urgency_changed(t);
	wait_urgency_changed(t);
	trace_event(TRACE_PARAMS, t->thread_id, (uint64_t)params->deadline);
	preempt_check();
	return 0;
}

void thread_give_up_reservation(void)
{
	struct sched_params params = {.level = thread_current()->se.own_level};

	if (thread_set_params(thread_current(), &params))
		BUG_ON("a reservation cannot be given up");
}

unsigned thread_free_bandwidth(const struct thread *t)
{
	arch_irqflags_t irqs;
	unsigned free;

	mutex_lock(&thread_admission);
	irqs = arch_irq_save();
	free = sched_free_bandwidth(&scheduler, &t->se.affinity, arch_time_now());
	arch_irq_restore(irqs);
	mutex_unlock(&thread_admission);
	return free;
}

void thread_get_params(struct thread *t, struct sched_params *params)
{
	arch_irqflags_t irqs = arch_irq_save();

	sched_get_params(&scheduler, &t->se, params);
	arch_irq_restore(irqs);
}

int thread_set_fixed(struct thread *t, enum sched_kind kind, unsigned priority)
{
	struct sched_params params;

	if (kind != SCHED_KIND_FIFO && kind != SCHED_KIND_RR)
		return -EINVAL;
	thread_get_params(t, &params);
	return thread_set_params(t,
		&(struct sched_params){.kind = kind, .level = params.level, .priority = priority});
}

int thread_set_rate_monotonic(struct thread *t, ktime_t runtime, ktime_t period)
{
	struct sched_params params;

	thread_get_params(t, &params);
	return thread_set_params(t,
		&(struct sched_params){.kind = SCHED_KIND_RM,
			.level = params.level,
			.runtime = runtime,
			.period = period});
}

int thread_set_reservation(struct thread *t, ktime_t runtime, ktime_t deadline, ktime_t period)
{
	struct sched_params params;

	thread_get_params(t, &params);
	return thread_set_params(t,
		&(struct sched_params){.kind = SCHED_KIND_DL,
			.level = params.level,
			.runtime = runtime,
			.deadline = deadline,
			.period = period});
}

int thread_set_deadline(struct thread *t, ktime_t deadline, ktime_t period)
{
	struct sched_params params;

	thread_get_params(t, &params);
	if (params.kind != SCHED_KIND_TS)
		params = (struct sched_params){.level = params.level};
	params.deadline = deadline;
	params.period = period;
	return thread_set_params(t, &params);
}

/* Only the thread itself begins its jobs while it runs. */
int thread_end_job(void)
{
	const struct sched_entity *se = &thread_current()->se;

	if (!se->period)
		return -EINVAL;
	if (se->kind == SCHED_KIND_DL || se->release == SCHED_NO_JOB ||
		se->release + se->period <= arch_time_now()) {
		thread_yield();
		return thread_killed() ? -EINTR : 0;
	}
	return thread_sleep_until(se->release + se->period);
}
