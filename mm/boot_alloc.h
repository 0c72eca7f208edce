/* SPDX-License-Identifier: MIT */
/*
 * Memory before the allocator: pieces cut from the usable ranges that the loader reported, never
 * given back. What is left when frame_init() runs becomes the allocator's.
 */
#ifndef MM_BOOT_ALLOC_H
#define MM_BOOT_ALLOC_H

#include "kernel/types.h"

struct boot_info;

/* A run of usable memory that nobody has yet, page-aligned. */
struct boot_free_range {
	paddr_t start;
	paddr_t end;
};

/* Notes the usable ranges. Everything below 1 MiB is left to the starting of other CPUs. */
void frame_boot_init(const struct boot_info *boot);

/*
 * Cuts `size` bytes, zeroed and aligned to `align` (a power of two), from memory below 4 GiB,
 * which the boot page tables reach. Never fails: without memory the boot ends with a message.
 */
paddr_t frame_boot_alloc(uint64_t size, uint64_t align);

/*
 * Ends this stage: the ranges, sorted, with what is left of each (which may be nothing). They
 * belong to the caller; frame_boot_alloc() must not be called any more.
 */
struct boot_free_range *frame_boot_finish(unsigned *count);

/* Bytes of usable memory there were at the start, and how many frame_boot_alloc() gave out. */
uint64_t frame_boot_total(void);
uint64_t frame_boot_used(void);

#endif
