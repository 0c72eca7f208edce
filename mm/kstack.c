/* SPDX-License-Identifier: MIT */
/*
 * Kernel stacks. The vmap area is divided into one part for each stack size in pages, each part
 * into equal slots: a guard page that is never mapped, then the stack. So an address alone tells
 * whether it is a guard page.
 *
 * A free stack keeps its pages and its mappings: handing it out again changes no page table, so no
 * CPU can have a wrong translation and none has to be told. Free stacks are kept per CPU first,
 * then in one list per size. Only what that list has too much of is unmapped, a batch at a time:
 *
 *	1. the batch leaves the list, its page-table entries are cleared, this CPU flushes;
 *	2. every other CPU is asked to flush, and nobody waits (mm/tlb.c);
 *	3. the last one that has flushed gives the frames and the slots back.
 *
 * Until 3. neither a frame nor a slot of the batch is used by anyone, so a CPU that still has an
 * old translation reaches nothing that is somebody else's. One batch is under way at a time;
 * stacks freed meanwhile stay in the list.
 *
 * A stack for which memory runs out in the middle stays as it is and is completed next time:
 * nothing that was mapped has to be unmapped in a hurry.
 */
#include "mm/kstack.h"
#include "kernel/bitmap.h"
#include "kernel/log.h"
#include "kernel/spinlock.h"
#include "kernel/string.h"
#include "mm/frame_internal.h"
#include "mm/inject.h"
#include "mm/kstack_debug.h"
#include "mm/slab.h"
#include "mm/tlb.h"
#include <arch/memory.h>

#define CLASSES        (KSTACK_MAX / KSTACK_MIN)
#define PART_SHIFT     37 /* 128 GiB of addresses for each size */
#define SLOTS          (1u << 18)
#define SLOT_MAP_ORDER 3u
#define CPU_PAGES      32u /* free, of each size, that a CPU keeps */
#define CPU_LARGEST    8u  /* pages of a stack; larger ones are kept by none */
#define READY_FRACTION 64u /* of all memory may wait in the common lists; more is unmapped */
#define BATCH_STACKS   64u
#define BATCH_PAGES    256u

static_assert(SLOTS / 8 == ARCH_PAGE_SIZE << SLOT_MAP_ORDER, "the map fills its block");
static_assert(ARCH_VMAP_BASE + ((uint64_t)CLASSES << PART_SHIFT) <= ARCH_VMAP_END, "parts fit");
static_assert((uint64_t)SLOTS * (KSTACK_MAX + KSTACK_MIN) <= 1ull << PART_SHIFT, "slots fit");

/* In the uppermost bytes of a stack that is free. */
struct free_stack {
	struct free_stack *next;
};

/* In the lowest bytes of a stack of which only the first pages are mapped. */
struct partial_stack {
	struct partial_stack *next;
	unsigned pages;
};

/* All stacks of one size. */
struct kstack_class {
	struct spinlock lock;
	struct free_stack *ready;      /* (lock) */
	unsigned ready_count;          /* (lock) */
	struct partial_stack *partial; /* (lock) */
	uint64_t *free_slots;          /* (lock) bit set: slot is free; NULL until the first use */
	unsigned first_free;           /* (lock) no slot below is free */
	_Atomic unsigned slots_used;   /* (lock to write) highest slot that was ever used, plus 1 */
};

/* (l) own CPU only, interrupts off, (s) the same, but others read it, (c) constant once linked */
struct kstack_cpu {
	struct free_stack *first[CLASSES]; /* (l) */
	uint8_t count[CLASSES];            /* (l) */
	bool linked;                       /* (l) */
	uint64_t allocs;                   /* (s) */
	uint64_t frees;                    /* (s) */
	struct kstack_cpu *next;           /* (c) */
};

/* Stacks on their way out: whoever set `busy`, until finish_batch() clears it. */
static struct {
	_Atomic bool busy;
	struct kstack_class *class;
	unsigned sender; /* CPU */
	unsigned stacks;
	unsigned slot[BATCH_STACKS];
	struct list frames;
} batch;

static struct kstack_class classes[CLASSES];
static DEFINE_PERCPU(struct kstack_cpu, kstack_cpus);
static _Atomic(struct kstack_cpu *) all_cpus;
static _Atomic uint64_t ready_pages; /* in all common lists */
static uint64_t ready_limit;         /* constant after kstack_init() */
static _Atomic uint64_t failures;
static _Atomic uint64_t unmapped;

/* Places. */

static unsigned pages_of(const struct kstack_class *class)
{
	return (unsigned)(class - classes) + 1;
}

static size_t size_of(const struct kstack_class *class)
{
	return pages_of(class) * ARCH_PAGE_SIZE;
}

static uintptr_t part_start(const struct kstack_class *class)
{
	return ARCH_VMAP_BASE + ((uintptr_t)(class - classes) << PART_SHIFT);
}

static uintptr_t base_of(const struct kstack_class *class, unsigned slot)
{
	return part_start(class) + slot * (size_of(class) + ARCH_PAGE_SIZE) + ARCH_PAGE_SIZE;
}

static unsigned slot_of(const struct kstack_class *class, uintptr_t base)
{
	return (unsigned)((base - part_start(class)) / (size_of(class) + ARCH_PAGE_SIZE));
}

static struct free_stack *node_of(const struct kstack_class *class, void *base)
{
	return (struct free_stack *)((char *)base + size_of(class)) - 1;
}

static void *base_of_node(const struct kstack_class *class, struct free_stack *node)
{
	return (char *)(node + 1) - size_of(class);
}

bool kstack_guard_hit(uintptr_t va)
{
	uintptr_t part = (va - ARCH_VMAP_BASE) >> PART_SHIFT;
	const struct kstack_class *class;
	uintptr_t offset;

	if (part >= CLASSES)
		return false;
	class = &classes[part];
	offset = va - part_start(class);
	return offset % (size_of(class) + ARCH_PAGE_SIZE) < ARCH_PAGE_SIZE &&
		offset / (size_of(class) + ARCH_PAGE_SIZE) < atomic_load(&class->slots_used);
}

/* Slots. */

/* The map of a class that is used for the first time; of two CPUs one keeps its own. */
static bool make_slot_map(struct kstack_class *class)
{
	paddr_t pa = frame_alloc(SLOT_MAP_ORDER, FRAME_KEPT);
	arch_irqflags_t flags;
	bool mine;

	if (pa == FRAME_NONE)
		return false;
	memset(phys_to_virt(pa), 0xff, SLOTS / 8);
	flags = spin_lock_irqsave(&class->lock);
	mine = !class->free_slots;
	if (mine)
		class->free_slots = phys_to_virt(pa);
	spin_unlock_irqrestore(&class->lock, flags);
	if (!mine)
		frame_free(pa, SLOT_MAP_ORDER);
	return true;
}

/* The lowest free slot, for page tables are never given back; or SLOTS. */
static unsigned take_slot(struct kstack_class *class)
{
	arch_irqflags_t flags = spin_lock_irqsave(&class->lock);
	unsigned slot = bitmap_next(class->free_slots, SLOTS, class->first_free);

	if (slot < SLOTS) {
		bitmap_clear(class->free_slots, slot);
		class->first_free = slot + 1;
		if (slot >= atomic_load(&class->slots_used))
			atomic_store(&class->slots_used, slot + 1);
	}
	spin_unlock_irqrestore(&class->lock, flags);
	return slot;
}

/* Class locked. */
static void give_slot(struct kstack_class *class, unsigned slot)
{
	KASSERT(!bitmap_test(class->free_slots, slot));
	bitmap_set(class->free_slots, slot);
	class->first_free = MIN(class->first_free, slot);
}

/* This CPU's data. Interrupts off. */
static struct kstack_cpu *own_cpu(void)
{
	struct kstack_cpu *cpu = this_cpu_ptr(kstack_cpus);

	if (unlikely(!cpu->linked)) {
		cpu->linked = true;
		cpu->next = atomic_load(&all_cpus);
		while (!atomic_compare_exchange_weak(&all_cpus, &cpu->next, cpu))
			;
	}
	return cpu;
}

/* New stacks. */

static int map_one(uintptr_t va)
{
	paddr_t pa = frame_alloc(0, FRAME_KEPT);
	int err;

	if (pa == FRAME_NONE && slab_reclaim())
		pa = frame_alloc(0, FRAME_KEPT);
	if (pa == FRAME_NONE)
		return -1;
	err = arch_map_page(va, pa, ARCH_PROT_READ | ARCH_PROT_WRITE);
	if (err)
		frame_free(pa, 0);
	return err;
}

/* Stores a stack of which only `pages` pages could be mapped. */
static void keep_partial(struct kstack_class *class, uintptr_t base, unsigned pages)
{
	struct partial_stack *partial = (struct partial_stack *)base;
	arch_irqflags_t flags = spin_lock_irqsave(&class->lock);

	if (pages) {
		partial->pages = pages;
		partial->next = class->partial;
		class->partial = partial;
	} else {
		give_slot(class, slot_of(class, base));
	}
	spin_unlock_irqrestore(&class->lock, flags);
}

static void *map_rest(struct kstack_class *class, uintptr_t base, unsigned pages)
{
	for (; pages < pages_of(class); pages++) {
		if (map_one(base + pages * ARCH_PAGE_SIZE)) {
			keep_partial(class, base, pages);
			return NULL;
		}
	}
	return (void *)base;
}

static struct partial_stack *take_partial(struct kstack_class *class)
{
	arch_irqflags_t flags = spin_lock_irqsave(&class->lock);
	struct partial_stack *partial = class->partial;

	if (partial)
		class->partial = partial->next;
	spin_unlock_irqrestore(&class->lock, flags);
	return partial;
}

static void *new_stack(struct kstack_class *class)
{
	struct partial_stack *partial = take_partial(class);
	arch_irqflags_t flags;
	unsigned slot;
	void *base;

	if (partial) {
		base = map_rest(class, (uintptr_t)partial, partial->pages);
	} else {
		if (!class->free_slots && !make_slot_map(class))
			return NULL;
		slot = take_slot(class);
		base = slot < SLOTS ? map_rest(class, base_of(class, slot), 0) : NULL;
	}
	if (!base)
		return NULL;
	if (MM_DEBUG)
		kstack_debug_new(base, size_of(class));
	flags = arch_irq_save();
	own_cpu()->allocs++;
	arch_irq_restore(flags);
	return base;
}

/* Stacks on their way out. */

static void unmap_surplus(void);

/*
 * Every CPU has flushed: frames and slots may be used again. On the CPU that sent the batch
 * unmap_surplus() is still under way and looks for more; on another one it is this CPU's turn.
 */
static void finish_batch(void)
{
	bool sender = batch.sender == arch_cpu_id();
	arch_irqflags_t flags = arch_irq_save();
	struct list_node *node;

	while ((node = list_pop_front(&batch.frames)))
		frame_free(frame_address(list_entry(node, struct frame, link)), 0);
	spin_lock(&batch.class->lock);
	for (unsigned i = 0; i < batch.stacks; i++)
		give_slot(batch.class, batch.slot[i]);
	spin_unlock(&batch.class->lock);
	atomic_fetch_add(&unmapped, batch.stacks);
	atomic_store(&batch.busy, false);
	if (!sender)
		unmap_surplus();
	arch_irq_restore(flags);
}

static void unmap(struct kstack_class *class, void *base)
{
	batch.slot[batch.stacks++] = slot_of(class, (uintptr_t)base);
	for (unsigned i = 0; i < pages_of(class); i++) {
		paddr_t pa = arch_unmap_page((uintptr_t)base + i * ARCH_PAGE_SIZE);

		KASSERT(pa);
		list_push_back(&batch.frames, &frame_of(pa)->link);
	}
}

static struct free_stack *pop_ready(struct kstack_class *class)
{
	struct free_stack *node;

	spin_lock(&class->lock);
	node = class->ready;
	if (node) {
		class->ready = node->next;
		class->ready_count--;
		atomic_fetch_sub(&ready_pages, pages_of(class));
	}
	spin_unlock(&class->lock);
	return node;
}

/*
 * The largest size of which there are stacks in the common list, or NULL. Small stacks are those
 * that are asked for again; a few large ones would fill the list and have them mapped anew each
 * time.
 */
static struct kstack_class *find_ready(void)
{
	for (unsigned i = CLASSES; i-- > 0;)
		if (classes[i].ready)
			return &classes[i];
	return NULL;
}

static void send_batch(struct kstack_class *class)
{
	unsigned wanted = MAX(1u, MIN(BATCH_STACKS, BATCH_PAGES / pages_of(class)));
	struct free_stack *node;

	batch.sender = arch_cpu_id();
	batch.class = class;
	batch.stacks = 0;
	list_init(&batch.frames);
	while (batch.stacks < wanted && (node = pop_ready(class)))
		unmap(class, base_of_node(class, node));
	tlb_flush_others(finish_batch);
}

/*
 * Sends batches on their way until no more stacks wait than may, or one is under way whose end
 * will go on with this. Interrupts off.
 */
static void unmap_surplus(void)
{
	struct kstack_class *class;

	while (atomic_load(&ready_pages) > ready_limit && (class = find_ready())) {
		if (atomic_exchange(&batch.busy, true))
			return;
		send_batch(class);
	}
}

/* Free stacks, per CPU and common. Interrupts off. */

/* How many free stacks of the size a CPU keeps. */
static unsigned cpu_limit(const struct kstack_class *class)
{
	return pages_of(class) <= CPU_LARGEST ? CPU_PAGES / pages_of(class) : 0;
}

/* Puts a list of `n` free stacks before the common one; `last` is the last of them. */
static void push_ready(
	struct kstack_class *class, struct free_stack *first, struct free_stack *last, unsigned n)
{
	spin_lock(&class->lock);
	last->next = class->ready;
	class->ready = first;
	class->ready_count += n;
	atomic_fetch_add(&ready_pages, (uint64_t)n * pages_of(class));
	spin_unlock(&class->lock);
}

/* Moves a CPU's free stacks of a size but the `kept` that were freed last to the common list. */
static void share(struct kstack_class *class, struct kstack_cpu *cpu, unsigned kept)
{
	unsigned i = (unsigned)(class - classes);
	struct free_stack **link = &cpu->first[i];
	struct free_stack *first, *last;

	for (unsigned n = 0; n < kept; n++)
		link = &(*link)->next;
	first = last = *link;
	*link = NULL;
	while (last->next)
		last = last->next;
	push_ready(class, first, last, cpu->count[i] - kept);
	cpu->count[i] = (uint8_t)kept;
	unmap_surplus();
}

static struct free_stack *take_ready(struct kstack_class *class, struct kstack_cpu *cpu)
{
	struct free_stack *node = cpu->first[class - classes];

	if (unlikely(!node))
		return pop_ready(class);
	cpu->first[class - classes] = node->next;
	cpu->count[class - classes]--;
	return node;
}

/* The public calls. */

static struct kstack_class *class_for(size_t size)
{
	KASSERT(IS_ALIGNED(size, ARCH_PAGE_SIZE));
	KASSERT(size >= KSTACK_MIN && size <= KSTACK_MAX);
	return &classes[size / KSTACK_MIN - 1];
}

static void *alloc(struct kstack_class *class)
{
	arch_irqflags_t flags = arch_irq_save();
	struct kstack_cpu *cpu = own_cpu();
	struct free_stack *node = take_ready(class, cpu);
	void *base;

	cpu->allocs += node != NULL;
	arch_irq_restore(flags);
	if (!node)
		return new_stack(class);
	base = base_of_node(class, node);
	if (MM_DEBUG)
		kstack_debug_check(base, (char *)node - (char *)base);
	return base;
}

void *kstack_alloc(size_t size)
{
	struct kstack_class *class = class_for(size);
	void *base = mm_inject_now() ? NULL : alloc(class);

	if (unlikely(!base)) {
		atomic_fetch_add_explicit(&failures, 1, memory_order_relaxed);
		return NULL;
	}
	if (MM_DEBUG)
		kstack_debug_alloc(base);
	return base;
}

void kstack_free(void *base, size_t size)
{
	struct kstack_class *class = class_for(size);
	struct free_stack *node = node_of(class, base);
	arch_irqflags_t flags;
	struct kstack_cpu *cpu;

	KASSERT((uintptr_t)base == base_of(class, slot_of(class, (uintptr_t)base)));
	if (MM_DEBUG)
		kstack_debug_free(base, (char *)node - (char *)base);
	flags = arch_irq_save();
	cpu = own_cpu();
	cpu->frees++;
	node->next = cpu->first[class - classes];
	cpu->first[class - classes] = node;
	if (++cpu->count[class - classes] > cpu_limit(class))
		share(class, cpu, cpu_limit(class) / 2);
	arch_irq_restore(flags);
}

void kstack_drain_cpu(void)
{
	arch_irqflags_t flags = arch_irq_save();
	struct kstack_cpu *cpu = own_cpu();

	for (unsigned i = 0; i < CLASSES; i++)
		if (cpu->count[i])
			share(&classes[i], cpu, 0);
	arch_irq_restore(flags);
}

static uint64_t count_ready(void)
{
	uint64_t ready = 0;

	for (unsigned i = 0; i < CLASSES; i++)
		ready += classes[i].ready_count;
	return ready;
}

void kstack_get_stats(struct kstack_stats *stats)
{
	const struct kstack_cpu *cpu = atomic_load(&all_cpus);
	uint64_t frees = 0;

	*stats = (struct kstack_stats){
		.ready = count_ready(),
		.unmapped = atomic_load(&unmapped),
		.failures = atomic_load(&failures),
	};
	for (; cpu; cpu = cpu->next) {
		stats->allocs += cpu->allocs;
		frees += cpu->frees;
		for (unsigned i = 0; i < CLASSES; i++)
			stats->ready += cpu->count[i];
	}
	stats->in_use = stats->allocs - frees;
}

void kstack_init(void)
{
	struct frame_stats memory;

	frame_get_stats(&memory);
	ready_limit = memory.total / READY_FRACTION;
	for (unsigned i = 0; i < CLASSES; i++)
		spin_init(&classes[i].lock, "kstack", LOCK_RANK_VMAP);
	tlb_online();
}
