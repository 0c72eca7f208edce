/* SPDX-License-Identifier: MIT */
/* From the kernel's first instruction to the moment where the prompt would come. */
#include "bench/bench.h"
#include "kernel/system.h"

KBENCH(boot, "boot", 1)
{
	for (unsigned i = 0; i < samples; i++)
		sample[i] = (uint32_t)MIN(system_ready_at(), (ktime_t)UINT32_MAX);
}
