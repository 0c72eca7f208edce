/* SPDX-License-Identifier: MIT */
/*
 * The idle loop. Only here does a CPU look for work elsewhere. Preemption stays off while it looks
 * and waits, so that an interrupt does not switch away before the CPU has said that it is awake.
 *
 * A waker puts a thread into this CPU's queue, sets need_resched under the run-queue lock and sends
 * an interrupt. It comes before the test of need_resched here, or its interrupt ends the wait:
 * interrupts are off from the test until the machine waits with them on, which is one step.
 */
#include "kernel/cpu_offline.h"
#include "kernel/dispatch.h"
#include "kernel/preempt.h"
#include "kernel/timer.h"
#include <arch/time.h>

static void wait_for_work(struct sched_rq *rq)
{
	this_cpu(preempt_count)++;
	sched_idle_enter(rq);
	if (!preempt_wanted() && !sched_steal(&scheduler, rq, arch_time_now()))
		arch_cpu_wait();
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
		dispatch_preempt();
	}
}
