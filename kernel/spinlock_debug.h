/* SPDX-License-Identifier: MIT */
/* The checks behind spinlocks; empty in a release build. Included by kernel/spinlock.h only. */
#ifndef KERNEL_SPINLOCK_DEBUG_H
#define KERNEL_SPINLOCK_DEBUG_H

#ifdef CONFIG_DEBUG

/* True if this CPU holds the lock. For assertions. */
static inline bool spin_held(const struct spinlock *l)
{
	return atomic_load_explicit(&l->owner, memory_order_relaxed) == arch_cpu_id() + 1;
}

static inline const char *spin_name(const struct spinlock *l)
{
	return l->name;
}

static inline void spin_check_order(const struct spinlock *l, bool same_rank)
{
	const struct held_locks *held = this_cpu_ptr(percpu_held_locks);
	unsigned rank;

	KASSERT(l->rank > LOCK_RANK_NONE && l->rank < LOCK_RANK_COUNT);
	KASSERT(!spin_held(l));
	if (!held->count)
		return;
	rank = held->lock[held->count - 1]->rank;
	KASSERT(same_rank ? l->rank == rank : l->rank > rank);
}

static __always_inline void spin_note_taken(struct spinlock *l)
{
	struct held_locks *held = this_cpu_ptr(percpu_held_locks);

	KASSERT(held->count < HELD_LOCKS_MAX);
	held->site[held->count] = arch_here();
	held->lock[held->count++] = l;
	atomic_store_explicit(&l->owner, (uint16_t)(arch_cpu_id() + 1), memory_order_relaxed);
}

/* Waiting for it in this context is possible: what that means is kernel/lockdep.c's business. */
static inline void spin_note_use(struct spinlock *l)
{
	const struct held_locks *held = this_cpu_ptr(percpu_held_locks);
	unsigned use = held->irq_depth ? SPIN_IN_IRQ : arch_irqs_off() ? 0 : SPIN_IRQS_ON;

	if (unlikely(use & ~l->use) && held->note_use)
		held->note_use(l, use);
}

/* Locks may be dropped in any order. */
static inline void spin_note_dropped(struct spinlock *l)
{
	struct held_locks *held = this_cpu_ptr(percpu_held_locks);
	unsigned i = held->count;

	KASSERT(spin_held(l));
	while (i && held->lock[i - 1] != l)
		i--;
	KASSERT(i);
	for (; i < held->count; i++) {
		held->lock[i - 1] = held->lock[i];
		held->site[i - 1] = held->site[i];
	}
	held->count--;
	atomic_store_explicit(&l->owner, 0, memory_order_relaxed);
}

#else

/* Only ever used inside KASSERT, which does not evaluate it in a release build. */
static inline bool spin_held(const struct spinlock *l)
{
	return atomic_load_explicit(&l->locked, memory_order_relaxed);
}

static inline const char *spin_name(const struct spinlock *l)
{
	(void)l;
	return "?";
}

static inline void spin_check_order(const struct spinlock *l, bool same_rank)
{
	(void)l;
	(void)same_rank;
}

static inline void spin_note_taken(struct spinlock *l)
{
	(void)l;
}

static inline void spin_note_use(struct spinlock *l)
{
	(void)l;
}

static inline void spin_note_dropped(struct spinlock *l)
{
	(void)l;
}

#endif

#endif
