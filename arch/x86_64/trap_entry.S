/* SPDX-License-Identifier: MIT */
/*
 * Where the CPU arrives: 256 stubs of equal size, each of which makes the frame uniform (error
 * code, vector) and goes to one of two common parts, for exceptions and for interrupts.
 *
 * The canonical frame address is the end of what the CPU pushed. The stack pointer was loaded from
 * there by the CPU, hence the rule for rsp; the frames are signal frames because rip is the next
 * instruction, not the one after a call.
 */
#include "arch/x86_64/gdt.h"
#include "arch/x86_64/trap.h"

.macro frame_start pushed
	.cfi_startproc simple
	.cfi_signal_frame
	.cfi_def_cfa rsp, 40 + \pushed
	.cfi_offset rip, -40
	.cfi_offset rsp, -16
.endm

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

/* struct arch_frame from its end; the order is asserted in trap.c. */
.macro save_registers
	push_register rdi
	push_register rsi
	push_register rdx
	push_register rcx
	push_register rax
	push_register r8
	push_register r9
	push_register r10
	push_register r11
	push_register rbx
	push_register rbp
	push_register r12
	push_register r13
	push_register r14
	push_register r15
.endm

.macro restore_registers_and_return
	pop_register r15
	pop_register r14
	pop_register r13
	pop_register r12
	pop_register rbp
	pop_register rbx
	pop_register r11
	pop_register r10
	pop_register r9
	pop_register r8
	pop_register rax
	pop_register rcx
	pop_register rdx
	pop_register rsi
	pop_register rdi
	addq $16, %rsp
	.cfi_adjust_cfa_offset -16
	iretq
.endm

/* Exceptions 8, 10-14, 17, 21, 29 and 30 push an error code. */
#define PUSHES_ERROR 0x60227d00

	.section .text.trap_entry, "ax", @progbits
	.balign 16
	.globl trap_stubs
	.type trap_stubs, @function
trap_stubs:
	.set vector, 0
	.rept TRAP_VECTORS
	.balign 16
	.if PUSHES_ERROR >> (vector & 31) & (vector < TRAP_EXCEPTIONS) & 1
	frame_start 8
	.else
	frame_start 0
	pushq $0
	.cfi_adjust_cfa_offset 8
	.endif
	pushq $vector
	.cfi_adjust_cfa_offset 8
	.if vector < TRAP_EXCEPTIONS
	jmp trap_exception_entry
	.else
	jmp trap_interrupt_entry
	.endif
	.cfi_endproc
	.set vector, vector + 1
	.endr
	.size trap_stubs, . - trap_stubs

	.balign 16
	.type trap_exception_entry, @function
trap_exception_entry:
	frame_start 16
	save_registers
	cld
	movq %rsp, %rdi
	call trap_exception
	restore_registers_and_return
	.cfi_endproc
	.size trap_exception_entry, . - trap_exception_entry

	.balign 16
	.type trap_interrupt_entry, @function
trap_interrupt_entry:
	frame_start 16
	save_registers
	cld
	movq %rsp, %rdi
	call trap_interrupt
	restore_registers_and_return
	.cfi_endproc
	.size trap_interrupt_entry, . - trap_interrupt_entry

/*
 * bool trap_call(void (*fn)(void *), void *arg, uint64_t *saved_sp): calls fn(arg), returns false.
 * An exception that is taken meanwhile continues at trap_call_abandon with rsp = *saved_sp: the
 * call returns true.
 */
	.globl trap_call
	.type trap_call, @function
trap_call:
	.cfi_startproc
	push_register rbp
	push_register rbx
	push_register r12
	push_register r13
	push_register r14
	push_register r15
	subq $8, %rsp
	.cfi_adjust_cfa_offset 8
	movq %rsp, (%rdx)
	movq %rdi, %rax
	movq %rsi, %rdi
	call *%rax
	xorl %eax, %eax
	jmp 1f
	.globl trap_call_abandon
trap_call_abandon:
	movl $1, %eax
1:	addq $8, %rsp
	.cfi_adjust_cfa_offset -8
	pop_register r15
	pop_register r14
	pop_register r13
	pop_register r12
	pop_register rbx
	pop_register rbp
	ret
	.cfi_endproc
	.size trap_call, . - trap_call

/* Loading fs and gs would change their bases; the bases stay as they are. */
	.globl gdt_load_segments
	.type gdt_load_segments, @function
gdt_load_segments:
	.cfi_startproc
	movl $GDT_KERNEL_DATA, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	pushq $GDT_KERNEL_CODE
	.cfi_adjust_cfa_offset 8
	leaq 1f(%rip), %rax
	pushq %rax
	.cfi_adjust_cfa_offset 8
	lretq
	.cfi_adjust_cfa_offset -16
1:	ret
	.cfi_endproc
	.size gdt_load_segments, . - gdt_load_segments

	.section .note.GNU-stack, "", @progbits
