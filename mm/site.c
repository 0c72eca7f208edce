/* SPDX-License-Identifier: MIT */
/*
 * Remembered backtraces: a hash table whose records are cut from pages that are never given back.
 * Lookup takes no lock: a record is complete before it is linked and never changes afterwards. The
 * number of a record is its page and its place in it, so that it can be found without a table.
 */
#include "mm/site.h"
#include "kernel/log.h"
#include "kernel/spinlock.h"
#include "mm/frame_internal.h"
#include <arch/debug.h>
#include <arch/memory.h>

#define SITE_DEPTH     10u
#define SKIP           2u
#define SITE_BUCKETS   1024u
#define SITE_PAGES     1024u
#define SITE_UNIT      16u
#define UNITS_PER_PAGE (ARCH_PAGE_SIZE / SITE_UNIT)

struct site {
	struct site *next; /* constant once linked */
	uint32_t number;
	uint32_t depth;
	uintptr_t pc[SITE_DEPTH]; /* only `depth` of them have memory */
};

/* A backtrace while it is taken. */
struct chain {
	struct site site;
	unsigned skipped;
};

static struct spinlock site_lock = SPINLOCK_INIT("site", LOCK_RANK_SITE);
static _Atomic(struct site *) buckets[SITE_BUCKETS]; /* written under site_lock */
static char *pages[SITE_PAGES];                      /* site_lock */
static unsigned page_count;                          /* site_lock */
static size_t page_used = ARCH_PAGE_SIZE;            /* site_lock: bytes of the last page */

void site_init(void)
{
	page_count = 0;
	page_used = ARCH_PAGE_SIZE;
	for (unsigned i = 0; i < SITE_BUCKETS; i++)
		atomic_store(&buckets[i], NULL);
}

/* site_capture() itself and whoever in mm/ called it say nothing. */
static bool note_pc(uintptr_t pc, bool irq __unused, void *arg)
{
	struct chain *chain = arg;
	struct site *site = &chain->site;

	if (chain->skipped < SKIP) {
		chain->skipped++;
		return true;
	}
	site->pc[site->depth++] = pc;
	return site->depth < SITE_DEPTH;
}

static unsigned hash(const struct site *site)
{
	uint64_t h = site->depth;

	for (unsigned i = 0; i < site->depth; i++)
		h = (h ^ site->pc[i]) * 0x9e3779b97f4a7c15ull;
	return (unsigned)(h >> 40) % SITE_BUCKETS;
}

static bool same(const struct site *a, const struct site *b)
{
	if (a->depth != b->depth)
		return false;
	for (unsigned i = 0; i < a->depth; i++)
		if (a->pc[i] != b->pc[i])
			return false;
	return true;
}

static struct site *find(struct site *site, const struct site *wanted)
{
	while (site && !same(site, wanted))
		site = site->next;
	return site;
}

/* Room for one record of `size` bytes, with its number set, or NULL. */
static struct site *cut_record(size_t size)
{
	struct site *site;

	if (page_used + size > ARCH_PAGE_SIZE) {
		paddr_t pa = page_count < SITE_PAGES ? frame_take_plain() : FRAME_NONE;

		if (pa == FRAME_NONE)
			return NULL;
		pages[page_count++] = phys_to_virt(pa);
		page_used = page_count == 1 ? (SITE_UNKNOWN + 1) * SITE_UNIT : 0;
	}
	site = (struct site *)(pages[page_count - 1] + page_used);
	site->number = (uint32_t)((page_count - 1) * UNITS_PER_PAGE + page_used / SITE_UNIT);
	page_used += size;
	return site;
}

static uint32_t add(const struct site *wanted, _Atomic(struct site *) *bucket)
{
	struct site *first = atomic_load_explicit(bucket, memory_order_relaxed);
	struct site *site = find(first, wanted);

	if (site)
		return site->number;
	site = cut_record(ALIGN_UP(
		offsetof(struct site, pc) + wanted->depth * sizeof(wanted->pc[0]), SITE_UNIT));
	if (!site)
		return SITE_UNKNOWN;
	site->depth = wanted->depth;
	for (unsigned i = 0; i < wanted->depth; i++)
		site->pc[i] = wanted->pc[i];
	site->next = first;
	atomic_store_explicit(bucket, site, memory_order_release);
	return site->number;
}

__noinline uint32_t site_capture(void)
{
	struct chain chain = {.skipped = 0};
	const struct site *here = &chain.site;
	_Atomic(struct site *) *bucket;
	arch_irqflags_t flags;
	const struct site *known;
	uint32_t number;

	arch_backtrace(NULL, note_pc, &chain);
	bucket = &buckets[hash(here)];
	known = find(atomic_load_explicit(bucket, memory_order_acquire), here);
	if (known)
		return known->number;
	flags = spin_lock_irqsave(&site_lock);
	number = add(here, bucket);
	spin_unlock_irqrestore(&site_lock, flags);
	return number;
}

/* The record, or NULL for a number that is none: it may come from overwritten memory. */
static const struct site *record(uint32_t number)
{
	const struct site *site;

	if (number / UNITS_PER_PAGE >= page_count)
		return NULL;
	site = (const struct site *)(pages[number / UNITS_PER_PAGE] +
		number % UNITS_PER_PAGE * SITE_UNIT);
	return site->number == number && site->depth <= SITE_DEPTH ? site : NULL;
}

void site_print(const char *title, uint32_t number)
{
	const struct site *site;

	if (number <= SITE_UNKNOWN) {
		log_error("%s: %s", title, number == SITE_NONE ? "nobody" : "not remembered");
		return;
	}
	site = record(number);
	log_error("%s:%s", title, site ? "" : " overwritten");
	for (unsigned i = 0; site && i < site->depth; i++)
		log_error("    %pS", (void *)(site->pc[i] - 1)); /* in the call, not behind it */
}
