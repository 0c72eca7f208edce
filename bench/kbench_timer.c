/* SPDX-License-Identifier: MIT */
/*
 * Time stolen by a timer interrupt whose callback starts the timer again: the gap it leaves in a
 * loop that does nothing but read the clock, less the loop's own step.
 */
#include "bench/bench.h"
#include "kernel/timer.h"

#define PERIOD (20 * NSEC_PER_USEC)

static void start_again(struct timer *timer)
{
	timer_start(timer, timer->when + PERIOD);
}

/* The shortest step between two readings. */
static ktime_t loop_step(void)
{
	ktime_t shortest = KTIME_MAX, now = arch_time_now();

	for (unsigned i = 0; i < 100; i++) {
		ktime_t before = now;

		now = arch_time_now();
		shortest = MIN(shortest, now - before);
	}
	return shortest;
}

/* The next step that is clearly longer than an ordinary one. */
static ktime_t next_gap(ktime_t step)
{
	ktime_t before, now = arch_time_now();

	do {
		before = now;
		now = arch_time_now();
	} while (now - before < 3 * step);
	return now - before;
}

KBENCH(timer_irq, "timer-irq", 2000)
{
	ktime_t step = loop_step();
	struct timer timer;

	timer_init(&timer, start_again);
	timer_start(&timer, arch_time_now() + PERIOD);
	for (unsigned i = 0; i < samples; i++)
		sample[i] = (uint32_t)(next_gap(step) - step);
	timer_cancel_sync(&timer);
}
