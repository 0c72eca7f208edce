/* SPDX-License-Identifier: MIT */
/*
 * The clock: the time-stamp counter, scaled. One multiplication, no lock, the same on every CPU
 * (the counters run together on every machine that this kernel is for; smp.c checks it).
 *
 * How fast the counter runs is measured against a timer of known frequency, see measure() below.
 */
#include "arch/x86_64/clock.h"

#include "arch/x86_64/acpi.h"
#include "arch/x86_64/apic.h"
#include "arch/x86_64/apic_timer.h"
#include "arch/x86_64/reference.h"
#include "boot/entry.h"
#include "kernel/assert.h"
#include "kernel/log.h"
#include <arch/cpu.h>
#include <arch/time.h>

struct arch_clock arch_clock;

/* A pause lets every other virtual CPU have a turn, which takes long when there are many. */
#define READINGS_PER_PAUSE 64

#define ONE (1ull << 32) /* in 32.32 fixed point */

/* a * b / c without losing bits in between. The result fits 64 bits, so that the CPU can divide. */
static uint64_t multiply_divide(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t low, high;

	__asm__("mulq %3" : "=a"(low), "=d"(high) : "0"(a), "r"(b) : "cc");
	BUG_ON(high >= c);
	__asm__("divq %2" : "+a"(low), "+d"(high) : "r"(c) : "cc");
	return low;
}

/* The first time at which the counter's own time is a multiple of `ns`. */
static ktime_t next_multiple(ktime_t ns)
{
	uint64_t tsc = tsc_read();
	ktime_t now = (ktime_t)arch_clock_scale(tsc - arch_clock.base, arch_clock.ns_per_tick);

	return now + ns - (ktime_t)(arch_clock_scale(tsc, arch_clock.ns_per_tick) % (uint64_t)ns);
}

#define TURN_PERIOD (100 * NSEC_PER_MSEC) /* TCG_KICK_PERIOD, QEMU accel/tcg/tcg-accel-ops.h */
#define WAKES       24
#define WAKES_ALIKE 12
#define ROUND_TRIES 4
#define READINGS    16

/*
 * Besides at a pause, QEMU ends a CPU's turn every 100 ms of virtual time, counted from the end of
 * the last idle wait; unless its main loop, another host thread, looked when that wait began, for
 * then the old count goes on, and the clock may move too far as well. So the CPU waits many times,
 * each end 100 ms after the last: one of them is undisturbed, and the count is the same whichever.
 * True when the last waits all ended alike, which a clock that moved too far would not let them.
 */
static bool idle_until(ktime_t start)
{
	ktime_t late = 0;
	unsigned alike = 0;

	for (unsigned left = WAKES; left--;) {
		ktime_t when = start - left * TURN_PERIOD, now_late;

		apic_timer_halt_until(when);
		now_late = arch_time_now() - when;
		alike = now_late == late ? alike + 1 : 0;
		late = now_late;
	}
	return alike >= WAKES_ALIKE;
}

/*
 * The other CPUs are in a loop of the firmware's, which is not always one that halts: OVMF's takes
 * turns with us, in an order that began before. INIT stops them until they are started.
 * The clock is set back from what the wait took; differences to the base are taken modulo 2^64.
 */
ktime_t arch_time_start_round(ktime_t counter, ktime_t clock)
{
	ktime_t before = arch_time_now(), start = next_multiple(counter);
	ktime_t begin = DIV_ROUND_UP(before, clock) * clock;
	unsigned tries = ROUND_TRIES;

	apic_send(0, APIC_COMMAND_INIT | APIC_TO_OTHERS);
	while (!idle_until(start) && --tries)
		start += counter;
	if (!tries)
		log_warn("turns=on: idle waits do not end alike, runs may differ");
	arch_clock.base =
		clock_tsc_at(start) - arch_clock_scale((uint64_t)begin, arch_clock.ns_per_tick);
	return begin - before;
}

static __noinline uint64_t reading_time(void)
{
	uint64_t start = tsc_read();

	return tsc_read() - start;
}

bool arch_time_counts_instructions(void)
{
	uint64_t first = reading_time();

	for (unsigned i = 1; i < READINGS; i++)
		if (reading_time() != first)
			return false;
	return true;
}

uint64_t clock_tsc_at(ktime_t when)
{
	unsigned __int128 ticks =
		(unsigned __int128)(uint64_t)MAX(when, 0) * arch_clock.ticks_per_ns >> 32;

	return ticks > INT64_MAX ? UINT64_MAX : (uint64_t)ticks + arch_clock.base;
}

void arch_delay(ktime_t ns)
{
	uint64_t ticks = arch_clock_scale((uint64_t)MAX(ns, 0), arch_clock.ticks_per_ns);
	uint64_t start = tsc_read();
	unsigned readings = 0;

	KASSERT(arch_clock.ns_per_tick);
	while (tsc_read() - start < ticks)
		if (++readings % READINGS_PER_PAUSE == 0)
			arch_cpu_relax();
}

uint64_t clock_tsc_frequency(void)
{
	return arch_clock.tsc_frequency;
}

uint64_t clock_apic_frequency(void)
{
	return arch_clock.apic_frequency;
}

/* --- measuring ------------------------------------------------------------------------------ */

/* A moment, in all three counters. The reference stepped to its value within `width` TSC ticks. */
struct moment {
	uint64_t tsc, width;
	uint32_t reference, apic;
};

/* What a window gives: frequencies, and by how much they may be wrong, in 2^-32. */
struct measurement {
	uint64_t tsc_frequency, apic_frequency;
	uint64_t error;
};

#define WINDOWS         5
#define SHORT_WINDOW_US 400u
#define LONG_WINDOW_US  10000u
#define GOOD_ERROR      (ONE / 2000)
#define EDGE_TRIES      4
#define ROUND_HZ        1000000u

/* Waits for the next step of the reference. */
static struct moment catch_edge(const struct reference *ref)
{
	struct moment m;
	uint64_t before = tsc_read(), last_before = before;
	uint32_t first = ref->read();

	do {
		last_before = before;
		before = tsc_read();
		m.reference = ref->read();
	} while (m.reference == first);
	m.apic = apic_read(APIC_TIMER_CURRENT);
	m.width = tsc_read() - last_before;
	m.tsc = last_before + m.width / 2;
	return m;
}

/* The sharpest of a few edges: the host may have stopped this CPU during some. */
static struct moment catch_sharp_edge(const struct reference *ref)
{
	struct moment best = catch_edge(ref);

	for (unsigned i = 1; i < EDGE_TRIES; i++) {
		struct moment m = catch_edge(ref);

		if (m.width < best.width)
			best = m;
	}
	return best;
}

static struct measurement measure_window(const struct reference *ref, unsigned us)
{
	uint32_t ticks = (uint32_t)(ref->frequency * us / 1000000), elapsed;
	struct moment from = catch_sharp_edge(ref), to;
	uint64_t tsc, apic;

	while (((ref->read() - from.reference) & ref->mask) < ticks)
		; /* no pause: there is nobody to wait for yet */
	to = catch_sharp_edge(ref);
	elapsed = (to.reference - from.reference) & ref->mask;
	tsc = to.tsc - from.tsc;
	apic = from.apic - to.apic;
	return (struct measurement){
		.tsc_frequency = multiply_divide(tsc, ref->frequency, elapsed),
		.apic_frequency = multiply_divide(apic, ref->frequency, elapsed),
		.error = multiply_divide(from.width + to.width, ONE, tsc),
	};
}

/* The window with the smallest possible error, of five. */
static struct measurement measure_windows(const struct reference *ref, unsigned us)
{
	struct measurement best = measure_window(ref, us);

	for (unsigned i = 1; i < WINDOWS; i++) {
		struct measurement m = measure_window(ref, us);

		if (m.error < best.error)
			best = m;
	}
	return best;
}

/*
 * A busy host stops a virtual CPU between any two instructions, so a plain measurement can be off
 * by many per cent. Each end of a window is a step of the reference that is known to lie between
 * two readings of the TSC, so a window knows how wrong it can be; the best of five short ones is
 * taken, and longer ones only when none of these was sharp.
 */
static struct measurement measure(const struct reference *ref)
{
	struct measurement m = measure_windows(ref, SHORT_WINDOW_US);

	if (m.error > GOOD_ERROR)
		m = measure_windows(ref, LONG_WINDOW_US);
	return m;
}

/* The whole number of MHz, if the measurement cannot tell it from what was measured. */
static uint64_t round_frequency(uint64_t hz, uint64_t error)
{
	uint64_t rounded = (hz + ROUND_HZ / 2) / ROUND_HZ * ROUND_HZ;
	uint64_t off = rounded > hz ? rounded - hz : hz - rounded;

	return rounded && off <= arch_clock_scale(hz, error) ? rounded : hz;
}

static uint64_t ratio(uint64_t a, uint64_t b)
{
	return multiply_divide(a, ONE, b);
}

void clock_init(void)
{
	const struct reference *ref = reference_choose();
	struct measurement m;

	apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
	apic_write(APIC_TIMER_INITIAL, UINT32_MAX);
	m = measure(ref);
	apic_write(APIC_TIMER_INITIAL, 0);
	arch_clock.tsc_frequency = round_frequency(m.tsc_frequency, m.error);
	arch_clock.apic_frequency = round_frequency(m.apic_frequency, m.error);
	arch_clock.ticks_per_ns = ratio(arch_clock.tsc_frequency, NSEC_PER_SEC);
	arch_clock.base = boot_tsc;
	arch_clock.ns_per_tick = ratio(NSEC_PER_SEC, arch_clock.tsc_frequency);
	log_info("Clock: TSC %llu kHz, APIC timer %llu kHz, measured by the %s to %llu ppm",
		(unsigned long long)arch_clock.tsc_frequency / 1000,
		(unsigned long long)arch_clock.apic_frequency / 1000, ref->name,
		(unsigned long long)arch_clock_scale(1000000, m.error));
}
