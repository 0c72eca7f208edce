/* SPDX-License-Identifier: MIT */
/*
 * What a record of the trace costs: a semaphore is handed to and fro, which is three records per
 * direction, with the trace on and with it off. And what is left of it when it is off:
 * the question whether it is on.
 */
#include "bench/bench.h"
#include "kernel/semaphore.h"
#include "kernel/trace.h"

#define EVENTS 3 /* per direction: what is waited for, the switch, the wake-up */

static struct semaphore there = SEMAPHORE_INIT(there, 0);
static struct semaphore back = SEMAPHORE_INIT(back, 0);
static _Atomic bool done;

static int answer(void *arg __unused)
{
	for (;;) {
		semaphore_take(&there);
		if (atomic_load_explicit(&done, memory_order_relaxed))
			return 0;
		semaphore_give(&back);
	}
}

static uint32_t time_round_trips(void)
{
	ktime_t start = arch_time_now();

	for (unsigned i = 0; i < BENCH_ROUNDS; i++) {
		semaphore_give(&there);
		semaphore_take(&back);
	}
	return (uint32_t)(arch_time_now() - start);
}

static uint32_t time_with_trace(bool on)
{
	uint32_t time;

	trace_enable(on);
	time = time_round_trips();
	trace_enable(false);
	return time;
}

KBENCH(trace_event_on, "trace-event-on", 500)
{
	struct thread *partner;

	atomic_store(&done, false);
	if (trace_init()) {
		ktest_fail(__FILE__, __LINE__, "no memory for the trace");
		return;
	}
	if (!bench_start(&partner, "partner", answer, NULL))
		return;
	for (unsigned i = 0; i < samples; i++)
		sample[i] = (time_with_trace(true) - time_with_trace(false)) /
			(2 * BENCH_ROUNDS * EVENTS);
	atomic_store(&done, true);
	semaphore_give(&there);
	bench_join(partner);
}

/* clang-format off */
#define ASK trace_event(TRACE_WAKE, 0, 0); barrier()
#define ASK_8 ASK; ASK; ASK; ASK; ASK; ASK; ASK; ASK
/* clang-format on */

KBENCH(trace_event_off, "trace-event-off", 500)
{
	for (unsigned i = 0; i < samples; i++) {
		ktime_t start = arch_time_now(), asked;

		ASK_8;
		ASK_8;
		ASK_8;
		ASK_8;
		asked = arch_time_now();
		sample[i] = (uint32_t)((asked - start) - (arch_time_now() - asked)) / 32;
	}
}
