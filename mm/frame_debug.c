/* SPDX-License-Identifier: MIT */
/*
 * Debug builds: a freed page is filled with a pattern, which must still be there when the page is
 * used again. A page's free_site says who filled it; pages that were never used are not filled.
 */
#include "kernel/log.h"
#include "mm/frame_internal.h"
#include "mm/site.h"
#include <arch/memory.h>

#define POISON 0xf4eef4eef4eef4eeull
#define WORDS  (ARCH_PAGE_SIZE / sizeof(uint64_t))

static __noreturn __cold void report_use_after_free(struct frame *frame, unsigned word)
{
	paddr_t pa = frame_address(frame);
	uint64_t found = ((uint64_t *)phys_to_virt(pa))[word];

	log_error("page %#llx was written after it had been freed: %#llx at offset %u",
		(unsigned long long)pa, (unsigned long long)found,
		(unsigned)(word * sizeof(uint64_t)));
	site_print("allocated by", frame->alloc_site);
	site_print("freed by", frame->free_site);
	site_print("found by", site_capture());
	panic("use after free of page %#llx", (unsigned long long)pa);
}

static void check_poison(struct frame *frame)
{
	const uint64_t *word = phys_to_virt(frame_address(frame));

	for (unsigned i = 0; i < WORDS; i++)
		if (unlikely(word[i] != POISON))
			report_use_after_free(frame, i);
}

static void poison(struct frame *frame)
{
	uint64_t *word = phys_to_virt(frame_address(frame));

	for (unsigned i = 0; i < WORDS; i++)
		word[i] = POISON;
}

void frame_debug_alloc(struct frame *first, unsigned order)
{
	uint32_t site = site_capture();

	for (struct frame *frame = first; frame < first + (1ul << order); frame++) {
		if (frame->free_site != SITE_NONE)
			check_poison(frame);
		frame->alloc_site = site;
		frame->free_site = SITE_NONE;
	}
}

void frame_debug_free(struct frame *first, unsigned order)
{
	uint32_t site = site_capture();

	for (struct frame *frame = first; frame < first + (1ul << order); frame++) {
		poison(frame);
		frame->free_site = site;
	}
}

static const char *state_text(const struct frame *frame)
{
	switch ((enum frame_state)frame_state(frame)) {
	case FRAME_STATE_NONE:
		return "no block starts there";
	case FRAME_STATE_FREE:
	case FRAME_STATE_CACHED:
		return "it is free already";
	case FRAME_STATE_USED:
	case FRAME_STATE_KEPT:
		break;
	}
	return frame->cache ? "it is part of a slab" : "the block has another order";
}

void frame_report_bad_free(paddr_t pa, unsigned order)
{
	struct frame *frame;

	if (!IS_ALIGNED(pa, ARCH_PAGE_SIZE) || !frame_exists(pa))
		panic("frame_free(%#llx, %u): no page of the allocator", (unsigned long long)pa,
			order);
	frame = frame_of(pa);
	log_error("frame_free(%#llx, %u): %s (order %u)", (unsigned long long)pa, order,
		state_text(frame), frame->order);
	site_print("allocated by", frame->alloc_site);
	site_print("freed by", frame->free_site);
	if (MM_DEBUG)
		site_print("freed now by", site_capture());
	panic("frame_free(%#llx, %u): %s", (unsigned long long)pa, order, state_text(frame));
}
