/* SPDX-License-Identifier: MIT */
/* Kernel stacks: in the vmap area, an unmapped guard page below each, recycled per CPU. */
#ifndef MM_KSTACK_H
#define MM_KSTACK_H

#include "mm/kstack_debug.h"

#define KSTACK_MIN     4096u
#define KSTACK_DEFAULT 8192u
#define KSTACK_MAX     (256u * 1024)

/* Needs slab_init() and the final page tables. */
void kstack_init(void);

/*
 * Lowest usable address of a stack of `size` bytes (a multiple of the page size between the
 * bounds), or NULL when out of memory. Any context with interrupts on or off, not in NMI.
 */
void *__must_check kstack_alloc(size_t size);

/*
 * No CPU may be on the stack any more. It stays mapped for the next one of its size, or goes later.
 */
void kstack_free(void *base, size_t size);

/* Gives back what the caller's CPU keeps: it goes off line. */
void kstack_drain_cpu(void);

/* As mm_keep() and mm_claim() (mm/leaks.h), for a stack. */
static inline void kstack_keep(const void *base);
static inline void kstack_claim(const void *base);

/* True if the address lies in the guard page of some stack: a fault there is a stack overflow. */
bool kstack_guard_hit(uintptr_t va);

/* Exact when no CPU allocates or frees meanwhile. */
struct kstack_stats {
	uint64_t in_use;
	uint64_t ready;    /* free, mapped, waiting for use */
	uint64_t unmapped; /* given back since the start */
	uint64_t allocs;
	uint64_t failures;
};
void kstack_get_stats(struct kstack_stats *stats);

static inline void kstack_keep(const void *base)
{
	if (MM_DEBUG)
		kstack_debug_keep(base);
}

static inline void kstack_claim(const void *base)
{
	if (MM_DEBUG)
		kstack_debug_claim(base);
}

#endif
