/* SPDX-License-Identifier: MIT */
/* Arguments of commands: values, and what is said about wrong ones. */
#include "kernel/types.h"
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include "kernel/monitor_args.h"

static const char *fruit(unsigned index)
{
	static const char *const names[] = {"apple", "pear", NULL};

	return names[index];
}

static const struct command table[] = {
	{.name = "spawn",
		.help = "",
		.arg = {{.name = "name", .choice = fruit},
			{.name = "n", .optional = true, .min = 1, .max = 100},
			{.name = "level", .optional = true, .choice = fruit, .min = 0, .max = 39},
			{.name = "cpus", .kind = ARG_CPUS, .optional = true, .max = 3}}},
	{.name = "spin", .help = ""},
	{.name = "kill", .help = "", .arg = {{.name = "thread", .kind = ARG_THREAD}}},
	{.name = "end", .help = "", .arg = {{.name = "target", .kind = ARG_TARGET}}},
	{.name = "into",
		.help = "",
		.arg = {{.name = "process", .kind = ARG_PROCESS, .choice = fruit}}},
	COMMAND_END,
};

static struct command_value value[COMMAND_ARGS];
static char error[256];

static int parse(const char *name, const char *text)
{
	return command_parse(command_find(table, name), text, value, error, sizeof(error));
}

static void test_find(void **state)
{
	(void)state;
	assert_ptr_equal(command_find(table, "spawn"), &table[0]);
	assert_ptr_equal(command_find(table, "spa"), &table[0]);
	assert_ptr_equal(command_find(table, "k"), &table[2]);
	assert_null(command_find(table, "sp"));
	assert_null(command_find(table, ""));
	assert_null(command_find(table, "kills"));
}

static void test_values(void **state)
{
	(void)state;
	assert_int_equal(parse("spawn", " pear 8  12 0,2-3 "), 0);
	assert_true(value[0].is_choice && value[0].number == 1);
	assert_true(value[1].given && !value[1].is_choice && value[1].number == 8);
	assert_int_equal(value[2].number, 12);
	assert_int_equal(value[3].cpus.bits[0], 0xd);
	assert_int_equal(parse("spawn", "apple"), 0);
	assert_false(value[1].given || value[2].given || value[3].given);
	assert_int_equal(parse("spawn", "apple 1 apple all"), 0);
	assert_true(value[2].is_choice && value[2].number == 0);
	assert_int_equal(value[3].cpus.bits[0], 0xf);
	assert_int_equal(parse("kill", "18446744073709551615"), 0);
	assert_true(value[0].number == UINT64_MAX);
}

static void expect_error(const char *name, const char *text, const char *want)
{
	assert_true(parse(name, text) < 0);
	assert_string_equal(error, want);
}

static void test_processes(void **state)
{
	(void)state;
	assert_int_equal(parse("end", "p17"), 0);
	assert_true(value[0].is_process && value[0].number == 17);
	assert_int_equal(parse("end", "17"), 0);
	assert_true(!value[0].is_process && value[0].number == 17);
	assert_int_equal(parse("into", "p0"), 0);
	assert_true(value[0].is_process && !value[0].is_choice && value[0].number == 0);
	assert_int_equal(parse("into", "pear"), 0);
	assert_true(value[0].is_choice && !value[0].is_process && value[0].number == 1);
	expect_error("end", "p",
		"end: target is \"p\", expected the id of a thread (`threads` "
		"lists them) or, as in p1, the id of a process (`ps` lists them)");
	expect_error("into", "7",
		"into: process is \"7\", expected the id of a process as in p1 "
		"(`ps` lists them), apple, pear");
}

static void test_complaints(void **state)
{
	(void)state;
	expect_error("spawn", "plum", "spawn: name is \"plum\", expected apple, pear");
	expect_error("spawn", "pear x", "spawn: n is \"x\", expected a number from 1 to 100");
	expect_error("spawn", "pear 101", "spawn: n is \"101\", expected a number from 1 to 100");
	expect_error("spawn", "pear 0", "spawn: n is \"0\", expected a number from 1 to 100");
	expect_error("spawn", "pear 1 40",
		"spawn: level is \"40\", expected apple, pear or a number from 0 to 39");
	expect_error("spawn", "pear 1 1 2-9",
		"spawn: cpus is \"2-9\", expected CPUs from 0 to 3 as in 0-1,3, or all");
	expect_error("spawn", "",
		"spawn: no name given, expected apple, pear; usage: spawn NAME [N] [LEVEL] [CPUS]");
	expect_error("spawn", "pear 1 1 0 more",
		"spawn: \"more\" is one too many, expected at most 4 arguments; "
		"usage: spawn NAME [N] [LEVEL] [CPUS]");
	expect_error("spin", "x", "spin: \"x\" is one too many, expected no arguments");
	expect_error("kill", "18446744073709551616",
		"kill: thread is \"18446744073709551616\", "
		"expected the id of a thread (`threads` lists them)");
	expect_error("kill", "3x",
		"kill: thread is \"3x\", expected the id of a thread (`threads` lists them)");
}

static void test_cpu_sets(void **state)
{
	static const char *const bad[] = {"", ",", "1,", "1,,2", "2-1", "-1", "1-", "4", "0-4", "a",
		"1a", "all,1", "99999999999999999999"};
	struct cpumask cpus;
	char text[32];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(cpus_parse(bad[i], 3, &cpus));
	assert_true(cpus_parse("0-1,3", 3, &cpus));
	cpus_format(&cpus, 4, text, sizeof(text));
	assert_string_equal(text, "0-1,3");
	cpus_format(&cpus, 1, text, sizeof(text));
	assert_string_equal(text, "0");
	assert_true(cpus_parse("all", 4095, &cpus));
	cpus_format(&cpus, 4096, text, sizeof(text));
	assert_string_equal(text, "0-4095");
	cpumask_clear_all(&cpus);
	cpus_format(&cpus, 4, text, sizeof(text));
	assert_string_equal(text, "none");
}

static void test_long_input(void **state)
{
	char text[400];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_true(parse("spawn", text) < 0);
	assert_true(strlen(error) < sizeof(error));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_processes),
		cmocka_unit_test(test_complaints),
		cmocka_unit_test(test_cpu_sets),
		cmocka_unit_test(test_long_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
