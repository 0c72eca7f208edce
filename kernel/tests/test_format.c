/* SPDX-License-Identifier: MIT */
/* kernel/format.c against the C library's snprintf. */
#include "kernel/types.h"
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "kernel/format.h"
#include "kernel/symbols.h"

#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
#pragma GCC diagnostic ignored "-Wformat-truncation"
#pragma GCC diagnostic ignored "-Wformat-overflow"

#define COMPARE(...)                                                                               \
	do {                                                                                       \
		char want[256], got[256];                                                          \
		int want_length = snprintf(want, sizeof(want), __VA_ARGS__);                       \
		int got_length = format_string(got, sizeof(got), __VA_ARGS__);                     \
		assert_string_equal(got, want);                                                    \
		assert_int_equal(got_length, want_length);                                         \
	} while (0)

static const char *const flags[] = {"", "-", "+", " ", "#", "0", "-0", "+0", "# 0", "-#+ 0"};
static const char *const widths[] = {"", "1", "5", "12", "30"};
static const char *const precisions[] = {"", ".", ".0", ".1", ".7", ".25"};

/* Calls check(format) for every combination of flags, width and precision before `tail`. */
static void for_each_format(const char *tail, void (*check)(const char *fmt))
{
	char fmt[64];

	for (size_t f = 0; f < ARRAY_SIZE(flags); f++)
		for (size_t w = 0; w < ARRAY_SIZE(widths); w++)
			for (size_t p = 0; p < ARRAY_SIZE(precisions); p++) {
				snprintf(fmt, sizeof(fmt), "<%%%s%s%s%s>", flags[f], widths[w],
					precisions[p], tail);
				check(fmt);
			}
}

static void check_ints(const char *fmt)
{
	static const int values[] = {0, 1, -1, 8, 42, -32769, 65537, INT_MAX, INT_MIN};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		COMPARE(fmt, values[i]);
}

static void check_longs(const char *fmt)
{
	static const long values[] = {0, 1, -1, 1L << 40, LONG_MAX, LONG_MIN};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		COMPARE(fmt, values[i]);
}

static void check_strings(const char *fmt)
{
	COMPARE(fmt, "");
	COMPARE(fmt, "x");
	COMPARE(fmt, "a longer text of some words");
}

static void check_chars(const char *fmt)
{
	COMPARE(fmt, 'q');
}

static void test_integers(void **state)
{
	static const char *const conversions[] = {
		"d", "i", "u", "x", "X", "o", "hd", "hhd", "hu", "hhx"};
	static const char *const long_conversions[] = {
		"ld", "li", "lu", "lx", "lX", "lo", "lld", "llx", "zd", "zu", "jd", "jx", "td"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(conversions); i++)
		for_each_format(conversions[i], check_ints);
	for (size_t i = 0; i < ARRAY_SIZE(long_conversions); i++)
		for_each_format(long_conversions[i], check_longs);
}

static void test_strings_and_chars(void **state)
{
	(void)state;
	for_each_format("s", check_strings);
	for (size_t w = 0; w < ARRAY_SIZE(widths); w++) {
		char fmt[32];

		snprintf(fmt, sizeof(fmt), "%%%sc|%%-%sc", widths[w], widths[w]);
		COMPARE(fmt, 'a', 'b');
	}
	check_chars("%c");
	COMPARE("plain, 100 %%, %s and %d", "text", 7);
}

static void test_arguments_for_width(void **state)
{
	(void)state;
	COMPARE("[%*d] [%-*d] [%*d]", 8, 1, 8, 2, -8, 3);
	COMPARE("[%.*s] [%.*d] [%*.*x]", 3, "abcdef", -1, 5, 10, 4, 0xab);
}

static void test_pointers(void **state)
{
	int here;

	(void)state;
	COMPARE("%p", (void *)&here);
	COMPARE("%20p|%-20p|", (void *)&here, (void *)&here);
}

static void test_buffer_bounds(void **state)
{
	char buf[9];

	(void)state;
	for (size_t size = 0; size <= sizeof(buf); size++) {
		memset(buf, '#', sizeof(buf));
		assert_int_equal(format_string(buf, size, "%s%d", "abcdefgh", 12345), 13);
		if (size)
			assert_int_equal(strlen(buf), size - 1);
		for (size_t i = size; i < sizeof(buf); i++)
			assert_int_equal(buf[i], '#');
	}
}

/* In the place of the kernel's table. */
const char *symbols_lookup(uintptr_t address, size_t *offset)
{
	*offset = address - 0x1000;
	return address >= 0x1000 && address < 0x2000 ? "kernel_main" : NULL;
}

static void test_symbols(void **state)
{
	char buf[64];

	(void)state;
	format_string(buf, sizeof(buf), "%pS|%20pS", (void *)0x1024, (void *)0x1000);
	assert_string_equal(buf, "kernel_main+0x24|     kernel_main+0x0");
	format_string(buf, sizeof(buf), "%pS", (void *)0x4000);
	assert_string_equal(buf, "0x4000");
}

/* What must not crash or loop: unknown conversions, an end in the middle, NULL, wild widths. */
static void test_odd_formats(void **state)
{
	char buf[64];

	(void)state;
	format_string(buf, sizeof(buf), "%q %");
	assert_string_equal(buf, "%q %");
	format_string(buf, sizeof(buf), "%-5.3");
	assert_string_equal(buf, "%-5.3");
	format_string(buf, sizeof(buf), "%s", (char *)NULL);
	assert_string_equal(buf, "(null)");
	assert_true(format_string(buf, sizeof(buf), "%999999999999d", 1) <= 4096);
	assert_true(format_string(buf, sizeof(buf), "%*d", INT_MIN, 1) <= 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_strings_and_chars),
		cmocka_unit_test(test_arguments_for_width),
		cmocka_unit_test(test_pointers),
		cmocka_unit_test(test_buffer_bounds),
		cmocka_unit_test(test_symbols),
		cmocka_unit_test(test_odd_formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
