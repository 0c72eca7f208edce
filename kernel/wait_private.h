/* SPDX-License-Identifier: MIT */
/*
 * Blocking and waking, inlined into the primitives whose speed counts. What each does is said in
 * kernel/wait.h, at the functions of the same names.
 */
#ifndef KERNEL_WAIT_PRIVATE_H
#define KERNEL_WAIT_PRIVATE_H

#include "kernel/dispatch_private.h"
#include "kernel/thread_private.h"
#include "kernel/wait.h"
#include "kernel/watch.h"

/* The wait's timer is not under way any more when this returns. Interrupts off. */
void wait_stop_timer(struct thread *self);

/* What a wait returns that was not ended by a waker. Interrupts off. */
int wait_end_early(struct thread *self, enum wait_state outcome);

/* Changes under the lock of the queue that it names, or to NULL by the thread itself. */
static __always_inline struct wait_queue *wait_queue_of(const struct thread *t)
{
	return atomic_load_explicit(&t->wait_queue, memory_order_relaxed);
}

static __always_inline void wait_set_queue(struct thread *t, struct wait_queue *q)
{
	atomic_store_explicit(&t->wait_queue, q, memory_order_relaxed);
}

/* wait_wake() */
static __always_inline void wait_wake_inline(struct thread *t)
{
	KASSERT(arch_irqs_off());
	sched_wake_here(&t->se, arch_cpu_id(), arch_time_now());
}

static __always_inline void wait_queue_lock_inline(struct wait_queue *q)
{
	KASSERT(preempt_may_block());
	arch_irq_disable();
	spin_lock(&q->lock);
}

static __always_inline void wait_queue_unlock_inline(struct wait_queue *q)
{
	spin_unlock(&q->lock);
	arch_irq_enable();
	preempt_check();
}

/* Moves the wait of `t` from waiting (with these flags) to its outcome. True: the caller did. */
static __always_inline bool wait_decide(struct thread *t, unsigned flags, enum wait_state outcome)
{
	unsigned state = atomic_load(&t->wait_state);
	unsigned need = WAIT_WAITING | flags;

	return (state & need) == need &&
		atomic_compare_exchange_strong(&t->wait_state, &state, outcome);
}

/* Most urgent first, FIFO among equals; by the urgency that the thread has now. */
static __always_inline void wait_enqueue(struct wait_queue *q, struct thread *t)
{
	struct list_node *pos = q->waiters.head.prev;

	t->wait_urgency = t->se.urgency;
	while (unlikely(pos != &q->waiters.head) &&
		list_entry(pos, struct thread, wait_node)->wait_urgency > t->wait_urgency)
		pos = pos->prev;
	list_insert_between(&t->wait_node, pos, pos->next);
}

/*
 * With the run-queue lock held, opens the wait to those who may end it. A stop that was asked for
 * before is found here; one asked for later finds the wait. Either store comes before the other's
 * load in the one order of all sequentially consistent operations. False: do not block.
 */
static __always_inline bool wait_open(struct thread *self, unsigned flags)
{
	if (likely(!(flags & WAIT_KILLABLE))) {
		atomic_store_explicit(
			&self->wait_state, WAIT_WAITING | flags, memory_order_release);
		return true;
	}
	atomic_store(&self->wait_state, WAIT_WAITING | flags);
	return !thread_wants_stop(self) || !wait_decide(self, flags, WAIT_INTERRUPTED);
}

/* Blocks; `lock` (or none), that of the condition, is held and dropped. Returns the outcome. */
static __always_inline enum wait_state wait_block_in(
	struct thread *self, struct spinlock *lock, unsigned flags, enum sched_reason reason)
{
	struct cpu_scheduler *c = this_cpu_ptr(cpu_schedulers);
	bool blocks;

	spin_lock(&c->rq.lock);
	blocks = wait_open(self, flags);
	if (!(flags & WAIT_KILLABLE) && unlikely(watch_threads_rest()))
		c->rq.tail |= DISPATCH_WATCH;
	if (lock)
		spin_unlock(lock);
	if (likely(blocks))
		dispatch_locked_inline(c, reason);
	else
		spin_unlock(&c->rq.lock);
	return atomic_exchange_explicit(&self->wait_state, WAIT_NONE, memory_order_acquire);
}

static __always_inline int wait_block_inline(
	struct wait_queue *q, unsigned flags, ktime_t deadline, void *site)
{
	struct thread *self = thread_current();
	enum wait_state outcome;

	KASSERT(spin_held(&q->lock));
	KASSERT(arch_irqs_off() && !preempt_disabled());
	wait_set_queue(self, q);
	self->wait_site = (uintptr_t)site;
	wait_enqueue(q, self);
	if (unlikely(deadline != KTIME_MAX))
		timer_start(&self->wait_timer, deadline);
	outcome = wait_block_in(self, &q->lock, flags, SCHED_BLOCK);
	if (unlikely(deadline != KTIME_MAX))
		wait_stop_timer(self);
	if (unlikely(outcome != WAIT_WOKEN))
		return wait_end_early(self, outcome);
	wait_set_queue(self, NULL);
	return 0;
}

static __always_inline struct thread *wait_take_one_inline(struct wait_queue *q)
{
	KASSERT(spin_held(&q->lock));
	while (likely(!list_empty(&q->waiters))) {
		struct list_node *n = q->waiters.head.next;
		struct thread *t = list_entry(n, struct thread, wait_node);

		list_remove_between(n, &q->waiters.head, n->next);
		if (likely(wait_decide(t, 0, WAIT_WOKEN)))
			return t;
	}
	return NULL;
}

#endif
