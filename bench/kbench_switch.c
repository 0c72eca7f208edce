/* SPDX-License-Identifier: MIT */
/* A yield that switches threads: between two, and with 1,000 others in the ready queue. */
#include "bench/bench.h"

#define OTHERS 1000u

static _Atomic bool done;

static int yield_until_done(void *arg __unused)
{
	while (!atomic_load_explicit(&done, memory_order_relaxed))
		thread_yield();
	return 0;
}

/* One sample: `threads` threads yield in turn, the caller among them, `rounds` times each. */
static uint32_t time_rounds(unsigned threads, unsigned rounds)
{
	ktime_t start = arch_time_now();

	for (unsigned i = 0; i < rounds; i++)
		thread_yield();
	return bench_per(start, rounds * threads);
}

static void measure(uint32_t *sample, unsigned samples, unsigned others, unsigned rounds)
{
	static struct thread *thread[OTHERS];
	unsigned started = 0;

	atomic_store(&done, false);
	while (started < others && bench_start(&thread[started], "yielder", yield_until_done, NULL))
		started++;
	thread_yield();
	for (unsigned i = 0; i < samples; i++)
		sample[i] = time_rounds(started + 1, rounds);
	atomic_store(&done, true);
	while (started)
		bench_join(thread[--started]);
}

KBENCH(yield_switch, "yield-switch", 2000)
{
	measure(sample, samples, 1, BENCH_ROUNDS);
}

KBENCH(yield_switch_1000, "yield-switch-1000", 100)
{
	measure(sample, samples, OTHERS, 1);
}
