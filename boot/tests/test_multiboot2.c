/* SPDX-License-Identifier: MIT */
/* boot/parse_multiboot2.c on tables that are built here, right and wrong. */
#include "kernel/types.h"
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include "boot/tests/check.h"
#include "kernel/errno.h"

#define START 0x10000u

enum {
	END,
	CMDLINE,
	LOADER,
	MODULE,
	MAP = 6,
	FRAMEBUFFER = 8,
	EFI64 = 12,
	RSDP_OLD = 14,
	RSDP_NEW
};

static struct {
	uint32_t size;
	uint8_t byte[16384];
} table;

static struct boot_ranges ranges;
static struct boot_info info;
static struct boot_problem problem;

static void put_bytes(const void *from, uint32_t size)
{
	assert_true(table.size + size <= sizeof(table.byte));
	memcpy(table.byte + table.size, from, size);
	table.size += size;
}

static void put32(uint32_t value)
{
	put_bytes(&value, sizeof(value));
}

static void put64(uint64_t value)
{
	put_bytes(&value, sizeof(value));
}

/* Begins a tag; end_tag() writes its size and pads. */
static uint32_t begin_tag(uint32_t type)
{
	uint32_t at = table.size;

	put32(type);
	put32(0);
	return at;
}

static void end_tag(uint32_t at)
{
	uint32_t size = table.size - at;

	memcpy(table.byte + at + 4, &size, sizeof(size));
	table.size = ALIGN_UP(table.size, 8u);
}

static void put_string_tag(uint32_t type, const char *text)
{
	uint32_t at = begin_tag(type);

	put_bytes(text, (uint32_t)strlen(text) + 1);
	end_tag(at);
}

static void put_module(uint32_t start, uint32_t end, const char *name)
{
	uint32_t at = begin_tag(MODULE);

	put32(start);
	put32(end);
	put_bytes(name, (uint32_t)strlen(name) + 1);
	end_tag(at);
}

static void put_map(uint32_t entry_size)
{
	uint32_t at = begin_tag(MAP);

	put32(entry_size);
	put32(0);
	put64(0x100000);
	put64(0x1000000);
	put64(1);
	put64(0x4000000);
	put64(0x1000);
	put64(20);
	end_tag(at);
}

static void put_end(void)
{
	end_tag(begin_tag(END));
	memcpy(table.byte, &table.size, sizeof(table.size));
}

static int clear(void **state __unused)
{
	memset(&table, 0, sizeof(table));
	table.size = 8;
	return 0;
}

/* Parses a copy of exactly `size` bytes, so that the sanitizer sees every read behind it. */
static int parse_sized(uint32_t size)
{
	uint8_t *copy = malloc(size);
	const struct boot_window window = {copy, START, size};
	int err;

	memcpy(copy, table.byte, size);
	memset(&info, 0, sizeof(info));
	ranges.count = 0;
	problem.text[0] = '\0';
	err = parse_multiboot2(&window, START, &ranges, &info, &problem);
	if (!err)
		err = ranges_finish(&ranges, &info, &problem);
	check_result(err, &info, &problem);
	free(copy);
	return err;
}

static int parse(void)
{
	return parse_sized(table.size);
}

static void expect_problem(int want, const char *text)
{
	assert_int_equal(parse(), want);
	if (!strstr(problem.text, text))
		fail_msg("\"%s\" does not contain \"%s\"", problem.text, text);
}

static void test_everything(void **state __unused)
{
	uint32_t at;

	put_string_tag(CMDLINE, "quantum=5 test=all");
	put_string_tag(LOADER, "a loader");
	put_module(0x800000, 0x801234, "initrd one");
	put_module(0x900000, 0x900000, "");
	put_map(24);
	at = begin_tag(FRAMEBUFFER);
	put64(0xfd000000);
	put32(4096);
	put32(1024);
	put32(768);
	put32(1 << 8 | 32);
	put_bytes("\x10\x08\x08\x08\x00\x08", 6);
	end_tag(at);
	end_tag(begin_tag(99)); /* not known */
	at = begin_tag(EFI64);
	put64(0x1234);
	end_tag(at);
	put_end();
	assert_int_equal(parse(), 0);
	assert_int_equal(info.loader, BOOT_MULTIBOOT2);
	assert_string_equal(info.cmdline, "quantum=5 test=all");
	assert_string_equal(info.loader_name, "a loader");
	assert_int_equal(info.module_count, 2);
	assert_string_equal(info.module[0].name, "initrd one");
	assert_int_equal(info.module[0].start, 0x800000);
	assert_int_equal(info.module[0].size, 0x1234);
	assert_int_equal(info.framebuffer.address, 0xfd000000);
	assert_int_equal(info.framebuffer.bpp, 32);
	assert_int_equal(info.framebuffer.kind, BOOT_RGB);
	assert_int_equal(info.framebuffer.green.position, 8);
	assert_true(info.efi);
}

static void test_memory_kinds(void **state __unused)
{
	put_map(24);
	put_end();
	assert_int_equal(parse(), 0);
	assert_int_equal(info.range_count, 4);
	assert_int_equal(info.range[1].kind, BOOT_INFO);
	assert_int_equal(info.range[1].start, START);
	assert_int_equal(info.range[2].kind, BOOT_USABLE);
	assert_int_equal(info.range[3].kind, BOOT_RESERVED);
}

static void put_rsdp(uint32_t type, uint32_t size, uint8_t fill)
{
	uint32_t at = begin_tag(type);

	for (uint32_t i = 0; i < size; i++)
		put_bytes(&fill, 1);
	end_tag(at);
}

static void test_the_newer_rsdp_wins(void **state __unused)
{
	put_rsdp(RSDP_NEW, 36, 'n');
	put_rsdp(RSDP_OLD, 20, 'o');
	put_map(24);
	put_end();
	assert_int_equal(parse(), 0);
	assert_int_equal(info.rsdp_copy[0], 'n');
	assert_int_equal(info.rsdp_copy[35], 'n');
	clear(NULL);
	put_rsdp(RSDP_OLD, 20, 'o');
	put_rsdp(RSDP_NEW, 36, 'n');
	put_map(24);
	put_end();
	assert_int_equal(parse(), 0);
	assert_int_equal(info.rsdp_copy[0], 'n');
	clear(NULL);
	put_rsdp(RSDP_NEW, 35, 'n');
	put_map(24);
	put_end();
	expect_problem(-EPROTO, "ACPI RSDP tag of 43 bytes is truncated, at least 44 expected");
}

static void test_command_line_length(void **state __unused)
{
	char text[BOOT_CMDLINE_MAX + 1] = "";

	memset(text, 'x', BOOT_CMDLINE_MAX - 1);
	put_map(24);
	put_string_tag(CMDLINE, text);
	put_end();
	assert_int_equal(parse(), 0);
	assert_int_equal(strlen(info.cmdline), BOOT_CMDLINE_MAX - 1);
	clear(NULL);
	text[BOOT_CMDLINE_MAX - 1] = 'x';
	put_map(24);
	put_string_tag(CMDLINE, text);
	put_end();
	expect_problem(-E2BIG, "command line of 4096 characters is longer than 4095");
}

static void test_truncation_anywhere_is_told(void **state __unused)
{
	put_string_tag(CMDLINE, "quantum=5");
	put_module(0x800000, 0x801234, "initrd");
	put_map(24);
	put_end();
	for (uint32_t size = 1; size < table.size; size++) {
		assert_int_equal(parse_sized(size), -EFAULT);
		if (size >= 8) {
			memcpy(table.byte, &size, sizeof(size));
			assert_true(parse_sized(size) < 0);
			memcpy(table.byte, &table.size, sizeof(size));
		}
	}
	assert_int_equal(parse(), 0);
}

static void test_no_end_tag(void **state __unused)
{
	put_map(24);
	memcpy(table.byte, &table.size, sizeof(table.size));
	expect_problem(-EPROTO, "table of 72 bytes is truncated: it has no end tag");
}

static void test_impossible_sizes(void **state __unused)
{
	static const uint32_t sizes[] = {0, 7, 15, 0x100001, 0xffffffff};

	put_map(24);
	put_end();
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		memcpy(table.byte, &sizes[i], sizeof(sizes[i]));
		expect_problem(-EPROTO, "impossible size of");
	}
}

static void test_a_tag_beyond_the_table(void **state __unused)
{
	static const uint32_t sizes[] = {0, 7, 1000, 0xfffffff8, 0xffffffff};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		clear(NULL);
		put32(99);
		put32(sizes[i]);
		put_end();
		expect_problem(-EPROTO, "tag of type 99 at offset 8 has an impossible size");
	}
}

static void test_contradictions(void **state __unused)
{
	put_map(24);
	put_map(24);
	put_end();
	expect_problem(-EPROTO, "a second tag of type 6 contradicts the first");
	clear(NULL);
	put_string_tag(CMDLINE, "a");
	put_string_tag(CMDLINE, "b");
	put_end();
	expect_problem(-EPROTO, "a second tag of type 1 contradicts the first");
	clear(NULL);
	put_module(0x800000, 0x7fffff, "backwards");
	put_end();
	expect_problem(-EPROTO, "module backwards ends at 0x7fffff before it starts at 0x800000");
}

static void test_memory_map_entries(void **state __unused)
{
	static const uint32_t sizes[] = {0, 8, 20, 25, 32, 0xfffffff8};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		clear(NULL);
		put_map(sizes[i]);
		put_end();
		expect_problem(-EPROTO, "memory map of 64 bytes cannot have entries of");
	}
	clear(NULL);
	put_map(48); /* larger entries than known: their beginnings count */
	put_end();
	assert_int_equal(parse(), 0);
	assert_int_equal(info.range_count, 3);
}

static void test_no_memory_map(void **state __unused)
{
	put_string_tag(CMDLINE, "a");
	put_end();
	expect_problem(-EPROTO, "the loader gave no memory map");
}

static void test_strings_without_end(void **state __unused)
{
	uint32_t at = begin_tag(CMDLINE);

	put_bytes("abc", 3);
	end_tag(at);
	put_end();
	expect_problem(-EPROTO, "command line of 11 bytes has no end");
	clear(NULL);
	at = begin_tag(MODULE);
	put64(0);
	put_bytes("abc", 3);
	end_tag(at);
	put_end();
	expect_problem(-EPROTO, "module tag of 19 bytes is truncated");
}

static void test_too_many_modules(void **state __unused)
{
	for (unsigned i = 0; i <= BOOT_MODULES_MAX; i++)
		put_module(0x800000, 0x800001, "m");
	put_end();
	expect_problem(-ENOSPC, "more than 16 modules");
}

static void test_framebuffer_lines_too_short(void **state __unused)
{
	uint32_t at = begin_tag(FRAMEBUFFER);

	put64(0xfd000000);
	put32(100);
	put32(1024);
	put32(768);
	put32(1 << 8 | 32);
	end_tag(at);
	put_end();
	expect_problem(-EPROTO, "lines of 100 bytes cannot hold 1024 pixels of 32 bits");
	assert_int_equal(info.framebuffer.address, 0); /* nobody draws on what is wrong */
}

/* 800 by 600 pixels of 16 bits at `address`, and of its colours `size` bytes. */
static void put_pixels(uint64_t address, const char *colours, uint32_t size)
{
	uint32_t at = begin_tag(FRAMEBUFFER);

	put64(address);
	put32(1600);
	put32(800);
	put32(600);
	put32(1 << 8 | 16);
	put_bytes(colours, size);
	end_tag(at);
}

static void test_framebuffer_colours(void **state __unused)
{
	put_pixels(0xfd000000, "\x0b\x05\x05\x06\x00\x05", 5);
	put_end();
	expect_problem(-EPROTO, "framebuffer tag of 37 bytes is truncated, at least 38 expected");
	clear(NULL);
	put_pixels(0xfd000000, "\x0c\x05\x05\x06\x00\x05", 6);
	put_end();
	expect_problem(
		-EPROTO, "colours of 5, 6 and 5 bits at 12, 5 and 0 are not in pixels of 16");
	clear(NULL);
	put_pixels(0xfd000000, "\x0b\x05\x05\x00\x00\x05", 6);
	put_end();
	expect_problem(-EPROTO, "colours of 5, 0 and 5 bits");
	clear(NULL);
	put_pixels(UINT64_MAX - 1600 * 600 + 1, "\x0b\x05\x05\x06\x00\x05", 6);
	put_end();
	expect_problem(-EPROTO, "(framebuffer) leaves the address space");
}

/* Memory that the screen shows is not for the allocator, whatever the map says. */
static void test_framebuffer_is_no_memory(void **state __unused)
{
	put_map(24);
	put_pixels(0x200000, "\x0b\x05\x05\x06\x00\x05", 6);
	put_end();
	assert_int_equal(parse(), 0);
	for (unsigned i = 0; i < info.range_count; i++)
		if (info.range[i].start <= 0x200000 &&
			0x200000 - info.range[i].start < info.range[i].size)
			assert_int_equal(info.range[i].kind, BOOT_FRAMEBUFFER);
}

static void test_framebuffer_of_other_kinds(void **state __unused)
{
	uint32_t at;

	put_map(24);
	at = begin_tag(FRAMEBUFFER);
	put64(0xfd000000);
	put32(100);
	put32(1024);
	put32(768);
	put32(7 << 8 | 32);
	end_tag(at);
	put_end();
	assert_int_equal(parse(), 0);
	assert_int_equal(info.framebuffer.address, 0);
}

static void test_misaligned_table(void **state __unused)
{
	const struct boot_window window = {table.byte, 0, sizeof(table.byte)};

	assert_int_equal(parse_multiboot2(&window, 4, &ranges, &info, &problem), -EPROTO);
	assert_int_equal(
		parse_multiboot2(&window, UINT64_MAX - 7, &ranges, &info, &problem), -EFAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_everything, clear),
		cmocka_unit_test_setup(test_memory_kinds, clear),
		cmocka_unit_test_setup(test_the_newer_rsdp_wins, clear),
		cmocka_unit_test_setup(test_command_line_length, clear),
		cmocka_unit_test_setup(test_truncation_anywhere_is_told, clear),
		cmocka_unit_test_setup(test_no_end_tag, clear),
		cmocka_unit_test_setup(test_impossible_sizes, clear),
		cmocka_unit_test_setup(test_a_tag_beyond_the_table, clear),
		cmocka_unit_test_setup(test_contradictions, clear),
		cmocka_unit_test_setup(test_memory_map_entries, clear),
		cmocka_unit_test_setup(test_no_memory_map, clear),
		cmocka_unit_test_setup(test_strings_without_end, clear),
		cmocka_unit_test_setup(test_too_many_modules, clear),
		cmocka_unit_test_setup(test_framebuffer_lines_too_short, clear),
		cmocka_unit_test_setup(test_framebuffer_colours, clear),
		cmocka_unit_test_setup(test_framebuffer_is_no_memory, clear),
		cmocka_unit_test_setup(test_framebuffer_of_other_kinds, clear),
		cmocka_unit_test_setup(test_misaligned_table, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
