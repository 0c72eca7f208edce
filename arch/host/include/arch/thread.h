/* SPDX-License-Identifier: MIT */
/* The host's half of a thread: a fibre with a stack of its own, whatever size the kernel gives. */
#ifndef ARCH_THREAD_H
#define ARCH_THREAD_H

#include "kernel/types.h"

struct arch_fibre;

struct arch_thread {
	struct arch_fibre *fibre; /* (r) NULL: the host's own stack, until its first switch */
	bool fpu_live;            /* (c) false: the host saves them itself */
};

void arch_thread_init(struct arch_thread *t, void *stack_base, size_t stack_size,
	__noreturn void (*entry)(void *arg), void *arg);
size_t arch_boot_stack(void **base);
void arch_thread_fini(struct arch_thread *t);
void arch_thread_switch(struct arch_thread *prev, struct arch_thread *next);

/* The same fields as on x86_64; a fibre's registers are the C library's, and nothing is valid. */
#define ARCH_CONTEXT_REGISTERS 16
struct arch_context {
	uint64_t reg[ARCH_CONTEXT_REGISTERS];
	uint64_t pc, sp, flags;
	uint64_t control[3];
	uint64_t valid;
};
void arch_thread_get_context(const struct arch_thread *t, struct arch_context *context);

void arch_fpu_switch_out(struct arch_thread *prev);

#endif
