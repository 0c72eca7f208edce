/* SPDX-License-Identifier: MIT */
/*
 * kmalloc: a cache per size class up to 2 KiB, whole blocks of frames above. The page of a pointer
 * tells which of them it came from.
 */
#include "kernel/log.h"
#include "kernel/string.h"
#include "mm/inject.h"
#include "mm/slab_internal.h"

#define CLASS_UNIT    16u
#define LARGEST_CLASS 2048u

static const struct {
	uint16_t size;
	const char *name;
} classes[] = {
	{16, "kmalloc-16"},
	{32, "kmalloc-32"},
	{48, "kmalloc-48"},
	{64, "kmalloc-64"},
	{96, "kmalloc-96"},
	{128, "kmalloc-128"},
	{192, "kmalloc-192"},
	{256, "kmalloc-256"},
	{384, "kmalloc-384"},
	{512, "kmalloc-512"},
	{768, "kmalloc-768"},
	{1024, "kmalloc-1024"},
	{1536, "kmalloc-1536"},
	{LARGEST_CLASS, "kmalloc-2048"},
};

/* Indexed by size in units, rounded up. */
static struct slab_cache *class_of[LARGEST_CLASS / CLASS_UNIT + 1];

void kmalloc_init(void)
{
	unsigned unit = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(classes); i++) {
		struct slab_cache *cache = slab_cache_create(classes[i].name, classes[i].size, 0);

		BUG_ON(!cache);
		while (unit <= classes[i].size / CLASS_UNIT)
			class_of[unit++] = cache;
	}
}

static void *alloc_pages(size_t size)
{
	unsigned order = 0;
	paddr_t pa;

	while (order <= FRAME_MAX_ORDER && ARCH_PAGE_SIZE << order < size)
		order++;
	pa = frame_alloc(order, 0);
	if (pa == FRAME_NONE && slab_reclaim())
		pa = frame_alloc(order, 0);
	if (pa == FRAME_NONE)
		return NULL;
	if (MM_DEBUG)
		slab_debug_alloc_pages(frame_of(pa), size);
	return phys_to_virt(pa);
}

void *kmalloc(size_t size)
{
	if (unlikely(!size))
		return NULL;
	if (unlikely(size > LARGEST_CLASS))
		return alloc_pages(size);
	return slab_alloc_sized(class_of[DIV_ROUND_UP(size, CLASS_UNIT)], size);
}

void *kzalloc(size_t size)
{
	void *ptr = kmalloc(size);

	if (ptr)
		memset(ptr, 0, size);
	return ptr;
}

static void free_pages(const void *ptr, const struct frame *frame)
{
	if (unlikely(!IS_ALIGNED(virt_to_phys(ptr), ARCH_PAGE_SIZE)))
		slab_report_bad_kfree(ptr);
	if (MM_DEBUG && frame_state(frame) >= FRAME_STATE_USED)
		slab_debug_free_pages(frame);
	frame_free(virt_to_phys(ptr), frame->order);
}

void kfree(void *ptr)
{
	paddr_t pa = virt_to_phys(ptr);
	const struct frame *frame;

	if (!ptr)
		return;
	if (unlikely(!frame_exists(pa)))
		slab_report_bad_kfree(ptr);
	frame = frame_of(pa);
	if (likely(frame->cache))
		slab_free(&slab_caches[frame->cache], ptr);
	else
		free_pages(ptr, frame);
}
