/* SPDX-License-Identifier: MIT */
/*
 * Mutex: one owner, blocks, hands over to the most urgent waiter, FIFO among equals. Thread context
 * only. A thread that owns a mutex is as urgent as its most urgent waiter, through chains of
 * mutexes (kernel/mutex_inherit.c); kernel/recursive_mutex.h may be taken more than once.
 *
 * The owner word is the owning thread, bit 0 set while threads wait; free to owned and back is
 * one compare-and-swap each way, inline here. An owner's mutexes are a list, the last taken first,
 * for its death, for kills (who holds one does not stop) and for debuggers.
 *
 * An owner that ends leaves its mutexes to the next in line, who is told by -EOWNERDEAD, owns the
 * mutex, and says mutex_consistent() once what it protects is in order. If it unlocks without,
 * the mutex is of no use any more: -ENOTRECOVERABLE for all, until mutex_init(). (POSIX.1-2017,
 * pthread_mutexattr_setrobust.)
 */
#ifndef KERNEL_MUTEX_H
#define KERNEL_MUTEX_H

#include "kernel/callers.h"
#include "kernel/lockdep.h"
#include "kernel/preempt.h"
#include "kernel/thread.h"
#include <arch/cpu.h>

#define MUTEX_WAITERS 1ul
#define MUTEX_TRACE   6 /* calls remembered, debug builds */

/* While it is not HEALTHY, bit 0 of the owner word stays set: nobody passes the slow path by. */
enum mutex_health {
	MUTEX_HEALTHY,
	MUTEX_OWNER_DIED, /* nobody has said mutex_consistent() yet */
	MUTEX_UNUSABLE,   /* and nobody will */
};

/* (a) atomic, (o) the owner, (p) mutex_wait_lock, (c) constant */
struct mutex {
	_Atomic uintptr_t owner;   /* (a) struct thread *, | MUTEX_WAITERS */
	struct mutex *held_next;   /* (o) what the owner took before this one; see thread->held */
	uintptr_t site;            /* (o) where it was taken: a code address */
	const char *name;          /* (c) */
	struct rb_tree waiters;    /* (p) struct thread by mutex_node: urgency, then order */
	struct rb_node donor_node; /* (p) in the owner's donors, while somebody waits */
	uint8_t lent;              /* (p) to the owner: urgency of the first waiter */
	uint8_t health;            /* (p) enum mutex_health; the owner reads it without */
	uintptr_t count_site;      /* (p) where it was waited for last, and the count of that */
	_Atomic uint64_t *count;
	ktime_t taken_at; /* (o) while lockstat is on and it was waited for once; else 0 */
#ifdef CONFIG_DEBUG
	uintptr_t trace[MUTEX_TRACE]; /* (o) who called whom when it was taken, 0 at the end */
	uint16_t lock_class;          /* kernel/lockdep.c; 0: not known yet */
#endif
};

#define MUTEX_INIT(m)                                                                              \
	{                                                                                          \
		.name = #m                                                                         \
	}

void mutex_init(struct mutex *m, const char *name);

/* --- private to the inline functions below --------------------------------------------------- */

#define MUTEX_PLAIN   0u
#define MUTEX_CHECKED 0x100u /* beside WAIT_KILLABLE: the caller can be told of an error */

int mutex_lock_slow(struct mutex *m, unsigned flags, ktime_t deadline, uintptr_t site);
int mutex_unlock_slow(struct mutex *m);
bool mutex_trylock_slow(struct mutex *m);
void mutex_stop_soon(struct thread *self);

#ifdef CONFIG_DEBUG
static __always_inline void mutex_note_taken(struct mutex *m)
{
	callers_note(m->trace, MUTEX_TRACE);
}
#else
static __always_inline void mutex_note_taken(struct mutex *m)
{
	(void)m;
}
#endif

/*
 * It counts as held before it is owned: an interrupt between the two must not end a killed owner.
 */
static __always_inline bool mutex_take(struct mutex *m, struct thread *self)
{
	struct mutex *before = self->held;
	uintptr_t word = 0;

	self->held = m;
	barrier();
	if (likely(atomic_compare_exchange_strong_explicit(&m->owner, &word, (uintptr_t)self,
		    memory_order_acquire, memory_order_relaxed))) {
		m->held_next = before;
		arch_store_here(&m->site);
		mutex_note_taken(m);
		return true;
	}
	self->held = before;
	return false;
}

static __always_inline int mutex_lock_with(struct mutex *m, unsigned flags, ktime_t deadline)
{
	KASSERT(preempt_may_block());
	if (KASSERT_ON && thread_current()->held)
		lockdep_before(m);
	if (likely(mutex_take(m, thread_current())))
		return 0;
	return mutex_lock_slow(m, flags, deadline, arch_here());
}

/* --- calls ----------------------------------------------------------------------------------- */

/*
 * Takes the mutex; may block, not to be interrupted. For those who cannot go on without it: a
 * mutex that the caller owns already and one that its last owner died with end the kernel, and a
 * cycle of waiters is reported in the log, and waited in.
 */
static __always_inline void mutex_lock(struct mutex *m)
{
	(void)mutex_lock_with(m, MUTEX_PLAIN, KTIME_MAX);
}

/*
 * 0; -EDEADLK if the caller owns it, or if its owner waits for one of the caller's, perhaps through
 * others; -EOWNERDEAD: the caller owns it, see above; -ENOTRECOVERABLE.
 */
static __always_inline int __must_check mutex_lock_checked(struct mutex *m)
{
	return mutex_lock_with(m, MUTEX_CHECKED, KTIME_MAX);
}

/* As mutex_lock_checked(), and -ETIMEDOUT; `deadline` as in wait_block(). */
static __always_inline int __must_check mutex_lock_until(struct mutex *m, ktime_t deadline)
{
	return mutex_lock_with(m, MUTEX_CHECKED, deadline);
}

/*
 * As mutex_lock_checked(), and -EINTR when the caller is to end. A suspension takes effect in here,
 * unless the caller owns another mutex.
 */
static __always_inline int __must_check mutex_lock_killable(struct mutex *m)
{
	return mutex_lock_with(m, MUTEX_CHECKED | WAIT_KILLABLE, KTIME_MAX);
}

/*
 * As mutex_lock(), but 0, or -EINTR when the caller is to end: a cycle of waiters is reported and
 * waited in. For those who make one on purpose.
 */
static __always_inline int __must_check mutex_lock_in_cycle(struct mutex *m)
{
	return mutex_lock_with(m, MUTEX_PLAIN | WAIT_KILLABLE, KTIME_MAX);
}

/* True if it took the mutex; never blocks. False also for one whose owner died. */
static __always_inline bool __must_check mutex_trylock(struct mutex *m)
{
	if (likely(mutex_take(m, thread_current())))
		return true;
	return atomic_load_explicit(&m->owner, memory_order_relaxed) == MUTEX_WAITERS &&
		mutex_trylock_slow(m);
}

/*
 * Hands the mutex to the first waiter, if any. 0. By another than the owner: a debug kernel ends,
 * else -EPERM and no effect. It may be freed by the next owner as soon as that one has it.
 */
static __always_inline int mutex_unlock(struct mutex *m)
{
	struct thread *self = thread_current();
	uintptr_t word = (uintptr_t)self;
	struct mutex *before;

	if (unlikely(self->held != m))
		return mutex_unlock_slow(m);
	before = m->held_next;
	if (unlikely(!atomic_compare_exchange_strong_explicit(
		    &m->owner, &word, 0, memory_order_release, memory_order_relaxed)))
		return mutex_unlock_slow(m);
	barrier();
	self->held = before;
	if (unlikely(atomic_load_explicit(&self->stop, memory_order_relaxed)))
		mutex_stop_soon(self);
	return 0;
}

/* The owner that got -EOWNERDEAD has repaired what the mutex protects. 0, -EPERM, -EINVAL. */
int mutex_consistent(struct mutex *m);

/* The owner, or NULL; may be out of date as soon as it is read. */
static inline struct thread *mutex_owner(const struct mutex *m)
{
	return (struct thread *)(atomic_load_explicit(&m->owner, memory_order_relaxed) &
		~MUTEX_WAITERS);
}

/* For assertions: the caller owns it. */
static inline bool mutex_held(const struct mutex *m)
{
	return mutex_owner(m) == thread_current();
}

/* --- for the thread manager and displays ----------------------------------------------------- */

/* The calling thread ends with mutexes in its list: says so, and leaves them. Interrupts on. */
void mutex_owner_ends(void);

/* The urgency of `t` was changed: its place among waiters, and what it lends to owners. */
void mutex_urgency_changed(struct thread *t);

#endif
