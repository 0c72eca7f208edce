/* SPDX-License-Identifier: MIT */
/*
 * Preemption: while this CPU's count is above 0, the running thread keeps the CPU. Interrupts count
 * too, in the upper half. A wanted switch (need_resched) happens when the count comes back to 0: at
 * preempt_enable(), or at the end of the interrupt that asked for it.
 */
#ifndef KERNEL_PREEMPT_H
#define KERNEL_PREEMPT_H

#include "kernel/dispatch.h"

#define PREEMPT_IRQ 0x10000u

DECLARE_PERCPU(unsigned, preempt_count); /* (l) */

static inline bool preempt_disabled(void)
{
	return this_cpu(preempt_count) != 0;
}

/* True inside an interrupt handler; false in exceptions of a thread. */
static inline bool preempt_in_interrupt(void)
{
	return this_cpu(preempt_count) >= PREEMPT_IRQ;
}

static inline bool preempt_wanted(void)
{
	return this_cpu_read_bool(cpu_schedulers.rq.need_resched);
}

/* Switches now unless interrupts are off, where the switch waits for the end of the interrupt. */
void preempt_now(void);

static inline void preempt_disable(void)
{
	this_cpu(preempt_count)++;
	barrier();
}

/* May switch to another thread, if interrupts are on and the count is 0 again. */
static inline void preempt_enable(void)
{
	barrier();
	if (!--this_cpu(preempt_count) && unlikely(preempt_wanted()))
		preempt_now();
}

/* For the end of a call that may have woken a thread more urgent than the caller. */
static inline void preempt_check(void)
{
	if (unlikely(preempt_wanted()) && !preempt_disabled())
		preempt_now();
}

/* True where a call may block: a thread, interrupts on, preemption on. */
static inline bool preempt_may_block(void)
{
	return !preempt_disabled() && !arch_irqs_off();
}

#endif
