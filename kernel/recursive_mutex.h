/* SPDX-License-Identifier: MIT */
/*
 * A mutex that its owner may take again: it is free when it has been unlocked as often. All else,
 * inheritance and the death of an owner included, is as in kernel/mutex.h.
 */
#ifndef KERNEL_RECURSIVE_MUTEX_H
#define KERNEL_RECURSIVE_MUTEX_H

#include "kernel/mutex.h"

#define RECURSIVE_MUTEX_MAX UINT32_MAX

/* (o) the owner */
struct recursive_mutex {
	struct mutex mutex;
	uint32_t depth; /* (o) times that it was taken, the first one not counted */
};

#define RECURSIVE_MUTEX_INIT(r)                                                                    \
	{                                                                                          \
		.mutex = {.name = #r }                                                             \
	}

void recursive_mutex_init(struct recursive_mutex *r, const char *name);

/* As mutex_lock(). The end of the kernel at RECURSIVE_MUTEX_MAX. */
void recursive_mutex_lock(struct recursive_mutex *r);

/*
 * As mutex_lock_until() and mutex_lock_killable(); -EAGAIN at RECURSIVE_MUTEX_MAX. An owner that
 * got -EOWNERDEAD has taken it once.
 */
int __must_check recursive_mutex_lock_until(struct recursive_mutex *r, ktime_t deadline);
int __must_check recursive_mutex_lock_killable(struct recursive_mutex *r);
bool __must_check recursive_mutex_trylock(struct recursive_mutex *r);

/* As mutex_unlock(): by another than the owner it is a misuse, and -EPERM in a release build. */
int recursive_mutex_unlock(struct recursive_mutex *r);

#endif
