/* SPDX-License-Identifier: MIT */
/* Event flags. Who sets bits decides for the waiters, in order, and tells each what it got. */
#include "kernel/event_flags.h"
#include "kernel/errno.h"
#include "kernel/wait_private.h"

/* On the waiter's stack; wait_data. */
struct wish {
	uint32_t bits;
	unsigned mode;
	uint32_t got;
};

void event_flags_init(struct event_flags *e, const char *name)
{
	*e = (struct event_flags){0};
	wait_queue_init(&e->queue, WAIT_KIND_EVENTS, name, LOCK_RANK_WAITQ);
}

/* True if what is set fulfils it, and takes it. */
static bool fulfil(struct event_flags *e, struct wish *wish)
{
	uint32_t there = e->flags & wish->bits;

	if (wish->mode & EVENT_ALL ? there != wish->bits : !there)
		return false;
	wish->got = there;
	if (wish->mode & EVENT_CONSUME)
		e->flags &= ~there;
	return true;
}

/* A wait that ended otherwise at the same time has consumed nothing. */
static bool try_release(struct event_flags *e, struct thread *t)
{
	uint32_t before = e->flags;

	if (!fulfil(e, t->wait_data))
		return false;
	list_remove(&t->wait_node);
	if (wait_decide(t, 0, WAIT_WOKEN)) {
		wait_wake(t);
		return true;
	}
	e->flags = before;
	return false;
}

unsigned event_flags_set(struct event_flags *e, uint32_t bits)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&e->queue.lock);
	struct list_node *n = list_first(&e->queue.waiters), *next;
	unsigned count = 0;

	e->flags |= bits;
	for (; n; n = next) {
		next = list_next(&e->queue.waiters, n);
		count += try_release(e, list_entry(n, struct thread, wait_node));
	}
	spin_unlock_irqrestore(&e->queue.lock, irqs);
	preempt_check();
	return count;
}

uint32_t event_flags_clear(struct event_flags *e, uint32_t bits)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&e->queue.lock);
	uint32_t were = e->flags & bits;

	e->flags &= ~bits;
	spin_unlock_irqrestore(&e->queue.lock, irqs);
	return were;
}

uint32_t event_flags_get(const struct event_flags *e)
{
	return *(const volatile uint32_t *)&e->flags;
}

/* The queue's lock is held, also on return. 0 or what ended the wait. */
static int wait_for(
	struct event_flags *e, struct wish *wish, unsigned flags, ktime_t deadline, void *site)
{
	int err = -EAGAIN;

	while (err == -EAGAIN) {
		if (fulfil(e, wish))
			return 0;
		if (deadline <= 0)
			return -ETIMEDOUT;
		thread_current()->wait_data = wish;
		err = wait_block_at(&e->queue, flags, deadline, site);
		spin_lock(&e->queue.lock);
	}
	return err;
}

int event_flags_wait(struct event_flags *e, uint32_t bits, unsigned mode, uint32_t *got,
	unsigned flags, ktime_t deadline)
{
	struct wish wish = {.bits = bits, .mode = mode};
	int err;

	if (!bits || mode & ~(unsigned)(EVENT_ALL | EVENT_CONSUME))
		return -EINVAL;
	wait_queue_lock(&e->queue);
	err = wait_for(e, &wish, flags, deadline, __builtin_return_address(0));
	wait_queue_unlock(&e->queue);
	if (!err && got)
		*got = wish.got;
	return err;
}
