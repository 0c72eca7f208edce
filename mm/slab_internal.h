/* SPDX-License-Identifier: MIT */
/* Caches, slabs and magazines from inside. */
#ifndef MM_SLAB_INTERNAL_H
#define MM_SLAB_INTERNAL_H

#include "kernel/spinlock.h"
#include "mm/frame_internal.h"
#include "mm/site.h"
#include "mm/slab.h"
#include <arch/memory.h>

#define SLAB_CACHES_MAX 64u
#define SLAB_MAX_ORDER  3u
#define SLAB_END        UINT16_MAX /* no further free object */
#define MAGAZINE_ROUNDS 30u

/* A stack of free objects: "rounds". Belongs to one CPU, or to the depot. */
struct magazine {
	struct magazine *next; /* in the depot */
	unsigned rounds;
	void *object[MAGAZINE_ROUNDS];
};
static_assert(sizeof(struct magazine) == 256, "no waste");

/*
 * A slab is a block of frames cut into slots of equal size. In a release build a slot is the
 * object; in a debug build it has a red zone before and behind the object and a struct slab_track
 * at its end. Locks: (c) constant after creation; (l) lock; (a) atomic.
 */
struct slab_cache {
	const char *name;       /* (c) NULL: this entry of the table is not in use */
	uint32_t object_size;   /* (c) */
	uint32_t slot_size;     /* (c) */
	uint32_t object_offset; /* (c) in the slot */
	uint32_t link_offset;   /* (c) in the slot: uint16_t number of the next free object */
	uint16_t slots;         /* (c) per slab */
	uint8_t order;          /* (c) of a slab */
	uint8_t number;         /* (c) index in slab_caches */
	uint8_t rounds;         /* (c) per magazine; 0: no magazines */
	bool internal;          /* (c) holds the allocator's own objects */

	struct spinlock lock;
	struct list partial;       /* (l) slabs with free and used objects */
	struct list empty;         /* (l) slabs with free objects only */
	struct magazine *full;     /* (l) depot: magazines with all rounds */
	struct magazine *spare;    /* (l) depot: magazines with none */
	unsigned full_count;       /* (l) */
	unsigned empty_count;      /* (l) */
	uint64_t slabs;            /* (l) */
	_Atomic uint64_t failures; /* (a) */
};

extern struct slab_cache slab_caches[SLAB_CACHES_MAX];

enum slab_track_state {
	SLAB_TRACK_FREE = 0xf7,
	SLAB_TRACK_USED = 0xa3,
};

/* Debug builds: at the end of each slot. */
struct slab_track {
	uint32_t alloc_site;
	uint32_t free_site;
	uint32_t requested; /* bytes; the red zone behind starts there */
	uint16_t link;
	uint8_t state;
	bool kept; /* not a leak */
};

static inline char *slab_base(const struct frame *slab)
{
	return phys_to_virt(frame_address(slab));
}

static inline struct slab_track *slab_track_of(const struct slab_cache *cache, const void *object)
{
	return (struct slab_track *)((char *)object - cache->object_offset + cache->slot_size -
		sizeof(struct slab_track));
}

/* First frame of the slab in which the object lies. */
static inline struct frame *slab_of(const struct slab_cache *cache, const void *object)
{
	return frame_of(ALIGN_DOWN(virt_to_phys(object), ARCH_PAGE_SIZE << cache->order));
}

/* As slab_alloc(); `size` is what the red zone of a debug build starts behind. */
void *slab_alloc_sized(struct slab_cache *cache, size_t size);

/* kmalloc.c */
void kmalloc_init(void);

/* slab_debug.c */

/* Sizes and offsets of a slot with red zones and track. */
void slab_debug_layout(struct slab_cache *cache, size_t align);
/* Fills the slots of a new slab. */
void slab_debug_format(const struct slab_cache *cache, struct frame *slab);
/* Checks that nobody wrote to the object while it was free; arms its red zones. */
void slab_debug_alloc(const struct slab_cache *cache, void *object, size_t size);
/* Checks that the object is one of this cache's, in use, and its red zones whole. */
void slab_debug_free(const struct slab_cache *cache, void *object);
/* The same for kmalloc() of whole pages: what is behind the object in its last page. */
void slab_debug_alloc_pages(struct frame *first, size_t size);
void slab_debug_free_pages(const struct frame *first);
/* Checks every object of a slab, free and used. No CPU may use the cache meanwhile. */
void slab_debug_check(const struct slab_cache *cache, const struct frame *slab);
/* Not an object that kmalloc() returned: says what is there and panics. */
__noreturn void slab_report_bad_kfree(const void *ptr);

#endif
