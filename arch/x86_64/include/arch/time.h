/* SPDX-License-Identifier: MIT */
/* The clock and the one-shot timer of each CPU. */
#ifndef ARCH_TIME_H
#define ARCH_TIME_H

#include "kernel/types.h"

/* ns = (tsc - base) * ns_per_tick / 2^32. Exact when the counter runs at 1 GHz, as with icount. */
struct arch_clock {
	uint64_t base;           /* (c) TSC at time 0 */
	uint64_t ns_per_tick;    /* (c) 32.32 fixed point; 0 until measured: time stands still */
	uint64_t ticks_per_ns;   /* (c) 32.32 */
	uint64_t tsc_frequency;  /* (c) Hz */
	uint64_t apic_frequency; /* (c) Hz, of the APIC timer at divider 1 */
};
extern struct arch_clock arch_clock;

/* value * factor / 2^32, with a factor in 32.32 fixed point. */
static __always_inline uint64_t arch_clock_scale(uint64_t value, uint64_t factor)
{
	return (uint64_t)((unsigned __int128)value * factor >> 32);
}

/* Not before earlier loads have their values: readings on two CPUs are ordered by messages. */
static __always_inline uint64_t tsc_read(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

/* Nanoseconds since boot, monotonic and comparable across CPUs. Any context. */
static __always_inline ktime_t arch_time_now(void)
{
	return (ktime_t)arch_clock_scale(tsc_read() - arch_clock.base, arch_clock.ns_per_tick);
}

/*
 * This CPU's one-shot timer: entry_timer() is called at `when` or soon after, at once if `when` is
 * past. A later call replaces an earlier one; KTIME_MAX disarms. May fire early when `when` is
 * farther away than the hardware counts. Interrupts off.
 */
void arch_timer_arm(ktime_t when);

/*
 * Halts until the machine's own counter, which began at power-on and not at boot, is at a multiple
 * of `counter` ns, and lets the clock be at its next multiple of `clock` ns there, however long
 * that took. Under icount what follows does not depend on how long firmware and loader took.
 * Returns the ns that the clock went on by. On the boot CPU, interrupts off, the other CPUs not
 * started, while nothing holds a time: before the scheduler.
 */
ktime_t arch_time_start_round(ktime_t counter, ktime_t clock);

/*
 * Does the clock count instructions, as under icount? Then the same few take the same time, again
 * and again. Interrupts off.
 */
bool arch_time_counts_instructions(void);

/* Spins for at least `ns`; before the scheduler and in panics only. */
void arch_delay(ktime_t ns);

#endif
