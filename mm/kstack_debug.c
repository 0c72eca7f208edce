/* SPDX-License-Identifier: MIT */
/*
 * Debug builds: a free stack is filled with a pattern, so that a write to it is found when it is
 * used again. The state of its lowest frame is USED while somebody has the stack and KEPT while it
 * waits, so that the leak report finds stacks with who allocated them.
 */
#include "mm/kstack_debug.h"
#include "kernel/log.h"
#include "mm/frame_internal.h"
#include <arch/memory.h>

#define POISON 0xf57acf57acf57acfull
#define HELD   1u

static struct frame *lowest_frame(const void *base)
{
	paddr_t pa;
	unsigned prot;

	if (!arch_query_page((uintptr_t)base, &pa, &prot))
		panic("kernel stack %p is not mapped", base);
	return frame_of(ALIGN_DOWN(pa, ARCH_PAGE_SIZE));
}

static __noreturn __cold void report(const void *base, const struct frame *frame, const char *what)
{
	log_error("kernel stack %p: %s", base, what);
	site_print("allocated by", frame->alloc_site);
	site_print("freed by", frame->free_site);
	site_print("found by", site_capture());
	panic("kernel stack %p: %s", base, what);
}

static void poison(void *base, size_t size)
{
	uint64_t *word = base;

	for (size_t i = 0; i < size / sizeof(*word); i++)
		word[i] = POISON;
}

void kstack_debug_new(void *base, size_t size)
{
	lowest_frame(base)->slab_used = 0;
	poison(base, size);
}

void kstack_debug_check(const void *base, size_t size)
{
	const uint64_t *word = base;

	for (size_t i = 0; i < size / sizeof(*word); i++)
		if (unlikely(word[i] != POISON))
			report(base, lowest_frame(base), "written after it had been freed");
}

void kstack_debug_alloc(const void *base)
{
	struct frame *frame = lowest_frame(base);

	KASSERT(frame->slab_used != HELD);
	frame->slab_used = HELD;
	frame->alloc_site = site_capture();
	frame->free_site = SITE_NONE;
	frame_set_state(frame, FRAME_STATE_USED);
}

void kstack_debug_free(void *base, size_t size)
{
	struct frame *frame = lowest_frame(base);

	if (frame->slab_used != HELD)
		report(base, frame, "freed twice");
	poison(base, size);
	frame->slab_used = 0;
	frame->free_site = site_capture();
	frame_set_state(frame, FRAME_STATE_KEPT);
}

void kstack_debug_keep(const void *base)
{
	frame_set_state(lowest_frame(base), FRAME_STATE_KEPT);
}

void kstack_debug_claim(const void *base)
{
	struct frame *frame = lowest_frame(base);

	frame->alloc_site = site_capture();
	frame_set_state(frame, FRAME_STATE_USED);
}
