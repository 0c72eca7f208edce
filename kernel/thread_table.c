/* SPDX-License-Identifier: MIT */
/*
 * Thread ids, the lists of threads and how many there may be, under process_lock. What needs memory
 * is done without the lock.
 */
#include "kernel/errno.h"
#include "kernel/id_table.h"
#include "kernel/limits.h"
#include "kernel/log.h"
#include "kernel/process.h"
#include "kernel/process_private.h"
#include "kernel/thread.h"
#include "kernel/thread_private.h"

static struct id_table ids = ID_TABLE_INIT; /* (p) */
static bool limit_told;                     /* (p) */

/* Once per time that the limit is reached, not once per thread refused. */
static __noinline int refuse(uint64_t limit)
{
	if (!limit_told)
		log_warn("threads: limit of %llu reached, creation refused",
			(unsigned long long)limit);
	limit_told = true;
	return -ETHREAD_LIMIT;
}

static __noinline int refuse_memory(const struct process *p)
{
	if (!limit_told)
		log_warn("memory: limit of %llu MiB reached, creation refused to process %llu (%s)",
			(unsigned long long)(limit_get(LIMIT_MEMORY) >> 20),
			(unsigned long long)p->process_id, p->name);
	limit_told = true;
	return -ETHREAD_MEMORY;
}

/* What process 0 may have alone is not for others. */
static __noinline int check_process(struct process *p, struct thread *t, uint64_t limit)
{
	uint64_t reserve = MAX(MIN(limit / 16, LIMIT_RESERVE_MAX), 1);

	if (ids.count >= limit - reserve)
		return refuse(limit - reserve);
	if (limit_memory_refused(0))
		return refuse_memory(p); /* its memory is there already, and goes again */
	return process_admit_thread(p, t);
}

/* 0, an error, or -ENOSPC when the table must grow first. */
static __always_inline int enter(struct thread *t)
{
	uint64_t limit = limit_get(LIMIT_THREADS);
	struct process *p = t->process;
	int err = 0;

	KASSERT(spin_held(&process_lock));
	if (unlikely(!id_table_has_room(&ids)))
		return -ENOSPC;
	if (unlikely(ids.count >= limit))
		return refuse(limit);
	if (unlikely(p != &kernel_process))
		err = check_process(p, t, limit);
	if (unlikely(err))
		return err;
	id_table_add(&ids, &t->thread_id);
	p->thread_count++;
	p->stack_bytes += t->stack_size;
	list_push_back(&p->threads, &t->process_node);
	return 0;
}

static __always_inline int try_to_add(struct thread *t)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&process_lock);
	int err = enter(t);

	spin_unlock_irqrestore(&process_lock, irqs);
	return err;
}

static __noinline int extend_and_add(struct thread *t)
{
	int err;

	do
		err = id_table_extend(&ids, &process_lock);
	while (!err && (err = try_to_add(t)) == -ENOSPC);
	return err == -ENOMEM ? -ETHREAD_MEMORY : err;
}

int thread_table_add(struct thread *t)
{
	int err = try_to_add(t);

	return likely(err != -ENOSPC) ? err : extend_and_add(t);
}

bool thread_table_remove(struct thread *t)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&process_lock);
	struct process *p = t->process;
	bool deserted;

	id_table_remove(&ids, &t->thread_id);
	limit_told = false;
	list_remove(&t->process_node);
	p->thread_count--;
	p->stack_bytes -= t->stack_size;
	p->limit_told = false;
	p->cpu_time += t->se.stats.time[SCHED_RUNNING];
	if (p->main_thread == t)
		p->main_thread = NULL;
	deserted = process_is_deserted(p);
	spin_unlock_irqrestore(&process_lock, irqs);
	return deserted;
}

/* A reference to a thread in the table, unless it was joined or its last one has just gone. */
static struct thread *get_live(struct thread *t)
{
	unsigned refs = atomic_load(&t->refs);

	if (atomic_load_explicit(&t->exit_state, memory_order_relaxed) == THREAD_JOINED)
		return NULL;
	while (refs)
		if (atomic_compare_exchange_weak(&t->refs, &refs, refs + 1))
			return t;
	return NULL;
}

int thread_lookup(uint64_t thread_id, struct thread **thread)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&process_lock);
	uint64_t *id = id_table_find(&ids, thread_id);
	bool given = thread_id < ids.next_id;

	*thread = id ? get_live(container_of(id, struct thread, thread_id)) : NULL;
	spin_unlock_irqrestore(&process_lock, irqs);
	if (*thread)
		return 0;
	return given ? -ETHREAD_NOT_FOUND : -ETHREAD_ID;
}

struct thread *thread_find(uint64_t thread_id)
{
	struct thread *t;

	return thread_lookup(thread_id, &t) ? NULL : t;
}

struct thread *process_next_thread(struct process *p, struct thread *previous)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&process_lock);
	struct list_node *n = previous ? list_next(&p->threads, &previous->process_node)
				       : list_first(&p->threads);
	struct thread *t = NULL;

	KASSERT(!previous || previous->process == p);
	for (; n && !t; n = list_next(&p->threads, n))
		t = get_live(list_entry(n, struct thread, process_node));
	spin_unlock_irqrestore(&process_lock, irqs);
	if (previous)
		thread_put(previous);
	return t;
}

/* The first thread at or after node `n` of process `p`, or of a later process. */
static struct thread *first_from(struct process *p, struct list_node *n)
{
	struct thread *t = NULL;

	while (p && !t) {
		for (; n && !t; n = list_next(&p->threads, n))
			t = get_live(list_entry(n, struct thread, process_node));
		n = list_next(&process_list, &p->node);
		p = n ? list_entry(n, struct process, node) : NULL;
		n = p ? list_first(&p->threads) : NULL;
	}
	return t;
}

struct thread *thread_next(struct thread *previous)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&process_lock);
	struct process *p = previous ? previous->process : &kernel_process;
	struct list_node *n = previous ? list_next(&p->threads, &previous->process_node)
				       : list_first(&p->threads);
	struct thread *t = first_from(p, n);

	spin_unlock_irqrestore(&process_lock, irqs);
	if (previous)
		thread_put(previous);
	return t;
}

unsigned thread_count(void)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&process_lock);
	unsigned n = (unsigned)ids.count;

	spin_unlock_irqrestore(&process_lock, irqs);
	return n;
}
