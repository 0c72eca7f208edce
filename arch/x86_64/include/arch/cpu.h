/* SPDX-License-Identifier: MIT */
/* The CPU this runs on: who it is, how it waits. */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include "kernel/types.h"
#include <arch/percpu.h>

#define ARCH_CACHE_LINE 64
#define ARCH_PAGE_SHIFT 12
#define ARCH_PAGE_SIZE  (1ul << ARCH_PAGE_SHIFT)

/* In every spin loop. Ends this CPU's turn under icount. */
static __always_inline void arch_cpu_relax(void)
{
	__asm__ volatile("pause" ::: "memory");
}

/*
 * Waits for an interrupt. Called with interrupts off; atomically enables them and waits, returns
 * with them off again. May return early: always in a loop that tests a condition.
 */
static __always_inline void arch_cpu_wait(void)
{
	__asm__ volatile("sti; hlt; cli" ::: "memory");
}

#define ARCH_PASS_TIME_INSTRUCTIONS 32

/*
 * Lets a little time pass with interrupts on, without halting: for icount, where time is counted in
 * instructions. Few, because an interrupt does not end it; called and returns with interrupts off.
 */
static __always_inline void arch_cpu_pass_time(void)
{
	__asm__ volatile("sti; .fill %c0, 1, 0x90; cli" ::"i"(ARCH_PASS_TIME_INSTRUCTIONS)
			 : "memory");
}

/* A code address in the function where this stands, or into which that is inlined. */
static __always_inline uintptr_t arch_here(void)
{
	uintptr_t here;

	__asm__ volatile("lea (%%rip), %0" : "=r"(here));
	return here;
}

/* Stores it, in one instruction. */
static __always_inline void arch_store_here(uintptr_t *here)
{
	__asm__ volatile("1: movq $1b, %0" : "=m"(*here));
}

/* Stops this CPU for good. */
static inline __noreturn void arch_cpu_stop(void)
{
	for (;;)
		__asm__ volatile("cli; hlt" ::: "memory");
}

#endif
