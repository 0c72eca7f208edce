/* SPDX-License-Identifier: MIT */
/*
 * The buddy allocator against a reference that knows the owner of every page: no overlap,
 * alignment, exact numbers, everything joined again at the end; and every kind of wrong use.
 */
#include "kernel/types.h"
#include <arch/host_test.h>
#include "mm/inject.h"
#include "mm/tests/mm_machine.h"

#define MEMORY     (48 * MIB)
#define HELD_MAX   4096u
#define OPERATIONS 1000000ul

struct held {
	paddr_t pa;
	unsigned order;
};

static struct held held[HELD_MAX];
static unsigned held_count;
static uint64_t held_pages;
static bool taken[MEMORY / 4096];

/* Makes every CPU's cache empty, as running out of memory does. */
static void empty_caches(void)
{
	static paddr_t block[MEMORY >> (12 + FRAME_MAX_ORDER)];
	unsigned n = 0;

	while ((block[n] = frame_alloc(FRAME_MAX_ORDER, 0)) != FRAME_NONE)
		n++;
	while (n)
		frame_free(block[--n], FRAME_MAX_ORDER);
}

static void assert_same_blocks(const struct frame_stats *a, const struct frame_stats *b)
{
	assert_int_equal(a->total, b->total);
	assert_int_equal(a->free, b->free);
	for (unsigned i = 0; i <= FRAME_MAX_ORDER; i++)
		assert_int_equal(a->blocks[i], b->blocks[i]);
}

/* The pages that remembered backtraces took are not the test's. */
static uint64_t pages_of_sites;

static void assert_exact(void)
{
	struct frame_stats stats;
	uint64_t sum = 0;

	frame_get_stats(&stats);
	for (unsigned i = 0; i <= FRAME_MAX_ORDER; i++)
		sum += stats.blocks[i] << i;
	assert_int_equal(sum + stats.cached, stats.free);
	assert_int_equal(stats.free + held_pages + pages_of_sites, stats.total);
}

static unsigned random_order(struct host_random *r)
{
	unsigned order = 0;

	if (host_random_below(r, 4))
		return 0;
	while (order < FRAME_MAX_ORDER && host_random_below(r, 2))
		order++;
	return order;
}

static void take(struct host_random *r)
{
	unsigned order = random_order(r);
	paddr_t pa = frame_alloc(order, 0);

	if (pa == FRAME_NONE || held_count == HELD_MAX) {
		if (pa != FRAME_NONE)
			frame_free(pa, order);
		return;
	}
	assert_true(IS_ALIGNED(pa, 4096ull << order));
	assert_true(pa >= MIB && pa + (4096ull << order) <= MEMORY);
	for (unsigned i = 0; i < 1u << order; i++) {
		assert_false(taken[pa / 4096 + i]);
		taken[pa / 4096 + i] = true;
	}
	*(uint64_t *)phys_to_virt(pa) = pa ^ order;
	held[held_count++] = (struct held){pa, order};
	held_pages += 1u << order;
}

static void give(unsigned which)
{
	struct held h = held[which];

	assert_int_equal(*(uint64_t *)phys_to_virt(h.pa), h.pa ^ h.order);
	for (unsigned i = 0; i < 1u << h.order; i++)
		taken[h.pa / 4096 + i] = false;
	held[which] = held[--held_count];
	held_pages -= 1u << h.order;
	frame_free(h.pa, h.order);
}

/* Memory fills up and empties by turns, so that both ends are met. */
static void test_random_operations(void **state __unused)
{
	struct host_random r = host_random_start("frames");
	struct frame_stats start, end;

	mm_machine_start(MEMORY);
	frame_get_stats(&start);
	for (unsigned long i = 0; i < host_rounds(OPERATIONS); i++) {
		bool filling = i / 20000 % 2 == 0;

		arch_host_become((unsigned)(i / 100 % 3));
		if (!held_count || host_random_below(&r, 8) < (filling ? 5 : 3))
			take(&r);
		else
			give(host_random_below(&r, held_count));
		if (i == 1000) {
			frame_get_stats(&end);
			pages_of_sites = end.total - end.free - held_pages;
		}
		if (i > 1000 && i % 997 == 0)
			assert_exact();
	}
	while (held_count)
		give(held_count - 1);
	empty_caches();
	frame_get_stats(&end);
	assert_int_equal(start.total - end.free, pages_of_sites);
	assert_int_equal(end.cached, 0);
}

static void test_joins_back_to_the_start(void **state __unused)
{
	struct frame_stats start, end;
	unsigned n = 0;

	mm_machine_start(MEMORY);
	frame_free(frame_alloc(1, 0), 1);
	empty_caches();
	frame_get_stats(&start);
	while (n < HELD_MAX && (held[n].pa = frame_alloc(0, 0)) != FRAME_NONE)
		n++;
	frame_get_stats(&end);
	assert_int_equal(start.free - end.free, n);
	for (unsigned i = 0; i < n; i += 2)
		frame_free(held[i].pa, 0);
	for (unsigned i = 1; i < n; i += 2)
		frame_free(held[i].pa, 0);
	empty_caches();
	frame_get_stats(&end);
	assert_same_blocks(&start, &end);
}

static void test_every_page_can_be_had(void **state __unused)
{
	struct frame_stats stats;
	uint64_t n = 0;

	mm_machine_start(20 * MIB);
	frame_get_stats(&stats);
	while (frame_alloc(0, 0) != FRAME_NONE)
		n++;
	assert_in_range(n, stats.free - 2, stats.free);
	frame_get_stats(&stats);
	assert_int_equal(stats.free, 0);
	assert_int_equal(stats.failures, 1);
	assert_int_equal(frame_alloc(FRAME_MAX_ORDER + 1, 0), FRAME_NONE);
}

/* CPU 1 holds the last pages in its cache: CPU 0 gets them all the same. */
static void test_other_cpus_caches_are_emptied(void **state __unused)
{
	paddr_t pages[8];

	mm_machine_start(20 * MIB);
	arch_host_become(1);
	for (unsigned i = 0; i < ARRAY_SIZE(pages); i++)
		pages[i] = frame_alloc(0, 0);
	arch_host_become(0);
	while (frame_alloc(0, 0) != FRAME_NONE)
		;
	arch_host_become(1);
	for (unsigned i = 0; i < ARRAY_SIZE(pages); i++)
		frame_free(pages[i], 0);
	arch_host_become(0);
	for (unsigned i = 0; i < ARRAY_SIZE(pages); i++)
		assert_int_not_equal(frame_alloc(0, 0), FRAME_NONE);
	assert_int_equal(frame_alloc(0, 0), FRAME_NONE);
}

static void test_zero_flag(void **state __unused)
{
	static const char zeros[4096];
	paddr_t pa;

	mm_machine_start(20 * MIB);
	for (unsigned order = 0; order < 3; order++) {
		pa = frame_alloc(order, 0);
		memset(phys_to_virt(pa), 0x55, 4096u << order);
		frame_free(pa, order);
		pa = frame_alloc(order, FRAME_ZERO);
		for (unsigned i = 0; i < 1u << order; i++)
			assert_memory_equal(
				(char *)phys_to_virt(pa) + i * 4096, zeros, sizeof(zeros));
	}
}

static void test_maps_with_holes(void **state __unused)
{
	static const struct mm_range map[] = {
		{0, 0x9f000, BOOT_USABLE},
		{MIB, 7 * MIB, BOOT_USABLE},
		{8 * MIB, 0x8000, BOOT_ACPI_NVS},
		{8 * MIB + 0x8000, 0x3000, BOOT_USABLE},
		{16 * MIB, 3 * MIB, BOOT_KERNEL},
		{19 * MIB, 5 * MIB + 0x5000, BOOT_USABLE},
		{4096 * MIB, 4096 * MIB, BOOT_USABLE},
	};
	struct frame_stats stats;
	uint64_t table = 0;

	mm_machine_boot(map, ARRAY_SIZE(map));
	frame_init();
	frame_get_stats(&stats);
	table = ALIGN_UP(frame_table_count * sizeof(struct frame), 4096);
	assert_int_equal(stats.total * 4096 + table, (12 + 4096) * MIB + 0x8000);
	assert_int_equal(frame_table_base, MIB);
	assert_int_not_equal(frame_alloc(FRAME_MAX_ORDER, 0), FRAME_NONE);
}

/* A little memory at 64 GiB is not worth a table of 512 MiB. */
static void test_distant_memory_is_left_out(void **state __unused)
{
	static const struct mm_range map[] = {
		{0, 128 * MIB, BOOT_USABLE},
		{65536 * MIB, 16 * MIB, BOOT_USABLE},
	};
	struct frame_stats stats;

	mm_machine_boot(map, ARRAY_SIZE(map));
	frame_init();
	frame_get_stats(&stats);
	assert_in_range(stats.total, 126 * 256, 127 * 256);
	assert_non_null(strstr(arch_host_log, "too far from the rest"));
}

static void test_too_little_is_said(void **state __unused)
{
	static const struct mm_range map[] = {{0, 5 * MIB, BOOT_USABLE}};

	mm_machine_boot(map, 1);
	assert_true(HOST_PANICS(frame_init()));
	assert_non_null(strstr(arch_host_log, "cannot boot: it needs 6144 KiB"));
	assert_non_null(strstr(arch_host_log, "this machine has 4096 KiB"));
}

static void assert_report(const char *text)
{
	if (!strstr(arch_host_panic_text, text))
		fail_msg("panic text is: %s", arch_host_panic_text);
	assert_non_null(strstr(arch_host_log, "allocated by:"));
	assert_non_null(strstr(arch_host_log, "freed by:"));
	arch_host_log[0] = '\0';
}

static void free_twice(unsigned order)
{
	paddr_t pa;

	mm_machine_start(20 * MIB);
	pa = frame_alloc(order, 0);
	frame_free(pa, order);
	assert_true(HOST_PANICS(frame_free(pa, order)));
	assert_non_null(strstr(arch_host_log, "freed now by:"));
	assert_report(order ? "frame_free" : "it is free already");
}

static void test_double_free_is_reported(void **state __unused)
{
	for (unsigned order = 0; order < 3; order++)
		free_twice(order);
}

static void test_wrong_free_is_reported(void **state __unused)
{
	paddr_t pa;

	mm_machine_start(20 * MIB);
	pa = frame_alloc(2, 0);
	assert_true(HOST_PANICS(frame_free(pa, 1)));
	assert_non_null(strstr(arch_host_panic_text, "another order"));
	assert_true(HOST_PANICS(frame_free(pa + 4096, 0)));
	assert_non_null(strstr(arch_host_panic_text, "no block starts there"));
	assert_true(HOST_PANICS(frame_free(pa + 1, 2)));
	assert_true(HOST_PANICS(frame_free(1ull << 50, 0)));
	assert_true(HOST_PANICS(frame_free(0, 0)));
	assert_non_null(strstr(arch_host_panic_text, "no page of the allocator"));
}

static void take_all(void)
{
	while (frame_alloc(0, 0) != FRAME_NONE)
		;
}

static void write_after_free(unsigned offset)
{
	paddr_t pa;

	mm_machine_start(20 * MIB);
	pa = frame_alloc(1, 0);
	frame_free(pa, 1);
	((char *)phys_to_virt(pa))[offset]++;
	assert_true(HOST_PANICS(take_all()));
	assert_report("use after free");
}

static void test_use_after_free_is_reported(void **state __unused)
{
	for (unsigned offset = 0; offset < 8192; offset += 1365)
		write_after_free(offset);
}

static void test_injected_failure(void **state __unused)
{
	struct frame_stats stats;

	mm_machine_start(20 * MIB);
	mm_inject_failure(3);
	assert_int_not_equal(frame_alloc(0, 0), FRAME_NONE);
	assert_int_not_equal(frame_alloc(1, 0), FRAME_NONE);
	assert_false(mm_inject_happened());
	assert_int_equal(frame_alloc(0, 0), FRAME_NONE);
	assert_true(mm_inject_happened());
	assert_int_not_equal(frame_alloc(0, 0), FRAME_NONE);
	frame_get_stats(&stats);
	assert_int_equal(stats.failures, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_operations),
		cmocka_unit_test(test_joins_back_to_the_start),
		cmocka_unit_test(test_every_page_can_be_had),
		cmocka_unit_test(test_other_cpus_caches_are_emptied),
		cmocka_unit_test(test_zero_flag),
		cmocka_unit_test(test_maps_with_holes),
		cmocka_unit_test(test_distant_memory_is_left_out),
		cmocka_unit_test(test_too_little_is_said),
		cmocka_unit_test(test_double_free_is_reported),
		cmocka_unit_test(test_wrong_free_is_reported),
		cmocka_unit_test(test_use_after_free_is_reported),
		cmocka_unit_test(test_injected_failure),
	};

	arch_host_init(3);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
