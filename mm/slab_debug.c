/* SPDX-License-Identifier: MIT */
/*
 * Debug builds: what a slot looks like, and what is wrong when it looks different.
 *
 *	| red zone | object ... requested | red zone | struct slab_track |
 *
 * A used object has both red zones whole. A free one is filled with poison from the first red
 * zone's end to the track. A new object is filled with another byte, so that code which relies on
 * zeros fails early.
 */
#include "kernel/log.h"
#include "kernel/string.h"
#include "mm/slab_internal.h"

#define RED    0xbdu
#define POISON 0xf7u
#define FRESH  0xdau

static char *slot_of(const struct slab_cache *cache, const void *object)
{
	return (char *)object - cache->object_offset;
}

/* Bytes from the object's start to the track. */
static size_t room(const struct slab_cache *cache)
{
	return cache->slot_size - cache->object_offset - sizeof(struct slab_track);
}

void slab_debug_layout(struct slab_cache *cache, size_t align)
{
	size_t track = ALIGN_UP(cache->object_size + 8, sizeof(uint64_t));

	cache->object_offset = (uint32_t)align;
	cache->slot_size = (uint32_t)ALIGN_UP(align + track + sizeof(struct slab_track), align);
	cache->link_offset = cache->slot_size - (uint32_t)sizeof(struct slab_track) +
		(uint32_t)offsetof(struct slab_track, link);
}

/* Offset of the first byte that is not `byte`, or `size`. */
static size_t first_other(const char *from, size_t size, unsigned byte)
{
	size_t i = 0;

	while (i < size && (unsigned char)from[i] == byte)
		i++;
	return i;
}

static __noreturn __cold void report(
	const struct slab_cache *cache, const void *object, const char *what)
{
	const struct slab_track *track = slab_track_of(cache, object);

	log_error("slab cache %s, object %p of %u bytes: %s", cache->name, object, track->requested,
		what);
	site_print("allocated by", track->alloc_site);
	site_print("freed by", track->free_site);
	site_print("found by", site_capture());
	panic("slab cache %s, object %p: %s", cache->name, object, what);
}

static __noreturn __cold void report_byte(
	const struct slab_cache *cache, const void *object, const char *at, const char *what)
{
	log_error("byte %#x at %p, offset %ld of the object", (unsigned)(unsigned char)*at, at,
		(long)(at - (const char *)object));
	report(cache, object, what);
}

static void check_filled(const struct slab_cache *cache, const void *object, const char *from,
	size_t size, unsigned byte, const char *what)
{
	size_t other = first_other(from, size, byte);

	if (unlikely(other < size))
		report_byte(cache, object, from + other, what);
}

static void check_free(const struct slab_cache *cache, const void *object)
{
	check_filled(cache, object, slot_of(cache, object), cache->object_offset, RED,
		"written before its start while it was free");
	check_filled(cache, object, object, room(cache), POISON, "written after it had been freed");
}

static void check_used(const struct slab_cache *cache, const void *object)
{
	const struct slab_track *track = slab_track_of(cache, object);

	check_filled(cache, object, slot_of(cache, object), cache->object_offset, RED,
		"written before its start");
	if (track->requested > cache->object_size)
		report(cache, object, "written far beyond its end");
	check_filled(cache, object, (const char *)object + track->requested,
		room(cache) - track->requested, RED, "written beyond its end");
}

void slab_debug_format(const struct slab_cache *cache, struct frame *slab)
{
	char *slot = slab_base(slab);

	for (unsigned i = 0; i < cache->slots; i++, slot += cache->slot_size) {
		char *object = slot + cache->object_offset;

		memset(slot, RED, cache->object_offset);
		memset(object, POISON, room(cache));
		*slab_track_of(cache, object) = (struct slab_track){.state = SLAB_TRACK_FREE};
	}
}

void slab_debug_alloc(const struct slab_cache *cache, void *object, size_t size)
{
	struct slab_track *track = slab_track_of(cache, object);

	if (track->state != SLAB_TRACK_FREE)
		report(cache, object, "the record behind it was overwritten while it was free");
	check_free(cache, object);
	memset(object, FRESH, size);
	memset((char *)object + size, RED, room(cache) - size);
	track->alloc_site = site_capture();
	track->free_site = SITE_NONE;
	track->requested = (uint32_t)size;
	track->kept = false;
	track->state = SLAB_TRACK_USED;
}

/* Panics unless the address is where an object of the cache starts. */
static void check_place(const struct slab_cache *cache, const void *object)
{
	const struct frame *slab;
	size_t offset;

	if (!frame_exists(virt_to_phys(object)))
		panic("slab cache %s: %p was freed, which is no memory of the allocator",
			cache->name, object);
	slab = slab_of(cache, object);
	if (slab->cache != cache->number)
		panic("slab cache %s: %p was freed, which belongs to %s", cache->name, object,
			slab->cache ? slab_caches[slab->cache].name : "no cache");
	offset = (size_t)((const char *)object - slab_base(slab));
	if (offset % cache->slot_size != cache->object_offset ||
		offset / cache->slot_size >= cache->slots)
		panic("slab cache %s: %p was freed, where no object starts", cache->name, object);
}

void slab_debug_free(const struct slab_cache *cache, void *object)
{
	struct slab_track *track = slab_track_of(cache, object);

	check_place(cache, object);
	if (track->state == SLAB_TRACK_FREE)
		report(cache, object, "freed twice");
	if (track->state != SLAB_TRACK_USED)
		report(cache, object, "the record behind it was overwritten");
	check_used(cache, object);
	memset(object, POISON, room(cache));
	track->free_site = site_capture();
	track->state = SLAB_TRACK_FREE;
}

void slab_debug_check(const struct slab_cache *cache, const struct frame *slab)
{
	const char *object = slab_base(slab) + cache->object_offset;

	for (unsigned i = 0; i < cache->slots; i++, object += cache->slot_size) {
		if (slab_track_of(cache, object)->state == SLAB_TRACK_USED)
			check_used(cache, object);
		else
			check_free(cache, object);
	}
}

/* A block of frames has no track: the size asked for is kept in the slab's fields of its frame. */
static size_t requested_of(const struct frame *first)
{
	return (size_t)first->slab_used << 16 | first->slab_free;
}

void slab_debug_alloc_pages(struct frame *first, size_t size)
{
	first->slab_used = (uint16_t)(size >> 16);
	first->slab_free = (uint16_t)size;
	memset(slab_base(first), FRESH, size);
	memset(slab_base(first) + size, RED, (ARCH_PAGE_SIZE << first->order) - size);
}

void slab_debug_free_pages(const struct frame *first)
{
	size_t size = requested_of(first);
	size_t other =
		first_other(slab_base(first) + size, (ARCH_PAGE_SIZE << first->order) - size, RED);

	if (size + other == ARCH_PAGE_SIZE << first->order)
		return;
	log_error("kmalloc(%zu) at %p was written beyond its end, at offset %zu", size,
		slab_base(first), size + other);
	site_print("allocated by", first->alloc_site);
	site_print("found by", site_capture());
	panic("kmalloc(%zu) at %p was written beyond its end", size, slab_base(first));
}

void slab_report_bad_kfree(const void *ptr)
{
	if (MM_DEBUG)
		site_print("freed by", site_capture());
	panic("kfree(%p): kmalloc() never returned this", ptr);
}
