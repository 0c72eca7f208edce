/* SPDX-License-Identifier: MIT */
/* A thread's whole life: create, start, run, exit, join. */
#include "bench/bench.h"

static int nothing(void *arg __unused)
{
	return 0;
}

static bool live_once(void)
{
	struct thread *thread;

	if (!bench_start(&thread, "brief", nothing, NULL))
		return false;
	bench_join(thread);
	return true;
}

KBENCH(thread_create_join, "thread-create-join", 500)
{
	for (unsigned i = 0; i < samples; i++) {
		ktime_t start = arch_time_now();

		for (unsigned round = 0; round < BENCH_ROUNDS; round++)
			if (!live_once())
				return;
		sample[i] = bench_per(start, BENCH_ROUNDS);
	}
}
