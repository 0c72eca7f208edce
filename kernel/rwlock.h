/* SPDX-License-Identifier: MIT */
/*
 * Read-write lock: one writer, or any number of readers; blocks. Thread context only. Served by
 * urgency, FIFO among equals, readers and writers alike: a reader waits behind a writer that is as
 * urgent and came first, so neither starves the other. Readers next to each other enter together.
 *
 * Nothing is inherited, for readers are not known; a thread that reads must not ask for the same
 * lock again while somebody may wait to write.
 */
#ifndef KERNEL_RWLOCK_H
#define KERNEL_RWLOCK_H

#include "kernel/wait.h"

struct thread;

/* (q) lock of the queue */
struct rwlock {
	struct wait_queue queue;
	struct thread *writer; /* (q) who writes, or NULL */
	uint32_t readers;      /* (q) how many read */
	uintptr_t site;        /* (q) where the writer took it */
};

#define RWLOCK_INIT(l)                                                                             \
	{                                                                                          \
		.queue = WAIT_QUEUE_INIT((l).queue, l, WAIT_KIND_RWLOCK, LOCK_RANK_WAITQ)          \
	}

void rwlock_init(struct rwlock *l, const char *name);

/* Takes it; may block, not to be interrupted. By its writer: the kernel ends. */
void rwlock_read(struct rwlock *l);
void rwlock_write(struct rwlock *l);

/*
 * The same with a limit: `flags` 0 or WAIT_KILLABLE. 0, -ETIMEDOUT (at once for a deadline that is
 * over), -EINTR when the caller is to end, -EDEADLK by its writer.
 */
int __must_check rwlock_read_until(struct rwlock *l, unsigned flags, ktime_t deadline);
int __must_check rwlock_write_until(struct rwlock *l, unsigned flags, ktime_t deadline);

/* True if it took it; never blocks. */
bool __must_check rwlock_try_read(struct rwlock *l);
bool __must_check rwlock_try_write(struct rwlock *l);

/*
 * Gives it up and lets in who is next. 0; where nobody reads, or by another than the writer: a
 * debug kernel ends, else -EPERM and no effect.
 */
int rwlock_read_unlock(struct rwlock *l);
int rwlock_write_unlock(struct rwlock *l);

#endif
