/* SPDX-License-Identifier: MIT */
/* The machine's half of a thread: where its registers are while it does not run. */
#ifndef ARCH_THREAD_H
#define ARCH_THREAD_H

#include "kernel/types.h"

struct arch_fpu;

struct arch_thread {
	uintptr_t sp;         /* (r) saved stack pointer; valid while the thread is not running */
	struct arch_fpu *fpu; /* (l) save area, NULL until the thread's first FPU instruction */
	bool fpu_live;        /* (l) the registers in this CPU are this thread's */
};

/* What is on the stack of a thread that does not run, at arch_thread.sp; debuggers start there. */
struct arch_switch_frame {
	uint64_t r15, r14, r13, r12, rbx, rbp;
	uint64_t rip;
};

/*
 * Prepares `t` so that the first switch to it calls entry(arg) on the given stack, interrupts off,
 * with the previous thread's run-queue lock still held. entry never returns. A backtrace ends
 * there.
 */
void arch_thread_init(struct arch_thread *t, void *stack_base, size_t stack_size,
	__noreturn void (*entry)(void *arg), void *arg);

/* The stack that the boot CPU came with, and which its idle thread keeps; returns its size. */
size_t arch_boot_stack(void **base);

/* Frees what the machine attached (FPU area). The thread is on no CPU. May free memory. */
void arch_thread_fini(struct arch_thread *t);

/* Saves the callee-saved registers of `prev`, loads those of `next`. Interrupts off. */
void arch_thread_switch(struct arch_thread *prev, struct arch_thread *next);

/*
 * Registers of a thread that runs on no CPU, as it goes on with them. Bit i of `valid` is for
 * reg[i], in the order rax rcx rdx rbx rsp rbp rsi rdi r8 to r15; then pc, sp, flags and the
 * control registers by their own bits. What a switch does not keep is not valid, and 0.
 */
#define ARCH_CONTEXT_REGISTERS 16
struct arch_context {
	uint64_t reg[ARCH_CONTEXT_REGISTERS];
	uint64_t pc, sp, flags;
	uint64_t control[3]; /* cr0 without the CPU's own TS, cr3, cr4 */
	uint64_t valid;
};

enum arch_context_valid {
	ARCH_CONTEXT_PC = 1u << 16,
	ARCH_CONTEXT_SP = 1u << 17,
	ARCH_CONTEXT_FLAGS = 1u << 18,
	ARCH_CONTEXT_CONTROL = 1u << 19, /* all three */
};

/* It is on no CPU, and its run queue's lock is held. */
void arch_thread_get_context(const struct arch_thread *t, struct arch_context *context);

/*
 * Allocates now what the thread's first FPU instruction would allocate otherwise, when there is no
 * way left to report an error. 0 or -ENOMEM.
 */
int __must_check arch_fpu_prepare(struct arch_thread *t);

/*
 * What a switch must do besides registers and stack when either thread uses the FPU; called by
 * dispatch only if prev->fpu_live.
 */
void arch_fpu_switch_out(struct arch_thread *prev);

#endif
