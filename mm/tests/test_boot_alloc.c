/* SPDX-License-Identifier: MIT */
/* Memory while booting: what it takes, what it must not take, and how it ends without any. */
#include "kernel/types.h"
#include <arch/host_test.h>
#include "mm/tests/mm_machine.h"
#include <arch/memory.h>

static void test_stays_in_usable_ranges(void **state __unused)
{
	static const struct mm_range map[] = {
		{0, MIB / 2, BOOT_USABLE},
		{MIB, MIB, BOOT_KERNEL},
		{2 * MIB, 0x3000, BOOT_USABLE},
		{2 * MIB + 0x3000, 0x1000, BOOT_MODULE},
		{2 * MIB + 0x4000, 0x4000, BOOT_USABLE},
	};
	paddr_t last = 0;

	mm_machine_boot(map, ARRAY_SIZE(map));
	assert_int_equal(frame_boot_total(), 0x7000);
	for (unsigned i = 0; i < 7; i++) {
		paddr_t pa = frame_boot_alloc(100, 16);

		assert_true(pa > last && IS_ALIGNED(pa, ARCH_PAGE_SIZE));
		assert_true(pa >= 2 * MIB && pa != 2 * MIB + 0x3000);
		last = pa;
	}
	assert_true(HOST_PANICS((void)frame_boot_alloc(1, 1)));
	assert_non_null(strstr(arch_host_log, "cannot boot: out of memory"));
}

static void test_zeroed_and_aligned(void **state __unused)
{
	static const struct mm_range map[] = {{0, 16 * MIB, BOOT_USABLE}};

	mm_machine_boot(map, 1);
	memset(arch_host_memory, 0xff, 16 * MIB);
	assert_int_equal(frame_boot_alloc(1, 1), MIB);
	for (paddr_t align = 4096; align <= 4 * MIB; align *= 2) {
		paddr_t pa = frame_boot_alloc(8192, align);
		const char *bytes = phys_to_virt(pa);

		assert_true(IS_ALIGNED(pa, align));
		for (unsigned i = 0; i < 8192; i++)
			assert_int_equal(bytes[i], 0);
	}
}

static void test_odd_edges_are_rounded_inwards(void **state __unused)
{
	static const struct mm_range map[] = {
		{2 * MIB + 1, 0x1fff, BOOT_USABLE},
		{3 * MIB, 0xfff, BOOT_USABLE},
	};
	unsigned count;
	const struct boot_free_range *range;

	mm_machine_boot(map, ARRAY_SIZE(map));
	range = frame_boot_finish(&count);
	assert_int_equal(count, 1);
	assert_int_equal(range[0].start, 2 * MIB + 0x1000);
	assert_int_equal(range[0].end, 2 * MIB + 0x2000);
	assert_true(HOST_ASSERTS((void)frame_boot_alloc(1, 1)));
}

static void test_below_four_gib_only(void **state __unused)
{
	static const struct mm_range map[] = {
		{4096 * MIB - 0x2000, 0x4000, BOOT_USABLE},
	};
	unsigned count;
	const struct boot_free_range *range;

	mm_machine_boot(map, ARRAY_SIZE(map));
	assert_int_equal(frame_boot_alloc(0x1000, 1), 4096 * MIB - 0x2000);
	assert_true(HOST_PANICS((void)frame_boot_alloc(0x2000, 1)));
	range = frame_boot_finish(&count);
	assert_int_equal(range[0].end - range[0].start, 0x3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stays_in_usable_ranges),
		cmocka_unit_test(test_zeroed_and_aligned),
		cmocka_unit_test(test_odd_edges_are_rounded_inwards),
		cmocka_unit_test(test_below_four_gib_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
