/* SPDX-License-Identifier: MIT */
/*
 * Wait queues. See kernel/wait.h for the argument why no wake-up is lost.
 *
 * wait_state while a thread waits is WAIT_WAITING with the flags of the wait in its low bits, so
 * that a kill and a sleeper's waker can see in one load whether they may end it.
 */
#include "kernel/wait.h"
#include "kernel/errno.h"
#include "kernel/wait_private.h"

void wait_queue_init(
	struct wait_queue *q, enum wait_kind kind, const char *name, enum lock_rank rank)
{
	spin_init(&q->lock, name, rank);
	list_init(&q->waiters);
	q->kind = (uint8_t)kind;
	q->name = name;
}

void wait_queue_lock(struct wait_queue *q)
{
	wait_queue_lock_inline(q);
}

void wait_queue_unlock(struct wait_queue *q)
{
	wait_queue_unlock_inline(q);
}

void wait_wake(struct thread *t)
{
	wait_wake_inline(t);
}

static void time_out(struct timer *timer)
{
	struct thread *t = container_of(timer, struct thread, wait_timer);

	if (wait_decide(t, 0, WAIT_TIMED_OUT))
		wait_wake(t);
}

void wait_init_thread(struct thread *t)
{
	atomic_store_explicit(&t->wait_state, WAIT_NONE, memory_order_relaxed);
	atomic_store_explicit(&t->wait_queue, NULL, memory_order_relaxed);
	t->wait_site = 0;
	list_node_init(&t->wait_node);
	timer_init(&t->wait_timer, time_out);
}

/*
 * The wait's timer is not under way any more when this returns. Preemption stays off meanwhile: a
 * thread that may be killed anywhere must not end here, with its timer started and perhaps still
 * in its queue.
 */
__noinline void wait_stop_timer(struct thread *self)
{
	this_cpu(preempt_count)++;
	arch_irq_enable();
	timer_cancel_sync(&self->wait_timer);
	arch_irq_disable();
	this_cpu(preempt_count)--;
	while (unlikely(preempt_wanted()))
		dispatch_switch(SCHED_PREEMPT);
}

/*
 * The thread ended its wait other than by a waker, who would have taken it out of the queue. Until
 * its lock is held, it may be moved to another queue.
 */
static void leave_queue(struct thread *self)
{
	struct wait_queue *q;

	while ((q = wait_queue_of(self))) {
		spin_lock(&q->lock);
		if (likely(q == wait_queue_of(self))) {
			if (list_linked(&self->wait_node))
				list_remove(&self->wait_node);
			wait_set_queue(self, NULL);
		}
		spin_unlock(&q->lock);
	}
}

/* What an interrupted wait returns, after the suspension if that was the interruption. */
static int obey(struct thread *self)
{
	if (thread_wants_stop(self))
		thread_suspend_here();
	return atomic_load(&self->stop) & THREAD_STOP_KILL ? -EINTR : -EAGAIN;
}

__noinline int wait_end_early(struct thread *self, enum wait_state outcome)
{
	leave_queue(self);
	if (outcome == WAIT_TIMED_OUT)
		return -ETIMEDOUT;
	KASSERT(outcome == WAIT_INTERRUPTED);
	return obey(self);
}

int wait_block(struct wait_queue *q, unsigned flags, ktime_t deadline)
{
	return wait_block_inline(q, flags, deadline, __builtin_return_address(0));
}

int wait_block_at(struct wait_queue *q, unsigned flags, ktime_t deadline, void *site)
{
	return wait_block_inline(q, flags, deadline, site);
}

int wait_block_locked(struct wait_queue *q, unsigned flags, ktime_t deadline)
{
	int err = wait_block(q, flags, deadline);

	spin_lock(&q->lock);
	return err == -EAGAIN ? 0 : err;
}

int wait_sleep(ktime_t deadline)
{
	struct thread *self = thread_current();
	enum wait_state outcome;
	int err;

	KASSERT(preempt_may_block());
	self->wait_site = (uintptr_t)__builtin_return_address(0);
	do {
		arch_irq_disable();
		if (deadline != KTIME_MAX)
			timer_start(&self->wait_timer, deadline);
		outcome = wait_block_in(self, NULL, WAIT_KILLABLE | WAIT_SLEEP, SCHED_SLEEP);
		wait_stop_timer(self);
		err = outcome == WAIT_WOKEN ? 0 : wait_end_early(self, outcome);
		arch_irq_enable();
	} while (err == -EAGAIN);
	return err == -ETIMEDOUT ? 0 : err;
}

bool wait_sleep_here(ktime_t deadline)
{
	struct thread *self = thread_current();
	enum wait_state outcome;

	KASSERT(arch_irqs_off() && !preempt_disabled());
	self->wait_site = (uintptr_t)__builtin_return_address(0);
	timer_start(&self->wait_timer, deadline);
	outcome = wait_block_in(self, NULL, WAIT_KILLABLE | WAIT_SLEEP, SCHED_SLEEP);
	wait_stop_timer(self);
	return outcome != WAIT_INTERRUPTED;
}

struct thread *wait_take_one(struct wait_queue *q)
{
	return wait_take_one_inline(q);
}

struct thread *wait_wake_one(struct wait_queue *q)
{
	struct thread *t = wait_take_one(q);

	if (t)
		wait_wake(t);
	return t;
}

unsigned wait_wake_all(struct wait_queue *q)
{
	unsigned count = 0;

	while (wait_wake_one(q))
		count++;
	return count;
}

/* Ends a wait from outside its queue. */
static bool end_from_outside(struct thread *t, unsigned flags, enum wait_state outcome)
{
	arch_irqflags_t irqs = arch_irq_save();
	bool ended = wait_decide(t, flags, outcome);

	if (ended)
		wait_wake(t);
	arch_irq_restore(irqs);
	return ended;
}

void wait_interrupt(struct thread *t)
{
	end_from_outside(t, WAIT_KILLABLE, WAIT_INTERRUPTED);
}

bool wait_wake_sleeper(struct thread *t)
{
	return end_from_outside(t, WAIT_SLEEP, WAIT_WOKEN);
}
