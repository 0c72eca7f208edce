/* SPDX-License-Identifier: MIT */
/* What the machine tells the kernel: interrupts, their beginning and their end. */
#include "kernel/entry.h"
#include "kernel/idle.h"
#include "kernel/preempt.h"
#include "kernel/thread_private.h"
#include "kernel/timer.h"
#include "kernel/trace.h"
#include "kernel/watch.h"
#include "mm/tlb.h"
#include <arch/smp.h>

/* Out of the way, so that what is not asked for costs two instructions. */
static __cold __noinline void trace_interrupt(enum trace_kind kind, unsigned vector)
{
	trace_write(kind, 0, vector, thread_current()->thread_id, trace_clock());
}

#define TRACES(kind) unlikely(trace_recorded >> TRACE_##kind & 1)

void entry_irq_enter(unsigned vector)
{
	this_cpu(preempt_count) += PREEMPT_IRQ;
	if (KASSERT_ON)
		this_cpu(percpu_held_locks).irq_depth++;
	if (TRACES(IRQ))
		trace_interrupt(TRACE_IRQ, vector);
}

void entry_irq_exit(unsigned vector)
{
	KASSERT(arch_irqs_off());
	KASSERT(preempt_in_interrupt());
	if (TRACES(IRQ_END))
		trace_interrupt(TRACE_IRQ_END, vector);
	this_cpu(preempt_count) -= PREEMPT_IRQ;
	if (KASSERT_ON)
		this_cpu(percpu_held_locks).irq_depth--;
	if (unlikely(preempt_wanted()) && !preempt_disabled())
		dispatch_preempt();
}

void entry_timer(void)
{
	timer_interrupt();
}

static void answer_call(void)
{
	thread_report_here();
	watch_cpus_called();
}

/* RESCHED: whoever sent it has set need_resched, which entry_irq_exit() looks at, or has offered a
 * thread. */
void entry_ipi(unsigned kind)
{
	if (kind == ARCH_IPI_TLB)
		tlb_interrupt();
	else if (kind == ARCH_IPI_CALL)
		answer_call();
	else if (kind == ARCH_IPI_RESCHED)
		idle_note_kick();
}

struct arch_thread *entry_current_thread(void)
{
	struct thread *t = thread_current();

	return t ? &t->arch : NULL;
}
