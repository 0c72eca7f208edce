/* SPDX-License-Identifier: MIT */
/*
 * Barrier: threads wait for each other until a number of them has come; then all go on, in the
 * order of their urgency, and the next round begins. Thread context only.
 */
#ifndef KERNEL_BARRIER_H
#define KERNEL_BARRIER_H

#include "kernel/wait.h"

/* (q) lock of the queue, (c) constant */
struct barrier {
	struct wait_queue queue;
	uint32_t members; /* (c) how many make a round */
	uint32_t arrived; /* (q) of this round */
	uint64_t round;   /* (q) rounds that are over */
};

#define BARRIER_INIT(b, n)                                                                         \
	{                                                                                          \
		.queue = WAIT_QUEUE_INIT((b).queue, b, WAIT_KIND_BARRIER, LOCK_RANK_WAITQ),        \
		.members = (n)                                                                     \
	}

/* 0, or -EINVAL for no members. */
int __must_check barrier_init(struct barrier *b, const char *name, uint32_t members);

#define BARRIER_LAST 1 /* the answer to the one whose coming completes the round */

/*
 * Waits until all have come, not to be interrupted. BARRIER_LAST to one of them, 0 to the others.
 */
int barrier_wait(struct barrier *b);

/*
 * The same with a limit: `flags` 0 or WAIT_KILLABLE. -ETIMEDOUT, or -EINTR when the caller is to
 * end: it has not come then, and the others wait for somebody else.
 */
int __must_check barrier_wait_until(struct barrier *b, unsigned flags, ktime_t deadline);

#endif
