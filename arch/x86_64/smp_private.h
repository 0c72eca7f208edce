/* SPDX-License-Identifier: MIT */
/* Shared by smp_probe.c and smp.c only. */
#ifndef X86_SMP_PRIVATE_H
#define X86_SMP_PRIVATE_H

#include "arch/x86_64/smp.h"
#include "arch/x86_64/trampoline.h"

/* Enters the boot CPU as number 0. */
void smp_add_boot_cpu(void);

#endif
