/* SPDX-License-Identifier: MIT */
/*
 * What the benchmarks share. They run with one CPU and nothing else ready; time is the clock, which
 * under icount shift=0 counts guest instructions. A sample is the time of ROUNDS operations divided
 * by their number, so that reading the clock weighs little.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "kernel/ktest.h"
#include "kernel/thread.h"
#include <arch/time.h>

#define BENCH_ROUNDS 16u

static inline uint32_t bench_per(ktime_t since, unsigned operations)
{
	return (uint32_t)((arch_time_now() - since) / operations);
}

/* Starts a thread that a benchmark cannot do without. False: the benchmark has failed. */
static inline bool bench_start(
	struct thread **thread, const char *name, thread_entry entry, void *arg)
{
	int err = thread_run(thread, name, entry, arg);

	if (err)
		ktest_fail(__FILE__, __LINE__, "thread %s: error %d", name, err);
	return !err;
}

static inline void bench_join(struct thread *thread)
{
	int err = thread_join(thread, NULL);

	if (err)
		ktest_fail(__FILE__, __LINE__, "join: error %d", err);
}

#endif
