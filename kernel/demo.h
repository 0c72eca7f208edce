/* SPDX-License-Identifier: MIT */
/*
 * Demonstrations: a few threads on one CPU that show one thing that schedulers do, and say in
 * figures how it went. One runs at a time. The monitor's `demo`; its calls are for threads that
 * take turns in calling them (the monitor, a test), and may block.
 */
#ifndef KERNEL_DEMO_H
#define KERNEL_DEMO_H

#include "kernel/thread.h"

/* How the rounds of one of the threads went: from when it wanted to run until it had. */
struct demo_figures {
	uint64_t thread_id;
	const char *name;
	unsigned permille; /* of the CPU's time since the start */
	unsigned rounds;
	ktime_t average, worst;
	uint64_t misses; /* of deadlines */
};

/* Name and one line of the index-th demonstration, NULL behind the last; what to look at. */
const char *demo_name(unsigned index);
const char *demo_text(unsigned index);
const char *demo_advice(unsigned index);

/* demo_name()'s index of `name`; -EINVAL when there is none. */
int __must_check demo_find(const char *name);

/*
 * Starts its threads on the last CPU on line but the caller's own. 0; -EBUSY when one runs already,
 * -ESCHED_CPU without a second CPU, -ETHREAD_ACCESS when affinity=off, or an error of
 * thread_create(); then nothing is left of it.
 */
int __must_check demo_start(unsigned index);

/* The index of the one that runs and the CPU it runs on, or -1. */
int demo_running(unsigned *cpu);

/* The figures of the index-th thread of the one that runs; false behind the last. */
bool demo_get_figures(unsigned index, struct demo_figures *figures);

/*
 * Ends all its threads, waits for them, and lets the system algorithm be what it was. 0, -EINVAL
 * when none runs, -ETIMEDOUT when one of its threads does not end: try again.
 */
int __must_check demo_stop(void);

#endif
