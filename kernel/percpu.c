/* SPDX-License-Identifier: MIT */
/*
 * Areas of the CPUs that are started later. The boot CPU uses section .percpu itself; every other
 * CPU gets zero-filled pages of the same layout. They are cut from blocks as large as needed, so
 * that an area which is not a power of two of pages wastes little.
 */
#include "kernel/percpu.h"

#include "kernel/assert.h"
#include "mm/frame.h"
#include <arch/cpu.h>
#include <arch/memory.h>

extern char __percpu_start[], __percpu_end[];

DEFINE_PERCPU(uintptr_t, percpu_offset_self);
DEFINE_PERCPU(unsigned, percpu_cpu_id);

uintptr_t percpu_offset[CONFIG_MAX_CPUS];

static void set_area(unsigned cpu, char *area)
{
	percpu_offset[cpu] = (uintptr_t)area - (uintptr_t)__percpu_start;
	*cpu_ptr(percpu_offset_self, cpu) = percpu_offset[cpu];
	*cpu_ptr(percpu_cpu_id, cpu) = cpu;
}

/* The smallest block for `areas`, or for one where memory is short. FRAME_NONE: not even that. */
static paddr_t allocate_block(size_t area, unsigned *areas)
{
	for (; *areas; *areas /= 2) {
		unsigned order = 0;
		paddr_t block;

		while (order < FRAME_MAX_ORDER && ARCH_PAGE_SIZE << order < area * *areas)
			order++;
		block = frame_alloc(order, FRAME_ZERO | FRAME_KEPT);
		if (block == FRAME_NONE)
			continue;
		*areas = MIN(*areas, (unsigned)((ARCH_PAGE_SIZE << order) / area));
		return block;
	}
	return FRAME_NONE;
}

unsigned percpu_init(unsigned cpus)
{
	size_t area = (size_t)(__percpu_end - __percpu_start);
	unsigned cpu = 1;

	KASSERT(cpus && cpus <= CONFIG_MAX_CPUS);
	KASSERT(IS_ALIGNED(area, ARCH_PAGE_SIZE) && area <= ARCH_PAGE_SIZE << FRAME_MAX_ORDER);
	while (cpu < cpus) {
		unsigned areas = cpus - cpu;
		paddr_t block = allocate_block(area, &areas);

		if (block == FRAME_NONE)
			break;
		for (unsigned i = 0; i < areas; i++)
			set_area(cpu++, (char *)phys_to_virt(block) + i * area);
	}
	return cpu;
}
