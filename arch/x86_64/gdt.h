/* SPDX-License-Identifier: MIT */
/* Segments and the task state segment, one set per CPU. */
#ifndef X86_GDT_H
#define X86_GDT_H

#define GDT_KERNEL_CODE 0x08
#define GDT_KERNEL_DATA 0x10
#define GDT_USER_DATA   0x18
#define GDT_USER_CODE   0x20
#define GDT_TSS         0x28

/* Numbers of the stacks that the CPU changes to by itself; 0 in a gate means no change. */
#define IST_NMI           1
#define IST_DOUBLE_FAULT  2
#define IST_MACHINE_CHECK 3
#define IST_COUNT         3

#ifndef __ASSEMBLY__

#include "kernel/types.h"

#define IST_STACK_SIZE 8192

/* Loads this CPU's table, segment registers and task register. Keeps the GS base. */
void gdt_init_cpu(void);

/* Loads the code segment by a far return and the data segments; in trap_entry.S. */
void gdt_load_segments(void);

/* Where exceptions and interrupts taken in user mode on this CPU start to push. */
void gdt_set_kernel_stack(uintptr_t top);

/* The exception stack of this CPU that contains the address, as IST_…; 0: none. */
unsigned gdt_exception_stack(uintptr_t va);

#endif

#endif
