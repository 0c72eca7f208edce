/* SPDX-License-Identifier: MIT */
/* The original design's calls of the scheduler, made of those that there are. */
#include "kernel/scheduler.h"
#include "kernel/dispatch.h"
#include "kernel/errno.h"
#include "kernel/mutex.h"
#include "kernel/preempt.h"
#include "kernel/thread_policy.h"
#include "kernel/trace.h"
#include <arch/irq.h>
#include <arch/time.h>

static _Atomic bool started;

int scheduler_init_with_config(const struct sched_config *config)
{
	if (atomic_load(&started))
		return -ESCHED_READY;
	if (sched_init(&scheduler, config))
		return -ESCHED_CONFIG;
	atomic_store(&started, true);
	return 0;
}

int scheduler_init(void)
{
	struct sched_config config;

	sched_config_default(&config);
	return scheduler_init_with_config(&config);
}

/* Bit by bit, so that interrupts come; nobody who waits half-way waits for this thread's turn. */
static void change_cpus(void)
{
	bool more;

	preempt_disable();
	do {
		arch_irqflags_t irqs = arch_irq_save();

		more = sched_change_cpus(&scheduler, arch_cpu_id(), arch_time_now());
		arch_irq_restore(irqs);
	} while (more);
	preempt_enable();
}

/* The admission lock is held. */
static int set_config(const struct sched_config *config)
{
	struct sched_config before = scheduler.config;
	int err = sched_set_config(&scheduler, config);

	if (err)
		return -ESCHED_CONFIG;
	change_cpus();
	if (before.algorithm != config->algorithm)
		trace_event(TRACE_ALGORITHM, config->algorithm, before.algorithm);
	if (!before.balancing && config->balancing)
		return scheduler_balance_load(); /* CPUs may have idled beside waiting threads */
	return 0;
}

void scheduler_get_config(struct sched_config *config)
{
	mutex_lock(&thread_admission);
	*config = scheduler.config;
	mutex_unlock(&thread_admission);
}

int scheduler_set_config(const struct sched_config *config)
{
	int err;

	if (!atomic_load(&started))
		return -ESCHED_NOT_READY;
	mutex_lock(&thread_admission);
	err = set_config(config);
	mutex_unlock(&thread_admission);
	return err;
}

int scheduler_set_algorithm(enum sched_policy_id algorithm)
{
	struct sched_config config;
	int err;

	if (!atomic_load(&started))
		return -ESCHED_NOT_READY;
	mutex_lock(&thread_admission);
	config = scheduler.config;
	config.algorithm = algorithm;
	err = set_config(&config);
	mutex_unlock(&thread_admission);
	return err;
}

bool scheduler_is_ready(void)
{
	return atomic_load(&started) && scheduler_get_cpu_count();
}

unsigned scheduler_get_cpu_count(void)
{
	return atomic_load(&scheduler.nr_online);
}

static void add_rq(struct scheduler_stats *sum, struct sched_rq *rq)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&rq->lock);
	bool busy = rq->curr != rq->idle;

	for (unsigned i = 0; i < SCHED_REASON_COUNT; i++)
		sum->context_switches += rq->stats.switches[i];
	sum->threads_scheduled += rq->stats.wakeups;
	sum->load_balances += rq->stats.migrations;
	sum->steals += rq->stats.steals;
	sum->kicks += rq->stats.kicks;
	sum->running += busy;
	sum->ready += atomic_load(&rq->nr_runnable) - busy;
	spin_unlock_irqrestore(&rq->lock, irqs);
}

int scheduler_get_cpu_stats(unsigned cpu, struct scheduler_stats *stats)
{
	*stats = (struct scheduler_stats){0};
	if (!atomic_load(&started))
		return -ESCHED_NOT_READY;
	if (cpu >= CONFIG_MAX_CPUS || !cpumask_test_atomic(&scheduler.online, cpu))
		return -ESCHED_CPU;
	add_rq(stats, scheduler.rq[cpu]);
	return 0;
}

int scheduler_get_stats(struct scheduler_stats *stats)
{
	struct cpumask online;
	unsigned cpu;

	*stats = (struct scheduler_stats){0};
	if (!atomic_load(&started))
		return -ESCHED_NOT_READY;
	cpumask_snapshot(&online, &scheduler.online);
	cpumask_for_each (cpu, &online)
		add_rq(stats, scheduler.rq[cpu]);
	return 0;
}

int scheduler_balance_load(void)
{
	arch_irqflags_t irqs;

	if (!atomic_load(&started))
		return -ESCHED_NOT_READY;
	irqs = arch_irq_save();
	sched_balance_load(&scheduler, arch_cpu_id(), arch_time_now());
	arch_irq_restore(irqs);
	return 0;
}

int scheduler_get_thread_stats(uint64_t thread_id, struct thread_stats *stats)
{
	struct thread *t = thread_find(thread_id);

	if (!t)
		return -ESCHED_THREAD;
	thread_get_stats(t, stats);
	thread_put(t);
	return 0;
}

int scheduler_set_thread_affinity(uint64_t thread_id, const struct cpumask *mask)
{
	struct thread *t = thread_find(thread_id);
	int err;

	if (!t)
		return -ESCHED_THREAD;
	err = thread_set_affinity(t, mask);
	thread_put(t);
	return err;
}

int scheduler_sleep_thread(uint64_t thread_id, unsigned milliseconds)
{
	struct thread *t = thread_find(thread_id);
	int err;

	if (!t)
		return -ESCHED_THREAD;
	err = thread_sleep_other(t, (ktime_t)milliseconds * NSEC_PER_MSEC);
	thread_put(t);
	return err;
}

int scheduler_wake_thread(uint64_t thread_id)
{
	struct thread *t = thread_find(thread_id);

	if (!t)
		return -ESCHED_THREAD;
	thread_wake(t);
	thread_put(t);
	return 0;
}
