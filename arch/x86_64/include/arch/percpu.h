/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU variables: one copy of section .percpu per CPU, reached through the GS base. The boot
 * CPU uses the section itself (GS base 0), so per-CPU variables work from the first C line. The
 * other CPUs get zero-filled areas before they start.
 */
#ifndef ARCH_PERCPU_H
#define ARCH_PERCPU_H

#include "kernel/types.h"

#define ARCH_PERCPU_SECTION ".percpu"

/* This CPU's GS base: the distance from a variable's link address to this CPU's copy. */
extern uintptr_t percpu_offset_self;
extern unsigned percpu_cpu_id;

#define arch_this_cpu(var)   (*(__typeof__(var) __seg_gs *)(uintptr_t)(&(var)))
#define arch_percpu_offset() arch_this_cpu(percpu_offset_self)

/*
 * The number of the CPU this runs on, 0 .. n-1 without gaps. Stable only where preemption is off.
 */
static inline unsigned arch_cpu_id(void)
{
	return arch_this_cpu(percpu_cpu_id);
}

#endif
