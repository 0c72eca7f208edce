/* SPDX-License-Identifier: MIT */
/* Start-up of one CPU: what every CPU has of its own, in order. */
#include "arch/x86_64/features.h"
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/trap.h"
#include <arch/init.h>

void arch_init_early(const struct boot_info *boot)
{
	(void)boot;
	trap_init();
	fpu_init();
	arch_init_cpu();
}

void arch_init_cpu(void)
{
	trap_init_cpu();
	features_init_cpu();
	fpu_init_cpu();
}
