/* SPDX-License-Identifier: MIT */
/* What the kernel says of itself: which one it is, what came up, what to try. */
#ifndef KERNEL_BANNER_H
#define KERNEL_BANNER_H

#include "kernel/types.h"

#define BANNER_VERSION "0.1"

struct boot_info;

/* The first line: version, build, compiler, loader. Before anything else works. */
void banner_hello(const struct boot_info *boot);

/* CPUs, memory, time it took, scheduler. All CPUs are on line. */
void banner_machine(void);

/* Three things to try at the prompt. */
void banner_try(void);

#endif
