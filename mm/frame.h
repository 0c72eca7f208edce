/* SPDX-License-Identifier: MIT */
/*
 * Physical memory: pages ("frames") in blocks of 2^order, from a buddy allocator with per-CPU
 * caches.
 */
#ifndef MM_FRAME_H
#define MM_FRAME_H

#include "kernel/types.h"

#define FRAME_MAX_ORDER 10u /* 4 MiB blocks */

enum frame_flags {
	FRAME_ZERO = 1, /* filled with zeros */
	FRAME_KEPT = 2, /* never freed, or counted by its user: no leak at power-off */
};

/*
 * Builds the allocator over all memory that frame_boot_alloc() has left. With less than the kernel
 * can do anything with, the boot ends with a message.
 */
void frame_init(void);

/*
 * Allocates 2^order contiguous pages, aligned to their size. Any context with interrupts on or
 * off, not in NMI. Returns the physical address, or FRAME_NONE when there is none.
 */
paddr_t __must_check frame_alloc(unsigned order, unsigned flags);
#define FRAME_NONE 0ull

/* Gives back exactly what frame_alloc() returned. */
void frame_free(paddr_t pa, unsigned order);

/* Gives back the pages that the caller's CPU keeps: it goes off line. */
void frame_drain_cpu(void);

/* Pages handed out and those in the CPUs' caches, as they were a moment ago. Any context. */
uint64_t frame_used_pages(void);

/* Exact when no CPU allocates or frees meanwhile. */
struct frame_stats {
	uint64_t total;                       /* pages handed to the allocator at boot */
	uint64_t free;                        /* free, per-CPU caches included */
	uint64_t cached;                      /* in per-CPU caches */
	uint64_t blocks[FRAME_MAX_ORDER + 1]; /* free blocks by order */
	uint64_t failures;
};
void frame_get_stats(struct frame_stats *stats);

#endif
