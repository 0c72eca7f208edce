/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the memory map against a model that knows the kind of every 1 KiB of a small memory. Each
 * range is three bytes: start and size in 1 KiB, kind.
 */
#include "boot/tests/check.h"

#define UNIT           1024u
#define UNITS          512u
#define UNITS_PER_PAGE (ARCH_PAGE_SIZE / UNIT)
#define NOTHING        0xff

static const uint8_t strict_order[] = {
	BOOT_USABLE,
	BOOT_INFO,
	BOOT_MODULE,
	BOOT_ACPI,
	BOOT_ACPI_NVS,
	BOOT_RESERVED,
	BOOT_FRAMEBUFFER,
	BOOT_BAD,
};
static uint8_t model[UNITS];

static unsigned rank(uint8_t kind)
{
	for (unsigned i = 0; i < sizeof(strict_order); i++)
		if (strict_order[i] == kind)
			return i + 1;
	return 0;
}

static void model_add(unsigned start, unsigned count, uint8_t kind)
{
	for (unsigned i = start; i < start + count; i++)
		if (rank(kind) > rank(model[i]))
			model[i] = kind;
}

/* Usable memory that is not a whole page is nothing. */
static void model_align(void)
{
	for (unsigned page = 0; page < UNITS; page += UNITS_PER_PAGE) {
		unsigned usable = 0;

		for (unsigned i = 0; i < UNITS_PER_PAGE; i++)
			usable += model[page + i] == BOOT_USABLE;
		for (unsigned i = 0; usable < UNITS_PER_PAGE && i < UNITS_PER_PAGE; i++)
			if (model[page + i] == BOOT_USABLE)
				model[page + i] = NOTHING;
	}
}

static uint8_t kind_of(const struct boot_info *info, uint64_t at)
{
	for (unsigned i = 0; i < info->range_count; i++)
		if (at - info->range[i].start < info->range[i].size)
			return (uint8_t)info->range[i].kind;
	return NOTHING;
}

static void compare(const struct boot_info *info)
{
	for (unsigned i = 0; i < UNITS; i++)
		BUG_ON(kind_of(info, i * UNIT) != model[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct boot_info info;
	static struct boot_ranges ranges;
	static struct boot_problem problem;
	int err = 0;

	memset(model, NOTHING, sizeof(model));
	ranges.count = 0;
	problem.text[0] = '\0';
	for (size_t i = 0; i + 3 <= size && !err; i += 3) {
		unsigned start = data[i], count = data[i + 1];
		uint8_t kind = strict_order[data[i + 2] % sizeof(strict_order)];

		err = ranges_add(&ranges, start * UNIT, (uint64_t)count * UNIT, kind, &problem);
		if (!err)
			model_add(start, count, kind);
	}
	if (!err)
		err = ranges_finish(&ranges, &info, &problem);
	check_result(err, &info, &problem);
	if (!err) {
		model_add(0, UNITS_PER_PAGE, BOOT_RESERVED);
		model_align();
		compare(&info);
	}
	return 0;
}
