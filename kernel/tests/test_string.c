/* SPDX-License-Identifier: MIT */
/* kernel/string.c under other names, against the C library. */
#include "kernel/types.h"
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "kernel/string.h"
/* The kernel's own, which runs in a host process as well, in the place of the host's. */
#include "arch/x86_64/include/arch/string.h"

#define memcpy  kernel_memcpy
#define memmove kernel_memmove
#define memset  kernel_memset
#define memcmp  kernel_memcmp
#define memchr  kernel_memchr
#define strlen  kernel_strlen
#define strnlen kernel_strnlen
#define strcmp  kernel_strcmp
#define strncmp kernel_strncmp
#define strchr  kernel_strchr
#define strrchr kernel_strrchr
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#include "kernel/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strrchr

#define AREA 96

static void fill_random(uint8_t *to)
{
	for (int i = 0; i < AREA; i++)
		to[i] = (uint8_t)rand();
}

static void test_copy_and_fill(void **state)
{
	uint8_t from[AREA], got[AREA], want[AREA];

	(void)state;
	for (size_t size = 0; size < 70; size++) {
		fill_random(from);
		fill_random(got);
		memcpy(want, got, AREA);
		assert_ptr_equal(kernel_memcpy(got + 3, from + 5, size), got + 3);
		memcpy(want + 3, from + 5, size);
		assert_memory_equal(got, want, AREA);
		assert_ptr_equal(kernel_memset(got + 7, 0x1a5, size), got + 7);
		memset(want + 7, 0x1a5, size);
		assert_memory_equal(got, want, AREA);
	}
}

static void test_overlapping_moves(void **state)
{
	uint8_t got[AREA], want[AREA];

	(void)state;
	for (size_t to = 0; to < 24; to++)
		for (size_t size = 0; size < 64; size++) {
			fill_random(got);
			memcpy(want, got, AREA);
			kernel_memmove(got + to, got + 12, size);
			memmove(want + to, want + 12, size);
			assert_memory_equal(got, want, AREA);
		}
}

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

static void test_compare(void **state)
{
	static const char *const words[] = {"", "a", "ab", "abc", "abd", "b", "\xff", "a\x80"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		for (size_t k = 0; k < ARRAY_SIZE(words); k++) {
			const char *a = words[i], *b = words[k];

			assert_int_equal(sign(kernel_strcmp(a, b)), sign(strcmp(a, b)));
			assert_int_equal(sign(kernel_strncmp(a, b, 2)), sign(strncmp(a, b, 2)));
			assert_int_equal(sign(kernel_memcmp(a, b, 1)), sign(memcmp(a, b, 1)));
		}
}

static void test_search(void **state)
{
	static const char text[] = "a path/with/parts";

	(void)state;
	for (int c = 0; c < 128; c++) {
		assert_ptr_equal(kernel_strchr(text, c), strchr(text, c));
		assert_ptr_equal(kernel_strrchr(text, c), strrchr(text, c));
		assert_ptr_equal(kernel_memchr(text, c, 9), memchr(text, c, 9));
	}
	assert_int_equal(kernel_strlen(text), sizeof(text) - 1);
	assert_int_equal(kernel_strnlen(text, 4), 4);
	assert_int_equal(kernel_strnlen("ab", 4), 2);
}

static void test_helpers(void **state)
{
	char to[4];

	(void)state;
	assert_true(string_copy(to, "abc", sizeof(to)));
	assert_string_equal(to, "abc");
	assert_false(string_copy(to, "abcd", sizeof(to)));
	assert_string_equal(to, "abc");
	assert_true(string_starts("sched=rr", "sched="));
	assert_false(string_starts("sch", "sched"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy_and_fill),
		cmocka_unit_test(test_overlapping_moves),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_search),
		cmocka_unit_test(test_helpers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
