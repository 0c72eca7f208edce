/* SPDX-License-Identifier: MIT */
/*
 * A kernel that prints TEXT and ends in one of the ways that ci/boot must tell apart. Entered by
 * PVH in 32-bit mode; QEMU's serial port takes bytes without being asked.
 *	TEXT	what it prints
 *	END	label below
 *	CODE	for isa-debug-exit
 */
#define COM1 0x3f8
#define EXIT_PORT 0xf4

	.section .note.pvh, "a", @note
	.long 4, 4, 18
	.asciz "Xen"
	.long _start

	.text
	.code32
	.globl _start
	.type _start, @function
_start:
	movl $text, %esi
	movw $COM1, %dx
	cld
1:	lodsb
	testb %al, %al
	jz END
	outb %al, %dx
	jmp 1b

	.type leave, @function
leave:
	movl $CODE, %eax
	movw $EXIT_PORT, %dx
	outl %eax, %dx
	jmp leave

	.type spin_for_ever, @function
spin_for_ever:
	cli
1:	jmp 1b

	.type halt_for_ever, @function
halt_for_ever:
	cli
1:	hlt
	jmp 1b

	.type fault_three_times, @function
fault_three_times:
	lidt no_gates
	ud2

	.section .rodata
text:
	.asciz TEXT
no_gates:
	.word 0
	.long 0
