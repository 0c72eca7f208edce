/* SPDX-License-Identifier: MIT */
/*
 * The buddy allocator (Knowlton 1965): free memory is kept in blocks of 2^order pages aligned to
 * their size, in one list per order. A block that becomes free joins its buddy, the other half of
 * the block of twice the size, as long as that one is free too.
 *
 * Single pages come from a cache per CPU, filled and emptied in batches, so that the allocator's
 * lock is taken once in many times. Each cache has a lock of its own, nearly always free, so that
 * an allocation that finds nothing can empty the caches of all CPUs before it fails.
 *
 * Invariants: a free block's first frame is in state FREE and on the list of its order; no two
 * free buddies of one order exist below the largest; pages in blocks plus pages in caches plus
 * pages given out is the total.
 */
#include "kernel/log.h"
#include "kernel/spinlock.h"
#include "kernel/string.h"
#include "mm/boot_alloc.h"
#include "mm/frame_internal.h"
#include "mm/inject.h"
#include "mm/site.h"
#include <arch/debug.h>
#include <arch/memory.h>

#define CACHE_PAGES   64u
#define CACHE_BATCH   32u
#define MINIMUM_PAGES ((6ul << 20) >> ARCH_PAGE_SHIFT)

/* One memory node; all memory is node 0 until the firmware's table of distances is used. */
struct frame_node {
	struct spinlock lock;
	struct list free[FRAME_MAX_ORDER + 1]; /* (lock) */
	uint64_t blocks[FRAME_MAX_ORDER + 1];  /* (lock) length of each list */
	unsigned occupied;                     /* (lock) bit per order: list not empty */
	uint64_t free_pages;                   /* (lock) */
	uint64_t total_pages;                  /* constant after frame_init() */
};

struct frame_cache {
	struct spinlock lock;
	unsigned count;            /* (lock) */
	paddr_t page[CACHE_PAGES]; /* (lock) the last one was freed last */
	struct frame_cache *next;  /* constant once linked: list of all caches */
	bool linked;               /* own CPU only */
};

struct frame *frame_table;
paddr_t frame_table_base;
uint64_t frame_table_count;

static struct frame_node node0;
static DEFINE_PERCPU(struct frame_cache, frame_caches);
static _Atomic(struct frame_cache *) all_caches;
static _Atomic uint64_t failures;

/* Blocks. Node locked. */

static void push_block(struct frame_node *node, struct frame *frame, unsigned order)
{
	frame_set_state(frame, FRAME_STATE_FREE);
	frame->order = (uint8_t)order;
	list_push_front(&node->free[order], &frame->link);
	node->blocks[order]++;
	node->occupied |= 1u << order;
}

static void remove_block(struct frame_node *node, struct frame *frame)
{
	unsigned order = frame->order;

	KASSERT(frame_state(frame) == FRAME_STATE_FREE);
	list_remove(&frame->link);
	frame_set_state(frame, FRAME_STATE_NONE);
	if (--node->blocks[order] == 0)
		node->occupied &= ~(1u << order);
}

/* Halves the block until it has the wanted order; the upper halves become free. */
static void split_block(struct frame_node *node, struct frame *frame, unsigned from, unsigned to)
{
	while (from > to) {
		from--;
		push_block(node, frame + (1ul << from), from);
	}
}

static struct frame *take_block(struct frame_node *node, unsigned order)
{
	unsigned fitting = node->occupied >> order << order;
	struct frame *frame;
	unsigned found;

	KASSERT(spin_held(&node->lock));
	if (!fitting)
		return NULL;
	found = (unsigned)__builtin_ctz(fitting);
	frame = list_entry(list_first(&node->free[found]), struct frame, link);
	remove_block(node, frame);
	split_block(node, frame, found, order);
	frame->order = (uint8_t)order;
	node->free_pages -= 1ul << order;
	return frame;
}

/* The frame of the other half of the next larger block, or NULL outside the table. */
static struct frame *buddy_of(const struct frame *frame, unsigned order)
{
	paddr_t pa = frame_address(frame) ^ ((paddr_t)ARCH_PAGE_SIZE << order);

	return frame_exists(pa) ? frame_of(pa) : NULL;
}

static void give_block(struct frame_node *node, struct frame *frame, unsigned order)
{
	KASSERT(spin_held(&node->lock));
	node->free_pages += 1ul << order;
	frame_set_state(frame, FRAME_STATE_NONE);
	for (; order < FRAME_MAX_ORDER; order++) {
		struct frame *buddy = buddy_of(frame, order);

		if (!buddy || frame_state(buddy) != FRAME_STATE_FREE || buddy->order != order)
			break;
		remove_block(node, buddy);
		frame = MIN(frame, buddy);
	}
	push_block(node, frame, order);
}

/* The caches. Interrupts off. */

/* This CPU's cache, locked. */
static struct frame_cache *lock_own_cache(void)
{
	struct frame_cache *cache = this_cpu_ptr(frame_caches);

	KASSERT(arch_irqs_off());
	if (unlikely(!cache->linked)) {
		cache->linked = true;
		spin_init(&cache->lock, "frame_cache", LOCK_RANK_FRAME_CACHE);
		cache->next = atomic_load(&all_caches);
		while (!atomic_compare_exchange_weak(&all_caches, &cache->next, cache))
			;
	}
	spin_lock(&cache->lock);
	return cache;
}

static void fill_cache(struct frame_cache *cache)
{
	spin_lock(&node0.lock);
	while (cache->count < CACHE_BATCH) {
		struct frame *frame = take_block(&node0, 0);

		if (!frame)
			break;
		frame_set_state(frame, FRAME_STATE_CACHED);
		cache->page[cache->count++] = frame_address(frame);
	}
	spin_unlock(&node0.lock);
}

/* Gives the `n` pages that were freed longest ago back to the allocator. */
static void empty_cache(struct frame_cache *cache, unsigned n)
{
	spin_lock(&node0.lock);
	for (unsigned i = 0; i < n; i++)
		give_block(&node0, frame_of(cache->page[i]), 0);
	spin_unlock(&node0.lock);
	cache->count -= n;
	memmove(cache->page, cache->page + n, cache->count * sizeof(cache->page[0]));
}

/* Returns true if it got anything back from any CPU. */
static bool empty_all_caches(void)
{
	struct frame_cache *cache = atomic_load(&all_caches);
	bool any = false;

	for (; cache; cache = cache->next) {
		spin_lock(&cache->lock);
		any |= cache->count > 0;
		empty_cache(cache, cache->count);
		spin_unlock(&cache->lock);
	}
	return any;
}

void frame_drain_cpu(void)
{
	arch_irqflags_t flags = arch_irq_save();
	struct frame_cache *cache = lock_own_cache();

	empty_cache(cache, cache->count);
	spin_unlock(&cache->lock);
	arch_irq_restore(flags);
}

static struct frame *take_page(unsigned state)
{
	struct frame_cache *cache = lock_own_cache();
	struct frame *frame = NULL;

	if (unlikely(!cache->count))
		fill_cache(cache);
	if (likely(cache->count)) {
		frame = frame_of(cache->page[--cache->count]);
		KASSERT(frame_state(frame) == FRAME_STATE_CACHED);
		frame_set_state(frame, state);
	}
	spin_unlock(&cache->lock);
	return frame;
}

static void give_page(struct frame *frame)
{
	struct frame_cache *cache = lock_own_cache();

	if (unlikely(cache->count == CACHE_PAGES))
		empty_cache(cache, CACHE_BATCH);
	frame_set_state(frame, FRAME_STATE_CACHED);
	cache->page[cache->count++] = frame_address(frame);
	spin_unlock(&cache->lock);
}

/* The public calls. */

static struct frame *take_large(unsigned order, unsigned state)
{
	struct frame *frame;

	spin_lock(&node0.lock);
	frame = take_block(&node0, order);
	if (frame)
		frame_set_state(frame, state);
	spin_unlock(&node0.lock);
	return frame;
}

static struct frame *take(unsigned order, unsigned state)
{
	return likely(order == 0) ? take_page(state) : take_large(order, state);
}

static struct frame *take_or_empty_caches(unsigned order, unsigned state)
{
	arch_irqflags_t flags = arch_irq_save();
	struct frame *frame = take(order, state);

	if (unlikely(!frame) && empty_all_caches())
		frame = take(order, state);
	arch_irq_restore(flags);
	return frame;
}

paddr_t frame_alloc(unsigned order, unsigned flags)
{
	unsigned state = flags & FRAME_KEPT ? FRAME_STATE_KEPT : FRAME_STATE_USED;
	struct frame *frame = NULL;

	if (!mm_inject_now() && order <= FRAME_MAX_ORDER)
		frame = take_or_empty_caches(order, state);
	if (unlikely(!frame)) {
		atomic_fetch_add_explicit(&failures, 1, memory_order_relaxed);
		return FRAME_NONE;
	}
	if (MM_DEBUG)
		frame_debug_alloc(frame, order);
	if (flags & FRAME_ZERO)
		memset(phys_to_virt(frame_address(frame)), 0, ARCH_PAGE_SIZE << order);
	return frame_address(frame);
}

paddr_t frame_take_plain(void)
{
	struct frame *frame = take_or_empty_caches(0, FRAME_STATE_KEPT);

	if (!frame)
		return FRAME_NONE;
	frame->alloc_site = SITE_UNKNOWN;
	frame->free_site = SITE_NONE;
	return frame_address(frame);
}

static bool may_be_freed(paddr_t pa, unsigned order)
{
	const struct frame *frame;

	if (!IS_ALIGNED(pa, ARCH_PAGE_SIZE) || !frame_exists(pa))
		return false;
	frame = frame_of(pa);
	return frame_state(frame) >= FRAME_STATE_USED && frame->order == order && !frame->cache;
}

void frame_free(paddr_t pa, unsigned order)
{
	arch_irqflags_t flags;
	struct frame *frame;

	if (unlikely(!may_be_freed(pa, order)))
		frame_report_bad_free(pa, order);
	frame = frame_of(pa);
	KASSERT(!list_linked(&frame->link));
	if (MM_DEBUG)
		frame_debug_free(frame, order);
	flags = arch_irq_save();
	if (likely(order == 0)) {
		give_page(frame);
	} else {
		spin_lock(&node0.lock);
		give_block(&node0, frame, order);
		spin_unlock(&node0.lock);
	}
	arch_irq_restore(flags);
}

static uint64_t count_cached(void)
{
	struct frame_cache *cache = atomic_load(&all_caches);
	uint64_t cached = 0;

	for (; cache; cache = cache->next) {
		spin_lock(&cache->lock);
		cached += cache->count;
		spin_unlock(&cache->lock);
	}
	return cached;
}

uint64_t frame_used_pages(void)
{
	const volatile uint64_t *free = &node0.free_pages;

	return node0.total_pages - *free;
}

void frame_get_stats(struct frame_stats *stats)
{
	arch_irqflags_t flags = arch_irq_save();

	stats->cached = count_cached();
	spin_lock(&node0.lock);
	stats->total = node0.total_pages;
	stats->free = node0.free_pages + stats->cached;
	for (unsigned i = 0; i <= FRAME_MAX_ORDER; i++)
		stats->blocks[i] = node0.blocks[i];
	spin_unlock(&node0.lock);
	stats->failures = atomic_load(&failures);
	arch_irq_restore(flags);
}

/* Start. One CPU, interrupts off. */

static uint64_t table_bytes(const struct boot_free_range *range, unsigned count)
{
	paddr_t span = range[count - 1].end - ALIGN_DOWN(range[0].start, ARCH_PAGE_SIZE);

	return ALIGN_UP((span >> ARCH_PAGE_SHIFT) * sizeof(struct frame), ARCH_PAGE_SIZE);
}

static struct boot_free_range *largest_range(struct boot_free_range *range, unsigned count)
{
	struct boot_free_range *largest = range;

	for (unsigned i = 1; i < count; i++)
		if (range[i].end - range[i].start > largest->end - largest->start)
			largest = &range[i];
	return largest;
}

/*
 * Leaves out the highest ranges as long as they lie so far from the others that the table between
 * would take more than a quarter of the largest range. Returns how many ranges stay.
 */
static unsigned leave_out_distant(struct boot_free_range *range, unsigned count)
{
	while (count > 1) {
		const struct boot_free_range *last = &range[count - 1];
		const struct boot_free_range *most = largest_range(range, count);

		if (table_bytes(range, count) <= (most->end - most->start) / 4)
			break;
		log_warn("memory at %#llx, %llu KiB, is too far from the rest to be used",
			(unsigned long long)last->start,
			(unsigned long long)(last->end - last->start) >> 10);
		count--;
	}
	return count;
}

static bool keeps_what_is_written(paddr_t at)
{
	volatile uint64_t *word = phys_to_virt(at);

	*word = ~at;
	return *word == ~at;
}

/* A loader may tell of memory that is not there; without this the table would be built in it. */
static void check_presence(paddr_t start, uint64_t bytes)
{
	if (keeps_what_is_written(start) && keeps_what_is_written(start + bytes - sizeof(uint64_t)))
		return;
	console_printf("MultiOS cannot boot: the memory map tells of memory at %#llx, %llu KiB, "
		       "which does not keep what is written to it\n",
		(unsigned long long)start, (unsigned long long)bytes >> 10);
	arch_exit(ARCH_EXIT_BOOT);
}

static void build_table(struct boot_free_range *range, unsigned count)
{
	struct boot_free_range *home = largest_range(range, count);
	uint64_t bytes = table_bytes(range, count);

	frame_table = phys_to_virt(home->start);
	frame_table_base = range[0].start;
	frame_table_count = (range[count - 1].end - frame_table_base) >> ARCH_PAGE_SHIFT;
	check_presence(home->start, bytes);
	home->start += bytes;
	memset(frame_table, 0, bytes);
}

static void add_range(struct frame_node *node, paddr_t start, paddr_t end)
{
	while (start < end) {
		unsigned align = (unsigned)__builtin_ctzll(start) - ARCH_PAGE_SHIFT;
		unsigned fits = 63u - ARCH_PAGE_SHIFT - (unsigned)__builtin_clzll(end - start);
		unsigned order = MIN(MIN(align, fits), FRAME_MAX_ORDER);

		give_block(node, frame_of(start), order);
		start += (paddr_t)ARCH_PAGE_SIZE << order;
	}
}

static void check_minimum(uint64_t pages)
{
	uint64_t needed = MINIMUM_PAGES * ARCH_PAGE_SIZE + frame_boot_used();

	if (pages >= MINIMUM_PAGES)
		return;
	console_printf(
		"MultiOS cannot boot: it needs %llu KiB of usable memory above 1 MiB besides its "
		"own image, this machine has %llu KiB\n",
		(unsigned long long)needed >> 10, (unsigned long long)frame_boot_total() >> 10);
	arch_exit(ARCH_EXIT_BOOT);
}

static void init_node(struct frame_node *node)
{
	*node = (struct frame_node){0};
	spin_init(&node->lock, "frame", LOCK_RANK_FRAME);
	for (unsigned i = 0; i <= FRAME_MAX_ORDER; i++)
		list_init(&node->free[i]);
}

void frame_init(void)
{
	unsigned count;
	struct boot_free_range *range = frame_boot_finish(&count);
	arch_irqflags_t flags;
	uint64_t pages = 0;

	for (unsigned i = 0; i < count; i++)
		pages += (range[i].end - range[i].start) >> ARCH_PAGE_SHIFT;
	check_minimum(pages);
	if (MM_DEBUG)
		site_init();
	count = leave_out_distant(range, count);
	build_table(range, count);
	init_node(&node0);
	atomic_store(&all_caches, NULL);
	atomic_store(&failures, 0);
	flags = spin_lock_irqsave(&node0.lock);
	for (unsigned i = 0; i < count; i++)
		add_range(&node0, range[i].start, range[i].end);
	node0.total_pages = node0.free_pages;
	spin_unlock_irqrestore(&node0.lock, flags);
}
