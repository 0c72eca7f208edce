/* SPDX-License-Identifier: MIT */
/* Objects of one size from slabs, with a magazine of ready ones per CPU; and kmalloc over them. */
#ifndef MM_SLAB_H
#define MM_SLAB_H

#include "kernel/types.h"

struct slab_cache;

/* Size classes for kmalloc() and the first caches. Needs frame_init(). */
void slab_init(void);

/*
 * name is kept, not copied. align is a power of two or 0. NULL when there is no memory or no room
 * for one more cache. May not sleep.
 */
struct slab_cache *__must_check slab_cache_create(const char *name, size_t size, size_t align);

/* Panics if objects are still allocated. Nobody may use the cache meanwhile, on any CPU. */
void slab_cache_destroy(struct slab_cache *cache);

/* Any context but NMI. NULL when out of memory. Contents undefined. */
void *__must_check slab_alloc(struct slab_cache *cache);
void slab_free(struct slab_cache *cache, void *object);

/* Gives back what the caller's CPU keeps of every cache: it goes off line. */
void slab_drain_cpu(void);

/* Aligned to at least 16. NULL when out of memory or size is 0. Any context but NMI. */
void *__must_check kmalloc(size_t size);
void *__must_check kzalloc(size_t size);
/* NULL is allowed and does nothing. */
void kfree(void *ptr);

/*
 * Gives back what is free but kept for speed: full magazines of the depots and empty slabs. Called
 * when frames run out. Returns the number of pages. Any context but NMI.
 */
uint64_t slab_reclaim(void);

/* Exact when no CPU allocates or frees meanwhile. */
struct slab_stats {
	const char *name;
	size_t object_size;
	uint64_t in_use;
	uint64_t slabs;
	uint64_t pages;
	uint64_t allocs;
	uint64_t failures;
};
/* Calls visit for every cache. */
void slab_visit(void (*visit)(const struct slab_stats *stats, void *arg), void *arg);

#endif
