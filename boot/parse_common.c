/* SPDX-License-Identifier: MIT */
/* What both parsers use: bounded reads of the loader's memory, modules, problems. */
#include "boot/parse.h"
#include "kernel/errno.h"
#include "kernel/format.h"
#include "kernel/string.h"

const char *boot_range_kind_name(enum boot_range_kind kind)
{
	static const char *const names[] = {
		[BOOT_USABLE] = "usable",
		[BOOT_RESERVED] = "reserved",
		[BOOT_ACPI] = "ACPI tables",
		[BOOT_ACPI_NVS] = "ACPI NVS",
		[BOOT_BAD] = "bad",
		[BOOT_KERNEL] = "kernel",
		[BOOT_MODULE] = "module",
		[BOOT_FRAMEBUFFER] = "framebuffer",
		[BOOT_INFO] = "loader's tables",
	};

	return (unsigned)kind < ARRAY_SIZE(names) ? names[kind] : "unknown";
}

const void *window_at(const struct boot_window *window, paddr_t start, uint64_t size)
{
	uint64_t offset = start - window->start;

	if (start < window->start || offset > window->size || size > window->size - offset)
		return NULL;
	return window->base + offset;
}

int window_copy_string(const struct boot_window *window, paddr_t start, char *to, size_t size,
	const char *what, struct boot_problem *problem)
{
	for (size_t i = 0; i < size; i++) {
		const char *from = window_at(window, start + i, 1);

		if (!from)
			return problem_set(problem, -EFAULT,
				"%s at %#llx is in memory that cannot be read", what,
				(unsigned long long)start);
		to[i] = *from;
		if (!*from)
			return 0;
	}
	to[size - 1] = '\0';
	return problem_set(problem, -E2BIG, "%s is longer than %zu characters", what, size - 1);
}

int problem_set(struct boot_problem *problem, int error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	format_string_va(problem->text, sizeof(problem->text), fmt, args);
	va_end(args);
	return error;
}
