/* SPDX-License-Identifier: MIT */
/* Every call that machine code and boot code make into the kernel. */
#ifndef KERNEL_ENTRY_H
#define KERNEL_ENTRY_H

#include "kernel/types.h"

struct boot_info;
struct arch_frame;
struct arch_thread;

/* The boot CPU arrives here, interrupts off, on the boot stack. */
__noreturn void kernel_main(const struct boot_info *boot);

/* Each other CPU arrives here, interrupts off, on its idle thread's stack, per-CPU area set. */
__noreturn void kernel_ap_main(void);

/* Top of the stack on which CPU `cpu` is to start, 16-byte aligned: its idle thread's. */
void *entry_ap_stack(unsigned cpu);

/* Start of every interrupt that is not an exception: accounting and preemption count. */
void entry_irq_enter(unsigned vector);

/* End of every interrupt, interrupts off: may switch to another thread before it returns. */
void entry_irq_exit(unsigned vector);

/* The one-shot timer fired. */
void entry_timer(void);

/* An IPI of kind RESCHED, CALL or TLB arrived. */
void entry_ipi(unsigned kind);

/* A character arrived from the console. Interrupts off. */
void entry_console_input(char c);

/*
 * The machine's half of the thread that runs here; NULL before there are threads. Interrupts off.
 */
struct arch_thread *entry_current_thread(void);

/* This CPU was told to stop: record its state for the panic report. NMI context. */
void entry_stop(const struct arch_frame *frame);

/* This CPU was asked where it is (ARCH_IPI_SHOW). NMI context; returns. */
void entry_show(const struct arch_frame *frame);

/* An exception that the machine code cannot resolve itself. `what` is its decoded name. */
__noreturn void entry_fault(const struct arch_frame *frame, const char *what);

#endif
