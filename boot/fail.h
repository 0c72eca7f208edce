/* SPDX-License-Identifier: MIT */
/* The way out when the machine or the loader's tables are unusable. Needs nothing but the ports. */
#ifndef BOOT_FAIL_H
#define BOOT_FAIL_H

#include "boot/boot_info.h"

/* From now on a failure is told on this screen too, if it has pixels that we can draw. */
void boot_fail_show_on(const struct boot_framebuffer *f);

/*
 * Prints "MultiOS cannot boot: " and the text on the serial port and on the screen, ends
 * QEMU with ARCH_EXIT_BOOT where there is a device for it, else halts.
 */
__noreturn __cold void boot_fail(const char *fmt, ...) __printf(1, 2);

#endif
