/* SPDX-License-Identifier: MIT */
/* Built-in things for threads to do, so that there is something to watch: the monitor's `spawn`. */
#ifndef KERNEL_WORKLOAD_H
#define KERNEL_WORKLOAD_H

#include "kernel/thread.h"

struct workload_params {
	unsigned threads;               /* ping-pong: rounded up to pairs */
	unsigned level;                 /* 0 best .. 39 */
	bool has_level;                 /* else that of the process */
	struct process *process;        /* NULL: the caller's */
	const struct cpumask *affinity; /* NULL: every CPU */
};

/* Is it meant to be in a process of its own? */
bool workload_wants_process(unsigned index);

/* Name and one line of text of the index-th workload, NULL behind the last. */
const char *workload_name(unsigned index);
const char *workload_text(unsigned index);

/*
 * Starts the threads, detached. *started says how many there are, also after an error, which is
 * one of thread_create()'s. May block.
 */
int __must_check workload_spawn(
	unsigned index, const struct workload_params *params, unsigned *started);

/* Ends all threads that workload_spawn() started. False: some did not in time. May block. */
bool workload_end_all(ktime_t patience);

#endif
