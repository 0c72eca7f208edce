/* SPDX-License-Identifier: MIT */
/*
 * The local interrupt controller (APIC) of each CPU. Its registers are memory (xAPIC, ids up to
 * 254) or, where the CPU can, model-specific registers (x2APIC, ids of 32 bits). Intel SDM volume
 * 3, chapter 11.
 */
#ifndef X86_APIC_H
#define X86_APIC_H

#include "arch/x86_64/instructions.h"

/* Interrupt vectors. 0-31 are exceptions. */
enum vector {
	VECTOR_NMI = 2,
	VECTOR_PIC = 0x20,  /* 16 of the masked 8259s: only spurious ones can come */
	VECTOR_LINE = 0x30, /* up to VECTOR_LINE_END: I/O APIC lines, in order of attachment */
	VECTOR_LINE_END = 0xf0,
	VECTOR_TIMER = 0xf0,
	VECTOR_RESCHED = 0xf1, /* + enum arch_ipi */
	VECTOR_CALL = 0xf2,
	VECTOR_TLB = 0xf3,
	VECTOR_WAKE = 0xf4, /* ends a halt of the boot CPU before the timers are up */
	VECTOR_ERROR = 0xfe,
	VECTOR_SPURIOUS = 0xff,
	VECTOR_COUNT = 256,
};

/* Registers, as byte offsets; an MSR's number is 0x800 + offset / 16. */
enum apic_register {
	APIC_ID = 0x20,
	APIC_VERSION = 0x30,
	APIC_TASK_PRIORITY = 0x80,
	APIC_EOI = 0xb0,
	APIC_SPURIOUS = 0xf0,
	APIC_IN_SERVICE = 0x100, /* eight, 16 bytes apart: a bit per vector */
	APIC_ERROR_STATUS = 0x280,
	APIC_COMMAND = 0x300,
	APIC_COMMAND_HIGH = 0x310,
	APIC_LVT_TIMER = 0x320,
	APIC_LVT_THERMAL = 0x330,
	APIC_LVT_COUNTER = 0x340,
	APIC_LVT_LINT0 = 0x350,
	APIC_LVT_LINT1 = 0x360,
	APIC_LVT_ERROR = 0x370,
	APIC_TIMER_INITIAL = 0x380,
	APIC_TIMER_CURRENT = 0x390,
	APIC_TIMER_DIVIDE = 0x3e0,
};

#define APIC_LVT_MASKED  (1u << 16)
#define APIC_DIVIDE_BY_1 0xbu /* for APIC_TIMER_DIVIDE */

/* What apic_send() sends. */
#define APIC_COMMAND_FIXED 0u /* | vector */
#define APIC_COMMAND_NMI   (4u << 8)
#define APIC_COMMAND_INIT  (5u << 8)
#define APIC_COMMAND_START (6u << 8)  /* | page number of the first instruction */
#define APIC_TO_OTHERS     (3u << 18) /* | any of these: to all CPUs but this, whatever the id */

/* (c) after apic_init() */
extern volatile uint8_t *apic_registers; /* NULL with x2APIC */
extern bool apic_x2;

static __always_inline uint32_t apic_read(enum apic_register r)
{
	if (apic_x2)
		return (uint32_t)msr_read(0x800 + r / 16);
	return *(volatile uint32_t *)(apic_registers + r);
}

static __always_inline void apic_write(enum apic_register r, uint32_t value)
{
	if (apic_x2)
		msr_write(0x800 + r / 16, value);
	else
		*(volatile uint32_t *)(apic_registers + r) = value;
}

/* Acknowledges the interrupt being served. */
static __always_inline void apic_eoi(void)
{
	apic_write(APIC_EOI, 0);
}

/* Chooses the mode, maps the registers. Ends the boot with a message when the CPU has no APIC. */
void apic_init(void);

/* Turns on this CPU's APIC: error and spurious vectors, NMI pin, everything else masked. */
void apic_init_cpu(void);

/* This CPU's id. */
uint32_t apic_id(void);

/* The largest id an interrupt can be sent to in the mode chosen. */
uint32_t apic_id_max(void);

/* Sends an interrupt command to the CPU with this id. Any context. */
void apic_send(uint32_t id, uint32_t command);

#endif
