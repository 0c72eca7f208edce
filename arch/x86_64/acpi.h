/* SPDX-License-Identifier: MIT */
/* What the firmware's tables say about this machine. Read once at boot, constant afterwards. */
#ifndef X86_ACPI_H
#define X86_ACPI_H

#include "arch/x86_64/parse_acpi.h"

struct boot_info;

/* Reads the tables. What is missing or malformed is logged and left at "none". */
void acpi_init(const struct boot_info *boot);

/* Reads physical memory, mapped or not. Boot CPU only, before the others start. */
const struct acpi_reader *acpi_reader(void);

/* Finds a table. 0, -ENOENT when there is none, -EPROTO (logged) when it is malformed. */
int __must_check acpi_get_table(const char *signature, struct acpi_table *table);

/* Fixed hardware: power management ports, reset register. All zero without a FADT. */
const struct acpi_fadt *acpi_fadt(void);

/* Physical address of the HPET's registers, 0: none. */
paddr_t acpi_hpet_address(void);

/* Turns the machine off. Returns only if that did not work. Any context, interrupts off. */
void acpi_power_off(void);

/* Resets the machine by the FADT's reset register. Returns only if that did not work. */
void acpi_reset(void);

#endif
