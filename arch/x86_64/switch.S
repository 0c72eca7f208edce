/* SPDX-License-Identifier: MIT */
/*
 * From one thread to another: the callee-saved registers go on the old stack and come from the new
 * one, as struct arch_switch_frame; everything else the C caller has saved or does not need.
 */
#include "arch/x86_64/switch.h"

.macro push_register name
	pushq %\name
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset \name, 0
.endm

.macro pop_register name
	popq %\name
	.cfi_adjust_cfa_offset -8
	.cfi_restore \name
.endm

/* void arch_thread_switch(struct arch_thread *prev, struct arch_thread *next) */
	.section .text.arch_thread_switch, "ax", @progbits
	.balign 16
	.globl arch_thread_switch
	.type arch_thread_switch, @function
arch_thread_switch:
	.cfi_startproc
	push_register rbp
	push_register rbx
	push_register r12
	push_register r13
	push_register r14
	push_register r15
	movq %rsp, ARCH_THREAD_SP(%rdi)
	/* The same rules hold for the new stack: both look alike here. */
	movq ARCH_THREAD_SP(%rsi), %rsp
	pop_register r15
	pop_register r14
	pop_register r13
	pop_register r12
	pop_register rbx
	pop_register rbp
	ret
	.cfi_endproc
	.size arch_thread_switch, . - arch_thread_switch

/*
 * The first switch to a thread returns to here, after the first byte, so that the return address
 * belongs to this function like any other. arch_thread_init() has put the entry function into rbx
 * and its argument into r12. There is no caller: backtraces end.
 */
	.section .text.thread_first_frame, "ax", @progbits
	.balign 16
	.globl thread_first_frame
	.type thread_first_frame, @function
thread_first_frame:
	.cfi_startproc
	.cfi_undefined rip
	nop
	movq %r12, %rdi
	call *%rbx
	ud2
	.cfi_endproc
	.size thread_first_frame, . - thread_first_frame

	.section .note.GNU-stack, "", @progbits
