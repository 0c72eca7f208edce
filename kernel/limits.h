/* SPDX-License-Identifier: MIT */
/*
 * How much there may be: in the system, and in each process, whose limits begin as the system's
 * default and can be changed on their own. Set by boot parameters of the same names and at run
 * time.
 *
 * A part of the system's threads and of its memory is kept for process 0, so that whoever has to
 * stop a thread bomb still can: the last sixteenth, at most LIMIT_RESERVE_MAX threads and
 * LIMIT_RESERVE_MEMORY bytes.
 */
#ifndef KERNEL_LIMITS_H
#define KERNEL_LIMITS_H

#include "kernel/types.h"

enum limit {
	LIMIT_THREADS,   /* in the system */
	LIMIT_PROCESSES, /* in the system */
	LIMIT_MEMORY,    /* of the system in use, in bytes: above it only process 0 gets more */
	LIMIT_PROCESS_THREADS, /* of a process created from now on */
	LIMIT_PROCESS_MEMORY,  /* of a process created from now on, in bytes */
	LIMIT_COUNT,
};

#define LIMIT_RESERVE_MAX    64u
#define LIMIT_RESERVE_MEMORY (16ull << 20)

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

/* Bytes of memory that are in use, by whomever; what CPUs keep for reuse counts too. Any context.
 */
uint64_t limit_memory_used(void);

/* Would `bytes` more be more than others than process 0 may have the system use? Any context. */
bool limit_memory_refused(uint64_t bytes);

/* "threads"; NULL behind the last. The boot parameter has the same name, with '_' for '-'. */
const char *limit_name(unsigned which);

#endif
