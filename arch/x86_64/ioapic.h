/* SPDX-License-Identifier: MIT */
/* I/O APICs: they turn interrupt lines of devices into vectors on CPUs. */
#ifndef X86_IOAPIC_H
#define X86_IOAPIC_H

#include "arch/x86_64/parse_acpi.h"

/* Finds them, masks every line, routes lines that are NMIs to the boot CPU. */
void ioapic_init(void);

/* Where an ISA line or global system interrupt arrives, and how, by the firmware's overrides. */
struct ioapic_line {
	uint32_t gsi;
	struct acpi_line_mode mode;
};
struct ioapic_line ioapic_resolve(unsigned line);

/*
 * Routes a line to a vector on the CPU with this APIC id and unmasks it. 0, -EINVAL when no I/O
 * APIC has the line or the id is too large for it. Any context but NMI.
 */
int __must_check ioapic_route(struct ioapic_line line, unsigned vector, uint32_t apic_id);

#endif
