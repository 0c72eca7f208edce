/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU variables in a host process: every virtual CPU has a copy of section percpu; the host
 * thread that plays a CPU carries the distance to its copy.
 */
#ifndef ARCH_PERCPU_H
#define ARCH_PERCPU_H

#include "kernel/types.h"

/* A C identifier: the linker then says where the section starts and ends. */
#define ARCH_PERCPU_SECTION "percpu"

extern _Thread_local uintptr_t arch_host_percpu_offset;
extern _Thread_local unsigned arch_host_cpu_id;

#define arch_this_cpu(var)   (*(__typeof__(var) *)((uintptr_t)(&(var)) + arch_host_percpu_offset))
#define arch_percpu_offset() arch_host_percpu_offset

static inline unsigned arch_cpu_id(void)
{
	return arch_host_cpu_id;
}

#endif
