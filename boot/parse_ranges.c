/* SPDX-License-Identifier: MIT */
/*
 * The memory map: from what firmware and loader say, in any order and with overlaps, to a sorted
 * list in which every byte has one kind at most. Firmware contradicts itself in practice, so the
 * stricter kind wins: memory is used only if nobody objects.
 */
#include "boot/parse.h"
#include "kernel/errno.h"
#include <arch/cpu.h>

#define FIRMWARE_AREA ARCH_PAGE_SIZE /* real-mode vectors and BIOS data */
#define NOTHING       (-1)

/* Kinds from the least to the most strict. */
static const uint8_t strictness[] = {
	[BOOT_USABLE] = 0,
	[BOOT_INFO] = 1,
	[BOOT_MODULE] = 2,
	[BOOT_KERNEL] = 3,
	[BOOT_ACPI] = 4,
	[BOOT_ACPI_NVS] = 5,
	[BOOT_RESERVED] = 6,
	[BOOT_FRAMEBUFFER] = 7,
	[BOOT_BAD] = 8,
};

static uint64_t range_end(const struct boot_range *r)
{
	return r->start + r->size;
}

enum boot_range_kind ranges_kind_of(uint32_t firmware_type)
{
	switch (firmware_type) {
	case 1:
		return BOOT_USABLE;
	case 3:
		return BOOT_ACPI;
	case 4:
		return BOOT_ACPI_NVS;
	case 5:
		return BOOT_BAD;
	default:
		return BOOT_RESERVED;
	}
}

int ranges_add(struct boot_ranges *ranges, paddr_t start, uint64_t size, enum boot_range_kind kind,
	struct boot_problem *problem)
{
	if (!size)
		return 0;
	if (size > UINT64_MAX - start)
		return problem_set(problem, -EPROTO,
			"memory range at %#llx of %#llx bytes (%s) leaves the address space",
			(unsigned long long)start, (unsigned long long)size,
			boot_range_kind_name(kind));
	if (ranges->count == ARRAY_SIZE(ranges->range))
		return problem_set(problem, -ENOSPC, "more than %u memory ranges", BOOT_RANGES_MAX);
	ranges->range[ranges->count++] = (struct boot_range){start, size, kind};
	return 0;
}

static bool stricter(uint32_t kind, int than)
{
	return than == NOTHING || strictness[kind] > strictness[than];
}

/* The kind of memory at `at` (or NOTHING), and the next address after it where that may change. */
static int kind_at(const struct boot_ranges *ranges, uint64_t at, uint64_t *next)
{
	int kind = NOTHING;

	*next = UINT64_MAX;
	for (unsigned i = 0; i < ranges->count; i++) {
		const struct boot_range *r = &ranges->range[i];

		if (at < r->start) {
			*next = MIN(*next, r->start);
		} else if (at < range_end(r)) {
			*next = MIN(*next, range_end(r));
			if (stricter(r->kind, kind))
				kind = (int)r->kind;
		}
	}
	return kind;
}

/* Appends to the sorted list, to its last range if that goes on with the same kind. */
static int append(struct boot_info *info, uint64_t start, uint64_t end, uint32_t kind,
	struct boot_problem *problem)
{
	struct boot_range *last = info->range_count ? &info->range[info->range_count - 1] : NULL;

	if (last && last->kind == kind && range_end(last) == start) {
		last->size = end - last->start;
		return 0;
	}
	if (info->range_count == ARRAY_SIZE(info->range))
		return problem_set(problem, -ENOSPC,
			"more than %u memory ranges after sorting and cutting", BOOT_RANGES_MAX);
	info->range[info->range_count++] = (struct boot_range){start, end - start, kind};
	return 0;
}

/* One pass over the address space from boundary to boundary. */
static int sweep(
	const struct boot_ranges *ranges, struct boot_info *info, struct boot_problem *problem)
{
	uint64_t next;

	for (uint64_t at = 0; at != UINT64_MAX; at = next) {
		int kind = kind_at(ranges, at, &next);
		int err = kind == NOTHING ? 0 : append(info, at, next, (uint32_t)kind, problem);

		if (err)
			return err;
	}
	return 0;
}

/* Usable ranges lose their broken pages at both ends, and vanish if nothing is left. */
static void align_usable(struct boot_info *info)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < info->range_count; i++) {
		struct boot_range r = info->range[i];

		if (r.kind == BOOT_USABLE) {
			uint64_t end = ALIGN_DOWN(range_end(&r), ARCH_PAGE_SIZE);

			r.start = MIN(ALIGN_UP(r.start, ARCH_PAGE_SIZE), end);
			r.size = end - r.start;
		}
		if (r.size)
			info->range[kept++] = r;
	}
	info->range_count = kept;
}

static bool overlap(const struct boot_range *a, const struct boot_range *b)
{
	return a->start < range_end(b) && b->start < range_end(a);
}

static bool is_foreign(const struct boot_range *r)
{
	return r->kind == BOOT_MODULE || r->kind == BOOT_INFO || r->kind == BOOT_FRAMEBUFFER;
}

/* A loader that puts its data into the kernel image has overwritten one of the two. */
static int check_kernel_alone(const struct boot_ranges *ranges, struct boot_problem *problem)
{
	for (unsigned k = 0; k < ranges->count; k++) {
		const struct boot_range *kernel = &ranges->range[k];

		for (unsigned i = 0; kernel->kind == BOOT_KERNEL && i < ranges->count; i++) {
			const struct boot_range *r = &ranges->range[i];

			if (is_foreign(r) && overlap(kernel, r))
				return problem_set(problem, -EPROTO,
					"%s at %#llx of %#llx bytes overlaps the kernel at %#llx",
					boot_range_kind_name(r->kind), (unsigned long long)r->start,
					(unsigned long long)r->size,
					(unsigned long long)kernel->start);
		}
	}
	return 0;
}

static int check_usable(const struct boot_info *info, struct boot_problem *problem)
{
	for (unsigned i = 0; i < info->range_count; i++)
		if (info->range[i].kind == BOOT_USABLE)
			return 0;
	return problem_set(problem, -ENOMEM,
		"no usable memory: none of the memory map's ranges (%u after sorting) is usable",
		info->range_count);
}

/* Reserved memory may be anywhere: nobody goes there. */
static bool is_reached(const struct boot_range *r)
{
	return r->kind != BOOT_RESERVED && r->kind != BOOT_BAD;
}

int ranges_check_reach(const struct boot_info *info, paddr_t limit, struct boot_problem *problem)
{
	for (unsigned i = 0; i < info->range_count; i++) {
		const struct boot_range *r = &info->range[i];

		if (is_reached(r) && range_end(r) > limit)
			return problem_set(problem, -EPROTO,
				"memory range at %#llx of %#llx bytes (%s) is beyond %#llx, where "
				"this CPU's addresses end",
				(unsigned long long)r->start, (unsigned long long)r->size,
				boot_range_kind_name(r->kind), (unsigned long long)limit);
	}
	return 0;
}

int ranges_finish(struct boot_ranges *ranges, struct boot_info *info, struct boot_problem *problem)
{
	int err = ranges_add(ranges, 0, FIRMWARE_AREA, BOOT_RESERVED, problem);

	info->range_count = 0;
	if (!err)
		err = check_kernel_alone(ranges, problem);
	if (!err)
		err = sweep(ranges, info, problem);
	if (err)
		return err;
	align_usable(info);
	return check_usable(info, problem);
}
