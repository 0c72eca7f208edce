/* SPDX-License-Identifier: MIT */
/*
 * CPUs that leave and come back under load (rules S8.6, S8.7).
 *
 * The scheduler takes the CPU off line; its idle thread, once it is the only one left there, gives
 * back what the CPU kept for itself and rests in a loop of its own. It goes on answering requests
 * to flush translations, and nothing else interrupts it: its timers have gone to the CPU that sent
 * it away. One CPU leaves or comes back at a time, and nobody is promised time meanwhile: that is
 * what the admission lock is for.
 */
#include "kernel/cpu_offline.h"
#include "kernel/completion.h"
#include "kernel/errno.h"
#include "kernel/idle.h"
#include "kernel/log.h"
#include "kernel/mutex.h"
#include "kernel/preempt.h"
#include "kernel/thread_policy.h"
#include "kernel/timer.h"
#include "mm/frame.h"
#include "mm/kstack.h"
#include "mm/slab.h"
#include <arch/smp.h>
#include <arch/time.h>

static struct completion done = COMPLETION_INIT(done); /* the CPU rests, or is back */

/* --- on the CPU itself ----------------------------------------------------------------------- */

static void give_back_caches(void)
{
	thread_drain_cache();
	slab_drain_cpu();
	kstack_drain_cpu();
	frame_drain_cpu();
}

static void come_back(struct cpu_scheduler *cpu)
{
	sched_cpu_online(&scheduler, cpu->cpu_id, arch_time_now());
	atomic_store(&cpu->state, CPU_RUNNING);
	completion_complete(&done);
}

void cpu_rest(struct cpu_scheduler *cpu)
{
	KASSERT(arch_irqs_off() && thread_current() == cpu->idle);
	if (!sched_cpu_empty(&scheduler, cpu->cpu_id))
		return;
	this_cpu(preempt_count)++;
	give_back_caches();
	atomic_store(&cpu->state, CPU_OFFLINE);
	completion_complete(&done);
	while (atomic_load(&cpu->state) == CPU_OFFLINE)
		idle_wait();
	come_back(cpu);
	this_cpu(preempt_count)--;
}

/* --- masks ----------------------------------------------------------------------------------- */

static bool review(struct thread *t)
{
	arch_irqflags_t flags = arch_irq_save();
	bool overridden = sched_review_affinity(&scheduler, &t->se, arch_cpu_id(), arch_time_now());

	arch_irq_restore(flags);
	return overridden;
}

/* Those that may run on `cpu`, which has left, and on no other that is on line. */
static void override_masks(unsigned cpu)
{
	struct thread *t = NULL;

	while ((t = thread_next(t)))
		if (review(t) && cpumask_test(&t->se.affinity, cpu))
			log_info("thread %llu (%s) may run on any CPU until CPU %u is back",
				(unsigned long long)t->thread_id, t->name, cpu);
}

static void restore_masks(void)
{
	struct thread *t = NULL;

	while ((t = thread_next(t))) {
		bool was = t->se.overridden;

		if (was && !review(t))
			log_info("thread %llu (%s) runs where it may again",
				(unsigned long long)t->thread_id, t->name);
	}
}

/* --- leaving and coming back ----------------------------------------------------------------- */

static int leave(unsigned cpu)
{
	int err;

	arch_irq_disable();
	err = sched_cpu_offline(&scheduler, cpu, arch_cpu_id(), arch_time_now());
	if (!err) {
		atomic_store(&cpu_ptr(cpu_schedulers, cpu)->state, CPU_LEAVING);
		arch_ipi_send(cpu, ARCH_IPI_RESCHED);
	}
	arch_irq_enable();
	return err;
}

int cpu_offline(unsigned cpu)
{
	int err;

	if (cpu == 0)
		return -EPERM;
	mutex_lock(&thread_admission);
	err = leave(cpu);
	if (!err) {
		completion_wait(&done);
		arch_irq_disable();
		timer_take_over(cpu);
		arch_irq_enable();
		log_info("CPU %u is off line", cpu);
		override_masks(cpu);
	}
	mutex_unlock(&thread_admission);
	return err;
}

static int call_back(unsigned cpu)
{
	if (cpu >= atomic_load(&scheduler.cpu_end) || !scheduler.rq[cpu])
		return -EINVAL;
	if (atomic_load(&cpu_ptr(cpu_schedulers, cpu)->state) != CPU_OFFLINE)
		return -EALREADY;
	atomic_store(&cpu_ptr(cpu_schedulers, cpu)->state, CPU_STARTING);
	arch_ipi_send(cpu, ARCH_IPI_RESCHED);
	completion_wait(&done);
	return 0;
}

int cpu_online(unsigned cpu)
{
	int err;

	mutex_lock(&thread_admission);
	err = call_back(cpu);
	if (!err) {
		log_info("CPU %u is on line", cpu);
		restore_masks();
	}
	mutex_unlock(&thread_admission);
	return err;
}
