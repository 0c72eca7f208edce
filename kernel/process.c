/* SPDX-License-Identifier: MIT */
/* Processes: the list of them, counted references, and what is derived from their threads. */
#include "kernel/process.h"
#include "kernel/errno.h"
#include "kernel/id_table.h"
#include "kernel/limits.h"
#include "kernel/process_private.h"
#include "kernel/string.h"
#include "kernel/thread.h"
#include "mm/slab.h"
#include <arch/time.h>

struct spinlock process_lock = SPINLOCK_INIT("process_lock", LOCK_RANK_PROCESS);
struct list process_list = LIST_INIT(process_list);
struct process kernel_process;

static struct id_table ids = ID_TABLE_INIT; /* (p) */

/* --- the table ------------------------------------------------------------------------------- */

/*
 * The kernel's own: NORMAL, so that its threads are what they are everywhere, and privileged, so
 * that they may do what they like.
 */
void process_init(void)
{
	struct process *p = &kernel_process;

	string_copy(p->name, "kernel", sizeof(p->name));
	atomic_store(&p->flags, PROCESS_PRIVILEGED | PROCESS_SYSTEM_PROCESS);
	atomic_store(&p->priority, PROCESS_NORMAL);
	atomic_store(&p->level, process_level(PROCESS_NORMAL, 0));
	atomic_store(&p->max_threads, UINT64_MAX);
	atomic_store(&p->max_memory, UINT64_MAX);
	p->created_at = arch_time_now();
	atomic_store(&p->refs, 1);
	list_init(&p->threads);
	list_init(&p->children);
	list_init(&p->blocks);
	spin_init(&p->memory_lock, "process_memory", LOCK_RANK_SYNC);
	wait_queue_init(&p->ended, WAIT_KIND_PROCESS, p->name, LOCK_RANK_THREAD);
	id_table_add(&ids, &p->process_id);
	list_push_back(&process_list, &p->node);
}

/* -ENOSPC when the table must grow first. */
static int enter(struct process *p)
{
	struct process *parent = p->parent;

	KASSERT(spin_held(&process_lock));
	if (process_phase(parent) != PROCESS_ALIVE)
		return -EPROCESS_STATE;
	if (ids.count >= limit_get(LIMIT_PROCESSES))
		return -EPROCESS_LIMIT;
	if (!id_table_has_room(&ids))
		return -ENOSPC;
	id_table_add(&ids, &p->process_id);
	p->parent_id = parent->process_id;
	list_push_back(&process_list, &p->node);
	list_push_back(&parent->children, &p->sibling);
	return 0;
}

int process_table_add(struct process *p)
{
	int err;

	do {
		arch_irqflags_t irqs = spin_lock_irqsave(&process_lock);

		err = enter(p);
		spin_unlock_irqrestore(&process_lock, irqs);
	} while (err == -ENOSPC && !(err = id_table_extend(&ids, &process_lock)));
	return err == -ENOMEM ? -EPROCESS_MEMORY : err;
}

/* --- references ------------------------------------------------------------------------------ */

struct process *process_get(struct process *p)
{
	unsigned before = atomic_fetch_add(&p->refs, 1);

	KASSERT(before);
	(void)before;
	return p;
}

static void destroy(struct process *p)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&process_lock);

	KASSERT(process_phase(p) == PROCESS_REAPED && !p->thread_count);
	KASSERT(list_empty(&p->children) && list_empty(&p->blocks));
	id_table_remove(&ids, &p->process_id);
	list_remove(&p->node);
	spin_unlock_irqrestore(&process_lock, irqs);
	kfree(p);
}

void process_put(struct process *p)
{
	unsigned before = atomic_fetch_sub(&p->refs, 1);

	KASSERT(before);
	if (before == 1)
		destroy(p);
}

/* A reference to a process in the table, unless it was reaped or its last one has just gone. */
static struct process *get_live(struct process *p)
{
	unsigned refs = atomic_load(&p->refs);

	if (process_phase(p) == PROCESS_REAPED)
		return NULL;
	while (refs)
		if (atomic_compare_exchange_weak(&p->refs, &refs, refs + 1))
			return p;
	return NULL;
}

int process_lookup(uint64_t process_id, struct process **process)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&process_lock);
	uint64_t *id = id_table_find(&ids, process_id);
	bool given = process_id < ids.next_id;

	*process = id ? get_live(container_of(id, struct process, process_id)) : NULL;
	spin_unlock_irqrestore(&process_lock, irqs);
	if (*process)
		return 0;
	return given ? -EPROCESS_NOT_FOUND : -EPROCESS_ID;
}

struct process *process_find(uint64_t process_id)
{
	struct process *p;

	return process_lookup(process_id, &p) ? NULL : p;
}

struct process *process_next(struct process *previous)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&process_lock);
	struct list_node *n =
		previous ? list_next(&process_list, &previous->node) : list_first(&process_list);
	struct process *next = NULL;

	for (; n && !next; n = list_next(&process_list, n))
		next = get_live(list_entry(n, struct process, node));
	spin_unlock_irqrestore(&process_lock, irqs);
	if (previous)
		process_put(previous);
	return next;
}

unsigned process_count(void)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&process_lock);
	unsigned count = (unsigned)ids.count;

	spin_unlock_irqrestore(&process_lock, irqs);
	return count;
}

/* --- what is derived ------------------------------------------------------------------------- */

static bool is_idle(const struct thread *t)
{
	return atomic_load_explicit(&t->flags, memory_order_relaxed) & THREAD_IDLE;
}

static bool is_runnable(const struct thread *t)
{
	enum thread_state state = thread_get_state(t);

	return !is_idle(t) && (state == THREAD_READY || state == THREAD_RUNNING);
}

static bool has_runnable(struct process *p)
{
	struct thread *t = NULL;

	while ((t = process_next_thread(p, t)))
		if (is_runnable(t)) {
			thread_put(t);
			return true;
		}
	return false;
}

enum process_state process_get_state(struct process *p)
{
	if (process_phase(p) >= PROCESS_ENDED)
		return PROCESS_TERMINATED;
	if (process_flags(p) & PROCESS_SUSPENDED)
		return PROCESS_STOPPED;
	return has_runnable(p) ? PROCESS_RUNNING : PROCESS_WAITING;
}

static ktime_t time_of_ended(struct process *p)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&process_lock);
	ktime_t time = p->cpu_time;

	spin_unlock_irqrestore(&process_lock, irqs);
	return time;
}

static ktime_t time_of(struct thread *t)
{
	arch_irqflags_t irqs = arch_irq_save();
	ktime_t time = sched_runtime(&scheduler, &t->se, arch_time_now());

	arch_irq_restore(irqs);
	return time;
}

ktime_t process_cpu_time(struct process *p)
{
	ktime_t sum = time_of_ended(p);
	struct thread *t = NULL;

	while ((t = process_next_thread(p, t)))
		if (!is_idle(t))
			sum += time_of(t);
	return sum;
}

unsigned process_level(unsigned priority, unsigned flags)
{
	unsigned level = thread_priority_level(process_thread_priority(priority));

	if (flags & PROCESS_FOREGROUND)
		return level - MIN(level, PROCESS_GROUND_LEVELS);
	if (flags & PROCESS_BACKGROUND)
		return MIN(level + PROCESS_GROUND_LEVELS, SCHED_LEVEL_COUNT - 1);
	return level;
}

const char *process_state_name(enum process_state state)
{
	static const char *const names[] = {"RUNNING", "WAITING", "STOPPED", "TERMINATED"};

	return state < ARRAY_SIZE(names) ? names[state] : "?";
}

const char *process_priority_name(unsigned priority)
{
	static const char *const names[] = {"SYSTEM", "HIGH", "NORMAL", "LOW", "IDLE"};

	return priority < ARRAY_SIZE(names) ? names[priority] : "?";
}
