/* SPDX-License-Identifier: MIT */
/*
 * Condition variable. Entering the queue and giving up the mutex are one step under the queue's
 * lock, so a signal given by the next owner of the mutex finds the waiter.
 */
#include "kernel/condvar.h"
#include "kernel/errno.h"
#include "kernel/preempt.h"

void condvar_init(struct condvar *c, const char *name)
{
	wait_queue_init(&c->queue, WAIT_KIND_CONDVAR, name, LOCK_RANK_SYNC);
}

/*
 * The mutex is given up before the thread is in the queue, but with the queue's lock held: nobody
 * who needs that lock to signal can come between.
 */
static __always_inline int wait(
	struct condvar *c, struct mutex *m, unsigned flags, ktime_t deadline)
{
	int err, owning;

	if (!mutex_held(m))
		mutex_unlock(m); /* says what is wrong */
	wait_queue_lock(&c->queue);
	mutex_unlock(m);
	err = wait_block_at(&c->queue, flags, deadline, __builtin_return_address(0));
	arch_irq_enable();
	owning = mutex_lock_checked(m);
	if (owning)
		return owning;
	return err == -EAGAIN ? 0 : err;
}

void condvar_wait(struct condvar *c, struct mutex *m)
{
	BUG_ON(wait(c, m, 0, KTIME_MAX));
}

int condvar_wait_until(struct condvar *c, struct mutex *m, ktime_t deadline)
{
	return wait(c, m, 0, deadline);
}

int condvar_wait_killable(struct condvar *c, struct mutex *m)
{
	return wait(c, m, WAIT_KILLABLE, KTIME_MAX);
}

void condvar_signal(struct condvar *c)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&c->queue.lock);

	wait_wake_one(&c->queue);
	spin_unlock_irqrestore(&c->queue.lock, irqs);
	preempt_check();
}

unsigned condvar_broadcast(struct condvar *c)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&c->queue.lock);
	unsigned woken = wait_wake_all(&c->queue);

	spin_unlock_irqrestore(&c->queue.lock, irqs);
	preempt_check();
	return woken;
}
