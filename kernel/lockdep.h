/* SPDX-License-Identifier: MIT */
/*
 * Lock dependencies, in debug builds: which kinds of locks are taken while which others are held,
 * and in which context. What could deadlock is reported when it first becomes possible, whether it
 * deadlocks or not, with the calls that led to each side.
 *
 * Mutexes: a class is a name. Taking B while A is held says that A comes before B; a report comes
 * with the first acquisition that makes a class come before itself. Mutexes of one class are not
 * compared with each other.
 *
 * Spinlocks have one order for all, their rank, and a wrong one ends the kernel (spinlock_debug.h).
 * Here is checked that a class that interrupts take is never taken with interrupts on.
 */
#ifndef KERNEL_LOCKDEP_H
#define KERNEL_LOCKDEP_H

#include "kernel/types.h"

struct mutex;

/* Before the spinlocks of CPUs 0 .. cpus-1 are looked at: their areas exist. */
void lockdep_init(unsigned cpus);

/* The calling thread, which may own others, is about to wait for `m` if it must. */
void lockdep_before(struct mutex *m);

/* Reports since the last call; a test that provokes some takes them. */
unsigned lockdep_take_reports(void);

/*
 * For displays: the i-th known order, `first` before `then`, and where the latter was taken. False
 * behind the last one.
 */
bool lockdep_get(unsigned i, const char **first, const char **then, uintptr_t *site);

#endif
