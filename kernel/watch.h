/* SPDX-License-Identifier: MIT */
/*
 * Watchdogs: what hangs is reported in the log, with where it hangs, and the system goes on.
 *
 * A thread hangs that has waited for longer than hung= where no kill ends the wait and which has no
 * limit of its own. It is reported once per wait by a thread of low priority. Its timer runs only
 * while there are such waits: the first one starts it, by a flag that is looked at where a thread
 * blocks.
 *
 * A CPU is stuck that for longer than stuck= has been asked to switch, or has had its timer due,
 * and has done neither. It is found by another CPU, and made to say where it is by NMI.
 */
#ifndef KERNEL_WATCH_H
#define KERNEL_WATCH_H

#include "kernel/types.h"

/* --- threads --------------------------------------------------------------------------------- */

/* (a) see watch_threads_rest() */
extern _Atomic bool watch_threads_resting;

/*
 * Is the watchdog on, with nothing to look at? Then who is about to wait uninterruptibly calls
 * watch_threads_begin(). Asked with the run-queue lock held, which orders it.
 */
static inline bool watch_threads_rest(void)
{
	return atomic_load_explicit(&watch_threads_resting, memory_order_relaxed);
}

/*
 * Its thread, with the limit of hung=; called where that is set or tests may set it. 0 or the error
 * of thread_create().
 */
int __must_check watch_threads_start(void);

/* Somebody waits: looks some time from now. Interrupts off, no lock held. */
void watch_threads_begin(void);

/* Reports waits that are longer than `ns`, 0: none; looks at once. For tests. Thread context. */
void watch_threads_set_limit(ktime_t ns);

/* --- CPUs ------------------------------------------------------------------------------------ */

/* (a) The watchdog is on, and at rest while all CPUs idle. */
extern _Atomic bool watch_cpus_resting;

/* By stuck=. Thread context, all CPUs on line. */
void watch_cpus_start(void);

void watch_cpus_begin(void);

/* This CPU, interrupts off and no lock held, has been idle and has something to do now. */
static inline void watch_cpus_note_work(void)
{
	if (unlikely(atomic_load_explicit(&watch_cpus_resting, memory_order_relaxed)))
		watch_cpus_begin();
}

/* In the interrupt ARCH_IPI_CALL: this CPU may have to look. */
void watch_cpus_called(void);

/*
 * For tests: reports what is longer than `ns`, 0: nothing. `unheard`: no CPU hears the NMI by which
 * it is asked; as often as it was asked, that is how often it never answers. Thread context.
 */
void watch_cpus_set_limit(ktime_t ns, bool unheard);

#endif
