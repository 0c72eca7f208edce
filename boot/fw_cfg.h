/* SPDX-License-Identifier: MIT */
/* QEMU's way to hand a text to the guest: `-fw_cfg name=opt/org.multios/cmdline,string=…`. */
#ifndef BOOT_FW_CFG_H
#define BOOT_FW_CFG_H

#include "kernel/types.h"

#define FW_CFG_CMDLINE "opt/org.multios/cmdline"

/*
 * Copies a file of at most size - 1 bytes and terminates it. Returns its whole length, which may be
 * more than what was copied; 0 without such a file and on machines other than QEMU.
 */
size_t fw_cfg_read(const char *name, char *to, size_t size);

#endif
