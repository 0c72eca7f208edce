/* SPDX-License-Identifier: MIT */
/*
 * Condition variable, used with a mutex. A wait may end without a signal (after a suspension):
 * test the condition in a loop. Signals wake the most urgent waiter, FIFO among equals.
 */
#ifndef KERNEL_CONDVAR_H
#define KERNEL_CONDVAR_H

#include "kernel/mutex.h"

struct condvar {
	struct wait_queue queue;
};

/* Its lock comes before that of the mutex, which is dropped while it is held. */
#define CONDVAR_INIT(c)                                                                            \
	{                                                                                          \
		WAIT_QUEUE_INIT((c).queue, c, WAIT_KIND_CONDVAR, LOCK_RANK_SYNC)                   \
	}

void condvar_init(struct condvar *c, const char *name);

/* Gives up the mutex and waits, as one step; owns the mutex again when it returns. */
void condvar_wait(struct condvar *c, struct mutex *m);

/* 0 or -ETIMEDOUT; the mutex is owned again in both cases. */
int __must_check condvar_wait_until(struct condvar *c, struct mutex *m, ktime_t deadline);

/*
 * 0 or -EINTR when the caller is to end; the mutex is owned again in both cases. A suspension takes
 * effect in here, while the mutex is not owned.
 */
int __must_check condvar_wait_killable(struct condvar *c, struct mutex *m);

/* Wakes one waiter, if any. Any context. */
void condvar_signal(struct condvar *c);

/* Wakes all; returns how many. Any context. */
unsigned condvar_broadcast(struct condvar *c);

#endif
