/* SPDX-License-Identifier: MIT */
/*
 * What a CPU runs first after it was told to start: from real mode to kernel text in one page below
 * 1 MiB. The page is a copy of trampoline.S's template; values at its end are filled in.
 */
#ifndef X86_TRAMPOLINE_H
#define X86_TRAMPOLINE_H

/* Offsets of struct trampoline_values from the start of the page. */
#define TRAMPOLINE_VALUES    0xf00
#define TRAMPOLINE_GDT_LIMIT (TRAMPOLINE_VALUES + 0)
#define TRAMPOLINE_CR0       (TRAMPOLINE_VALUES + 8)
#define TRAMPOLINE_CR3       (TRAMPOLINE_VALUES + 12)
#define TRAMPOLINE_CR4       (TRAMPOLINE_VALUES + 16)
#define TRAMPOLINE_EFER      (TRAMPOLINE_VALUES + 20)
#define TRAMPOLINE_FAR_JUMP  (TRAMPOLINE_VALUES + 24)
#define TRAMPOLINE_ENTRY     (TRAMPOLINE_VALUES + 32)
#define TRAMPOLINE_GDT       (TRAMPOLINE_VALUES + 40)

#define TRAMPOLINE_CODE_SELECTOR 8

#ifndef __ASSEMBLY__

#include "kernel/types.h"

struct trampoline_values {
	uint16_t gdt_limit; /* for lgdt: limit, then address */
	uint32_t gdt_address;
	uint16_t unused;
	uint32_t cr0, cr3, cr4;
	uint32_t efer;
	uint32_t far_address; /* for ljmp: where 64-bit code begins, then its segment */
	uint16_t far_selector;
	uint16_t unused2;
	uint64_t entry; /* kernel text */
	uint64_t gdt[2];
} __packed;

/* The template, and where in it 64-bit code begins. */
extern const uint8_t trampoline_start[], trampoline_long_mode[], trampoline_end[];

/* In trampoline.S: finds out which CPU this is, takes its stack and calls smp_ap_main(cpu). */
void smp_ap_entry(void);

/* What smp_ap_entry() reads. Indexed by CPU number. */
extern uint32_t smp_hardware_id[CONFIG_MAX_CPUS];
extern void *smp_stack[CONFIG_MAX_CPUS];
extern unsigned smp_count;
extern uint64_t smp_page_table;

__noreturn void smp_ap_main(unsigned cpu);

#endif

#endif
