/* SPDX-License-Identifier: MIT */
/* The time-stamp counter as a clock, and what it is measured against. */
#ifndef X86_CLOCK_H
#define X86_CLOCK_H

#include <arch/time.h>

/* Measures TSC and APIC timer against a timer of known frequency. arch_time_now() works then. */
void clock_init(void);

/* Measured frequencies in Hz. */
uint64_t clock_tsc_frequency(void);
uint64_t clock_apic_frequency(void);

/* The TSC value at a time; saturates. */
uint64_t clock_tsc_at(ktime_t when);

#endif
