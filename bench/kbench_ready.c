/* SPDX-License-Identifier: MIT */
/*
 * A yield that switches, with 10, 1,000 or 100,000 threads ready, under the algorithm that the
 * kernel was started with and for fixed priorities. Not every policy lets all have a turn before
 * the first has another: the time is divided by the switches that the run queue counted.
 */
#include "bench/bench.h"
#include "kernel/limits.h"
#include "kernel/thread_policy.h"
#include "mm/frame.h"
#include "mm/slab.h"

static _Atomic bool done;
static bool fixed;

static int fix(struct thread *t)
{
	return fixed ? thread_set_fixed(t, SCHED_KIND_RR, 50) : 0;
}

static int yield_until_done(void *arg __unused)
{
	while (!atomic_load_explicit(&done, memory_order_relaxed))
		thread_yield();
	return 0;
}

/* Starts all or, when there is no memory for them, as many as it can. */
static unsigned start(struct thread **thread, unsigned wanted)
{
	unsigned n = 0;

	while (n < wanted && !thread_run(&thread[n], "yielder", yield_until_done, NULL) &&
		!fix(thread[n]))
		n++;
	return n;
}

static uint64_t switches(void)
{
	return this_cpu(cpu_schedulers).rq.stats.switches[SCHED_YIELD];
}

static uint32_t time_yields(unsigned yields)
{
	uint64_t first = switches();
	ktime_t began = arch_time_now();

	while (switches() - first < yields)
		thread_yield();
	return (uint32_t)((arch_time_now() - began) / (ktime_t)(switches() - first));
}

static void run(uint32_t *sample, unsigned samples, struct thread **thread, unsigned ready)
{
	const struct sched_params time_sharing = {.level = SCHED_LEVEL_NORMAL};
	unsigned started;

	atomic_store(&done, false);
	if (fix(thread_current()))
		ktest_fail(__FILE__, __LINE__, "no fixed priority");
	started = start(thread, ready);
	if (started < ready)
		ktest_skip("no memory for %u threads", ready);
	else
		time_yields(ready);
	for (unsigned i = 0; i < samples && started == ready; i++)
		sample[i] = time_yields(MAX(ready, 500u));
	atomic_store(&done, true);
	while (started)
		bench_join(thread[--started]);
	if (fixed && thread_set_params(thread_current(), &time_sharing))
		ktest_fail(__FILE__, __LINE__, "no time sharing any more");
}

static bool is_room(unsigned threads)
{
	struct frame_stats stats;

	frame_get_stats(&stats);
	return stats.free * ARCH_PAGE_SIZE > threads * (KSTACK_DEFAULT + sizeof(struct thread));
}

static void measure(uint32_t *sample, unsigned samples, unsigned ready, bool at_fixed_priority)
{
	struct thread **thread = kmalloc(ready * sizeof(*thread));
	uint64_t limit = limit_get(LIMIT_THREADS);

	fixed = at_fixed_priority;
	if (!thread || !is_room(ready)) {
		ktest_skip("no memory for %u threads", ready);
		kfree(thread);
		return;
	}
	limit_set(LIMIT_THREADS, limit + 2 * ready);
	run(sample, samples, thread, ready);
	limit_set(LIMIT_THREADS, limit);
	kfree(thread);
}

KBENCH(yield_ready_10, "yield-ready-10", 100)
{
	measure(sample, samples, 10, false);
}

KBENCH(yield_ready_1000, "yield-ready-1000", 50)
{
	measure(sample, samples, 1000, false);
}

KBENCH(yield_ready_100000, "yield-ready-100000", 3)
{
	measure(sample, samples, 100000, false);
}

KBENCH(yield_switch_10_fp, "yield-switch-10-fp", 100)
{
	measure(sample, samples, 10, true);
}

KBENCH(yield_switch_1000_fp, "yield-switch-1000-fp", 50)
{
	measure(sample, samples, 1000, true);
}

KBENCH(yield_switch_100000_fp, "yield-switch-100000-fp", 3)
{
	measure(sample, samples, 100000, true);
}
