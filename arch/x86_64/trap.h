/* SPDX-License-Identifier: MIT */
/*
 * Exceptions and interrupts. Every one of the 256 vectors has a stub that saves a whole frame and
 * has unwind information, so that gdb and arch_backtrace() walk through it.
 *
 * Vectors from 32 on are interrupts: their handler runs between entry_irq_enter() and
 * entry_irq_exit(), which may switch threads. Vectors below 32 are exceptions: their handler runs
 * in the interrupted context, and without one the kernel stops with a report.
 */
#ifndef X86_TRAP_H
#define X86_TRAP_H

#define TRAP_VECTORS    256
#define TRAP_EXCEPTIONS 32

#define TRAP_DEBUG          1
#define TRAP_NMI            2
#define TRAP_BREAKPOINT     3
#define TRAP_INVALID_OPCODE 6
#define TRAP_NO_FPU         7
#define TRAP_DOUBLE_FAULT   8
#define TRAP_PROTECTION     13
#define TRAP_PAGE_FAULT     14
#define TRAP_MACHINE_CHECK  18

/* Bytes from the end of the saved general registers to the end of the frame. */
#define TRAP_FRAME_GENERAL 120
#define TRAP_FRAME_SIZE    176

#ifndef __ASSEMBLY__

#include "kernel/types.h"

/* What was interrupted. Built on the stack by the CPU (from rip up) and by the stubs. */
struct arch_frame {
	uint64_t r15, r14, r13, r12, rbp, rbx;
	uint64_t r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	uint64_t vector; /* TRAP_VECTORS: no trap, see arch_frame_here() */
	uint64_t error;  /* 0 where the exception has no error code */
	uint64_t rip, cs, rflags, rsp, ss;
};

typedef void (*trap_handler)(struct arch_frame *frame, void *arg);

/*
 * Gives a vector its handler; one that is set stays for good. The handler acknowledges the
 * interrupt controller itself. Interrupts are off while it runs.
 */
void trap_set_handler(unsigned vector, trap_handler handler, void *arg);

bool trap_has_handler(unsigned vector);

/* How often the vector was taken by the CPU. */
uint64_t trap_count(unsigned vector, unsigned cpu);

#define TRAP_DESCRIPTION_SIZE 160

/* What an expected fault was. */
struct trap_fault {
	unsigned vector;
	uint64_t error;
	uint64_t address; /* of a page fault */
	char what[TRAP_DESCRIPTION_SIZE];
};

/*
 * Calls fn(arg) with interrupts off. True when it ended in an exception, described in *fault: it
 * is abandoned at that point, so it holds nothing that must be given back. False when it returned.
 * It may even overflow its stack, or be in user mode.
 */
bool trap_expect_fault(void (*fn)(void *arg), void *arg, struct trap_fault *fault);

/*
 * What becomes of an exception that nobody can resolve; handlers call it and return. Stops the
 * kernel with a report that begins with `what`, unless the exception is expected.
 */
void trap_fail(struct arch_frame *frame, const char *what);

/* One sentence that says what happened, in words, into buf. On the CPU where it happened. */
void trap_describe(const struct arch_frame *frame, char *buf, size_t size);

/* Name of an exception: "page fault". */
const char *trap_name(unsigned vector);

/* Fills the descriptor table that all CPUs share. Once, before trap_init_cpu(). */
void trap_init(void);

/* The table's page, which arch_memory_init() makes read-only: a stray write must not change it. */
const void *trap_table_page(void);

/* Segments, task state with this CPU's exception stacks, interrupt table. */
void trap_init_cpu(void);

#endif

#endif
