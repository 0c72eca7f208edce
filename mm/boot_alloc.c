/* SPDX-License-Identifier: MIT */
/*
 * Memory before the allocator. The ranges are kept as they come, sorted; a piece is cut from the
 * start of the first range that has room, so the rest of every range stays one run. One CPU, no
 * lock.
 */
#include "mm/boot_alloc.h"
#include "boot/boot_info.h"
#include "kernel/assert.h"
#include "kernel/log.h"
#include "kernel/string.h"
#include <arch/cpu.h>
#include <arch/debug.h>
#include <arch/memory.h>

#define LOW_MEMORY_END (1ull << 20)
#define BOOT_REACH_END (1ull << 32)

static struct boot_free_range ranges[BOOT_RANGES_MAX];
static unsigned range_count;
static bool finished;
static uint64_t total_bytes;
static uint64_t reach_bytes; /* of these, what the first page tables map */
static uint64_t used_bytes;

static void add_range(paddr_t start, paddr_t end)
{
	start = ALIGN_UP(MAX(start, LOW_MEMORY_END), ARCH_PAGE_SIZE);
	end = ALIGN_DOWN(end, ARCH_PAGE_SIZE);
	if (start >= end)
		return;
	KASSERT(!range_count || ranges[range_count - 1].end <= start);
	ranges[range_count++] = (struct boot_free_range){start, end};
	total_bytes += end - start;
	reach_bytes += MIN(end, BOOT_REACH_END) - MIN(start, BOOT_REACH_END);
}

void frame_boot_init(const struct boot_info *boot)
{
	range_count = 0;
	finished = false;
	total_bytes = 0;
	reach_bytes = 0;
	used_bytes = 0;
	for (unsigned i = 0; i < boot->range_count; i++)
		if (boot->range[i].kind == BOOT_USABLE)
			add_range(boot->range[i].start, boot->range[i].start + boot->range[i].size);
}

static paddr_t cut(struct boot_free_range *range, uint64_t size, uint64_t align)
{
	paddr_t start = ALIGN_UP(range->start, align);
	paddr_t end = MIN(range->end, BOOT_REACH_END);

	if (start >= end || end - start < size)
		return 0;
	used_bytes += start + size - range->start;
	range->start = start + size;
	return start;
}

paddr_t frame_boot_alloc(uint64_t size, uint64_t align)
{
	KASSERT(!finished);
	KASSERT(size && align && !(align & (align - 1)));
	align = MAX(align, ARCH_PAGE_SIZE);
	size = ALIGN_UP(size, ARCH_PAGE_SIZE);
	for (unsigned i = 0; i < range_count; i++) {
		paddr_t pa = cut(&ranges[i], size, align);

		if (pa) {
			memset(phys_to_virt(pa), 0, size);
			return pa;
		}
	}
	console_printf(
		"MultiOS cannot boot: out of memory, %llu KiB wanted, aligned to %llu KiB; this "
		"machine has %llu KiB of usable memory between 1 MiB and 4 GiB, %llu KiB are in "
		"use\n",
		(unsigned long long)size >> 10, (unsigned long long)align >> 10,
		(unsigned long long)reach_bytes >> 10, (unsigned long long)used_bytes >> 10);
	arch_exit(ARCH_EXIT_BOOT);
}

struct boot_free_range *frame_boot_finish(unsigned *count)
{
	KASSERT(!finished);
	finished = true;
	*count = range_count;
	return ranges;
}

uint64_t frame_boot_total(void)
{
	return total_bytes;
}

uint64_t frame_boot_used(void)
{
	return used_bytes;
}
