/* SPDX-License-Identifier: MIT */
/* A machine for tests of mm/ on the host: some ranges of memory, everything started afresh. */
#ifndef MM_TESTS_MM_MACHINE_H
#define MM_TESTS_MM_MACHINE_H

#include "boot/boot_info.h"
#include "mm/boot_alloc.h"
#include "mm/frame_internal.h"
#include "mm/slab_internal.h"
#include <arch/host.h>

#define MIB (1ull << 20)

struct mm_range {
	paddr_t start;
	uint64_t size;
	unsigned kind;
};

static struct boot_info mm_boot;

static inline void mm_machine_boot(const struct mm_range *range, unsigned count)
{
	arch_host_reset();
	arch_host_memory_init(range[count - 1].start + range[count - 1].size);
	mm_boot = (struct boot_info){.range_count = count};
	for (unsigned i = 0; i < count; i++)
		mm_boot.range[i] =
			(struct boot_range){range[i].start, range[i].size, range[i].kind};
	frame_boot_init(&mm_boot);
}

/* One CPU, one range from 1 MiB; frame_init() and slab_init() have run. */
static inline void mm_machine_start(uint64_t size)
{
	const struct mm_range all = {0, size, BOOT_USABLE};

	mm_machine_boot(&all, 1);
	frame_init();
	slab_init();
}

#endif
