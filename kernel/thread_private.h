/* SPDX-License-Identifier: MIT */
/* What the files behind kernel/thread.h share among themselves. */
#ifndef KERNEL_THREAD_PRIVATE_H
#define KERNEL_THREAD_PRIVATE_H

#include "kernel/thread.h"

/* thread_priority_level(), for where the priority is a constant. */
static __always_inline unsigned thread_level_of(unsigned priority)
{
	static const uint8_t levels[THREAD_PRIORITY_COUNT] = {
		[THREAD_PRIORITY_IDLE] = SCHED_LEVEL_IDLE,
		[THREAD_PRIORITY_LOW] = SCHED_LEVEL_LOW,
		[THREAD_PRIORITY_NORMAL] = SCHED_LEVEL_NORMAL,
		[THREAD_PRIORITY_HIGH] = SCHED_LEVEL_HIGH,
		[THREAD_PRIORITY_CRITICAL] = SCHED_LEVEL_CRITICAL,
	};

	KASSERT(priority < THREAD_PRIORITY_COUNT);
	return levels[priority];
}

/* --- thread_control.c ------------------------------------------------------------------------ */

/* Has `t` been asked to stop, and may it in a blocking call? A suspension never strands a mutex. */
static inline bool thread_wants_stop(const struct thread *t)
{
	unsigned stop = atomic_load(&t->stop);

	return unlikely(stop) && (stop & THREAD_STOP_KILL || !t->held) &&
		!(atomic_load(&t->flags) & THREAD_UNINTERRUPTIBLE);
}

/* The same for a thread that may be stopped at any preemption. */
static inline bool thread_must_stop_here(const struct thread *t)
{
	return unlikely(atomic_load_explicit(&t->stop, memory_order_relaxed)) &&
		atomic_load(&t->flags) & THREAD_KILLABLE_ANYWHERE && !t->held;
}

/* Suspends the calling thread or ends it, as was asked. Interrupts off, also on return. */
void thread_stop_here(void);

/* Suspends the calling thread while that is asked for. Interrupts off, also on return. */
void thread_suspend_here(void);

/* Waits until `t` is STOPPED: as thread_suspend() does after its request. */
int __must_check thread_wait_stopped(struct thread *t, ktime_t deadline);

/* The requests of a process to its threads; system threads obey too. */
void thread_kill_with_process(struct thread *t);
void thread_stop_or_go_with_process(struct thread *t);

/* Gives `t` its process's priority, unless it was set on its own. */
void thread_follow_process(struct thread *t);

/* Some thread is suspended, has ended, or need not stop any more: who waits for that looks. */
void thread_note_stopped(void);

/* --- thread_stubborn.c ----------------------------------------------------------------------- */

void thread_stop_timer_init(struct thread *t);

/* Reports the thread for whose sake another CPU has interrupted this one, if any. */
void thread_report_here(void);

/* --- wait.c ---------------------------------------------------------------------------------- */

/*
 * Sleeps, not in a wait. Interrupts off, also on return. False: interrupted by another request to
 * stop.
 */
bool wait_sleep_here(ktime_t deadline);

void wait_init_thread(struct thread *t);

/* --- thread_table.c -------------------------------------------------------------------------- */

/*
 * Gives `t` an id, enters it into the table and its process. 0, -ETHREAD_LIMIT, -ETHREAD_MEMORY,
 * -EPROCESS_STATE when the process is ending.
 */
int __must_check thread_table_add(struct thread *t);

/*
 * The reverse; nobody holds a reference. True: it was the last of a process that has ended, to be
 * given to process_release() once nothing is left of the thread.
 */
bool __must_check thread_table_remove(struct thread *t);

/* --- thread_alloc.c -------------------------------------------------------------------------- */

int __must_check thread_alloc_init(void);

/* What rests between the lives of a control block: its queue, timers, nodes and wait. */
void thread_construct(struct thread *t);

/*
 * A constructed control block with a stack of this size; stack_base and stack_size are set. NULL:
 * no memory.
 */
struct thread *thread_alloc(size_t stack_size);
void thread_free(struct thread *t);

#endif
