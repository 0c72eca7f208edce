/* SPDX-License-Identifier: MIT */
/*
 * The first instructions of every CPU but the first. No stack is used until the CPU knows which one
 * it is, so any number of CPUs can be here at once.
 */
#include "arch/x86_64/trampoline.h"

#define MSR_EFER 0xc0000080
#define MSR_GS_BASE 0xc0000101

/*
 * The template of the page: constants as far as the kernel is concerned, never run where it is
 * linked. Real mode, cs = page / 16, ip = 0. All of paging, protection and long mode are turned on
 * by one write to cr0.
 */
	.section .rodata.trampoline, "a", @progbits
	.balign 16
	.code16
	.globl trampoline_start
trampoline_start:
	cli
	cld
	movw %cs, %ax
	movw %ax, %ds
	lgdtl TRAMPOLINE_GDT_LIMIT
	movl TRAMPOLINE_CR4, %eax
	movl %eax, %cr4
	movl TRAMPOLINE_CR3, %eax
	movl %eax, %cr3
	movl $MSR_EFER, %ecx
	xorl %edx, %edx
	movl TRAMPOLINE_EFER, %eax
	wrmsr
	movl TRAMPOLINE_CR0, %eax
	movl %eax, %cr0
	ljmpl *TRAMPOLINE_FAR_JUMP

	.code64
	.globl trampoline_long_mode
trampoline_long_mode:
	leaq trampoline_start(%rip), %rax
	jmpq *TRAMPOLINE_ENTRY(%rax)
	.globl trampoline_end
trampoline_end:

/* In kernel text, still on page tables that map the trampoline. */
	.text
	.globl smp_ap_entry
	.type smp_ap_entry, @function
smp_ap_entry:
	.cfi_startproc
	.cfi_undefined rip
	movq smp_page_table(%rip), %rax
	movq %rax, %cr3
	xorl %eax, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl %eax, %fs
	movl %eax, %gs

	/* esi = this CPU's APIC id: 32 bits by leaf 0xb where ids have as many, else 8 bits. */
	cmpb $0, apic_x2(%rip)
	jne 1f
	movl $1, %eax
	cpuid
	movl %ebx, %esi
	shrl $24, %esi
	jmp 2f
1:	movl $0xb, %eax
	xorl %ecx, %ecx
	cpuid
	movl %edx, %esi

	/* edi = its number. */
2:	movl $1, %edi
3:	cmpl smp_count(%rip), %edi
	jae 4f
	cmpl %esi, smp_hardware_id(, %rdi, 4)
	je 5f
	incl %edi
	jmp 3b

	/* Nobody's CPU. */
4:	cli
	hlt
	jmp 4b

5:	movq percpu_offset(, %rdi, 8), %rax
	movq %rax, %rdx
	shrq $32, %rdx
	movl $MSR_GS_BASE, %ecx
	wrmsr
	movq smp_stack(, %rdi, 8), %rsp
	xorl %ebp, %ebp
	call smp_ap_main
	ud2
	.cfi_endproc
	.size smp_ap_entry, . - smp_ap_entry

	.section .note.GNU-stack, "", @progbits
