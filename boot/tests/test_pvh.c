/* SPDX-License-Identifier: MIT */
/* boot/parse_pvh.c on a small memory that is laid out here. */
#include "kernel/types.h"
#include <setjmp.h>
#include <cmocka.h>
#include "boot/tests/check.h"
#include "kernel/errno.h"

#define BASE        0x1000u
#define MEMORY_SIZE 0x3000u
#define CMDLINE     (BASE + 0x1000)
#define MAP         (BASE + 0x100)
#define MODULES     (BASE + 0x200)
#define NAME        (BASE + 0x300)

/* As the interface defines it, written down again: the parser's own copy is what is tested. */
struct start {
	uint32_t magic, version, flags, module_count;
	uint64_t modules, cmdline, rsdp, map;
	uint32_t map_count, reserved;
};

static uint8_t memory[MEMORY_SIZE];
static struct start *const start = (struct start *)memory;
static struct boot_ranges ranges;
static struct boot_info info;
static struct boot_problem problem;

static void *at(uint64_t address)
{
	return memory + (address - BASE);
}

static void put_entry(unsigned i, uint64_t from, uint64_t size, uint32_t type)
{
	uint64_t entry[3] = {from, size, type};

	memcpy((char *)at(MAP) + i * sizeof(entry), entry, sizeof(entry));
}

static int lay_out(void **state __unused)
{
	const uint64_t module[4] = {0x4000000, 0x1234, NAME, 0};

	memset(memory, 0, sizeof(memory));
	*start = (struct start){0x336ec578, 1, 0, 1, MODULES, CMDLINE, 0xf59d0, MAP, 2, 0};
	strcpy(at(CMDLINE), "quantum=5");
	put_entry(0, 0x100000, 0x10000000, 1);
	put_entry(1, 0xfed00000, 0x1000, 77);
	memcpy(at(MODULES), module, sizeof(module));
	strcpy(at(NAME), "initrd");
	return 0;
}

static int parse(void)
{
	const struct boot_window window = {memory, BASE, sizeof(memory)};
	int err;

	memset(&info, 0, sizeof(info));
	ranges.count = 0;
	problem.text[0] = '\0';
	err = parse_pvh(&window, BASE, &ranges, &info, &problem);
	if (!err)
		err = ranges_finish(&ranges, &info, &problem);
	check_result(err, &info, &problem);
	return err;
}

static void expect_problem(int want, const char *text)
{
	assert_int_equal(parse(), want);
	if (!strstr(problem.text, text))
		fail_msg("\"%s\" does not contain \"%s\"", problem.text, text);
}

static unsigned count_kind(enum boot_range_kind kind)
{
	unsigned count = 0;

	for (unsigned i = 0; i < info.range_count; i++)
		count += info.range[i].kind == kind;
	return count;
}

static void test_everything(void **state __unused)
{
	assert_int_equal(parse(), 0);
	assert_int_equal(info.loader, BOOT_PVH);
	assert_string_equal(info.cmdline, "quantum=5");
	assert_int_equal(info.rsdp, 0xf59d0);
	assert_int_equal(info.module_count, 1);
	assert_string_equal(info.module[0].name, "initrd");
	assert_int_equal(info.module[0].size, 0x1234);
	assert_int_equal(count_kind(BOOT_MODULE), 1);
	assert_int_equal(count_kind(BOOT_USABLE), 2);
	assert_int_equal(count_kind(BOOT_INFO), 4);
}

static void test_without_command_line_and_modules(void **state __unused)
{
	start->cmdline = 0;
	start->modules = start->module_count = 0;
	assert_int_equal(parse(), 0);
	assert_string_equal(info.cmdline, "");
	assert_int_equal(info.module_count, 0);
}

static void test_wrong_loader(void **state __unused)
{
	start->magic = 0x1badb002;
	expect_problem(-EPROTO, "begins with 0x1badb002, 0x336ec578 expected: wrong loader");
}

static void test_old_version(void **state __unused)
{
	start->version = 0;
	expect_problem(-EPROTO, "version 0 has no memory map");
}

static void test_command_line_length(void **state __unused)
{
	memset(at(CMDLINE), 'x', BOOT_CMDLINE_MAX - 1);
	assert_int_equal(parse(), 0);
	assert_int_equal(strlen(info.cmdline), BOOT_CMDLINE_MAX - 1);
	memset(at(CMDLINE), 'x', BOOT_CMDLINE_MAX);
	expect_problem(-E2BIG, "command line is longer than 4095 characters");
}

static void test_pointers_that_lead_nowhere(void **state __unused)
{
	static const uint64_t nowhere[] = {1, BASE + MEMORY_SIZE, 1ull << 32, UINT64_MAX};

	for (size_t i = 0; i < ARRAY_SIZE(nowhere); i++) {
		lay_out(NULL);
		start->cmdline = nowhere[i];
		expect_problem(-EFAULT, "command line at");
		lay_out(NULL);
		start->map = nowhere[i];
		expect_problem(-EFAULT, "memory map at");
		lay_out(NULL);
		start->modules = nowhere[i];
		expect_problem(-EFAULT, "module list at");
		lay_out(NULL);
		memcpy((char *)at(MODULES) + 16, &nowhere[i], 8);
		expect_problem(-EFAULT, "a module's name at");
	}
}

static void test_counts(void **state __unused)
{
	start->map_count = 0;
	expect_problem(-EPROTO, "no memory map");
	start->map_count = 0xffffffff;
	expect_problem(-EFAULT, "with 4294967295 entries");
	lay_out(NULL);
	start->module_count = 17;
	expect_problem(-ENOSPC, "17 modules, at most 16");
}

static void test_long_module_names_are_cut(void **state __unused)
{
	memset(at(NAME), 'n', 200);
	assert_int_equal(parse(), 0);
	assert_int_equal(strlen(info.module[0].name), sizeof(info.module[0].name) - 1);
}

static void test_no_usable_memory(void **state __unused)
{
	put_entry(0, 0x100000, 0x10000000, 2);
	expect_problem(-ENOMEM, "no usable memory");
}

static void test_a_range_that_wraps(void **state __unused)
{
	put_entry(1, 0x100000, UINT64_MAX, 1);
	expect_problem(-EPROTO, "leaves the address space");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_everything, lay_out),
		cmocka_unit_test_setup(test_without_command_line_and_modules, lay_out),
		cmocka_unit_test_setup(test_wrong_loader, lay_out),
		cmocka_unit_test_setup(test_old_version, lay_out),
		cmocka_unit_test_setup(test_command_line_length, lay_out),
		cmocka_unit_test_setup(test_pointers_that_lead_nowhere, lay_out),
		cmocka_unit_test_setup(test_counts, lay_out),
		cmocka_unit_test_setup(test_long_module_names_are_cut, lay_out),
		cmocka_unit_test_setup(test_no_usable_memory, lay_out),
		cmocka_unit_test_setup(test_a_range_that_wraps, lay_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
