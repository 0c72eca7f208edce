/* SPDX-License-Identifier: MIT */
/* The console device, backtraces, and the ways out of the machine. */
#ifndef ARCH_DEBUG_H
#define ARCH_DEBUG_H

#include "kernel/types.h"

/*
 * One character to the serial port and the screen, \n as the start of a new line; any context,
 * before everything else works. The caller serialises.
 */
void arch_putc(char c);

/* Blanks the screen, if there is one; the serial port hears nothing. As for arch_putc(). */
void arch_screen_clear(void);

/* Starts interrupts for typed characters; each is given to entry_console_input(). */
int __must_check arch_console_start(void);

/* Exit codes of the machine: QEMU's isa-debug-exit turns value v into process exit (v << 1) | 1. */
enum arch_exit {
	ARCH_EXIT_PASS = 0x2a,     /* QEMU exits 85 */
	ARCH_EXIT_FAIL = 0x2b,     /* 87: a test failed */
	ARCH_EXIT_PANIC = 0x2c,    /* 89 */
	ARCH_EXIT_BOOT = 0x2d,     /* 91: the machine or the boot information is unusable */
	ARCH_EXIT_POWEROFF = 0x2e, /* 93: `poweroff` where ACPI power-off did not work */
};

/* Ends the machine with a code where there is a device for it, else halts. */
__noreturn void arch_exit(enum arch_exit code);
__noreturn void arch_poweroff(void);
__noreturn void arch_reboot(void);

struct arch_frame;

/*
 * Calls visit(pc, is_interrupt_frame) from the innermost frame outwards, through interrupts, until
 * the end of the stack or visit returns false. `frame` NULL means the caller. Bounded.
 */
void arch_backtrace(const struct arch_frame *frame,
	bool (*visit)(uintptr_t pc, bool irq, void *arg), void *arg);

/* As above for a thread that is not running. */
struct arch_thread;
void arch_backtrace_thread(
	const struct arch_thread *t, bool (*visit)(uintptr_t pc, bool irq, void *arg), void *arg);

/* The caller's registers as they are now, in a buffer that the next call reuses. Panic only. */
const struct arch_frame *arch_frame_here(void);

/* Prints the registers of a frame, decoded, through `print` (a printf). */
void arch_frame_print(const struct arch_frame *frame, void (*print)(const char *fmt, ...));

#endif
