/* SPDX-License-Identifier: MIT */
/*
 * ACPI tables made of anything. The input is a piece of physical memory: it is searched for an
 * RSDP and followed from there, and it is also taken for a table of each kind, whatever its
 * checksum, so that the fuzzer need not guess one. Parsers that say 0 must have given sane results.
 */
#include "arch/x86_64/parse_acpi.h"
#include "arch/x86_64/parse_topology.h"
#include <stdlib.h>
#include <string.h>

#define BASE        0xe0000ull
#define HEADER_SIZE 36u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t size;
};

static void require(bool condition)
{
	if (!condition)
		abort();
}

static bool read_input(void *arg, paddr_t at, void *to, size_t size)
{
	const struct input *in = arg;

	if (at < BASE || at - BASE > in->size || size > in->size - (at - BASE))
		return false;
	memcpy(to, in->data + (at - BASE), size);
	return true;
}

static void check_cpu(const struct acpi_cpu *cpu, void *arg __unused)
{
	require(!(cpu->enabled && cpu->online_capable));
	require(cpu->apic_id < (cpu->x2apic ? UINT32_MAX : 0xff));
}

static void check_ioapic(const struct acpi_ioapic *ioapic, void *arg __unused)
{
	require(ioapic->address != 0);
}

static void check_override(const struct acpi_override *override, void *arg __unused)
{
	require(override->isa_line < 16);
}

static void check_local_nmi(const struct acpi_local_nmi *nmi, void *arg __unused)
{
	require(nmi->lint < 2);
}

static void check_memory(const struct acpi_memory_node *memory, void *arg __unused)
{
	require(memory->size && memory->start + memory->size >= memory->start);
}

static const struct acpi_madt_visitor madt_visitor = {
	.cpu = check_cpu,
	.ioapic = check_ioapic,
	.override = check_override,
	.local_nmi = check_local_nmi,
};
static const struct acpi_srat_visitor srat_visitor = {.memory = check_memory};

/* An error has a text, and the text fits. */
static void check_result(int err, const struct acpi_error *error)
{
	require(!err ||
		(error->text[0] &&
			strnlen(error->text, sizeof(error->text)) < sizeof(error->text)));
}

static void parse_as_everything(const struct acpi_reader *reader, const struct acpi_table *table)
{
	struct acpi_error error = {""};
	struct acpi_madt madt;
	struct acpi_fadt fadt;
	struct acpi_s5 s5;
	struct acpi_hpet hpet;
	int err;

	check_result(acpi_parse_madt(reader, table, &madt_visitor, &madt, &error), &error);
	check_result(acpi_parse_srat(reader, table, &srat_visitor, &error), &error);
	check_result(acpi_parse_fadt(reader, table, &fadt, &error), &error);
	err = acpi_parse_s5(reader, table, &s5, &error);
	check_result(err, &error);
	require(err || (s5.type_a < 8 && s5.type_b < 8));
	err = acpi_parse_hpet(reader, table, &hpet, &error);
	check_result(err, &error);
	require(err || hpet.address);
}

static void parse_listed(const struct acpi_table *table, void *arg)
{
	struct acpi_table checked;
	struct acpi_error error = {""};
	int err = acpi_check_table(arg, table->at, table->signature, &checked, &error);

	check_result(err, &error);
	if (!err)
		parse_as_everything(arg, &checked);
}

static void parse_levels(const uint8_t *data, size_t size)
{
	struct topology_level level[8] = {0};
	struct topology_shifts shifts;

	memcpy(level, data, size < sizeof(level) ? size : sizeof(level));
	if (topology_parse_levels(level, 8, &shifts))
		require(shifts.core <= shifts.package && shifts.package < 32);
	topology_place(level[7].ecx, shifts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct acpi_reader reader = {.read = read_input, .arg = &in};
	struct acpi_table table = {.signature = "FUZZ", .at = BASE, .size = (uint32_t)size};
	struct acpi_error error = {""};
	struct acpi_root root;
	int err = acpi_scan_rsdp(&reader, BASE, BASE + size, &root, &error);

	check_result(err, &error);
	if (!err)
		check_result(
			acpi_visit_tables(&reader, &root, parse_listed, &reader, &error), &error);
	if (size >= HEADER_SIZE) {
		table.revision = data[8];
		parse_as_everything(&reader, &table);
	}
	parse_levels(data, size);
	return 0;
}
