/* SPDX-License-Identifier: MIT */
/* Backtraces and the way out, for a host process. */
#ifndef ARCH_DEBUG_H
#define ARCH_DEBUG_H

#include "kernel/types.h"

/* The process's exit codes. */
enum arch_exit {
	ARCH_EXIT_PASS = 0,
	ARCH_EXIT_FAIL = 1,
	ARCH_EXIT_PANIC = 2,
	ARCH_EXIT_BOOT = 3,
};

/* A panic or an exit that a test expects jumps to where it is expected, see arch/host.h. */
__noreturn void arch_exit(enum arch_exit code);

struct arch_frame;

/* The nearest callers; of the calling thread only. */
void arch_backtrace(const struct arch_frame *frame,
	bool (*visit)(uintptr_t pc, bool irq, void *arg), void *arg);

/* Visits nothing. */
struct arch_thread;
void arch_backtrace_thread(
	const struct arch_thread *t, bool (*visit)(uintptr_t pc, bool irq, void *arg), void *arg);

#endif
