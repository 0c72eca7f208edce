/* SPDX-License-Identifier: MIT */
/*
 * From a loader's tables to struct boot_info: pure functions, which run on the host under
 * sanitizers and fuzzers too. The order:
 *
 *	parse_multiboot2() or parse_pvh()    fills boot_info, collects memory ranges as given
 *	ranges_add(…, BOOT_KERNEL)           what the loader does not know
 *	ranges_finish()                      sorted, without overlaps, checked, into boot_info
 *	ranges_check_reach()                 nothing is where this CPU cannot go
 *
 * A function that returns an error has said in `problem` what was given and what is wrong with it.
 */
#ifndef BOOT_PARSE_H
#define BOOT_PARSE_H

#include "boot/boot_info.h"

/* Physical memory that may be read: `size` bytes from address `start` on, found at `base`. */
struct boot_window {
	const uint8_t *base;
	paddr_t start;
	uint64_t size;
};

struct boot_problem {
	char text[192];
};

/* Ranges in the order in which they come, overlapping as they do. */
struct boot_ranges {
	unsigned count;
	struct boot_range range[BOOT_RANGES_MAX];
};

/* Address of `size` bytes of physical memory, or NULL when they are not all inside the window. */
const void *window_at(const struct boot_window *window, paddr_t start, uint64_t size);

/*
 * Copies a string of at most size - 1 characters. 0; -EFAULT when it runs out of the window, -E2BIG
 * when it is longer. `what` names it for the problem.
 */
int __must_check window_copy_string(const struct boot_window *window, paddr_t start, char *to,
	size_t size, const char *what, struct boot_problem *problem);

/* Writes the text and returns `error`, for use in a return statement. */
int problem_set(struct boot_problem *problem, int error, const char *fmt, ...) __printf(3, 4);

/* 0, -EPROTO when the range leaves the address space, -ENOSPC when there are too many. */
int __must_check ranges_add(struct boot_ranges *ranges, paddr_t start, uint64_t size,
	enum boot_range_kind kind, struct boot_problem *problem);

/* What the firmware's number for a kind of memory (E820, ACPI 15.1) means here. */
enum boot_range_kind ranges_kind_of(uint32_t firmware_type);

/*
 * Fills info->range. Where ranges overlap the stricter kind wins; usable ranges shrink to whole
 * pages; the lowest page, with the firmware's data, is never usable. -EPROTO when a module, the
 * framebuffer or the loader's tables lie in the kernel, -ENOSPC when there are too many, -ENOMEM
 * without usable memory.
 */
int __must_check ranges_finish(
	struct boot_ranges *ranges, struct boot_info *info, struct boot_problem *problem);

/* 0, or -EPROTO when memory, tables or framebuffer reach beyond what the CPU can address. */
int __must_check ranges_check_reach(
	const struct boot_info *info, paddr_t limit, struct boot_problem *problem);

/*
 * 0 or why not: -EFAULT outside the window, -EPROTO malformed, truncated or contradictory, -E2BIG
 * command line too long, -ENOSPC too many ranges or modules.
 */
int __must_check parse_multiboot2(const struct boot_window *window, paddr_t start,
	struct boot_ranges *ranges, struct boot_info *info, struct boot_problem *problem);
int __must_check parse_pvh(const struct boot_window *window, paddr_t start,
	struct boot_ranges *ranges, struct boot_info *info, struct boot_problem *problem);

#endif
