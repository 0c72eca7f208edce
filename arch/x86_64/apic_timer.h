/* SPDX-License-Identifier: MIT */
/* Each CPU's one-shot timer: the APIC's, by TSC deadline where the CPU has that, else by count. */
#ifndef X86_APIC_TIMER_H
#define X86_APIC_TIMER_H

#include "kernel/types.h"

/* Chooses the mode; after clock_init(). */
void apic_timer_init(void);

/* On each CPU: the mode is set, nothing is armed. */
void apic_timer_init_cpu(void);

/*
 * Halts this CPU until `when`. Only before the first arch_timer_arm(): nothing is called.
 * Interrupts off; they are on while it halts.
 */
void apic_timer_halt_until(ktime_t when);

/* For the banner: "TSC deadline" or "APIC count". */
const char *apic_timer_name(void);

#endif
