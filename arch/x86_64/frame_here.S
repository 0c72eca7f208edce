/* SPDX-License-Identifier: MIT */
/* The caller's registers in the form of a trap frame, for a report that no trap began. */
#include "arch/x86_64/trap.h"

/* struct arch_frame is asserted in C (trap.c): 15 registers, vector, error, rip cs rflags rsp ss. */
#define FRAME(index) frame_here_buffer + 8 * (index)(%rip)

/* const struct arch_frame *arch_frame_here(void) */
	.section .text.arch_frame_here, "ax", @progbits
	.balign 16
	.globl arch_frame_here
	.type arch_frame_here, @function
arch_frame_here:
	.cfi_startproc
	movq %r15, FRAME(0)
	movq %r14, FRAME(1)
	movq %r13, FRAME(2)
	movq %r12, FRAME(3)
	movq %rbp, FRAME(4)
	movq %rbx, FRAME(5)
	movq %r11, FRAME(6)
	movq %r10, FRAME(7)
	movq %r9, FRAME(8)
	movq %r8, FRAME(9)
	movq %rax, FRAME(10)
	movq %rcx, FRAME(11)
	movq %rdx, FRAME(12)
	movq %rsi, FRAME(13)
	movq %rdi, FRAME(14)
	movq $TRAP_VECTORS, FRAME(15)
	movq $0, FRAME(16)
	movq (%rsp), %rax
	movq %rax, FRAME(17)
	movl %cs, %eax
	movq %rax, FRAME(18)
	pushfq
	.cfi_adjust_cfa_offset 8
	popq %rax
	.cfi_adjust_cfa_offset -8
	movq %rax, FRAME(19)
	leaq 8(%rsp), %rax
	movq %rax, FRAME(20)
	movl %ss, %eax
	movq %rax, FRAME(21)
	leaq frame_here_buffer(%rip), %rax
	ret
	.cfi_endproc
	.size arch_frame_here, . - arch_frame_here

	.section .bss.frame_here_buffer, "aw", @nobits
	.balign 8
frame_here_buffer:
	.skip TRAP_FRAME_SIZE

	.section .note.GNU-stack, "", @progbits
