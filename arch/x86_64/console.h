/* SPDX-License-Identifier: MIT */
/* The parts of the console device: serial port and screen. */
#ifndef X86_CONSOLE_H
#define X86_CONSOLE_H

#include "boot/boot_info.h"

/* Waits, bounded, until the serial port has sent everything: before the machine ends. */
void console_flush(void);

/* Starts a screen that only the final page tables reach. After arch_memory_init(). */
void console_init_late(const struct boot_info *boot);

#endif
