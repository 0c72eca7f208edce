/* SPDX-License-Identifier: MIT */
/*
 * Memory that belongs to a process. A header before each piece knows its process and who asked for
 * it; the pieces of a process are on a list, so that what is left at its end can be told and freed.
 */
#include "kernel/errno.h"
#include "kernel/limits.h"
#include "kernel/log.h"
#include "kernel/process.h"
#include "kernel/process_private.h"
#include "kernel/thread.h"
#include "mm/leaks.h"
#include "mm/slab.h"

#define LEAKS_TOLD 8u /* pieces that are named in the log */

/* (c) constant, (m) the process's memory_lock */
struct block {
	struct list_node node;   /* (m) */
	struct process *process; /* (c) */
	size_t size;             /* (c) what was asked for */
	uintptr_t site;          /* (c) who asked */
} __aligned(16);

static _Atomic bool limit_told; /* (a) once per time that the system's is reached */

static uint64_t charge(size_t size)
{
	return size + sizeof(struct block);
}

static uint64_t bytes_used(const struct process *p)
{
	return *(const volatile uint64_t *)&p->stack_bytes + atomic_load(&p->data_bytes);
}

bool process_memory_refused(const struct process *p, uint64_t bytes)
{
	uint64_t limit = atomic_load(&p->max_memory), used = bytes_used(p);

	return used > limit || bytes > limit - used;
}

/* Counts first and looks then, so that of two who ask at once not both get the last piece. */
static bool reserve(struct process *p, uint64_t bytes)
{
	if (p != &kernel_process && limit_memory_refused(bytes)) {
		if (!atomic_exchange(&limit_told, true))
			log_warn("memory: limit of %llu MiB reached, refused to process %llu (%s)",
				(unsigned long long)(limit_get(LIMIT_MEMORY) >> 20),
				(unsigned long long)p->process_id, p->name);
		return false;
	}
	atomic_fetch_add(&p->data_bytes, bytes);
	if (!process_memory_refused(p, 0))
		return true;
	atomic_fetch_sub(&p->data_bytes, bytes);
	return false;
}

static void link(struct process *p, struct block *block)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&p->memory_lock);

	list_node_init(&block->node);
	list_push_back(&p->blocks, &block->node);
	spin_unlock_irqrestore(&p->memory_lock, irqs);
}

void *process_alloc(size_t size)
{
	struct process *p = thread_current()->process;
	struct block *block = NULL;

	if (!size || size > SIZE_MAX - sizeof(*block) || !reserve(p, charge(size)))
		return NULL;
	block = kmalloc(charge(size));
	if (!block) {
		atomic_fetch_sub(&p->data_bytes, charge(size));
		return NULL;
	}
	block->process = p;
	block->size = size;
	block->site = (uintptr_t)__builtin_return_address(0);
	link(p, block);
	return block + 1;
}

void process_free(void *memory)
{
	struct block *block = (struct block *)memory - 1;
	struct process *p;
	arch_irqflags_t irqs;

	if (!memory)
		return;
	p = block->process;
	irqs = spin_lock_irqsave(&p->memory_lock);
	list_remove(&block->node);
	spin_unlock_irqrestore(&p->memory_lock, irqs);
	atomic_fetch_sub(&p->data_bytes, charge(block->size));
	atomic_store_explicit(&limit_told, false, memory_order_relaxed);
	kfree(block);
}

void process_memory_release(struct process *p)
{
	unsigned count = 0;
	uint64_t bytes = 0;
	struct list_node *n;

	while ((n = list_first(&p->blocks))) {
		struct block *block = list_entry(n, struct block, node);

		if (count++ < LEAKS_TOLD)
			log_warn("process %llu (%s): leak of %zu bytes allocated in %pS",
				(unsigned long long)p->process_id, p->name, block->size,
				(void *)block->site);
		bytes += block->size;
		process_free(block + 1);
	}
	if (count)
		log_warn("process %llu (%s) ended: %u leaks, %llu bytes, freed",
			(unsigned long long)p->process_id, p->name, count,
			(unsigned long long)bytes);
}

void process_get_memory_stats(struct process *p, struct process_memory_stats *stats)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&process_lock);
	uint64_t blocks = (uint64_t)p->thread_count * sizeof(struct thread);

	*stats = (struct process_memory_stats){
		.data = blocks + atomic_load(&p->data_bytes),
		.stack = p->stack_bytes,
	};
	spin_unlock_irqrestore(&process_lock, irqs);
	stats->total = stats->shared + stats->code + stats->data + stats->stack;
}

int process_set_limits(struct process *p, uint64_t threads, uint64_t memory)
{
	int err = process_may_control(p);

	if (err)
		return err;
	atomic_store(&p->max_threads, threads);
	atomic_store(&p->max_memory, memory);
	return 0;
}
