/* SPDX-License-Identifier: MIT */
/* APIC ids taken apart, with what real CPUs answer to CPUID 0xB. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "arch/x86_64/parse_topology.h"

#define LEVEL(shift, type)                                                                         \
	{                                                                                          \
		.eax = (shift), .ebx = 1, .ecx = (type) << 8                                       \
	}

static void assert_place(uint32_t id, struct topology_shifts shifts, unsigned package,
	unsigned core, unsigned thread)
{
	struct topology_place place = topology_place(id, shifts);

	assert_int_equal(place.package, package);
	assert_int_equal(place.core, core);
	assert_int_equal(place.thread, thread);
}

static void two_sockets_of_three_cores(void **state __unused)
{
	const struct topology_level level[] = {LEVEL(0, 1), LEVEL(2, 2), LEVEL(0, 0)};
	struct topology_shifts shifts;

	assert_true(topology_parse_levels(level, 3, &shifts));
	assert_place(2, shifts, 0, 2, 0);
	assert_place(4, shifts, 1, 0, 0);
	assert_place(6, shifts, 1, 2, 0);
}

static void threads_and_a_level_above_cores(void **state __unused)
{
	const struct topology_level level[] = {LEVEL(1, 1), LEVEL(4, 2), LEVEL(7, 5)};
	struct topology_shifts shifts;

	assert_true(topology_parse_levels(level, 3, &shifts));
	assert_place(0x8000 | 0x5b, shifts, 0x100, 0x2d, 1);
}

static void ids_of_32_bits(void **state __unused)
{
	const struct topology_level level[] = {LEVEL(1, 1), LEVEL(31, 2)};
	struct topology_shifts shifts;

	assert_true(topology_parse_levels(level, 2, &shifts));
	assert_place(0xffffffff, shifts, 1, 0x3fffffff, 1);
}

static void levels_that_mean_nothing(void **state __unused)
{
	const struct topology_level shrinking[] = {LEVEL(4, 1), LEVEL(2, 2)};
	const struct topology_level none[] = {LEVEL(4, 0)};
	struct topology_shifts shifts = {1, 1};

	assert_false(topology_parse_levels(shrinking, 2, &shifts));
	assert_int_equal(shifts.package, 0);
	assert_false(topology_parse_levels(none, 1, &shifts));
	assert_false(topology_parse_levels(NULL, 0, &shifts));
	assert_place(7, shifts, 7, 0, 0);
}

static void from_counts_of_old_cpus(void **state __unused)
{
	assert_place(7, topology_from_counts(8, 4), 0, 3, 1);
	assert_place(13, topology_from_counts(6, 6), 1, 5, 0);
	assert_place(3, topology_from_counts(1, 1), 3, 0, 0);
	assert_place(3, topology_from_counts(2, 64), 1, 1, 0);
}

/* Type, level, and how many ids share it. */
#define CACHE(type, level, ids)                                                                    \
	{                                                                                          \
		.eax = (type) | (level) << 5 | ((ids)-1) << 14                                     \
	}

static void last_cache_is_what_is_near(void **state __unused)
{
	const struct topology_shifts shifts = {1, 4};
	const struct topology_cache three[] = {
		CACHE(1, 1, 2), CACHE(2, 1, 2), CACHE(3, 2, 2), CACHE(3, 3, 8), CACHE(0, 0, 1)};
	const struct topology_cache private[] = {CACHE(1, 1, 1), CACHE(3, 2, 1)};
	const struct topology_cache odd[] = {CACHE(3, 3, 6), CACHE(1, 1, 1)};

	assert_int_equal(topology_cache_shift(three, 5, shifts), 3);
	assert_int_equal(topology_cache_shift(private, 2, shifts), 1); /* not less than a core */
	assert_int_equal(topology_cache_shift(odd, 2, shifts), 3);     /* 6 need 3 bits */
	assert_int_equal(topology_cache_shift(NULL, 0, shifts), 4);    /* unknown: the package's */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_sockets_of_three_cores),
		cmocka_unit_test(threads_and_a_level_above_cores),
		cmocka_unit_test(ids_of_32_bits),
		cmocka_unit_test(levels_that_mean_nothing),
		cmocka_unit_test(from_counts_of_old_cpus),
		cmocka_unit_test(last_cache_is_what_is_near),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
