/* SPDX-License-Identifier: MIT */
/*
 * Counting semaphore. A give with waiters hands its unit to the most urgent one, FIFO among equals;
 * nobody can take it away from there. The word is 2 * units, with bit 0 set while threads wait
 * (then there are no units), so that an uncontended take or give is one compare-and-swap.
 */
#ifndef KERNEL_SEMAPHORE_H
#define KERNEL_SEMAPHORE_H

#include "kernel/wait.h"

#define SEMAPHORE_WAITERS 1u
#define SEMAPHORE_UNIT    2u
#define SEMAPHORE_MAX     (UINT32_MAX / SEMAPHORE_UNIT)

struct semaphore {
	_Atomic uint32_t word; /* (a) units * SEMAPHORE_UNIT | SEMAPHORE_WAITERS */
	struct wait_queue queue;
};

#define SEMAPHORE_INIT(s, units)                                                                   \
	{                                                                                          \
		(units) * SEMAPHORE_UNIT,                                                          \
			WAIT_QUEUE_INIT((s).queue, s, WAIT_KIND_SEMAPHORE, LOCK_RANK_WAITQ)        \
	}

/* At most SEMAPHORE_MAX units. */
void semaphore_init(struct semaphore *s, const char *name, uint32_t units);

/* Takes one unit; may block, not to be interrupted. */
void semaphore_take(struct semaphore *s);

/* 0 or -ETIMEDOUT. */
int __must_check semaphore_take_until(struct semaphore *s, ktime_t deadline);

/* 0 or -EINTR when the caller is to end. A suspension takes effect in here. */
int __must_check semaphore_take_killable(struct semaphore *s);

/* True if it took a unit; never blocks. Any context. */
bool __must_check semaphore_try_take(struct semaphore *s);

/* Gives one unit. Any context; at most SEMAPHORE_MAX may be there. */
void semaphore_give(struct semaphore *s);

/* Units there now; may be out of date as soon as it is read. */
uint32_t semaphore_units(const struct semaphore *s);

#endif
