/* SPDX-License-Identifier: MIT */
/*
 * The idle loop. Only here does a CPU look for work elsewhere. Preemption stays off while it looks
 * and waits, so that an interrupt does not switch away before the CPU has said that it is awake.
 *
 * A waker puts a thread into this CPU's queue, sets need_resched under the run-queue lock and sends
 * an interrupt. It comes before the test of need_resched here, or its interrupt ends the wait:
 * interrupts are off from the test until the machine waits with them on, which is one step.
 *
 * With turns=on (icount) the last CPU that is awake does not halt but lets time pass. When all have
 * halted QEMU moves its clock on from another host thread, which looks at CPUs that are about to
 * halt whenever the host lets it: how far the clock moves, and when the next turn ends, then differ
 * from run to run. Only if no CPU has armed a timer do all halt: nothing that is in the machine can
 * happen then.
 */
#include "kernel/idle.h"
#include "kernel/cpu_offline.h"
#include "kernel/dispatch.h"
#include "kernel/preempt.h"
#include "kernel/timer.h"
#include "kernel/watch.h"
#include <arch/time.h>

#define PASSES_PER_TURN                                                                            \
	64                   /* another may be in an interrupt and want its turn                   \
			      */
#define PASSES_PER_LOOK 1024 /* at all CPUs' timers */

static bool turns;                  /* (c) since the boot CPU's idle_take_turns() */
static _Atomic unsigned awake = 1;  /* (a) CPUs that are not in idle_wait(), if turns */
static DEFINE_PERCPU(bool, kicked); /* (l) interrupts off */

void idle_take_turns(void)
{
	turns = true;
}

void idle_add_cpu(void)
{
	atomic_fetch_add(&awake, 1);
}

void idle_note_kick(void)
{
	this_cpu(kicked) = true;
}

/* Is this still the last CPU, with nothing to do? */
static bool is_last(void)
{
	return !atomic_load(&awake) && !preempt_wanted() && !this_cpu(kicked);
}

static void stay_awake(void)
{
	this_cpu(kicked) = false;
	for (unsigned passes = 0; is_last(); passes++) {
		if (passes % PASSES_PER_LOOK == 0 && !timer_armed_anywhere()) {
			arch_cpu_wait();
			return;
		}
		if (passes % PASSES_PER_TURN == 0)
			arch_cpu_relax();
		arch_cpu_pass_time();
	}
}

static void wait_in_turns(void)
{
	if (atomic_fetch_sub(&awake, 1) == 1)
		stay_awake();
	else
		arch_cpu_wait();
	atomic_fetch_add(&awake, 1);
}

void idle_wait(void)
{
	KASSERT(arch_irqs_off() && preempt_disabled());
	if (unlikely(turns))
		wait_in_turns();
	else
		arch_cpu_wait();
}

static void wait_for_work(struct sched_rq *rq)
{
	this_cpu(preempt_count)++;
	sched_idle_enter(rq);
	if (!preempt_wanted() && !sched_steal(&scheduler, rq, arch_time_now()))
		idle_wait();
	sched_idle_exit(rq);
	this_cpu(preempt_count)--;
}

void idle_loop(void)
{
	struct cpu_scheduler *cpu = this_cpu_ptr(cpu_schedulers);

	KASSERT(arch_irqs_off());
	for (;;) {
		if (unlikely(atomic_load(&cpu->state) == CPU_LEAVING))
			cpu_rest(cpu);
		wait_for_work(&cpu->rq);
		if (!preempt_wanted())
			continue;
		timer_begin_turn();
		watch_cpus_note_work();
		dispatch_preempt();
	}
}
