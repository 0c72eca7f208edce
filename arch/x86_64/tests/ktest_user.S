/* SPDX-License-Identifier: MIT */
/* What the in-kernel tests cannot say in C: entering user mode, using vector registers. */
#include "arch/x86_64/gdt.h"

.macro function name
	.section .text.\name, "ax", @progbits
	.globl \name
	.type \name, @function
\name:
	.cfi_startproc
.endm

.macro end_function name
	.cfi_endproc
	.size \name, . - \name
.endm

function ktest_enter_user
	pushq $(GDT_USER_DATA | 3)
	.cfi_adjust_cfa_offset 8
	pushq %rsi
	.cfi_adjust_cfa_offset 8
	pushq $2
	.cfi_adjust_cfa_offset 8
	pushq $(GDT_USER_CODE | 3)
	.cfi_adjust_cfa_offset 8
	pushq %rdi
	.cfi_adjust_cfa_offset 8
	iretq
end_function ktest_enter_user

/* void ktest_fpu_fill(uint64_t seed, bool wide): vector register n gets seed + n in both halves. */
function ktest_fpu_fill
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	leaq \n(%rdi), %rax
	movq %rax, %xmm\n
	testl %esi, %esi
	jz 1f
	vinsertf128 $1, %xmm\n, %ymm\n, %ymm\n
1:
	.endr
	pushq %rdi
	.cfi_adjust_cfa_offset 8
	fninit
	fildq (%rsp)
	popq %rdi
	.cfi_adjust_cfa_offset -8
	ret
end_function ktest_fpu_fill

/* bool ktest_fpu_holds(uint64_t seed, bool wide): changes no FPU register. */
function ktest_fpu_holds
	subq $40, %rsp
	.cfi_adjust_cfa_offset 40
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	leaq \n(%rdi), %rax
	movdqu %xmm\n, (%rsp)
	cmpq %rax, (%rsp)
	jne 2f
	testl %esi, %esi
	jz 1f
	vmovdqu %ymm\n, (%rsp)
	cmpq %rax, 16(%rsp)
	jne 2f
1:
	.endr
	fld %st(0)
	fistpq (%rsp)
	cmpq %rdi, (%rsp)
	jne 2f
	movl $1, %eax
	jmp 3f
2:	xorl %eax, %eax
3:	addq $40, %rsp
	.cfi_adjust_cfa_offset -40
	ret
end_function ktest_fpu_holds

	.section .note.GNU-stack, "", @progbits
