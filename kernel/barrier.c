/* SPDX-License-Identifier: MIT */
/*
 * Barrier. A round is over when its number has changed, whatever ended the wait: who timed out and
 * was counted by the last one all the same has passed.
 */
#include "kernel/barrier.h"
#include "kernel/errno.h"
#include "kernel/wait_private.h"

int barrier_init(struct barrier *b, const char *name, uint32_t members)
{
	if (!members)
		return -EINVAL;
	*b = (struct barrier){.members = members};
	wait_queue_init(&b->queue, WAIT_KIND_BARRIER, name, LOCK_RANK_WAITQ);
	return 0;
}

static void open(struct barrier *b)
{
	b->arrived = 0;
	b->round++;
	wait_wake_all(&b->queue);
}

/* The queue's lock is held, also on return. */
static int wait_for_others(struct barrier *b, unsigned flags, ktime_t deadline, void *site)
{
	uint64_t round = b->round;
	int err;

	do {
		err = wait_block_at(&b->queue, flags, deadline, site);
		spin_lock(&b->queue.lock);
	} while (err == -EAGAIN && round == b->round);
	if (round != b->round)
		return 0;
	b->arrived--;
	return err;
}

static int arrive(struct barrier *b, unsigned flags, ktime_t deadline, void *site)
{
	int result = BARRIER_LAST;

	wait_queue_lock(&b->queue);
	if (++b->arrived == b->members)
		open(b);
	else
		result = wait_for_others(b, flags, deadline, site);
	wait_queue_unlock(&b->queue);
	return result;
}

int barrier_wait_until(struct barrier *b, unsigned flags, ktime_t deadline)
{
	return arrive(b, flags, deadline, __builtin_return_address(0));
}

int barrier_wait(struct barrier *b)
{
	int result = arrive(b, 0, KTIME_MAX, __builtin_return_address(0));

	KASSERT(result >= 0);
	return result;
}
