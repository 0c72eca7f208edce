/* SPDX-License-Identifier: MIT */
/* The virtual CPU a host thread plays. */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include "kernel/types.h"
#include <arch/percpu.h>

#define ARCH_CACHE_LINE 64
#define ARCH_PAGE_SHIFT 12
#define ARCH_PAGE_SIZE  (1ul << ARCH_PAGE_SHIFT)

static __always_inline void arch_cpu_relax(void)
{
	__builtin_ia32_pause();
}

static __always_inline uintptr_t arch_here(void)
{
	uintptr_t here;

	__asm__ volatile("lea (%%rip), %0" : "=r"(here));
	return here;
}

static __always_inline void arch_store_here(uintptr_t *here)
{
	*here = arch_here();
}

/* Set by arch_host_fibres_init(): time passes until the armed timer is due. */
extern void (*arch_host_wait)(void);

/* Without fibres a host CPU polls. */
static __always_inline void arch_cpu_wait(void)
{
	if (arch_host_wait)
		arch_host_wait();
	else
		arch_cpu_relax();
}

/* Nothing counts instructions here. */
static __always_inline void arch_cpu_pass_time(void)
{
	arch_cpu_wait();
}

#endif
