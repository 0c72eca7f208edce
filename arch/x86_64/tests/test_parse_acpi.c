/* SPDX-License-Identifier: MIT */
/* ACPI: the way from the RSDP to a table, FADT, power-off, HPET. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "arch/x86_64/tests/acpi_builder.h"
#include "kernel/errno.h"

static struct builder b;
static struct acpi_error error;

static struct acpi_reader start(void)
{
	b = (struct builder){0};
	error = (struct acpi_error){""};
	return builder_reader(&b);
}

static void assert_error(const char *text)
{
	if (!strstr(error.text, text))
		fail_msg("error is \"%s\", expected \"%s\" in it", error.text, text);
}

/* --- RSDP ----------------------------------------------------------------------------------- */

static void rsdp_of_version_1(void **state __unused)
{
	struct acpi_root root;

	start();
	begin_rsdp(&b, 0, 0x1234, 0);
	assert_int_equal(acpi_parse_rsdp(b.bytes, 20, &root, &error), 0);
	assert_int_equal(root.list, 0x1234);
	assert_int_equal(root.entry_size, 4);
}

static void rsdp_of_version_2_prefers_the_xsdt(void **state __unused)
{
	struct acpi_root root;

	start();
	begin_rsdp(&b, 2, 0x1234, 0x123456789000);
	assert_int_equal(acpi_parse_rsdp(b.bytes, 36, &root, &error), 0);
	assert_int_equal(root.list, 0x123456789000);
	assert_int_equal(root.entry_size, 8);
}

static void rsdp_of_version_2_without_xsdt(void **state __unused)
{
	struct acpi_root root;

	start();
	begin_rsdp(&b, 2, 0x1234, 0);
	assert_int_equal(acpi_parse_rsdp(b.bytes, 36, &root, &error), 0);
	assert_int_equal(root.list, 0x1234);
	assert_int_equal(root.entry_size, 4);
}

static void rsdp_that_is_wrong(void **state __unused)
{
	struct acpi_root root;

	start();
	begin_rsdp(&b, 2, 0x1234, 0x5678);
	assert_int_equal(acpi_parse_rsdp(b.bytes, 19, &root, &error), -EPROTO);
	assert_error("19 bytes");
	assert_int_equal(acpi_parse_rsdp(b.bytes, 35, &root, &error), -EPROTO);
	assert_error("revision 2 has 35 bytes");
	b.bytes[33]++;
	assert_int_equal(acpi_parse_rsdp(b.bytes, 36, &root, &error), -EPROTO);
	assert_error("sum of all 36 bytes is 0x01");
	b.bytes[33]--;
	set(&b, 20, 37, 4);
	assert_int_equal(acpi_parse_rsdp(b.bytes, 36, &root, &error), -EPROTO);
	assert_error("length at offset 20 is 37");
	b.bytes[12]++;
	assert_int_equal(acpi_parse_rsdp(b.bytes, 36, &root, &error), -EPROTO);
	assert_error("sum of the first 20 bytes");
	b.bytes[0] = 'X';
	assert_int_equal(acpi_parse_rsdp(b.bytes, 36, &root, &error), -EPROTO);
	assert_error("signature");
}

static void rsdp_without_a_list(void **state __unused)
{
	struct acpi_root root;

	start();
	begin_rsdp(&b, 0, 0, 0);
	assert_int_equal(acpi_parse_rsdp(b.bytes, 20, &root, &error), -EPROTO);
	assert_error("no table list");
}

static void scan_takes_the_first_that_is_right(void **state __unused)
{
	struct acpi_reader reader = start();
	struct acpi_root root;

	put(&b, 0, 64);
	begin_rsdp(&b, 0, 0x1111, 0);
	b.bytes[b.table + 9]++;
	begin_rsdp(&b, 0, 0x2222, 0);
	put(&b, 0, 16);
	assert_int_equal(
		acpi_scan_rsdp(&reader, BUILDER_BASE, BUILDER_BASE + b.used, &root, &error), 0);
	assert_int_equal(root.list, 0x2222);
}

static void scan_that_finds_none_says_where(void **state __unused)
{
	struct acpi_reader reader = start();
	struct acpi_root root;

	put(&b, 0, 64);
	assert_int_equal(
		acpi_scan_rsdp(&reader, BUILDER_BASE, BUILDER_BASE + 64, &root, &error), -ENOENT);
	assert_error("0xe0000-0xe0040");
}

/* --- lists of tables ------------------------------------------------------------------------ */

static struct acpi_root list_of(const char *kind, const paddr_t *tables, unsigned count)
{
	struct acpi_root root = {.entry_size = strcmp(kind, "XSDT") ? 4 : 8};

	begin_table(&b, kind, 1);
	for (unsigned i = 0; i < count; i++)
		put(&b, tables[i], root.entry_size);
	root.list = end_table(&b);
	return root;
}

static paddr_t plain_table(const char *signature)
{
	begin_table(&b, signature, 3);
	put(&b, 0x55, 300);
	return end_table(&b);
}

static void find_in_both_kinds_of_list(void **state __unused)
{
	static const char *const kinds[] = {"RSDT", "XSDT"};

	for (unsigned i = 0; i < 2; i++) {
		struct acpi_reader reader = start();
		paddr_t tables[] = {
			plain_table("AAAA"), 0, plain_table("BBBB"), plain_table("BBBB")};
		struct acpi_root root = list_of(kinds[i], tables, 4);
		struct acpi_table table;

		assert_int_equal(acpi_find_table(&reader, &root, "BBBB", &table, &error), 0);
		assert_int_equal(table.at, tables[2]);
		assert_int_equal(table.size, 336);
		assert_int_equal(table.revision, 3);
		assert_string_equal(table.signature, "BBBB");
		assert_int_equal(acpi_find_table(&reader, &root, "CCCC", &table, &error), -ENOENT);
		assert_error("CCCC: no such table");
	}
}

static void table_with_wrong_sum(void **state __unused)
{
	struct acpi_reader reader = start();
	paddr_t at = plain_table("AAAA");
	struct acpi_root root = list_of("XSDT", &at, 1);
	struct acpi_table table;

	b.bytes[at - BUILDER_BASE + 50] += 2;
	assert_int_equal(acpi_find_table(&reader, &root, "AAAA", &table, &error), -EPROTO);
	assert_error("AAAA: sum of all 336 bytes at 0xe0000 is 0x02");
}

static void table_that_leaves_memory(void **state __unused)
{
	struct acpi_reader reader = start();
	struct acpi_table table;
	paddr_t at;

	begin_table(&b, "AAAA", 1);
	at = end_table_sized(&b, 36);
	set(&b, 4, 37, 4);
	assert_int_equal(acpi_check_table(&reader, at, "AAAA", &table, &error), -EPROTO);
	assert_error("AAAA: no memory behind offset 0");
	assert_int_equal(acpi_check_table(&reader, at + 1, "AAAA", &table, &error), -EPROTO);
	assert_error("no memory at 0xe0001");
	assert_int_equal(
		acpi_check_table(&reader, UINT64_MAX - 8, "AAAA", &table, &error), -EPROTO);
}

static void table_with_impossible_length(void **state __unused)
{
	static const uint32_t lengths[] = {0, 35, ACPI_TABLE_MAX + 1, UINT32_MAX};
	struct acpi_reader reader = start();
	paddr_t at = plain_table("AAAA");
	struct acpi_table table;

	for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {
		set(&b, 4, lengths[i], 4);
		assert_int_equal(acpi_check_table(&reader, at, "AAAA", &table, &error), -EPROTO);
		assert_error("AAAA: length at offset 4 is");
	}
}

static void table_of_another_name(void **state __unused)
{
	struct acpi_reader reader = start();
	paddr_t at = plain_table("A\x01\xff"
				 "B");
	struct acpi_table table;

	assert_int_equal(acpi_check_table(&reader, at, "DSDT", &table, &error), -EPROTO);
	assert_error("DSDT: table at 0xe0000 has signature \"A\?\?B\"");
}

static void list_with_a_torn_entry(void **state __unused)
{
	struct acpi_reader reader = start();
	struct acpi_root root = {.entry_size = 8};
	struct acpi_table table;

	begin_table(&b, "XSDT", 1);
	put(&b, 0, 4);
	root.list = end_table(&b);
	assert_int_equal(acpi_find_table(&reader, &root, "AAAA", &table, &error), -EPROTO);
	assert_error("XSDT: length at offset 4 is 40");
}

/* --- FADT ----------------------------------------------------------------------------------- */

static void begin_fadt(unsigned revision, uint32_t size)
{
	begin_table(&b, "FACP", revision);
	put(&b, 0, 8);
	while (b.used - b.table < size)
		put(&b, 0, 1);
	set(&b, 40, 0x1000, 4);
	set(&b, 48, 0xb2, 4);
	set(&b, 52, 0xf1, 1);
	set(&b, 64, 0x604, 4);
	set(&b, 76, 0x608, 4);
}

static struct acpi_fadt parse_fadt(struct acpi_reader *reader)
{
	struct acpi_table table;
	struct acpi_fadt fadt;
	paddr_t at = end_table(&b);

	assert_int_equal(acpi_check_table(reader, at, "FACP", &table, &error), 0);
	assert_int_equal(acpi_parse_fadt(reader, &table, &fadt, &error), 0);
	return fadt;
}

static void set_register(uint32_t offset, uint8_t space, uint64_t address)
{
	set(&b, offset, space, 1);
	set(&b, offset + 1, 8, 1);
	set(&b, offset + 4, address, 8);
}

static void fadt_of_revision_1(void **state __unused)
{
	struct acpi_reader reader = start();
	struct acpi_fadt fadt;

	begin_fadt(1, 116);
	set(&b, 112, 1 << 8 | 1 << 10, 4); /* the reset register would lie behind the end */
	fadt = parse_fadt(&reader);
	assert_int_equal(fadt.dsdt, 0x1000);
	assert_int_equal(fadt.pm_timer.address, 0x608);
	assert_int_equal(fadt.pm_timer.space, ACPI_SPACE_IO);
	assert_true(fadt.pm_timer_32bit);
	assert_int_equal(fadt.pm1a_control.address, 0x604);
	assert_int_equal(fadt.pm1b_control.address, 0);
	assert_int_equal(fadt.smi_command, 0xb2);
	assert_int_equal(fadt.acpi_enable, 0xf1);
	assert_int_equal(fadt.reset.address, 0);
}

static void fadt_of_revision_5(void **state __unused)
{
	struct acpi_reader reader = start();
	struct acpi_fadt fadt;

	begin_fadt(5, 268);
	set(&b, 112, 1 << 10, 4);
	set_register(116, ACPI_SPACE_IO, 0xcf9);
	set(&b, 128, 0x0f, 1);
	set(&b, 140, 0x7fff0000, 8);
	set_register(172, ACPI_SPACE_IO, 0xb004);
	set_register(184, ACPI_SPACE_MEMORY, 0xfed80000);
	set_register(208, ACPI_SPACE_IO, 0x10000); /* not a port: the old field counts */
	fadt = parse_fadt(&reader);
	assert_int_equal(fadt.dsdt, 0x7fff0000);
	assert_int_equal(fadt.pm1a_control.address, 0xb004);
	assert_int_equal(fadt.pm1b_control.address, 0xfed80000);
	assert_int_equal(fadt.pm1b_control.space, ACPI_SPACE_MEMORY);
	assert_int_equal(fadt.pm_timer.address, 0x608);
	assert_false(fadt.pm_timer_32bit);
	assert_int_equal(fadt.reset.address, 0xcf9);
	assert_int_equal(fadt.reset_value, 0x0f);
}

static void fadt_without_reset_support(void **state __unused)
{
	struct acpi_reader reader = start();

	begin_fadt(3, 244);
	set_register(116, ACPI_SPACE_IO, 0xcf9);
	assert_int_equal(parse_fadt(&reader).reset.address, 0);
}

static void fadt_that_is_too_short(void **state __unused)
{
	struct acpi_reader reader = start();
	struct acpi_table table;
	struct acpi_fadt fadt;
	paddr_t at;

	begin_fadt(1, 116);
	at = end_table_sized(&b, 115);
	assert_int_equal(acpi_check_table(&reader, at, "FACP", &table, &error), 0);
	assert_int_equal(acpi_parse_fadt(&reader, &table, &fadt, &error), -EPROTO);
	assert_error("FACP: length is 115, expected 116");
}

/* --- power-off ------------------------------------------------------------------------------ */

/* A DSDT with these bytes after `gap` others. */
static int parse_s5(const void *bytes, unsigned size, unsigned gap, struct acpi_s5 *s5)
{
	struct acpi_reader reader = start();
	struct acpi_table table;
	paddr_t at;

	begin_table(&b, "DSDT", 2);
	for (unsigned i = 0; i < gap; i++)
		put(&b, 0xa0, 1);
	for (unsigned i = 0; i < size; i++)
		put(&b, ((const uint8_t *)bytes)[i], 1);
	at = end_table(&b);
	assert_int_equal(acpi_check_table(&reader, at, "DSDT", &table, &error), 0);
	return acpi_parse_s5(&reader, &table, s5, &error);
}

#define S5(text) (text), sizeof(text) - 1

static void s5_in_its_usual_forms(void **state __unused)
{
	struct acpi_s5 s5;

	assert_int_equal(parse_s5(S5("\x08_S5_\x12\x06\x04\x00\x01\x00\x00"), 0, &s5), 0);
	assert_int_equal(s5.type_a, 0);
	assert_int_equal(s5.type_b, 1);
	assert_int_equal(parse_s5(S5("\x08_S5_\x12\x08\x02\x0a\x05\x0a\x07"), 5, &s5), 0);
	assert_int_equal(s5.type_a, 5);
	assert_int_equal(s5.type_b, 7);
	assert_int_equal(
		parse_s5(S5("\x08\\_S5_\x12\x0a\x04\x0b\x06\x00\x0c\x03\x00\x00\x00"), 9, &s5), 0);
	assert_int_equal(s5.type_a, 6);
	assert_int_equal(s5.type_b, 3);
	assert_int_equal(parse_s5(S5("\x08_S5_\x12\x47\x00\x02\x0a\x05\x00"), 5, &s5), 0);
	assert_int_equal(s5.type_a, 5);
	assert_int_equal(s5.type_b, 0);
}

static void s5_at_every_offset(void **state __unused)
{
	struct acpi_s5 s5;

	for (unsigned gap = 0; gap < 600; gap++) {
		assert_int_equal(parse_s5(S5("\x08_S5_\x12\x08\x02\x0a\x05\x0a\x06"), gap, &s5), 0);
		assert_int_equal(s5.type_a, 5);
		assert_int_equal(s5.type_b, 6);
	}
}

static void s5_after_something_like_it(void **state __unused)
{
	struct acpi_s5 s5;

	assert_int_equal(
		parse_s5(S5("\x07_S5_\x08_S5_\x70\x08_S5_\x12\x08\x02\x0a\x05\x0a\x06"), 0, &s5),
		0);
	assert_int_equal(s5.type_a, 5);
}

static void s5_that_cannot_be_read(void **state __unused)
{
	struct acpi_s5 s5;

	assert_int_equal(parse_s5(S5("_S5_"), 0, &s5), -ENOENT);
	assert_int_equal(parse_s5(S5("\x08_S5_"), 0, &s5), -ENOENT);
	assert_int_equal(parse_s5(S5("\x08_S5_\x12\x06\x04"), 0, &s5), -ENOENT);
	assert_int_equal(parse_s5(S5("\x08_S5_\x12\x06\x01\x00\x00"), 0, &s5), -ENOENT);
	assert_int_equal(parse_s5(S5("\x08_S5_\x12\x06\x04\x0a\x08\x00"), 0, &s5), -ENOENT);
	assert_int_equal(parse_s5(S5("\x08_S5_\x12\x06\x04\x00\x0a"), 0, &s5), -ENOENT);
	assert_int_equal(parse_s5(S5("\x08_S5_\x12\xff"), 0, &s5), -ENOENT);
	assert_int_equal(parse_s5("", 0, 0, &s5), -ENOENT);
	assert_error("DSDT: no package");
}

/* --- HPET ----------------------------------------------------------------------------------- */

static int parse_hpet(uint8_t space, uint64_t address, uint32_t size, struct acpi_hpet *hpet)
{
	struct acpi_reader reader = start();
	struct acpi_table table;
	paddr_t at;

	begin_table(&b, "HPET", 1);
	put(&b, 0, 8);
	put(&b, 0, 8);
	put(&b, 0, 4);
	set_register(40, space, address);
	set(&b, 52, 1, 1);
	at = end_table_sized(&b, size);
	assert_int_equal(acpi_check_table(&reader, at, "HPET", &table, &error), 0);
	return acpi_parse_hpet(&reader, &table, hpet, &error);
}

static void hpet_right_and_wrong(void **state __unused)
{
	struct acpi_hpet hpet;

	assert_int_equal(parse_hpet(ACPI_SPACE_MEMORY, 0xfed00000, 56, &hpet), 0);
	assert_int_equal(hpet.address, 0xfed00000);
	assert_int_equal(hpet.number, 1);
	assert_int_equal(parse_hpet(ACPI_SPACE_IO, 0x500, 56, &hpet), -EPROTO);
	assert_error("HPET: registers at offset 40 are in space 1");
	assert_int_equal(parse_hpet(ACPI_SPACE_MEMORY, 0xfed00000, 55, &hpet), -EPROTO);
	assert_error("HPET: ends at offset 55, but 56 bytes are needed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rsdp_of_version_1),
		cmocka_unit_test(rsdp_of_version_2_prefers_the_xsdt),
		cmocka_unit_test(rsdp_of_version_2_without_xsdt),
		cmocka_unit_test(rsdp_that_is_wrong),
		cmocka_unit_test(rsdp_without_a_list),
		cmocka_unit_test(scan_takes_the_first_that_is_right),
		cmocka_unit_test(scan_that_finds_none_says_where),
		cmocka_unit_test(find_in_both_kinds_of_list),
		cmocka_unit_test(table_with_wrong_sum),
		cmocka_unit_test(table_that_leaves_memory),
		cmocka_unit_test(table_with_impossible_length),
		cmocka_unit_test(table_of_another_name),
		cmocka_unit_test(list_with_a_torn_entry),
		cmocka_unit_test(fadt_of_revision_1),
		cmocka_unit_test(fadt_of_revision_5),
		cmocka_unit_test(fadt_without_reset_support),
		cmocka_unit_test(fadt_that_is_too_short),
		cmocka_unit_test(s5_in_its_usual_forms),
		cmocka_unit_test(s5_at_every_offset),
		cmocka_unit_test(s5_after_something_like_it),
		cmocka_unit_test(s5_that_cannot_be_read),
		cmocka_unit_test(hpet_right_and_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
