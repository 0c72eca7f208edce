/* SPDX-License-Identifier: MIT */
/* Control registers of this CPU and the instructions around them. */
#ifndef X86_CONTROL_H
#define X86_CONTROL_H

#include "kernel/types.h"

#define CR0_MONITOR       (1ul << 1)
#define CR0_EMULATE       (1ul << 2)
#define CR0_TASK_SWITCHED (1ul << 3)
#define CR0_NUMERIC_ERROR (1ul << 5)
#define CR0_WRITE_PROTECT (1ul << 16)

#define CR4_DEBUG_EXTENSIONS (1ul << 3)
#define CR4_PAE              (1ul << 5)
#define CR4_MACHINE_CHECK    (1ul << 6)
#define CR4_PAGE_GLOBAL      (1ul << 7)
#define CR4_FXSAVE           (1ul << 9)
#define CR4_SIMD_EXCEPTIONS  (1ul << 10)
#define CR4_UMIP             (1ul << 11)
#define CR4_XSAVE            (1ul << 18)
#define CR4_SMEP             (1ul << 20)
#define CR4_SMAP             (1ul << 21)

#define MSR_EFER              0xc0000080u
#define EFER_LONG_MODE_ACTIVE (1ul << 10)
#define EFER_NX               (1ul << 11)

#define RFLAGS_FIXED     (1ul << 1)
#define RFLAGS_TRAP      (1ul << 8) /* a debug exception after each instruction */
#define RFLAGS_INTERRUPT (1ul << 9)
#define RFLAGS_ALIGNMENT (1ul << 18) /* with SMAP: supervisor may touch user pages */

#define CONTROL_REGISTER(name)                                                                     \
	static inline uint64_t name##_read(void)                                                   \
	{                                                                                          \
		uint64_t value;                                                                    \
                                                                                                   \
		__asm__ volatile("movq %%" #name ", %0" : "=r"(value) : : "memory");               \
		return value;                                                                      \
	}                                                                                          \
	static inline void name##_write(uint64_t value)                                            \
	{                                                                                          \
		__asm__ volatile("movq %0, %%" #name : : "r"(value) : "memory");                   \
	}

CONTROL_REGISTER(cr0)
CONTROL_REGISTER(cr2)
CONTROL_REGISTER(cr3)
CONTROL_REGISTER(cr4)
CONTROL_REGISTER(dr6)
#undef CONTROL_REGISTER

static inline void xcr0_write(uint64_t value)
{
	__asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static inline void tlb_flush_page(uintptr_t va)
{
	__asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

#endif
