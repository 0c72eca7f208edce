/* SPDX-License-Identifier: MIT */
/*
 * Wait queues: the only way a thread blocks. Mutex, semaphore, condition variable, completion, join
 * and sleep are built on this page.
 *
 * The queue's lock is the lock of the condition waited for. A thread tests the condition with the
 * lock held and calls wait_block(), which drops the lock only once it holds this CPU's run-queue
 * lock. A waker changes the condition under the same lock, so it either comes before the test or
 * finds the thread in the queue; and waking takes the run-queue lock, which the thread holds until
 * it is off its stack. So no wake-up is lost.
 *
 * Who ends a wait (a waker, the timeout, a kill) is decided by one compare-and-swap on the
 * thread's wait_state; the winner makes the one call of sched_wake().
 *
 *	wait_queue_lock(&q);
 *	while (!condition && !err)
 *		err = wait_block_locked(&q, WAIT_KILLABLE, deadline);
 *	wait_queue_unlock(&q);
 */
#ifndef KERNEL_WAIT_H
#define KERNEL_WAIT_H

#include "kernel/list.h"
#include "kernel/spinlock.h"

struct thread;

enum wait_flags {
	WAIT_KILLABLE = 1, /* a kill ends the wait with -EINTR; a suspension takes effect here */
	WAIT_SLEEP = 2,    /* counts as sleep: thread_wake() ends it */
};

/* Of a thread. Who moves it on from WAIT_WAITING wakes the thread. */
enum wait_state {
	WAIT_NONE,  /* not in a wait, or not yet */
	WAIT_WOKEN, /* by wait_wake_*(), or thread_wake() of a sleeper */
	WAIT_TIMED_OUT,
	WAIT_INTERRUPTED, /* a kill or suspension was asked for */
	WAIT_WAITING,     /* with enum wait_flags in the lower bits */
};

enum wait_kind {
#define WAIT_KIND(name, text) WAIT_KIND_##name,
#include "kernel/wait_kinds.def"
#undef WAIT_KIND
	WAIT_KIND_COUNT,
};

/* (q) protected by lock, which is also the lock of the condition, (c) constant */
struct wait_queue {
	struct spinlock lock;
	uint8_t kind;        /* (c) enum wait_kind */
	struct list waiters; /* (q) struct thread by wait_node: most urgent first, FIFO inside */
	const char *name;    /* (c) of what it belongs to */
};

/* `q` is the queue, `of` what it belongs to, by whose name it goes. */
#define WAIT_QUEUE_INIT(q, of, what, rank)                                                         \
	{                                                                                          \
		SPINLOCK_INIT(#of, rank), what, LIST_INIT((q).waiters), #of                        \
	}

/* `name` is kept, not copied. */
void wait_queue_init(
	struct wait_queue *q, enum wait_kind kind, const char *name, enum lock_rank rank);

/* Takes the lock with interrupts off, in a context that may block. */
void wait_queue_lock(struct wait_queue *q);

/* Drops the lock and turns interrupts on. */
void wait_queue_unlock(struct wait_queue *q);

/*
 * Waits to be woken, at most until `deadline` (KTIME_MAX: for ever). Entered with the queue's lock
 * held and interrupts off; returns with the lock dropped and interrupts off. The thread is in no
 * queue then. 0: woken by wait_wake_*(). -ETIMEDOUT. With WAIT_KILLABLE: -EINTR when the thread is
 * to end, -EAGAIN when it was suspended and has been resumed: test the condition again.
 */
int __must_check wait_block(struct wait_queue *q, unsigned flags, ktime_t deadline);

/* As wait_block(), for what is built on it: `site` is the address displays show as the place. */
int __must_check wait_block_at(struct wait_queue *q, unsigned flags, ktime_t deadline, void *site);

/* As wait_block(), but returns with the lock held again, and 0 for -EAGAIN: for loops. */
int __must_check wait_block_locked(struct wait_queue *q, unsigned flags, ktime_t deadline);

/*
 * Wakes the first thread and returns it, or NULL; it may be gone already. Lock held. Any context.
 */
struct thread *wait_wake_one(struct wait_queue *q);

/*
 * The first thread, taken out of the queue with its wait decided, or NULL. The caller changes the
 * condition in its favour and then calls wait_wake(). Lock held.
 */
struct thread *wait_take_one(struct wait_queue *q);
void wait_wake(struct thread *t);

/* Wakes all; returns how many. Lock held. */
unsigned wait_wake_all(struct wait_queue *q);

/* Blocks in no queue until `deadline` or thread_wake(); killable. Interrupts on. 0 or -EINTR. */
int __must_check wait_sleep(ktime_t deadline);

/*
 * The urgency of `t` was changed: if it waits in a queue, it goes where its urgency puts it now,
 * behind its equals. Any context but NMI.
 */
void wait_urgency_changed(struct thread *t);

/*
 * What `t` waits for, in words: "semaphore ping", "mutex m of 7 (name)", "time"; empty when it does
 * not wait. Returns the length like format_string(). Any context but NMI.
 */
int wait_describe(struct thread *t, char *buf, size_t size);

/* Ends the wait of `t` if it is killable: for kill and suspend. Any context. */
void wait_interrupt(struct thread *t);

/* Ends the sleep of `t`; false if it does not sleep. Any context. */
bool wait_wake_sleeper(struct thread *t);

static inline bool wait_queue_empty(const struct wait_queue *q)
{
	return list_empty(&q->waiters);
}

#endif
