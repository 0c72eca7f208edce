/* SPDX-License-Identifier: MIT */
/* kernel/cmdline.c and kernel/params.c: values, defaults, and what is said about wrong ones. */
#include "kernel/types.h"
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include "kernel/cmdline.h"
#include "kernel/errno.h"

static struct {
	unsigned count;
	const struct param *param; /* of the last */
	char last[512];
} complaints;

static struct kernel_params params;

static void complain(const struct param *param, const char *text, void *arg)
{
	assert_ptr_equal(arg, &complaints);
	complaints.count++;
	complaints.param = param;
	strncpy(complaints.last, text, sizeof(complaints.last) - 1);
}

static void parse(const char *line)
{
	memset(&complaints, 0, sizeof(complaints));
	memset(&params, 0xa5, sizeof(params));
	cmdline_parse(line, &params, complain, &complaints);
}

static void expect_defaults(void)
{
	assert_int_equal(params.sched, SCHED_POLICY_rr);
	assert_int_equal(params.quantum, 20);
	assert_int_equal(params.balance, 50);
	assert_true(params.affinity);
	assert_false(params.turns);
	assert_int_equal(params.cpus, 0);
	assert_string_equal(params.test, "");
}

static void test_empty_lines_give_defaults(void **state __unused)
{
	parse("");
	expect_defaults();
	assert_int_equal(complaints.count, 0);
	parse(" \t  \r\n");
	expect_defaults();
	assert_int_equal(complaints.count, 0);
}

static void test_values_of_every_kind(void **state __unused)
{
	parse("  sched=rr quantum=5\tcpus=0x10 affinity=off turns balancing=0 test=mm,sched_pick ");
	assert_int_equal(complaints.count, 0);
	assert_int_equal(params.quantum, 5);
	assert_int_equal(params.cpus, 16);
	assert_false(params.affinity);
	assert_false(params.balancing);
	assert_true(params.turns);
	assert_string_equal(params.test, "mm,sched_pick");
}

static void test_the_later_word_counts(void **state __unused)
{
	parse("quantum=5 quantum=6 turns turns=off");
	assert_int_equal(complaints.count, 0);
	assert_int_equal(params.quantum, 6);
	assert_false(params.turns);
}

static void test_bounds(void **state __unused)
{
	parse("quantum=1");
	assert_int_equal(params.quantum, 1);
	parse("quantum=1000");
	assert_int_equal(params.quantum, 1000);
	parse("quantum=0");
	assert_int_equal(params.quantum, 20);
	assert_int_equal(complaints.count, 1);
	parse("quantum=1001");
	assert_int_equal(params.quantum, 20);
	assert_string_equal(
		complaints.last, "quantum=1001: not a possible value (1 to 1000), using 20");
}

static void test_malformed_values_give_the_default(void **state __unused)
{
	static const char *const words[] = {
		"quantum",
		"quantum=",
		"quantum=abc",
		"quantum=5x",
		"quantum=-1",
		"quantum=0x",
		"quantum=99999999999999999999999",
		"quantum= 5",
		"turns=yes",
		"turns=",
		"sched",
		"sched=",
		"sched=foo",
		"sched=idle",
		"sched=RR",
		"test",
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		parse(words[i]);
		expect_defaults();
		assert_true(complaints.count >= 1);
	}
}

static void test_a_wrong_value_after_a_right_one(void **state __unused)
{
	parse("quantum=5 quantum=abc");
	assert_int_equal(params.quantum, 20);
	assert_string_equal(
		complaints.last, "quantum=abc: not a possible value (1 to 1000), using 20");
}

static void test_complaints_name_the_choices(void **state __unused)
{
	parse("sched=foo");
	assert_non_null(strstr(complaints.last, "sched=foo: no such algorithm (rr"));
	assert_non_null(strstr(complaints.last, "using rr"));
	assert_null(strstr(complaints.last, "idle"));
	parse("affinity=maybe");
	assert_string_equal(
		complaints.last, "affinity=maybe: not a possible value (on or off), using on");
}

static void test_unknown_names(void **state __unused)
{
	static const char *const words[] = {"bla=2", "bla", "=", "=5", "quantumx=5", "quantu=5"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		parse(words[i]);
		expect_defaults();
		assert_int_equal(complaints.count, 1);
		assert_non_null(strstr(complaints.last, ": no such parameter (sched, quantum, "));
		assert_non_null(strstr(complaints.last, "), ignored"));
	}
}

static void test_control_characters_are_not_repeated(void **state __unused)
{
	parse("a\x1b[2Jb\xff");
	assert_int_equal(complaints.count, 1);
	assert_memory_equal(complaints.last, "a?[2Jb?: no", 11);
}

static void test_long_strings(void **state __unused)
{
	char line[4096] = "test=";

	memset(line + 5, 'x', sizeof(params.test) - 1);
	parse(line);
	assert_int_equal(complaints.count, 0);
	assert_int_equal(strlen(params.test), sizeof(params.test) - 1);
	memset(line + 5, 'x', sizeof(params.test));
	parse(line);
	assert_int_equal(complaints.count, 1);
	assert_string_equal(params.test, "");
	memset(line + 5, 'x', sizeof(line) - 6);
	parse(line);
	assert_int_equal(complaints.count, 1);
	assert_non_null(strstr(complaints.last, "...: not a possible value (at most 511 char"));
	assert_ptr_equal(complaints.param, param_find("test", 4));
	parse("x=1");
	assert_null(complaints.param);
}

static void test_every_parameter_tells_its_choices(void **state __unused)
{
	const struct param *param;
	char text[512];
	unsigned i;

	params_set_defaults(&params);
	for (i = 0; (param = param_at(i)); i++) {
		assert_ptr_equal(param_find(param->name, strlen(param->name)), param);
		assert_true(strlen(param->text) > 0);
		assert_true(param_format_choices(param, text, sizeof(text)) > 0);
		param_format_value(param, &params, text, sizeof(text));
		assert_int_equal(param_set(param, &params, text), 0);
	}
	assert_true(i > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_lines_give_defaults),
		cmocka_unit_test(test_values_of_every_kind),
		cmocka_unit_test(test_the_later_word_counts),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_malformed_values_give_the_default),
		cmocka_unit_test(test_a_wrong_value_after_a_right_one),
		cmocka_unit_test(test_complaints_name_the_choices),
		cmocka_unit_test(test_unknown_names),
		cmocka_unit_test(test_control_characters_are_not_repeated),
		cmocka_unit_test(test_long_strings),
		cmocka_unit_test(test_every_parameter_tells_its_choices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
