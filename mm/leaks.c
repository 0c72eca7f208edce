/* SPDX-License-Identifier: MIT */
/*
 * The leak report: a walk over the table of frames finds every slab and every block in use. What
 * one call chain allocated from one cache becomes one line of a tally.
 */
#include "mm/leaks.h"
#include "kernel/log.h"
#include "mm/slab_internal.h"

#define TALLY_MAX 128u

/* Cache 0 counts blocks of frames. */
struct tally {
	uint32_t site;
	uint32_t cache;
	uint32_t count;
};

static struct tally tally[TALLY_MAX];
static unsigned tally_used;
static unsigned tally_lost;

static void count(uint32_t site, unsigned cache)
{
	unsigned i = 0;

	while (i < tally_used && (tally[i].site != site || tally[i].cache != cache))
		i++;
	if (i == TALLY_MAX) {
		tally_lost++;
		return;
	}
	if (i == tally_used)
		tally[tally_used++] = (struct tally){site, cache, 0};
	tally[i].count++;
}

/* Calls visit for each object in use that is not meant to stay. */
static void visit_slab(struct frame *slab, void (*visit)(struct slab_track *, unsigned cache))
{
	const struct slab_cache *cache = &slab_caches[slab->cache];
	const char *object = slab_base(slab) + cache->object_offset;

	for (unsigned i = 0; i < cache->slots; i++, object += cache->slot_size) {
		struct slab_track *track = slab_track_of(cache, object);

		if (track->state == SLAB_TRACK_USED && !track->kept)
			visit(track, slab->cache);
	}
}

/* Calls one of the two for whatever is in use. */
static void visit_all(void (*visit_block)(struct frame *block), void (*visit)(struct frame *slab))
{
	for (uint64_t i = 0; i < frame_table_count; i++) {
		struct frame *frame = &frame_table[i];

		if (frame_state(frame) < FRAME_STATE_USED)
			continue;
		if (!frame->cache)
			visit_block(frame);
		else if (!slab_caches[frame->cache].internal)
			visit(frame);
	}
}

static void keep_object(struct slab_track *track, unsigned cache __unused)
{
	track->kept = true;
}

static void keep_slab(struct frame *slab)
{
	visit_slab(slab, keep_object);
}

static void keep_block(struct frame *block)
{
	frame_set_state(block, FRAME_STATE_KEPT);
}

void mm_keep_all(void)
{
	if (MM_DEBUG)
		visit_all(keep_block, keep_slab);
}

void mm_debug_keep(const void *object)
{
	struct frame *frame = frame_of(virt_to_phys(object));

	if (frame->cache)
		slab_track_of(&slab_caches[frame->cache], object)->kept = true;
	else
		keep_block(frame);
}

void mm_debug_claim(const void *object)
{
	struct frame *frame = frame_of(virt_to_phys(object));
	struct slab_track *track;

	if (!frame->cache) {
		frame->alloc_site = site_capture();
		frame_set_state(frame, FRAME_STATE_USED);
		return;
	}
	track = slab_track_of(&slab_caches[frame->cache], object);
	track->alloc_site = site_capture();
	track->kept = false;
}

static void count_object(struct slab_track *track, unsigned cache)
{
	count(track->alloc_site, cache);
}

static void count_slab(struct frame *slab)
{
	slab_debug_check(&slab_caches[slab->cache], slab);
	visit_slab(slab, count_object);
}

static void count_block(struct frame *block)
{
	if (frame_state(block) == FRAME_STATE_USED)
		count(block->alloc_site, 0);
}

static void print_tally(const struct tally *t)
{
	if (t->cache)
		log_error("leak: %u of %s, %u bytes each", t->count, slab_caches[t->cache].name,
			slab_caches[t->cache].object_size);
	else
		log_error("leak: %u blocks of frames", t->count);
	site_print("allocated by", t->site);
}

unsigned mm_report_leaks(void)
{
	unsigned total = 0;

	if (!MM_DEBUG)
		return 0;
	tally_used = 0;
	tally_lost = 0;
	visit_all(count_block, count_slab);
	for (unsigned i = 0; i < tally_used; i++) {
		print_tally(&tally[i]);
		total += tally[i].count;
	}
	if (tally_lost)
		log_error("leak: %u more from other places", tally_lost);
	return total + tally_lost;
}
