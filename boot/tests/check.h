/* SPDX-License-Identifier: MIT */
/* What must be true of every boot_info that the parsers have accepted; for tests and fuzzers. */
#ifndef BOOT_TESTS_CHECK_H
#define BOOT_TESTS_CHECK_H

#include "boot/parse.h"
#include "kernel/assert.h"
#include <arch/cpu.h>
#include <string.h>

static inline void check_ranges(const struct boot_info *info)
{
	uint64_t end = 0;

	BUG_ON(info->range_count > BOOT_RANGES_MAX);
	for (unsigned i = 0; i < info->range_count; i++) {
		const struct boot_range *r = &info->range[i];

		BUG_ON(r->size == 0 || r->size > UINT64_MAX - r->start);
		BUG_ON(r->start < end);
		BUG_ON(i && r->start == end && r->kind == info->range[i - 1].kind);
		if (r->kind == BOOT_USABLE)
			BUG_ON(r->start == 0 || !IS_ALIGNED(r->start | r->size, ARCH_PAGE_SIZE));
		end = r->start + r->size;
	}
}

static inline void check_strings(const struct boot_info *info)
{
	BUG_ON(!memchr(info->cmdline, 0, sizeof(info->cmdline)));
	BUG_ON(!memchr(info->loader_name, 0, sizeof(info->loader_name)));
	BUG_ON(info->module_count > BOOT_MODULES_MAX);
	for (unsigned i = 0; i < info->module_count; i++)
		BUG_ON(!memchr(info->module[i].name, 0, sizeof(info->module[i].name)));
}

/* Also after an error, which is shown there: a screen of pixels that is kept is all in memory. */
static inline void check_framebuffer(const struct boot_framebuffer *f)
{
	if (!f->address || f->kind == BOOT_TEXT)
		return;
	BUG_ON((uint64_t)f->width * f->bpp > 8ull * f->pitch);
	BUG_ON(boot_framebuffer_size(f) > UINT64_MAX - f->address);
}

/* A parser's whole result: either all is well, or the problem has been told. */
static inline void check_result(
	int err, const struct boot_info *info, const struct boot_problem *problem)
{
	BUG_ON(!memchr(problem->text, 0, sizeof(problem->text)));
	BUG_ON(!!err != !!problem->text[0]);
	check_framebuffer(&info->framebuffer);
	if (err)
		return;
	check_ranges(info);
	check_strings(info);
}

#endif
