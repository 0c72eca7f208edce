/* SPDX-License-Identifier: MIT */
/* The machine's start-up, in the order in which kernel_main() calls it. */
#ifndef ARCH_INIT_H
#define ARCH_INIT_H

#include "kernel/types.h"

struct boot_info;

/* Serial port and screen; the first thing that runs. */
void arch_console_init(const struct boot_info *boot);

/* Descriptor tables, traps, CPU features. Interrupts stay off. */
void arch_init_early(const struct boot_info *boot);

/*
 * The final page tables: direct map, W^X kernel image. Needs a way to take boot memory (mm/boot).
 */
void arch_memory_init(const struct boot_info *boot);

/* ACPI, interrupt controllers, clock and timer calibration. Needs the allocators. */
void arch_init_devices(const struct boot_info *boot);

/* Turns on what the machine has against its own kernel's mistakes; prints one line of it. */
void arch_report_features(void);

/*
 * Descriptor tables, traps and CPU features of the CPU this runs on. Called by the machine's own
 * code only: by arch_init_early() on the boot CPU, by the start code on the others before
 * kernel_ap_main(). Per-CPU variables work, interrupts are off.
 */
void arch_init_cpu(void);

#endif
