/* SPDX-License-Identifier: MIT */
/*
 * From the loader to boot_main(). Both loaders, multiboot2 (GRUB) and PVH (qemu -kernel), leave the
 * CPU in 32-bit mode, paging off, flat segments. Here the CPU is checked, the first page tables are
 * built, and long mode is entered. The first page tables map the lowest 4 GiB by 2 MiB pages, three
 * times: where they are, at the direct map, and (the first 2 GiB) at the kernel's base.
 *
 * 32-bit code runs at physical addresses, hence PHYS(). It uses %esi for the loader's tables and
 * %edi for the kind of loader from the first line to the last.
 */
#include "boot/entry.h"

#define PHYS(symbol) ((symbol) - BOOT_KERNEL_BASE)

#define MULTIBOOT2_HEADER_MAGIC 0xe85250d6
#define MULTIBOOT2_LOADER_MAGIC 0x36d76289
#define XEN_NOTE_PHYS32_ENTRY 18

#define CR0_WP (1 << 16)
#define CR0_PG (1 << 31)
#define CR4_PAE (1 << 5)
#define EFLAGS_ID (1 << 21)
#define MSR_EFER 0xc0000080
#define MSR_GS_BASE 0xc0000101
#define EFER_LME (1 << 8)
#define CPUID_EXT_LM (1 << 29)
#define PTE_TABLE 0x03 /* present, writable */
#define PTE_LARGE 0x83 /* … 2 MiB */

	.section .multiboot2, "a"
	.balign 8
multiboot2_header:
	.long MULTIBOOT2_HEADER_MAGIC
	.long 0 /* i386, protected mode */
	.long multiboot2_header_end - multiboot2_header
	.long -(MULTIBOOT2_HEADER_MAGIC + (multiboot2_header_end - multiboot2_header))
	/* Information request: command line, memory map, framebuffer if there is one. */
	.balign 8
1:	.short 1, 0
	.long 2f - 1b
	.long 1, 6
2:
	/* Entry address: a physical one, while the ELF header's is the linked one. */
	.balign 8
1:	.short 3, 0
	.long 2f - 1b
	.long PHYS(entry_multiboot2)
2:
	/* A screen of pixels will do, of any size, and is not needed. */
	.balign 8
	.short 5, 1
	.long 20
	.long 0, 0, 0
	/* Modules page-aligned. */
	.balign 8
	.short 6, 0
	.long 8
	/* End. */
	.balign 8
	.short 0, 0
	.long 8
multiboot2_header_end:

	.section .note.pvh, "a", @note
	.balign 4
	.long 2f - 1f, 4f - 3f, XEN_NOTE_PHYS32_ENTRY
1:	.asciz "Xen"
2:	.balign 4
3:	.quad PHYS(entry_pvh)
4:

	.data
	.balign 8
	.globl boot_tsc
boot_tsc:
	.quad 0

	.section .text.entry, "ax"
	.code32
	.globl entry_multiboot2, entry_pvh
	.type entry_multiboot2, @function
entry_multiboot2:
	.cfi_startproc
	.cfi_undefined eip
	cli
	cld
	movl $PHYS(boot_stack_top), %esp
	movl %ebx, %esi
	movl $0, %edi /* BOOT_MULTIBOOT2 */
	cmpl $MULTIBOOT2_LOADER_MAGIC, %eax
	je start32
	movl $PHYS(text_wrong_loader), %ebx
	jmp fail32

entry_pvh:
	cli
	cld
	movl $PHYS(boot_stack_top), %esp
	movl %ebx, %esi
	movl $1, %edi /* BOOT_PVH */

start32:
	call check_long_mode
	rdtsc
	movl %eax, PHYS(boot_tsc)
	movl %edx, PHYS(boot_tsc) + 4
	call build_page_tables
	movl $PHYS(page_map), %eax
	movl %eax, %cr3
	movl %cr4, %eax
	orl $CR4_PAE, %eax
	movl %eax, %cr4
	movl $MSR_EFER, %ecx
	rdmsr
	orl $EFER_LME, %eax
	wrmsr
	movl %cr0, %eax
	orl $(CR0_PG | CR0_WP), %eax
	movl %eax, %cr0
	lgdt PHYS(boot_gdt_pointer)
	ljmp $BOOT_CODE_SEGMENT, $PHYS(start64_low)

/* Returns if CPUID exists and says long mode. */
check_long_mode:
	movl $PHYS(text_no_cpuid), %ebp
	pushfl
	popl %eax
	movl %eax, %ecx
	xorl $EFLAGS_ID, %eax
	pushl %eax
	popfl
	pushfl
	popl %eax
	xorl %ecx, %eax
	testl $EFLAGS_ID, %eax
	jz fail_check
	movl $PHYS(text_no_long_mode), %ebp
	movl $0x80000000, %eax
	cpuid
	cmpl $0x80000001, %eax
	jb fail_check
	movl $0x80000001, %eax
	cpuid
	testl $CPUID_EXT_LM, %edx
	jz fail_check
	ret
fail_check:
	movl %ebp, %ebx
	jmp fail32

/* The tables are in .bss: all zeros. */
build_page_tables:
	movl $PHYS(page_directories), %ebx
	xorl %ecx, %ecx
1:	movl %ecx, %eax
	shll $21, %eax
	orl $PTE_LARGE, %eax
	movl %eax, (%ebx, %ecx, 8)
	incl %ecx
	cmpl $2048, %ecx
	jb 1b
	movl $(PHYS(page_directories) + PTE_TABLE), %eax
	movl %eax, PHYS(page_low) + 0 * 8
	movl %eax, PHYS(page_high) + 510 * 8
	addl $4096, %eax
	movl %eax, PHYS(page_low) + 1 * 8
	movl %eax, PHYS(page_high) + 511 * 8
	addl $4096, %eax
	movl %eax, PHYS(page_low) + 2 * 8
	addl $4096, %eax
	movl %eax, PHYS(page_low) + 3 * 8
	movl $(PHYS(page_low) + PTE_TABLE), PHYS(page_map) + 0 * 8
	movl $(PHYS(page_low) + PTE_TABLE), PHYS(page_map) + 256 * 8
	movl $(PHYS(page_high) + PTE_TABLE), PHYS(page_map) + 511 * 8
	ret

/* Prints the string at %ebx on the serial port and on the text screen's first line, then ends. */
fail32:
	movl $BOOT_VGA_TEXT, %edi
	call serial_init32
1:	movb (%ebx), %al
	testb %al, %al
	jz 3f
	movw $(BOOT_COM1 + 5), %dx
	movb %al, %ah
	movl $100000, %ecx /* a machine without this port reads all ones; one that is stuck never */
2:	inb %dx, %al
	testb $0x20, %al
	loopz 2b
	movb %ah, %al
	movw $BOOT_COM1, %dx
	outb %al, %dx
	movb $0x4f, %ah /* white on red */
	cmpb $' ', %al
	jb 4f
	movw %ax, (%edi)
	addl $2, %edi
4:	incl %ebx
	jmp 1b
3:	movl $BOOT_EXIT_CODE, %eax
	movw $BOOT_EXIT_PORT, %dx
	outl %eax, %dx
5:	cli
	hlt
	jmp 5b

/* 115200 baud, 8N1, FIFOs on, no interrupts. */
serial_init32:
	movl $PHYS(serial_setup), %ecx
1:	movzwl (%ecx), %edx
	testl %edx, %edx
	jz 2f
	movb 2(%ecx), %al
	outb %al, %dx
	addl $4, %ecx
	jmp 1b
2:	ret
	.cfi_endproc
	.size entry_multiboot2, . - entry_multiboot2

	.code64
	.type start64_low, @function
start64_low:
	.cfi_startproc
	.cfi_undefined rip
	movq $start64, %rax
	jmp *%rax
start64:
	lgdt boot_gdt_pointer_high
	movl $BOOT_DATA_SEGMENT, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	xorl %edx, %edx
	movl $MSR_GS_BASE, %ecx
	wrmsr
	movq $boot_stack_top, %rsp
	xorl %ebp, %ebp
	movl %edi, %edi /* boot_main(loader, info): arguments are there, upper halves cleared */
	movl %esi, %esi
	call boot_main
	.cfi_endproc
	.size start64_low, . - start64_low

/* Exceptions before the kernel has its own traps: one stub each, all alike in size. */
	.balign BOOT_EXCEPTION_STUB_SIZE
	.globl boot_exception_stubs
	.type boot_exception_stubs, @function
boot_exception_stubs:
	.cfi_startproc simple
	.cfi_signal_frame
	.cfi_undefined rip
	.set vector, 0
	.rept BOOT_EXCEPTION_COUNT
	.balign BOOT_EXCEPTION_STUB_SIZE
	/* 8, 10 to 14, 17, 21, 29, 30 push an error code. */
	.if !(((0x60227d00) >> vector) & 1)
	pushq $0
	.endif
	pushq $vector
	jmp exception_common
	.set vector, vector + 1
	.endr
exception_common:
	cld
	movq %rsp, %rdi
	andq $-16, %rsp
	call boot_exception
	.cfi_endproc
	.size boot_exception_stubs, . - boot_exception_stubs

	.section .rodata.entry, "a"
serial_setup:
	.short BOOT_COM1 + 1, 0x00
	.short BOOT_COM1 + 3, 0x80
	.short BOOT_COM1 + 0, 0x01
	.short BOOT_COM1 + 1, 0x00
	.short BOOT_COM1 + 3, 0x03
	.short BOOT_COM1 + 2, 0xc7
	.short BOOT_COM1 + 4, 0x03
	.short 0
text_wrong_loader:
	.ascii "MultiOS cannot boot: the loader does not speak multiboot2. "
	.asciz "Use GRUB's `multiboot2`, or qemu -kernel (PVH).\r\n"
text_no_cpuid:
	.ascii "MultiOS cannot boot: this CPU has no CPUID instruction; "
	.asciz "a 64-bit one (x86_64) is needed.\r\n"
text_no_long_mode:
	.ascii "MultiOS cannot boot: this CPU has no long mode; "
	.asciz "a 64-bit one (x86_64) is needed. QEMU: -cpu max.\r\n"

	.balign 8
boot_gdt:
	.quad 0
	.quad 0x00af9b000000ffff /* 64-bit code */
	.quad 0x00cf93000000ffff /* data */
boot_gdt_end:
boot_gdt_pointer:
	.short boot_gdt_end - boot_gdt - 1
	.long PHYS(boot_gdt)
boot_gdt_pointer_high:
	.short boot_gdt_end - boot_gdt - 1
	.quad boot_gdt

	.section .bss.entry, "aw", @nobits
	.balign 4096
page_map:
	.skip 4096
page_low:
	.skip 4096
page_high:
	.skip 4096
page_directories:
	.skip 4 * 4096
	.globl boot_stack, boot_stack_top
boot_stack:
	.skip BOOT_STACK_SIZE
boot_stack_top:

	.section .note.GNU-stack, "", @progbits
