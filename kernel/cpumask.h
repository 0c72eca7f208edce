/* SPDX-License-Identifier: MIT */
/*
 * A set of CPUs. CONFIG_MAX_CPUS comes from the build: 256 for the kernel, 4096 for
 * host programs. Plain operations need the caller's lock; *_atomic ones do not.
 */
#ifndef KERNEL_CPUMASK_H
#define KERNEL_CPUMASK_H

#include "kernel/bitmap.h"

struct cpumask {
	uint64_t bits[BITMAP_WORDS(CONFIG_MAX_CPUS)];
};

static inline void cpumask_clear_all(struct cpumask *m)
{
	for (unsigned i = 0; i < ARRAY_SIZE(m->bits); i++)
		m->bits[i] = 0;
}

/* Sets CPUs 0 .. n-1 and no other. */
static inline void cpumask_set_first(struct cpumask *m, unsigned n)
{
	for (unsigned i = 0; i < ARRAY_SIZE(m->bits); i++, n -= MIN(n, BITMAP_WORD_BITS))
		m->bits[i] = n >= BITMAP_WORD_BITS ? ~0ull : (1ull << n) - 1;
}

static inline void cpumask_set_all(struct cpumask *m)
{
	static_assert(CONFIG_MAX_CPUS % BITMAP_WORD_BITS == 0, "whole words of CPUs");
	for (unsigned i = 0; i < ARRAY_SIZE(m->bits); i++)
		m->bits[i] = ~0ull;
}

static inline void cpumask_set(struct cpumask *m, unsigned cpu)
{
	bitmap_set(m->bits, cpu);
}

static inline void cpumask_clear(struct cpumask *m, unsigned cpu)
{
	bitmap_clear(m->bits, cpu);
}

static inline bool cpumask_test(const struct cpumask *m, unsigned cpu)
{
	return bitmap_test(m->bits, cpu);
}

static inline unsigned cpumask_weight(const struct cpumask *m)
{
	return bitmap_weight(m->bits, CONFIG_MAX_CPUS);
}

/* First CPU at or after `from`, or CONFIG_MAX_CPUS. */
static inline unsigned cpumask_next(const struct cpumask *m, unsigned from)
{
	return bitmap_next(m->bits, CONFIG_MAX_CPUS, from);
}

static inline unsigned cpumask_first(const struct cpumask *m)
{
	return cpumask_next(m, 0);
}

static inline bool cpumask_empty(const struct cpumask *m)
{
	return cpumask_first(m) == CONFIG_MAX_CPUS;
}

static inline bool cpumask_equal(const struct cpumask *a, const struct cpumask *b)
{
	for (unsigned i = 0; i < ARRAY_SIZE(a->bits); i++)
		if (a->bits[i] != b->bits[i])
			return false;
	return true;
}

static inline void cpumask_and(struct cpumask *to, const struct cpumask *a, const struct cpumask *b)
{
	for (unsigned i = 0; i < ARRAY_SIZE(to->bits); i++)
		to->bits[i] = a->bits[i] & b->bits[i];
}

static inline bool cpumask_intersects(const struct cpumask *a, const struct cpumask *b)
{
	for (unsigned i = 0; i < ARRAY_SIZE(a->bits); i++)
		if (a->bits[i] & b->bits[i])
			return true;
	return false;
}

#define cpumask_for_each(cpu, m)                                                                   \
	for ((cpu) = cpumask_first(m); (cpu) < CONFIG_MAX_CPUS; (cpu) = cpumask_next(m, (cpu) + 1))

/* A mask that CPUs change without a lock: idle CPUs, online CPUs, CPUs that answered. */
struct cpumask_atomic {
	_Atomic uint64_t bits[BITMAP_WORDS(CONFIG_MAX_CPUS)];
};

static inline void cpumask_set_atomic(struct cpumask_atomic *m, unsigned cpu)
{
	atomic_fetch_or_explicit(&m->bits[cpu / BITMAP_WORD_BITS], 1ull << (cpu % BITMAP_WORD_BITS),
		memory_order_seq_cst);
}

/* True if this call cleared it: of several CPUs that try, one wins. */
static inline bool cpumask_claim_atomic(struct cpumask_atomic *m, unsigned cpu)
{
	uint64_t bit = 1ull << (cpu % BITMAP_WORD_BITS);

	return atomic_fetch_and_explicit(
		       &m->bits[cpu / BITMAP_WORD_BITS], ~bit, memory_order_seq_cst) &
		bit;
}

static inline bool cpumask_test_atomic(const struct cpumask_atomic *m, unsigned cpu)
{
	return atomic_load_explicit(&m->bits[cpu / BITMAP_WORD_BITS], memory_order_acquire) >>
		(cpu % BITMAP_WORD_BITS) &
		1;
}

/* A copy that may be out of date as soon as it is made. */
static inline void cpumask_snapshot(struct cpumask *to, const struct cpumask_atomic *from)
{
	for (unsigned i = 0; i < ARRAY_SIZE(to->bits); i++)
		to->bits[i] = atomic_load_explicit(&from->bits[i], memory_order_acquire);
}

#endif
