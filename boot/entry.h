/* SPDX-License-Identifier: MIT */
/* What entry.S, kernel.ld and the C side of boot/ must agree on. Also for the assembler. */
#ifndef BOOT_ENTRY_H
#define BOOT_ENTRY_H

#define BOOT_KERNEL_BASE 0xffffffff80000000 /* as in boot/kernel.ld */
#define BOOT_STACK_SIZE  16384
#define BOOT_MAPPED_BITS 32 /* 2^32 bytes of physical memory are mapped at first */

#define BOOT_CODE_SEGMENT 0x08
#define BOOT_DATA_SEGMENT 0x10

#define BOOT_EXIT_PORT 0xf4 /* isa-debug-exit */
#define BOOT_EXIT_CODE 0x2d /* ARCH_EXIT_BOOT */
#define BOOT_COM1      0x3f8
#define BOOT_VGA_TEXT  0xb8000

#define BOOT_EXCEPTION_COUNT     32
#define BOOT_EXCEPTION_STUB_SIZE 16

#ifndef __ASSEMBLY__
#include "kernel/types.h"

/* First C code: `loader` is an enum boot_loader, `info` the physical address of its tables. */
__noreturn void boot_main(uint32_t loader, uint32_t info);

/* The time-stamp counter at the kernel's first instructions: time 0. */
extern uint64_t boot_tsc;

/* The boot CPU's first stack, of BOOT_STACK_SIZE. */
extern char boot_stack[];

/* What an exception stub of boot/entry.S found on the stack. */
struct boot_exception {
	uint64_t vector;
	uint64_t error; /* 0 where the exception has none */
	uint64_t rip, cs, rflags, rsp, ss;
};

/* An exception before the kernel has its own traps. */
__noreturn void boot_exception(const struct boot_exception *e);

extern const char boot_exception_stubs[];
#endif

#endif
