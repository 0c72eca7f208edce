/* SPDX-License-Identifier: MIT */
/*
 * Statistics of locks (rule S9.3): how often somebody had to wait, by the place in the code where
 * it waited, always; how long, and how long mutexes were held, only while lockstat is on. What
 * nobody waits for is not counted and costs nothing.
 */
#ifndef KERNEL_LOCKSTAT_H
#define KERNEL_LOCKSTAT_H

#include "kernel/types.h"

struct mutex;

enum lockstat_kind { LOCKSTAT_SPINLOCK, LOCKSTAT_MUTEX };

#define LOCKSTAT_NAME 24

/* Of one place; times in ns. */
struct lockstat {
	enum lockstat_kind kind;
	uintptr_t site;           /* who wanted it */
	char name[LOCKSTAT_NAME]; /* mutexes only: the first one that was waited for there */
	uint64_t contended;
	ktime_t wait, wait_max; /* while lockstat was on */
	ktime_t held, held_max; /* by who took it there; mutexes that were waited for once */
};

/* Times are taken from now on, or not any more. */
void lockstat_set(bool on);
bool lockstat_is_on(void);

/* Spinlocks of CPUs 0 .. cpus-1 count from now on: their areas exist. */
void lockstat_init(unsigned cpus);

/* The i-th place, false behind the last one. Any context. */
bool lockstat_get(unsigned i, struct lockstat *stat);

/* Every count starts again; places stay known. */
void lockstat_clear(void);

/*
 * For mutex.c: the count of those who wait in `site`; somebody has waited so long there; it was
 * held so long.
 */
_Atomic uint64_t *lockstat_mutex_count(const struct mutex *m, uintptr_t site);
void lockstat_mutex_waited(const struct mutex *m, uintptr_t site, ktime_t ns);
void lockstat_mutex_held(const struct mutex *m, ktime_t ns);

#endif
