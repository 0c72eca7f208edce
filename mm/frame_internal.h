/* SPDX-License-Identifier: MIT */
/* What mm/ itself knows of each page. */
#ifndef MM_FRAME_INTERNAL_H
#define MM_FRAME_INTERNAL_H

#include "kernel/list.h"
#include "mm/frame.h"
#include <arch/cpu.h>

enum frame_state {
	FRAME_STATE_NONE,   /* no memory of ours, or not the first page of a block */
	FRAME_STATE_FREE,   /* first page of a free block */
	FRAME_STATE_CACHED, /* in some CPU's cache */
	FRAME_STATE_USED,   /* first page of a block that somebody has */
	FRAME_STATE_KEPT,   /* the same, allocated with FRAME_KEPT */
};

/* Locks: (f) the lock of the allocator or of the cache it is in; (o) whoever has the block. */
struct frame {
	struct list_node link; /* (o) free list; for a slab, its cache's list */
	_Atomic uint8_t state; /* (f) enum frame_state */
	uint8_t order;         /* (o) of the block; in a slab, set in every page */
	uint8_t node;          /* constant: memory node */
	uint8_t cache;         /* (o) slab cache number, set in every page of a slab; else 0 */
	uint16_t slab_free;    /* (o) slab: first free object */
	uint16_t slab_used;    /* (o) slab: objects that are not free */
	uint32_t alloc_site;   /* (o) debug: who took it last */
	uint32_t free_site;    /* (o) debug: who gave it back; not 0 means filled with poison */
};
static_assert(sizeof(struct frame) == 32, "one shift from address to frame");

extern struct frame *frame_table;
extern paddr_t frame_table_base; /* physical address of the page that frame_table[0] describes */
extern uint64_t frame_table_count;

/* True if the table has an entry for the page, be it the allocator's or not. */
static inline bool frame_exists(paddr_t pa)
{
	return (pa - frame_table_base) >> ARCH_PAGE_SHIFT < frame_table_count;
}

static inline struct frame *frame_of(paddr_t pa)
{
	KASSERT(frame_exists(pa));
	return &frame_table[(pa - frame_table_base) >> ARCH_PAGE_SHIFT];
}

static inline paddr_t frame_address(const struct frame *frame)
{
	return frame_table_base + ((paddr_t)(frame - frame_table) << ARCH_PAGE_SHIFT);
}

/*
 * Neighbours look at each other's state under different locks; only the allocator's lock makes a
 * state FREE or ends it, so what matters to them is stable.
 */
static inline unsigned frame_state(const struct frame *frame)
{
	return atomic_load_explicit(&frame->state, memory_order_relaxed);
}

static inline void frame_set_state(struct frame *frame, unsigned state)
{
	atomic_store_explicit(&frame->state, (uint8_t)state, memory_order_relaxed);
}

/* One page that is never given back, and neither counted as a failure nor remembered. */
paddr_t __must_check frame_take_plain(void);

/* frame_debug.c: checks the poison of a block that is about to be used, and remembers who asks. */
void frame_debug_alloc(struct frame *first, unsigned order);
/* Remembers who frees a block and fills it with poison. */
void frame_debug_free(struct frame *first, unsigned order);
/* Says what was freed wrongly and panics. */
__noreturn void frame_report_bad_free(paddr_t pa, unsigned order);

#endif
