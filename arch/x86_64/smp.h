/* SPDX-License-Identifier: MIT */
/* Starting and stopping CPUs: what the machine's own files need of it; the rest is <arch/smp.h>. */
#ifndef X86_SMP_H
#define X86_SMP_H

#include "kernel/types.h"
#include <arch/smp.h>

struct boot_info;

/* The boot CPU is CPU 0; handlers of IPIs; a place for the trampoline. After apic_init_cpu(). */
void smp_init(const struct boot_info *boot);

#endif
