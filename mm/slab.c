/* SPDX-License-Identifier: MIT */
/*
 * Object caches after Bonwick 1994 ("The Slab Allocator") and Bonwick & Adams 2001 ("Magazines and
 * Vmem"). Three layers, each asked only when the one above has nothing:
 *
 *	magazines  two per CPU and cache, `loaded` and `previous`, each full or empty but for the
 *	           loaded one. No lock, interrupts off. Two, so that alternating allocations and
 *	           frees at the edge of one do not go to the depot each time.
 *	depot      full and spare magazines of a cache, under the cache's lock.
 *	slabs      blocks of frames, each with a list of its free objects, under the same lock.
 *
 * What is known of a slab is in struct frame of its first page, so an object may fill a slab
 * without rest and a write past an object cannot damage the allocator's own data but the list of
 * free objects, which a debug build keeps outside the objects.
 *
 * Per-CPU data starts as zeros: a CPU without magazines takes the slow path, which gives it some.
 * So nothing must be prepared for a CPU before it allocates.
 */
#include "mm/slab.h"
#include "kernel/log.h"
#include "kernel/string.h"
#include "mm/inject.h"
#include "mm/slab_internal.h"

#define MINIMUM_ALIGN   16u
#define DEPOT_MAX       16u /* full magazines; more go back to their slabs */
#define EMPTY_SLABS_MAX 2u

/* (l) own CPU only, interrupts off, (s) the same, but others read it, (c) constant once linked */
struct slab_cpu {
	struct magazine *loaded;   /* (l) */
	struct magazine *previous; /* (l) */
	uint64_t allocs;           /* (s) */
	uint64_t frees;            /* (s) */
};

struct slab_area {
	struct slab_cpu cache[SLAB_CACHES_MAX];
	struct slab_area *next; /* (c): list of all areas */
	bool linked;
};

struct slab_cache slab_caches[SLAB_CACHES_MAX];
static struct spinlock table_lock = SPINLOCK_INIT("slab_table", LOCK_RANK_SLAB);
static struct slab_cache *magazine_cache;
static DEFINE_PERCPU(struct slab_area, slab_areas);
static _Atomic(struct slab_area *) all_areas;

static struct slab_cpu *own_cpu(const struct slab_cache *cache)
{
	return &this_cpu_ptr(slab_areas)->cache[cache->number];
}

/* Slabs. Cache locked. */

static uint16_t *link_of(const struct slab_cache *cache, const struct frame *slab, unsigned slot)
{
	return (uint16_t *)(slab_base(slab) + slot * cache->slot_size + cache->link_offset);
}

static void *take_from_slab(struct slab_cache *cache, struct frame *slab)
{
	unsigned slot = slab->slab_free;

	KASSERT(slot < cache->slots && slab->slab_used < cache->slots);
	slab->slab_free = *link_of(cache, slab, slot);
	if (slab->slab_used++ == 0) {
		list_remove(&slab->link);
		cache->empty_count--;
		list_push_front(&cache->partial, &slab->link);
	}
	if (slab->slab_free == SLAB_END)
		list_remove(&slab->link);
	return slab_base(slab) + slot * cache->slot_size + cache->object_offset;
}

static void *take_object(struct slab_cache *cache)
{
	struct list_node *node = list_first(&cache->partial);

	KASSERT(spin_held(&cache->lock));
	if (!node)
		node = list_first(&cache->empty);
	return node ? take_from_slab(cache, list_entry(node, struct frame, link)) : NULL;
}

static void give_object(struct slab_cache *cache, void *object)
{
	struct frame *slab = slab_of(cache, object);
	unsigned slot = (unsigned)((char *)object - slab_base(slab)) / cache->slot_size;

	KASSERT(spin_held(&cache->lock));
	KASSERT(slab->cache == cache->number && slab->slab_used);
	if (slab->slab_free == SLAB_END)
		list_push_front(&cache->partial, &slab->link);
	*link_of(cache, slab, slot) = slab->slab_free;
	slab->slab_free = (uint16_t)slot;
	if (--slab->slab_used == 0) {
		list_remove(&slab->link);
		list_push_front(&cache->empty, &slab->link);
		cache->empty_count++;
	}
}

/* Not locked. */

static void mark_pages(struct frame *slab, unsigned order, unsigned cache)
{
	for (unsigned i = 0; i < 1u << order; i++) {
		slab[i].cache = (uint8_t)cache;
		slab[i].order = (uint8_t)order;
	}
}

static struct frame *new_slab(struct slab_cache *cache)
{
	paddr_t pa = frame_alloc(cache->order, FRAME_KEPT);
	struct frame *slab;

	if (pa == FRAME_NONE && slab_reclaim())
		pa = frame_alloc(cache->order, FRAME_KEPT);
	if (pa == FRAME_NONE)
		return NULL;
	slab = frame_of(pa);
	mark_pages(slab, cache->order, cache->number);
	slab->slab_used = 0;
	slab->slab_free = 0;
	if (MM_DEBUG)
		slab_debug_format(cache, slab);
	for (unsigned i = 0; i < cache->slots; i++)
		*link_of(cache, slab, i) = i + 1u < cache->slots ? (uint16_t)(i + 1) : SLAB_END;
	return slab;
}

static void destroy_slab(struct slab_cache *cache, struct frame *slab)
{
	KASSERT(!slab->slab_used);
	mark_pages(slab, cache->order, 0);
	frame_free(frame_address(slab), cache->order);
}

static bool grow(struct slab_cache *cache)
{
	struct frame *slab = new_slab(cache);

	if (!slab)
		return false;
	spin_lock(&cache->lock);
	list_push_front(&cache->empty, &slab->link);
	cache->empty_count++;
	cache->slabs++;
	spin_unlock(&cache->lock);
	return true;
}

/* Destroys empty slabs until `keep` are left. Returns how many it destroyed. */
static unsigned trim(struct slab_cache *cache, unsigned keep)
{
	struct frame *slab;
	unsigned n = 0;

	for (;; n++) {
		spin_lock(&cache->lock);
		slab = cache->empty_count > keep
			? list_entry(list_pop_front(&cache->empty), struct frame, link)
			: NULL;
		if (slab) {
			cache->empty_count--;
			cache->slabs--;
		}
		spin_unlock(&cache->lock);
		if (!slab)
			return n;
		destroy_slab(cache, slab);
	}
}

/* One object from the slabs, or NULL. Interrupts off. */
static void *take_one(struct slab_cache *cache)
{
	void *object;

	do {
		spin_lock(&cache->lock);
		object = take_object(cache);
		spin_unlock(&cache->lock);
	} while (!object && grow(cache));
	return object;
}

static void give_one(struct slab_cache *cache, void *object)
{
	bool surplus;

	spin_lock(&cache->lock);
	give_object(cache, object);
	surplus = cache->empty_count > EMPTY_SLABS_MAX;
	spin_unlock(&cache->lock);
	if (surplus)
		trim(cache, EMPTY_SLABS_MAX);
}

/* Magazines and the depot. Interrupts off. */

static struct magazine *new_magazine(void)
{
	struct magazine *magazine = take_one(magazine_cache);

	if (magazine)
		magazine->rounds = 0;
	return magazine;
}

static struct magazine *pop_magazine(struct magazine **stack)
{
	struct magazine *magazine = *stack;

	if (magazine)
		*stack = magazine->next;
	return magazine;
}

static void push_magazine(struct magazine **stack, struct magazine *magazine)
{
	magazine->next = *stack;
	*stack = magazine;
}

/* Objects from the slabs, as many as there are without growing. */
static void fill_from_slabs(struct slab_cache *cache, struct magazine *magazine)
{
	void *object;

	while (magazine->rounds < cache->rounds && (object = take_object(cache)))
		magazine->object[magazine->rounds++] = object;
}

static void flush_to_slabs(struct slab_cache *cache, struct magazine *magazine)
{
	while (magazine->rounds)
		give_object(cache, magazine->object[--magazine->rounds]);
}

static void swap_magazines(struct slab_cpu *cpu)
{
	struct magazine *loaded = cpu->loaded;

	cpu->loaded = cpu->previous;
	cpu->previous = loaded;
}

static void link_own_area(void)
{
	struct slab_area *area = this_cpu_ptr(slab_areas);

	if (area->linked)
		return;
	area->linked = true;
	area->next = atomic_load(&all_areas);
	while (!atomic_compare_exchange_weak(&all_areas, &area->next, area))
		;
}

/* The loaded magazine is empty and the previous one too. True if it now has rounds. */
static bool reload_full(struct slab_cache *cache, struct slab_cpu *cpu)
{
	struct magazine *full;

	spin_lock(&cache->lock);
	full = pop_magazine(&cache->full);
	if (full) {
		cache->full_count--;
		if (cpu->previous)
			push_magazine(&cache->spare, cpu->previous);
		cpu->previous = cpu->loaded;
		cpu->loaded = full;
	} else if (cpu->loaded) {
		fill_from_slabs(cache, cpu->loaded);
	}
	spin_unlock(&cache->lock);
	return cpu->loaded && cpu->loaded->rounds;
}

static __noinline void *alloc_slow(struct slab_cache *cache, struct slab_cpu *cpu)
{
	link_own_area();
	if (!cache->rounds)
		return take_one(cache);
	if (cpu->previous && cpu->previous->rounds) {
		swap_magazines(cpu);
		return cpu->loaded->object[--cpu->loaded->rounds];
	}
	if (!cpu->loaded)
		cpu->loaded = new_magazine();
	if (reload_full(cache, cpu))
		return cpu->loaded->object[--cpu->loaded->rounds];
	return take_one(cache);
}

/* A magazine without rounds, or NULL. Unlocked, because a new one may need a new slab. */
static struct magazine *find_spare(struct slab_cache *cache)
{
	struct magazine *spare;

	spin_lock(&cache->lock);
	spare = pop_magazine(&cache->spare);
	spin_unlock(&cache->lock);
	return spare ? spare : new_magazine();
}

/* Puts a full magazine into the depot; what is too much there goes back to the slabs. */
static void store_full(struct slab_cache *cache, struct magazine *full)
{
	bool surplus;

	spin_lock(&cache->lock);
	if (cache->full_count < DEPOT_MAX) {
		push_magazine(&cache->full, full);
		cache->full_count++;
	} else {
		flush_to_slabs(cache, full);
		push_magazine(&cache->spare, full);
	}
	surplus = cache->empty_count > EMPTY_SLABS_MAX;
	spin_unlock(&cache->lock);
	if (surplus)
		trim(cache, EMPTY_SLABS_MAX);
}

static void drain(struct slab_cache *cache, struct magazine *magazine)
{
	bool surplus;

	if (!magazine)
		return;
	spin_lock(&cache->lock);
	flush_to_slabs(cache, magazine);
	push_magazine(&cache->spare, magazine);
	surplus = cache->empty_count > EMPTY_SLABS_MAX;
	spin_unlock(&cache->lock);
	if (surplus)
		trim(cache, EMPTY_SLABS_MAX);
}

void slab_drain_cpu(void)
{
	arch_irqflags_t flags = arch_irq_save();

	for (unsigned i = 0; i < SLAB_CACHES_MAX; i++) {
		struct slab_cache *cache = &slab_caches[i];
		struct slab_cpu *cpu = own_cpu(cache);

		if (!cache->name)
			continue;
		drain(cache, cpu->loaded);
		drain(cache, cpu->previous);
		cpu->loaded = NULL;
		cpu->previous = NULL;
	}
	arch_irq_restore(flags);
}

static __noinline void free_slow(struct slab_cache *cache, struct slab_cpu *cpu, void *object)
{
	struct magazine *spare;

	link_own_area();
	if (cache->rounds && cpu->previous && cpu->previous->rounds < cache->rounds) {
		swap_magazines(cpu);
	} else {
		spare = cache->rounds ? find_spare(cache) : NULL;
		if (!spare) {
			give_one(cache, object);
			return;
		}
		if (cpu->previous)
			store_full(cache, cpu->previous);
		cpu->previous = cpu->loaded;
		cpu->loaded = spare;
	}
	cpu->loaded->object[cpu->loaded->rounds++] = object;
}

/* The public calls. */

static inline void *alloc(struct slab_cache *cache, size_t size)
{
	arch_irqflags_t flags;
	struct slab_cpu *cpu;
	void *object = NULL;

	if (!mm_inject_now()) {
		flags = arch_irq_save();
		cpu = own_cpu(cache);
		if (likely(cpu->loaded && cpu->loaded->rounds))
			object = cpu->loaded->object[--cpu->loaded->rounds];
		else
			object = alloc_slow(cache, cpu);
		cpu->allocs += object != NULL;
		arch_irq_restore(flags);
	}
	if (unlikely(!object))
		atomic_fetch_add_explicit(&cache->failures, 1, memory_order_relaxed);
	else if (MM_DEBUG)
		slab_debug_alloc(cache, object, size);
	return object;
}

void *slab_alloc(struct slab_cache *cache)
{
	return alloc(cache, cache->object_size);
}

void *slab_alloc_sized(struct slab_cache *cache, size_t size)
{
	return alloc(cache, size);
}

void slab_free(struct slab_cache *cache, void *object)
{
	arch_irqflags_t flags;
	struct slab_cpu *cpu;

	if (MM_DEBUG)
		slab_debug_free(cache, object);
	flags = arch_irq_save();
	cpu = own_cpu(cache);
	cpu->frees++;
	if (likely(cpu->loaded && cpu->loaded->rounds < cache->rounds))
		cpu->loaded->object[cpu->loaded->rounds++] = object;
	else
		free_slow(cache, cpu, object);
	arch_irq_restore(flags);
}

/* Takes all full magazines out of the depot and gives their objects back to the slabs. */
static void empty_depot(struct slab_cache *cache)
{
	struct magazine *magazine;

	spin_lock(&cache->lock);
	while ((magazine = pop_magazine(&cache->full))) {
		cache->full_count--;
		flush_to_slabs(cache, magazine);
		push_magazine(&cache->spare, magazine);
	}
	spin_unlock(&cache->lock);
}

static void free_spares(struct slab_cache *cache)
{
	struct magazine *spares;
	struct magazine *magazine;

	spin_lock(&cache->lock);
	spares = cache->spare;
	cache->spare = NULL;
	spin_unlock(&cache->lock);
	while ((magazine = pop_magazine(&spares)))
		give_one(magazine_cache, magazine);
}

uint64_t slab_reclaim(void)
{
	arch_irqflags_t flags = arch_irq_save();
	uint64_t pages = 0;

	for (unsigned i = SLAB_CACHES_MAX - 1; i > 0; i--) {
		struct slab_cache *cache = &slab_caches[i];

		if (!cache->name)
			continue;
		empty_depot(cache);
		free_spares(cache);
		pages += (uint64_t)trim(cache, 0) << cache->order;
	}
	arch_irq_restore(flags);
	return pages;
}

/* Creation and end. */

static unsigned rounds_for(size_t size)
{
	return size <= 512 ? MAGAZINE_ROUNDS : size <= 2048 ? 14 : 6;
}

/* The smallest order that wastes at most an eighth of the slab. */
static unsigned order_for(size_t slot_size)
{
	unsigned order = 0;

	while (order < SLAB_MAX_ORDER &&
		(ARCH_PAGE_SIZE << order) % slot_size > (ARCH_PAGE_SIZE << order) / 8)
		order++;
	while (ARCH_PAGE_SIZE << order < slot_size)
		order++;
	return order;
}

static void lay_out(struct slab_cache *cache, size_t size, size_t align)
{
	align = MAX(align, MINIMUM_ALIGN);
	cache->object_size = (uint32_t)size;
	cache->object_offset = 0;
	cache->link_offset = 0;
	cache->slot_size = (uint32_t)ALIGN_UP(size, align);
	if (MM_DEBUG)
		slab_debug_layout(cache, align);
	cache->order = (uint8_t)order_for(cache->slot_size);
	cache->slots = (uint16_t)((ARCH_PAGE_SIZE << cache->order) / cache->slot_size);
}

/* An entry of the table that nobody has, with its name set, or NULL. Entry 0 means "no slab". */
static struct slab_cache *claim_entry(const char *name)
{
	arch_irqflags_t flags = spin_lock_irqsave(&table_lock);
	struct slab_cache *cache = NULL;

	for (unsigned i = 1; i < SLAB_CACHES_MAX && !cache; i++)
		if (!slab_caches[i].name)
			cache = &slab_caches[i];
	if (cache) {
		spin_init(&cache->lock, name, LOCK_RANK_SLAB);
		list_init(&cache->partial);
		list_init(&cache->empty);
		cache->number = (uint8_t)(cache - slab_caches);
		cache->name = name;
	}
	spin_unlock_irqrestore(&table_lock, flags);
	return cache;
}

struct slab_cache *slab_cache_create(const char *name, size_t size, size_t align)
{
	struct slab_cache *cache;

	KASSERT(name && size && !(align & (align - 1)));
	KASSERT(size <= ARCH_PAGE_SIZE << SLAB_MAX_ORDER && align <= ARCH_PAGE_SIZE);
	cache = claim_entry(name);
	if (!cache) {
		log_error("slab cache %s: all %u caches are in use", name, SLAB_CACHES_MAX - 1);
		return NULL;
	}
	lay_out(cache, size, align);
	cache->rounds = (uint8_t)rounds_for(size);
	atomic_store(&cache->failures, 0);
	return cache;
}

/* Empties one CPU's magazines of the cache and forgets its counts. */
static void drop_magazines(struct slab_cache *cache, struct slab_cpu *cpu)
{
	struct magazine *magazines[] = {cpu->loaded, cpu->previous};

	*cpu = (struct slab_cpu){0};
	for (unsigned i = 0; i < ARRAY_SIZE(magazines); i++) {
		if (!magazines[i])
			continue;
		spin_lock(&cache->lock);
		flush_to_slabs(cache, magazines[i]);
		spin_unlock(&cache->lock);
		give_one(magazine_cache, magazines[i]);
	}
}

static void read_stats(const struct slab_cache *cache, struct slab_stats *stats)
{
	const struct slab_area *area = atomic_load(&all_areas);
	uint64_t frees = 0;

	*stats = (struct slab_stats){
		.name = cache->name,
		.object_size = cache->object_size,
		.slabs = cache->slabs,
		.pages = cache->slabs << cache->order,
		.failures = atomic_load(&cache->failures),
	};
	for (; area; area = area->next) {
		stats->allocs += area->cache[cache->number].allocs;
		frees += area->cache[cache->number].frees;
	}
	stats->in_use = stats->allocs - frees;
}

void slab_cache_destroy(struct slab_cache *cache)
{
	arch_irqflags_t flags;
	struct slab_stats stats;

	read_stats(cache, &stats);
	if (stats.in_use)
		panic("slab cache %s destroyed with %llu objects in use", cache->name,
			(unsigned long long)stats.in_use);
	flags = arch_irq_save();
	for (struct slab_area *area = atomic_load(&all_areas); area; area = area->next)
		drop_magazines(cache, &area->cache[cache->number]);
	empty_depot(cache);
	free_spares(cache);
	trim(cache, 0);
	KASSERT(!cache->slabs);
	cache->name = NULL;
	arch_irq_restore(flags);
}

void slab_visit(void (*visit)(const struct slab_stats *stats, void *arg), void *arg)
{
	struct slab_stats stats;

	for (unsigned i = 1; i < SLAB_CACHES_MAX; i++) {
		if (!slab_caches[i].name)
			continue;
		read_stats(&slab_caches[i], &stats);
		visit(&stats, arg);
	}
}

void slab_init(void)
{
	memset(slab_caches, 0, sizeof(slab_caches));
	atomic_store(&all_areas, NULL);
	magazine_cache = slab_cache_create("magazine", sizeof(struct magazine), 0);
	KASSERT(magazine_cache);
	magazine_cache->rounds = 0;
	magazine_cache->internal = true;
	kmalloc_init();
}
