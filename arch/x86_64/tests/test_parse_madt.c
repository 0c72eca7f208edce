/* SPDX-License-Identifier: MIT */
/* MADT and SRAT: entries of every type, tables that end early, machines of odd shape. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "arch/x86_64/tests/acpi_builder.h"
#include "kernel/errno.h"

#define SEEN_MAX 4096

static struct builder b;
static struct acpi_error error;

/* What the parser told its visitor. */
static struct {
	unsigned cpus, ioapics, overrides, nmi_sources, local_nmis, memories, nodes;
	struct acpi_cpu cpu[SEEN_MAX];
	struct acpi_ioapic ioapic[4];
	struct acpi_override override[4];
	struct acpi_nmi_source nmi_source[4];
	struct acpi_local_nmi local_nmi[4];
	struct acpi_cpu_node node[8];
	struct acpi_memory_node memory[8];
} seen;

#define NOTE(type, name, count)                                                                    \
	static void note_##name(const struct type *found, void *arg)                               \
	{                                                                                          \
		assert_ptr_equal(arg, &seen);                                                      \
		assert_true(seen.count < ARRAY_SIZE(seen.name));                                   \
		seen.name[seen.count++] = *found;                                                  \
	}
NOTE(acpi_cpu, cpu, cpus)
NOTE(acpi_ioapic, ioapic, ioapics)
NOTE(acpi_override, override, overrides)
NOTE(acpi_nmi_source, nmi_source, nmi_sources)
NOTE(acpi_local_nmi, local_nmi, local_nmis)
NOTE(acpi_cpu_node, node, nodes)
NOTE(acpi_memory_node, memory, memories)

static const struct acpi_madt_visitor note_all = {
	.cpu = note_cpu,
	.ioapic = note_ioapic,
	.override = note_override,
	.nmi_source = note_nmi_source,
	.local_nmi = note_local_nmi,
	.arg = &seen,
};
static const struct acpi_srat_visitor note_nodes = {
	.cpu = note_node,
	.memory = note_memory,
	.arg = &seen,
};

static void begin_madt(uint32_t local_apic, uint32_t flags)
{
	b = (struct builder){0};
	memset(&seen, 0, sizeof(seen));
	begin_table(&b, "APIC", 4);
	put(&b, local_apic, 4);
	put(&b, flags, 4);
}

static void begin_srat(unsigned revision)
{
	b = (struct builder){0};
	memset(&seen, 0, sizeof(seen));
	begin_table(&b, "SRAT", revision);
	put(&b, 1, 4);
	put(&b, 0, 8);
}

static struct acpi_table check(const char *signature, uint32_t size)
{
	struct acpi_reader reader = builder_reader(&b);
	struct acpi_table table;
	paddr_t at = end_table_sized(&b, size);

	assert_int_equal(acpi_check_table(&reader, at, signature, &table, &error), 0);
	return table;
}

static int parse_madt(struct acpi_madt *madt)
{
	struct acpi_reader reader = builder_reader(&b);
	struct acpi_table table = check("APIC", b.used);

	return acpi_parse_madt(&reader, &table, &note_all, madt, &error);
}

static int parse_srat(void)
{
	struct acpi_reader reader = builder_reader(&b);
	struct acpi_table table = check("SRAT", b.used);

	return acpi_parse_srat(&reader, &table, &note_nodes, &error);
}

static void assert_error(const char *text)
{
	if (!strstr(error.text, text))
		fail_msg("error is \"%s\", expected \"%s\" in it", error.text, text);
}

/* --- entries -------------------------------------------------------------------------------- */

static void put_entry(unsigned type, unsigned length)
{
	put(&b, type, 1);
	put(&b, length, 1);
}

static void put_cpu(unsigned uid, unsigned id, uint32_t flags)
{
	put_entry(0, 8);
	put(&b, uid, 1);
	put(&b, id, 1);
	put(&b, flags, 4);
}

static void put_x2apic(uint32_t uid, uint32_t id, uint32_t flags)
{
	put_entry(9, 16);
	put(&b, 0, 2);
	put(&b, id, 4);
	put(&b, flags, 4);
	put(&b, uid, 4);
}

static void put_override(unsigned bus, unsigned line, uint32_t gsi, unsigned flags)
{
	put_entry(2, 10);
	put(&b, bus, 1);
	put(&b, line, 1);
	put(&b, gsi, 4);
	put(&b, flags, 2);
}

/* --- MADT ----------------------------------------------------------------------------------- */

static void cpu_flags(void **state __unused)
{
	struct acpi_madt madt;

	begin_madt(0xfee00000, 1);
	put_cpu(0, 0, 1);
	put_cpu(1, 2, 0);
	put_cpu(2, 4, 2);
	put_cpu(3, 6, 3);
	put_cpu(4, 0xff, 1);
	put_x2apic(5, 0x12345, 1);
	put_x2apic(6, 0xffffffff, 1);
	assert_int_equal(parse_madt(&madt), 0);
	assert_int_equal(madt.local_apic, 0xfee00000);
	assert_true(madt.has_8259);
	assert_int_equal(seen.cpus, 5);
	assert_true(seen.cpu[0].enabled);
	assert_false(seen.cpu[1].enabled || seen.cpu[1].online_capable);
	assert_true(!seen.cpu[2].enabled && seen.cpu[2].online_capable);
	assert_true(seen.cpu[3].enabled && !seen.cpu[3].online_capable);
	assert_int_equal(seen.cpu[3].apic_id, 6);
	assert_int_equal(seen.cpu[4].apic_id, 0x12345);
	assert_true(seen.cpu[4].x2apic);
}

static void thousands_of_cpus(void **state __unused)
{
	struct acpi_madt madt;

	begin_madt(0xfee00000, 0);
	for (unsigned i = 0; i < 3000; i++)
		put_x2apic(i, 3 * i, i % 7 == 0);
	assert_int_equal(parse_madt(&madt), 0);
	assert_false(madt.has_8259);
	assert_int_equal(seen.cpus, 3000);
	for (unsigned i = 0; i < 3000; i++) {
		assert_int_equal(seen.cpu[i].apic_id, 3 * i);
		assert_int_equal(seen.cpu[i].enabled, i % 7 == 0);
	}
}

static void interrupt_wiring(void **state __unused)
{
	struct acpi_madt madt;

	begin_madt(0xfee00000, 1);
	put_entry(1, 12);
	put(&b, 7, 2);
	put(&b, 0xfec00000, 4);
	put(&b, 24, 4);
	put_override(0, 0, 2, 0);
	put_override(0, 9, 9, 0xf);
	put_override(0, 10, 20, 0x5);
	put_entry(3, 8);
	put(&b, 0x7, 2);
	put(&b, 23, 4);
	put_entry(4, 6);
	put(&b, 0xff, 1);
	put(&b, 0, 2);
	put(&b, 1, 1);
	put_entry(10, 12);
	put(&b, 0xd, 2);
	put(&b, 300, 4);
	put(&b, 0, 4);
	put_entry(5, 12);
	put(&b, 0, 2);
	put(&b, 0x1fee00000, 8);
	assert_int_equal(parse_madt(&madt), 0);
	assert_int_equal(madt.local_apic, 0x1fee00000);
	assert_int_equal(seen.ioapic[0].id, 7);
	assert_int_equal(seen.ioapic[0].address, 0xfec00000);
	assert_int_equal(seen.ioapic[0].first_gsi, 24);
	assert_int_equal(seen.overrides, 3);
	assert_int_equal(seen.override[0].gsi, 2);
	assert_false(seen.override[0].mode.low || seen.override[0].mode.level);
	assert_true(seen.override[1].mode.low && seen.override[1].mode.level);
	assert_int_equal(seen.override[2].isa_line, 10);
	assert_false(seen.override[2].mode.low || seen.override[2].mode.level);
	assert_int_equal(seen.nmi_source[0].gsi, 23);
	assert_true(seen.nmi_source[0].mode.low && !seen.nmi_source[0].mode.level);
	assert_int_equal(seen.local_nmi[0].uid, ACPI_ALL_CPUS);
	assert_int_equal(seen.local_nmi[0].lint, 1);
	assert_int_equal(seen.local_nmi[1].uid, 300);
	assert_int_equal(seen.local_nmi[1].lint, 0);
	assert_true(!seen.local_nmi[1].mode.low && seen.local_nmi[1].mode.level);
}

static void unknown_entries_are_stepped_over(void **state __unused)
{
	struct acpi_madt madt;

	begin_madt(0xfee00000, 1);
	put_entry(0x80, 5);
	put(&b, 0, 3);
	put_entry(6, 2);
	put_entry(0, 10); /* longer than known: what follows is another revision's */
	put(&b, 1 | 1 << 8 | 1 << 16, 8);
	put_entry(0xff, 255);
	put(&b, 0, 253);
	put_cpu(1, 2, 1);
	assert_int_equal(parse_madt(&madt), 0);
	assert_int_equal(seen.cpus, 2);
	assert_int_equal(seen.cpu[0].apic_id, 1);
	assert_int_equal(seen.cpu[1].apic_id, 2);
}

/* The entries before the wrong one are visited all the same. */
static void expect_wrong(const char *text)
{
	struct acpi_madt madt;

	assert_int_equal(parse_madt(&madt), -EPROTO);
	assert_error(text);
	assert_int_equal(seen.cpus, 1);
	begin_madt(0xfee00000, 1);
	put_cpu(0, 0, 1);
}

static void wrong_entries(void **state __unused)
{
	begin_madt(0xfee00000, 1);
	put_cpu(0, 0, 1);
	put_entry(0, 7);
	put(&b, 0, 5);
	expect_wrong("APIC: entry of type 0 at offset 52 has length 7, expected 8 to 7");
	put_entry(77, 0);
	expect_wrong("APIC: entry of type 77 at offset 52 has length 0, expected 2 to 2");
	put_entry(77, 9);
	expect_wrong("expected 2 to 2");
	put(&b, 0, 1);
	expect_wrong("APIC: ends at offset 53, but 2 bytes are needed at offset 52");
	put_override(0, 3, 3, 2);
	expect_wrong("flags 0x2 in the entry at offset 52");
	put_override(0, 3, 3, 8);
	expect_wrong("flags 0x8");
	put_override(1, 3, 3, 0);
	expect_wrong("bus 1 line 3");
	put_override(0, 16, 3, 0);
	expect_wrong("bus 0 line 16");
	put_entry(1, 12);
	put(&b, 0, 10);
	expect_wrong("I/O APIC entry at offset 52 has address 0");
	put_entry(4, 6);
	put(&b, 0xff, 1);
	put(&b, 0, 2);
	put(&b, 2, 1);
	expect_wrong("LINT2");
}

/* Whatever the length says, the parser ends and stays within it. */
static void madt_cut_anywhere(void **state __unused)
{
	uint32_t whole;

	begin_madt(0xfee00000, 1);
	put_cpu(0, 0, 1);
	put_x2apic(1, 300, 1);
	put_override(0, 0, 2, 0);
	whole = b.used;
	for (uint32_t size = 36; size <= whole; size++) {
		struct acpi_reader reader = builder_reader(&b);
		struct acpi_table table = check("APIC", size);
		struct acpi_madt madt;
		int err = acpi_parse_madt(&reader, &table, &note_all, &madt, &error);
		bool complete = size == 44 || size == 52 || size == 68 || size == 78;

		assert_int_equal(err, complete ? 0 : -EPROTO);
	}
}

static void visitor_without_members(void **state __unused)
{
	const struct acpi_madt_visitor nobody = {0};
	struct acpi_reader reader = builder_reader(&b);
	struct acpi_table table;
	struct acpi_madt madt;

	begin_madt(0xfee00000, 1);
	put_cpu(0, 0, 1);
	put_override(0, 0, 2, 0);
	table = check("APIC", b.used);
	assert_int_equal(acpi_parse_madt(&reader, &table, &nobody, &madt, &error), 0);
}

/* --- SRAT ----------------------------------------------------------------------------------- */

static void put_srat_cpu(unsigned node_low, unsigned id, uint32_t flags, uint32_t node_high)
{
	put_entry(0, 16);
	put(&b, node_low, 1);
	put(&b, id, 1);
	put(&b, flags, 4);
	put(&b, node_high, 4); /* its lowest byte is another field */
	put(&b, 0, 4);
}

static void put_srat_memory(uint32_t node, uint64_t start, uint64_t size, uint32_t flags)
{
	put_entry(1, 40);
	put(&b, node, 4);
	put(&b, 0, 2);
	put(&b, start, 8);
	put(&b, size, 8);
	put(&b, 0, 4);
	put(&b, flags, 4);
	put(&b, 0, 8);
}

static void nodes_of_cpus_and_memory(void **state __unused)
{
	begin_srat(3);
	put_srat_cpu(1, 5, 1, 0x0002ff);
	put_srat_cpu(1, 6, 0, 0);
	put_entry(2, 24);
	put(&b, 0, 2);
	put(&b, 9, 4);
	put(&b, 4000, 4);
	put(&b, 1, 4);
	put(&b, 0, 8);
	put_srat_memory(1, 0x100000000, 0x40000000, 3);
	put_srat_memory(2, 0, 0x1000, 0);
	put_srat_memory(2, 0, 0, 1);
	assert_int_equal(parse_srat(), 0);
	assert_int_equal(seen.nodes, 2);
	assert_int_equal(seen.node[0].apic_id, 5);
	assert_int_equal(seen.node[0].node, 0x201);
	assert_int_equal(seen.node[1].apic_id, 4000);
	assert_int_equal(seen.node[1].node, 9);
	assert_int_equal(seen.memories, 1);
	assert_int_equal(seen.memory[0].start, 0x100000000);
	assert_int_equal(seen.memory[0].size, 0x40000000);
	assert_true(seen.memory[0].hot_pluggable);
}

static void srat_of_revision_1_has_small_nodes(void **state __unused)
{
	begin_srat(1);
	put_srat_cpu(3, 5, 1, 0xabcdef12);
	put_srat_memory(0xabcdef03, 0, 0x1000, 1);
	assert_int_equal(parse_srat(), 0);
	assert_int_equal(seen.node[0].node, 3);
	assert_int_equal(seen.memory[0].node, 3);
}

static void srat_that_is_wrong(void **state __unused)
{
	struct acpi_reader reader = builder_reader(&b);
	struct acpi_table table;

	begin_srat(3);
	put_srat_memory(1, UINT64_MAX - 10, 12, 1);
	assert_int_equal(parse_srat(), -EPROTO);
	assert_error("SRAT: memory at offset 48 wraps around");
	begin_srat(3);
	put_entry(0, 15);
	put(&b, 0, 13);
	assert_int_equal(parse_srat(), -EPROTO);
	assert_error("SRAT: entry of type 0 at offset 48 has length 15, expected 16 to 15");
	begin_srat(3);
	table = check("SRAT", 47);
	assert_int_equal(acpi_parse_srat(&reader, &table, &note_nodes, &error), -EPROTO);
	assert_error("SRAT: length is 47");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpu_flags),
		cmocka_unit_test(thousands_of_cpus),
		cmocka_unit_test(interrupt_wiring),
		cmocka_unit_test(unknown_entries_are_stepped_over),
		cmocka_unit_test(wrong_entries),
		cmocka_unit_test(madt_cut_anywhere),
		cmocka_unit_test(visitor_without_members),
		cmocka_unit_test(nodes_of_cpus_and_memory),
		cmocka_unit_test(srat_of_revision_1_has_small_nodes),
		cmocka_unit_test(srat_that_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
