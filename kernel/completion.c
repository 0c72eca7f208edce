/* SPDX-License-Identifier: MIT */
/* Completion: a count of events under the lock of the queue of those who wait for one. */
#include "kernel/completion.h"
#include "kernel/errno.h"
#include "kernel/preempt.h"

void completion_init(struct completion *c, const char *name)
{
	c->done = 0;
	wait_queue_init(&c->queue, WAIT_KIND_COMPLETION, name, LOCK_RANK_WAITQ);
}

void completion_complete(struct completion *c)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&c->queue.lock);

	if (!wait_wake_one(&c->queue) && c->done != COMPLETION_ALL)
		c->done++;
	spin_unlock_irqrestore(&c->queue.lock, irqs);
	preempt_check();
}

void completion_complete_all(struct completion *c)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&c->queue.lock);

	c->done = COMPLETION_ALL;
	wait_wake_all(&c->queue);
	spin_unlock_irqrestore(&c->queue.lock, irqs);
	preempt_check();
}

static __always_inline int wait(struct completion *c, unsigned flags, ktime_t deadline)
{
	int err = -EAGAIN;

	wait_queue_lock(&c->queue);
	while (!c->done && err == -EAGAIN) {
		err = wait_block_at(&c->queue, flags, deadline, __builtin_return_address(0));
		if (err != -EAGAIN) {
			arch_irq_enable();
			return err;
		}
		spin_lock(&c->queue.lock);
	}
	if (c->done != COMPLETION_ALL)
		c->done--;
	wait_queue_unlock(&c->queue);
	return 0;
}

void completion_wait(struct completion *c)
{
	BUG_ON(wait(c, 0, KTIME_MAX));
}

int completion_wait_until(struct completion *c, ktime_t deadline)
{
	return wait(c, 0, deadline);
}

int completion_wait_killable(struct completion *c)
{
	return wait(c, WAIT_KILLABLE, KTIME_MAX);
}
