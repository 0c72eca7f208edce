/* SPDX-License-Identifier: MIT */
/*
 * The switch: the decision is sched_switch()'s, dispatch_locked_inline() moves the stack pointer.
 * It is the only caller of arch_thread_switch(), and inlined into the few functions that switch
 * often.
 *
 * Invariant: from the decision to the tail this CPU holds its run-queue lock, so no other CPU can
 * take a thread whose registers are not saved yet, and nobody who took the lock can see a thread
 * half switched.
 */
#ifndef KERNEL_DISPATCH_PRIVATE_H
#define KERNEL_DISPATCH_PRIVATE_H

#include "kernel/preempt.h"
#include "kernel/thread.h"
#include "sched/switch.h"
#include <arch/time.h>

/* What sched_switch_tail() says was left to do. */
void dispatch_finish(struct cpu_scheduler *c, unsigned tail);

/* Locks the run queue that `t` belongs to and returns it, or NULL. Interrupts off. */
struct sched_rq *dispatch_lock_rq_of(struct thread *t);

static __always_inline void dispatch_tail_inline(void)
{
	struct cpu_scheduler *c = this_cpu_ptr(cpu_schedulers);
	unsigned tail;

	KASSERT(spin_held(&c->rq.lock));
	KASSERT(c->rq.curr == &thread_current()->se);
	tail = sched_switch_tail(&c->rq);
	if (unlikely(tail))
		dispatch_finish(c, tail);
}

/* From the current thread to the one picked, which may be the same. */
static __always_inline void dispatch_to(struct sched_entity *picked)
{
	struct thread *prev = thread_current();
	struct thread *next = container_of(picked, struct thread, se);

	KASSERT(arch_irqs_off());
	KASSERT(!preempt_disabled());
	if (next != prev) {
		this_cpu(current_thread) = next;
		if (unlikely(prev->arch.fpu_live))
			arch_fpu_switch_out(&prev->arch);
		arch_thread_switch(&prev->arch, &next->arch);
	}
	dispatch_tail_inline();
}

static __always_inline void dispatch_locked_inline(
	struct cpu_scheduler *c, enum sched_reason reason)
{
	KASSERT(spin_held(&c->rq.lock));
	dispatch_to(sched_switch_here(&c->rq, reason, arch_time_now()));
}

/*
 * Leaves for ever. `lock` is held; it is dropped once the run-queue lock is held. `joiner`, its
 * wait already decided (or NULL), is woken so that it cannot run before this thread is on no CPU.
 * `tail` is what is left to do then: with DISPATCH_REAP the next thread gives up this one's own
 * reference.
 */
static __always_inline __noreturn void dispatch_exit(
	struct thread *self, struct spinlock *lock, struct thread *joiner, unsigned tail)
{
	struct cpu_scheduler *c = this_cpu_ptr(cpu_schedulers);
	ktime_t now;

	KASSERT(spin_held(lock) && self == thread_current());
	spin_lock(&c->rq.lock);
	now = arch_time_now();
	spin_unlock(lock);
	if (unlikely(tail)) {
		c->rq.tail |= (uint8_t)tail;
		c->ended = self;
	}
	if (likely(joiner))
		dispatch_to(sched_switch_waking_here(&c->rq, SCHED_EXIT, &joiner->se, now));
	else
		dispatch_to(sched_switch_here(&c->rq, SCHED_EXIT, now));
	BUG_ON("an ended thread runs");
	__builtin_unreachable();
}

#endif
