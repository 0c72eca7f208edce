/* SPDX-License-Identifier: MIT */
/*
 * The host machine's own interface: what a test or a tool says to become a machine with CPUs. Code
 * of the kernel never includes this.
 */
#ifndef ARCH_HOST_H
#define ARCH_HOST_H

#include "kernel/types.h"
#include <setjmp.h>

/*
 * Gives CPUs 1 .. cpus-1 their own copies of the per-CPU variables; CPU 0 has the section itself.
 */
void arch_host_init(unsigned cpus);

/* Sets every CPU's copy back to zeros: between two tests. */
void arch_host_reset(void);

/* From now on the calling host thread is this CPU, interrupts off. */
void arch_host_become(unsigned cpu);

/*
 * Expected assertions. While arch_host_assert_jump is set in this host thread, assert_fail() stores
 * the expression and jumps there; otherwise it prints where it was and aborts.
 */
extern _Thread_local jmp_buf *arch_host_assert_jump;
extern _Thread_local const char *arch_host_assert_expr;

/*
 * Threads as fibres of the calling host thread, on one CPU, in virtual time: the clock advances by
 * arch_host_time_step at every reading, and to the armed timer when the CPU waits. When it waits
 * and no timer is armed, nothing can ever happen again: the process ends with a message.
 */
void arch_host_fibres_init(void);
extern ktime_t arch_host_time_step;

/* Delivers the timer interrupt if it is due; a fibre that computes calls it to be preemptible. */
void arch_host_poll(void);

/*
 * Makes an arena that plays the physical addresses 0 .. size-1, all zeros; replaces an older one.
 */
void arch_host_memory_init(uint64_t size);

/* Expected panics and exits, in the same way; the message, and the thread's last lines of log. */
extern _Thread_local jmp_buf *arch_host_panic_jump;
extern _Thread_local char arch_host_panic_text[256];
extern _Thread_local char arch_host_log[8192];

/* True if `statement` breaks an assertion. What it had locked stays locked. */
#define HOST_ASSERTS(statement) HOST_JUMPS(arch_host_assert_jump, statement)

/* True if `statement` ends in panic() or arch_exit(). What it had locked stays locked. */
#define HOST_PANICS(statement) HOST_JUMPS(arch_host_panic_jump, statement)

#define HOST_JUMPS(hook, statement)                                                                \
	({                                                                                         \
		jmp_buf host_jump;                                                                 \
		volatile bool host_jumped = true;                                                  \
		(hook) = &host_jump;                                                               \
		if (!setjmp(host_jump)) {                                                          \
			statement;                                                                 \
			host_jumped = false;                                                       \
		}                                                                                  \
		(hook) = NULL;                                                                     \
		host_jumped;                                                                       \
	})

#endif
