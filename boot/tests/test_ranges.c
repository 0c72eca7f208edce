/* SPDX-License-Identifier: MIT */
/* boot/parse_ranges.c: order, overlaps, pages, and memory maps that cannot be. */
#include "kernel/types.h"
#include <setjmp.h>
#include <cmocka.h>
#include "boot/tests/check.h"
#include "kernel/errno.h"

#define MIB 0x100000ull

static struct boot_ranges ranges;
static struct boot_info info;
static struct boot_problem problem;

static int clear(void **state __unused)
{
	ranges.count = 0;
	problem.text[0] = '\0';
	memset(&info, 0, sizeof(info));
	return 0;
}

static void add(uint64_t start, uint64_t size, enum boot_range_kind kind)
{
	assert_int_equal(ranges_add(&ranges, start, size, kind, &problem), 0);
}

static void finish(void)
{
	assert_int_equal(ranges_finish(&ranges, &info, &problem), 0);
	check_result(0, &info, &problem);
}

static void expect(unsigned i, uint64_t start, uint64_t end, enum boot_range_kind kind)
{
	assert_true(i < info.range_count);
	assert_int_equal(info.range[i].start, start);
	assert_int_equal(info.range[i].size, end - start);
	assert_int_equal(info.range[i].kind, kind);
}

static void test_sorts_and_merges(void **state __unused)
{
	add(4 * MIB, MIB, BOOT_USABLE);
	add(2 * MIB, MIB, BOOT_USABLE);
	add(3 * MIB, MIB, BOOT_USABLE);
	add(8 * MIB, MIB, BOOT_ACPI);
	finish();
	assert_int_equal(info.range_count, 3);
	expect(0, 0, 4096, BOOT_RESERVED);
	expect(1, 2 * MIB, 5 * MIB, BOOT_USABLE);
	expect(2, 8 * MIB, 9 * MIB, BOOT_ACPI);
}

static void test_the_stricter_kind_wins(void **state __unused)
{
	add(MIB, 7 * MIB, BOOT_USABLE);
	add(2 * MIB, MIB, BOOT_KERNEL);
	add(4 * MIB, 2 * MIB, BOOT_MODULE);
	add(5 * MIB, 2 * MIB, BOOT_RESERVED);
	add(6 * MIB, 4096, BOOT_BAD);
	finish();
	assert_int_equal(info.range_count, 9);
	expect(1, MIB, 2 * MIB, BOOT_USABLE);
	expect(2, 2 * MIB, 3 * MIB, BOOT_KERNEL);
	expect(3, 3 * MIB, 4 * MIB, BOOT_USABLE);
	expect(4, 4 * MIB, 5 * MIB, BOOT_MODULE);
	expect(5, 5 * MIB, 6 * MIB, BOOT_RESERVED);
	expect(6, 6 * MIB, 6 * MIB + 4096, BOOT_BAD);
	expect(7, 6 * MIB + 4096, 7 * MIB, BOOT_RESERVED);
	expect(8, 7 * MIB, 8 * MIB, BOOT_USABLE);
}

static void test_usable_ranges_are_whole_pages(void **state __unused)
{
	add(MIB + 1, 3 * 4096, BOOT_USABLE);
	add(2 * MIB + 100, 4096, BOOT_USABLE);
	add(3 * MIB + 100, 200, BOOT_USABLE);
	add(4 * MIB + 100, 200, BOOT_ACPI_NVS);
	finish();
	assert_int_equal(info.range_count, 3);
	expect(1, MIB + 4096, MIB + 3 * 4096, BOOT_USABLE);
	expect(2, 4 * MIB + 100, 4 * MIB + 300, BOOT_ACPI_NVS);
}

static void test_nothing_is_beyond_the_reach_of_the_cpu(void **state __unused)
{
	const uint64_t limit = 1ull << 40;

	add(MIB, MIB, BOOT_USABLE);
	add(limit - MIB, MIB, BOOT_ACPI);
	add(limit, MIB, BOOT_RESERVED);
	add(2 * limit, MIB, BOOT_BAD);
	finish();
	assert_int_equal(ranges_check_reach(&info, limit, &problem), 0);
	assert_int_equal(ranges_check_reach(&info, limit - 1, &problem), -EPROTO);
	assert_non_null(strstr(problem.text,
		"at 0xfffff00000 of 0x100000 bytes (ACPI tables) is beyond 0xffffffffff"));
}

static void test_page_zero_is_never_usable(void **state __unused)
{
	add(0, MIB, BOOT_USABLE);
	finish();
	expect(0, 0, 4096, BOOT_RESERVED);
	expect(1, 4096, MIB, BOOT_USABLE);
}

static void test_unknown_types_are_reserved(void **state __unused)
{
	static const uint32_t unknown[] = {0, 2, 6, 7, 12, 20, 0xffffffff};

	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		assert_int_equal(ranges_kind_of(unknown[i]), BOOT_RESERVED);
	assert_int_equal(ranges_kind_of(1), BOOT_USABLE);
}

static void test_empty_ranges_vanish(void **state __unused)
{
	add(MIB, 0, BOOT_BAD);
	add(UINT64_MAX, 0, BOOT_BAD);
	add(MIB, MIB, BOOT_USABLE);
	finish();
	assert_int_equal(info.range_count, 2);
}

static void test_the_end_of_the_address_space(void **state __unused)
{
	add(MIB, MIB, BOOT_USABLE);
	add(UINT64_MAX - 4095, 4095, BOOT_RESERVED);
	finish();
	expect(2, UINT64_MAX - 4095, UINT64_MAX, BOOT_RESERVED);
	assert_int_equal(
		ranges_add(&ranges, UINT64_MAX - 4095, 4097, BOOT_USABLE, &problem), -EPROTO);
	assert_non_null(strstr(problem.text, "leaves the address space"));
}

static void test_no_usable_memory(void **state __unused)
{
	add(0, 4096, BOOT_USABLE);
	add(MIB, MIB, BOOT_RESERVED);
	add(3 * MIB + 1, 8190, BOOT_USABLE);
	assert_int_equal(ranges_finish(&ranges, &info, &problem), -ENOMEM);
	assert_non_null(strstr(problem.text, "no usable memory"));
}

static void test_modules_may_not_lie_in_the_kernel(void **state __unused)
{
	add(MIB, 16 * MIB, BOOT_USABLE);
	add(2 * MIB, MIB, BOOT_KERNEL);
	add(3 * MIB - 1, MIB, BOOT_MODULE);
	assert_int_equal(ranges_finish(&ranges, &info, &problem), -EPROTO);
	assert_string_equal(problem.text,
		"module at 0x2fffff of 0x100000 bytes overlaps the kernel at 0x200000");
}

static void test_too_many(void **state __unused)
{
	for (unsigned i = 0; i < BOOT_RANGES_MAX; i++)
		add(i * 2 * MIB, MIB, BOOT_USABLE);
	assert_int_equal(ranges_add(&ranges, 0, 1, BOOT_USABLE, &problem), -ENOSPC);
	assert_int_equal(ranges_finish(&ranges, &info, &problem), -ENOSPC);
	assert_string_equal(problem.text, "more than 1024 memory ranges");
}

static void test_too_many_after_cutting(void **state __unused)
{
	add(0, 1ull << 40, BOOT_USABLE);
	for (unsigned i = 0; i < BOOT_RANGES_MAX - 2; i++)
		add(MIB + i * 2 * MIB, MIB, BOOT_RESERVED);
	assert_int_equal(ranges_finish(&ranges, &info, &problem), -ENOSPC);
	assert_non_null(strstr(problem.text, "after sorting"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_sorts_and_merges, clear),
		cmocka_unit_test_setup(test_the_stricter_kind_wins, clear),
		cmocka_unit_test_setup(test_usable_ranges_are_whole_pages, clear),
		cmocka_unit_test_setup(test_nothing_is_beyond_the_reach_of_the_cpu, clear),
		cmocka_unit_test_setup(test_page_zero_is_never_usable, clear),
		cmocka_unit_test_setup(test_unknown_types_are_reserved, clear),
		cmocka_unit_test_setup(test_empty_ranges_vanish, clear),
		cmocka_unit_test_setup(test_the_end_of_the_address_space, clear),
		cmocka_unit_test_setup(test_no_usable_memory, clear),
		cmocka_unit_test_setup(test_modules_may_not_lie_in_the_kernel, clear),
		cmocka_unit_test_setup(test_too_many, clear),
		cmocka_unit_test_setup(test_too_many_after_cutting, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
