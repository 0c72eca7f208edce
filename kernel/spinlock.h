/* SPDX-License-Identifier: MIT */
/*
 * Spinlocks: test-and-test-and-set with a growing pause. FIFO locks (ticket, MCS) collapse when
 * there are more virtual CPUs than cores, because the next in line may not be running; this one
 * lets whoever runs go on.
 *
 * Debug builds know each lock's owner CPU and check the order of acquisition by rank: a CPU may
 * take a lock only if its rank is greater than that of every lock it holds. Two locks of one rank
 * (two run queues) go through spin_lock_second(), in address or CPU order.
 */
#ifndef KERNEL_SPINLOCK_H
#define KERNEL_SPINLOCK_H

#include "kernel/assert.h"
#include "kernel/percpu.h"
#include <arch/cpu.h>
#include <arch/irq.h>

/* The one lock-order list: outermost first. A lock may be taken while holding any above it. */
enum lock_rank {
	LOCK_RANK_NONE,
	LOCK_RANK_PROCESS,     /* process table, a process's thread list */
	LOCK_RANK_THREAD,      /* a thread's join and control state */
	LOCK_RANK_SYNC,        /* mutex, semaphore, condition variable: their own state */
	LOCK_RANK_WAITQ,       /* wait queues */
	LOCK_RANK_TIMER,       /* per-CPU timer trees */
	LOCK_RANK_VMAP,        /* kernel address space */
	LOCK_RANK_SLAB,        /* slab depot, slab lists */
	LOCK_RANK_SITE,        /* remembered backtraces, debug builds */
	LOCK_RANK_FRAME_CACHE, /* each CPU's cache of pages */
	LOCK_RANK_FRAME,       /* buddy allocator */
	LOCK_RANK_RUNQUEUE,    /* one per CPU; two of them in CPU order */
	LOCK_RANK_IPI,         /* queues of cross-CPU calls */
	LOCK_RANK_IRQ,         /* who has which interrupt line */
	LOCK_RANK_DEVICE,      /* registers of a device that takes two accesses */
	LOCK_RANK_CONSOLE,     /* the serial port; log records are read inside */
	LOCK_RANK_LOG,         /* log ring; nothing is taken inside */
	LOCK_RANK_COUNT,
};

/* Contexts that must not both take a lock: an interrupt would wait for what it interrupted. */
enum spin_use {
	SPIN_IN_IRQ = 1,
	SPIN_IRQS_ON = 2,
};

/* (a) atomic, (c) constant, (h) whoever holds the lock */
struct spinlock {
	_Atomic uint32_t locked; /* (a) */
#ifdef CONFIG_DEBUG
	uint16_t rank;          /* (c) enum lock_rank */
	_Atomic uint16_t owner; /* (a) CPU number + 1, 0 = free */
	const char *name;       /* (c) */
	uint8_t use;            /* (h) enum spin_use: contexts it was ever taken in */
#endif
};

#ifdef CONFIG_DEBUG
#define SPINLOCK_INIT(n, r)                                                                        \
	{                                                                                          \
		.rank = (r), .name = (n)                                                           \
	}
#else
#define SPINLOCK_INIT(n, r)                                                                        \
	{                                                                                          \
		0                                                                                  \
	}
#endif

/* Locks this CPU holds, innermost last, in debug builds; and who wants to know of its locks. */
#define HELD_LOCKS_MAX 16
struct held_locks {
	unsigned count;
	unsigned irq_depth; /* interrupts that this CPU is in */
	const struct spinlock *lock[HELD_LOCKS_MAX];
	uintptr_t site[HELD_LOCKS_MAX];                     /* where each was taken */
	void (*note_use)(struct spinlock *l, unsigned use); /* kernel/lockdep.c, or NULL */
	void (*note_spinning)(uintptr_t site, bool over);   /* kernel/lockstat.c, or NULL */
};
DECLARE_PERCPU(struct held_locks, percpu_held_locks);

#include "kernel/spinlock_debug.h"

static inline void spin_init(struct spinlock *l, const char *name, enum lock_rank rank)
{
	*l = (struct spinlock)SPINLOCK_INIT(name, rank);
	(void)name;
	(void)rank;
}

/* A virtual CPU's pause is dear, and most holds are short: the first looks go without. */
#define SPIN_LOOKS      32u
#define SPIN_PAUSES_MAX 64u

static inline void spin_wait(const struct spinlock *l)
{
	unsigned pauses = 1;

	for (unsigned i = 0; i < SPIN_LOOKS; i++)
		if (!atomic_load_explicit(&l->locked, memory_order_relaxed))
			return;
	while (atomic_load_explicit(&l->locked, memory_order_relaxed)) {
		for (unsigned i = 0; i < pauses; i++)
			arch_cpu_relax();
		pauses = MIN(pauses * 2, SPIN_PAUSES_MAX);
	}
}

static __noinline __unused void spin_lock_slow(struct spinlock *l)
{
	void (*note)(uintptr_t site, bool over) = this_cpu(percpu_held_locks.note_spinning);
	uintptr_t site = (uintptr_t)__builtin_return_address(0);

	if (note)
		note(site, false);
	do
		spin_wait(l);
	while (atomic_exchange_explicit(&l->locked, 1, memory_order_acquire));
	if (note)
		note(site, true);
}

static __always_inline void spin_lock_unchecked(struct spinlock *l)
{
	if (unlikely(atomic_exchange_explicit(&l->locked, 1, memory_order_acquire)))
		spin_lock_slow(l);
}

/*
 * Takes the lock. Interrupts off, or the lock is never taken in interrupts and preemption is off.
 */
static __always_inline void spin_lock(struct spinlock *l)
{
	spin_check_order(l, false);
	spin_lock_unchecked(l);
	spin_note_taken(l);
	spin_note_use(l);
}

/* Takes a second lock of the rank of the one taken last. The caller keeps the order of the two. */
static __always_inline void spin_lock_second(struct spinlock *l)
{
	spin_check_order(l, true);
	spin_lock_unchecked(l);
	spin_note_taken(l);
	spin_note_use(l);
}

/* True if it took the lock. Takes no part in the order check: it cannot deadlock. */
static __always_inline bool __must_check spin_trylock(struct spinlock *l)
{
	if (atomic_load_explicit(&l->locked, memory_order_relaxed) ||
		atomic_exchange_explicit(&l->locked, 1, memory_order_acquire))
		return false;
	spin_note_taken(l);
	return true;
}

static inline void spin_unlock(struct spinlock *l)
{
	spin_note_dropped(l);
	atomic_store_explicit(&l->locked, 0, memory_order_release);
}

static __always_inline arch_irqflags_t spin_lock_irqsave(struct spinlock *l)
{
	arch_irqflags_t flags = arch_irq_save();

	spin_lock(l);
	return flags;
}

static inline void spin_unlock_irqrestore(struct spinlock *l, arch_irqflags_t flags)
{
	spin_unlock(l);
	arch_irq_restore(flags);
}

#endif
