/* SPDX-License-Identifier: MIT */
/* What the files behind kernel/process.h share among themselves and with those of threads. */
#ifndef KERNEL_PROCESS_PRIVATE_H
#define KERNEL_PROCESS_PRIVATE_H

#include "kernel/process.h"

static inline enum process_phase process_phase(const struct process *p)
{
	return atomic_load(&p->phase);
}

static inline unsigned process_flags(const struct process *p)
{
	return atomic_load(&p->flags);
}

static inline unsigned process_level_now(const struct process *p)
{
	return atomic_load_explicit(&p->level, memory_order_relaxed);
}

/* --- process.c ------------------------------------------------------------------------------- */

/*
 * Gives `p` an id, enters it into the table, the list and its parent's children. 0,
 * -EPROCESS_LIMIT, -EPROCESS_STATE when the parent is ending, -EPROCESS_MEMORY.
 */
int __must_check process_table_add(struct process *p);

/* The level of the threads of a process that are never set on their own. */
unsigned process_level(unsigned priority, unsigned flags);

/* --- process_life.c -------------------------------------------------------------------------- */

/*
 * A thread is about to be entered into its process, which is not process 0: the limits, the phase,
 * a suspension. process_lock held. 0, -EPROCESS_STATE, -ETHREAD_LIMIT or -ETHREAD_MEMORY.
 */
int __must_check process_admit_thread(struct process *p, struct thread *t);

/* It is started, by whoever created it. Not for process 0. */
void process_thread_starts(struct thread *t);

/* The calling thread ends with this status. Not for process 0. May end the process. */
void process_thread_leaves(struct thread *self, int status);

/* The last control block is gone: true when nothing else holds the process. process_lock held. */
static inline bool process_is_deserted(const struct process *p)
{
	KASSERT(spin_held(&process_lock));
	return p->settled && !p->thread_count;
}

/* What remains to be done when process_is_deserted(). No lock held. */
void process_release(struct process *p);

/* --- process_memory.c ------------------------------------------------------------------------ */

/* Would so much more be above the limit? */
bool process_memory_refused(const struct process *p, uint64_t bytes);

/* Frees what is left, and says so. The process has no threads any more. */
void process_memory_release(struct process *p);

#endif
