/* SPDX-License-Identifier: MIT */
/*
 * How much there may be: in the system, and in each process, whose limits begin as the system's
 * default and can be changed on their own. Set by boot parameters of the same names and at run
 * time.
 *
 * A part of the system's threads is kept for process 0, so that whoever has to stop a thread bomb
 * still can: the last sixteenth, at most LIMIT_RESERVE_MAX.
 */
#ifndef KERNEL_LIMITS_H
#define KERNEL_LIMITS_H

#include "kernel/types.h"

enum limit {
	LIMIT_THREADS,         /* in the system */
	LIMIT_PROCESSES,       /* in the system */
	LIMIT_PROCESS_THREADS, /* of a process created from now on */
	LIMIT_PROCESS_MEMORY,  /* of a process created from now on, in bytes */
	LIMIT_COUNT,
};

#define LIMIT_RESERVE_MAX 64u

/* From the boot parameters; those that are 0 by the size of memory. */
void limits_init(void);

extern _Atomic uint64_t limits[LIMIT_COUNT]; /* (a) */

/* Any context. What exists already stays, also above a limit. */
static inline uint64_t limit_get(enum limit which)
{
	return atomic_load_explicit(&limits[which], memory_order_relaxed);
}

static inline void limit_set(enum limit which, uint64_t value)
{
	atomic_store_explicit(&limits[which], value, memory_order_relaxed);
}

/* "threads"; NULL behind the last. The boot parameter has the same name, with '_' for '-'. */
const char *limit_name(unsigned which);

#endif
