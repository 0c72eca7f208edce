/* SPDX-License-Identifier: MIT */
/* A demonstration as data, and what its threads see of it. */
#ifndef KERNEL_DEMO_PRIVATE_H
#define KERNEL_DEMO_PRIVATE_H

#include "kernel/demo.h"
#include "kernel/mutex.h"
#include "kernel/semaphore.h"

#define DEMO_MEMBERS 4u
#define DEMO_FORKS   3u

struct demo_member;

/* One of its threads: what it does, and how it is scheduled. */
struct demo_role {
	const char *name;
	int (*run)(struct demo_member *member);
	struct sched_params params;
	ktime_t work; /* of a round */
};

struct demo {
	const char *name;
	const char *text;
	const char *advice; /* lines of what to look at, and of what helps */
	bool has_algorithm; /* time sharing is by this one meanwhile */
	enum sched_policy_id algorithm;
	struct demo_role role[DEMO_MEMBERS]; /* up to the first without a name */
};

/*
 * (c) constant while threads run, (a) atomic: written by the thread, read by the monitor,
 * (m) the monitor's
 */
struct demo_member {
	const struct demo_role *role; /* (c) */
	struct thread *thread;        /* (m) the handle; NULL once joined */
	unsigned number;              /* (c) from 0 */
	_Atomic unsigned rounds;      /* (a) */
	_Atomic ktime_t worst;        /* (a) */
	_Atomic ktime_t total;        /* (a) */
};

/* What the threads of the one that runs share. */
struct demo_scene {
	ktime_t base;            /* when its threads begin */
	struct semaphore unlent; /* a lock without an owner, hence without inheritance */
	struct mutex lent;       /* the same with both */
	struct mutex fork[DEMO_FORKS];
	_Atomic unsigned have_one; /* threads that have their first fork */
};

extern struct demo_scene demo_scene;

/* kernel/demo_roles.c: the table, which ends with one without a name. */
extern const struct demo demos[];

#endif
