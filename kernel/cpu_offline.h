/* SPDX-License-Identifier: MIT */
/* CPUs that leave and come back. Thread context, may sleep; one at a time, others wait. */
#ifndef KERNEL_CPU_OFFLINE_H
#define KERNEL_CPU_OFFLINE_H

#include "kernel/dispatch.h"

/*
 * Takes a CPU off line. What runs or waits there goes elsewhere; a thread that may run on no other
 * CPU on line may run on any until one of its own is back, which is logged. Returns when the CPU
 * rests and has given back its caches and timers. -EPERM for CPU 0, which takes the devices'
 * interrupts; -EINVAL when the CPU is not on line; -EBUSY when it is the last one or has promised
 * reservations.
 */
int __must_check cpu_offline(unsigned cpu);

/*
 * Brings it back; masks that were overridden are in force again. -EINVAL when there is no such CPU,
 * -EALREADY when it is on line.
 */
int __must_check cpu_online(unsigned cpu);

/* The idle thread of a CPU that is LEAVING, interrupts off. Returns when it is on line again. */
void cpu_rest(struct cpu_scheduler *cpu);

#endif
