/* SPDX-License-Identifier: MIT */
/* SRAT: which memory and which CPUs are near each other ("proximity domains", here nodes). */
#include "arch/x86_64/parse_acpi_impl.h"

#define SRAT_ENTRIES         48u
#define ENTRY_ENABLED        1u
#define MEMORY_HOT_PLUGGABLE 2u

enum srat_type { SRAT_CPU = 0, SRAT_MEMORY = 1, SRAT_X2APIC = 2 };

#define SRAT_ENTRY_MAX 40u
static const uint8_t srat_size[] = {[SRAT_CPU] = 16, [SRAT_MEMORY] = 40, [SRAT_X2APIC] = 24};

static void report_cpu(
	const struct acpi_srat_visitor *visitor, uint32_t apic_id, uint32_t node, uint32_t flags)
{
	struct acpi_cpu_node cpu = {.apic_id = apic_id, .node = node};

	if ((flags & ENTRY_ENABLED) && visitor->cpu)
		visitor->cpu(&cpu, visitor->arg);
}

/* Bits 8-31 of the node are firmware's leftovers before revision 2. */
static void parse_cpu(const struct acpi_srat_visitor *visitor, unsigned revision, const uint8_t *e)
{
	uint32_t high = revision >= 2 ? acpi_u32(e + 8) & 0xffffff00u : 0;

	report_cpu(visitor, e[3], e[2] | high, acpi_u32(e + 4));
}

static int parse_memory(const struct acpi_srat_visitor *visitor, unsigned revision,
	const uint8_t *e, uint32_t offset, struct acpi_error *error)
{
	uint32_t node = acpi_u32(e + 2), flags = acpi_u32(e + 28);
	struct acpi_memory_node memory = {.start = acpi_u64(e + 8),
		.size = acpi_u64(e + 16),
		.node = revision >= 2 ? node : node & 0xff,
		.hot_pluggable = flags & MEMORY_HOT_PLUGGABLE};

	if (!(flags & ENTRY_ENABLED) || !memory.size)
		return 0;
	if (memory.start + memory.size < memory.start)
		return acpi_fail(error, "SRAT: memory at offset %u wraps around: 0x%llx + 0x%llx",
			offset, (unsigned long long)memory.start, (unsigned long long)memory.size);
	if (visitor->memory)
		visitor->memory(&memory, visitor->arg);
	return 0;
}

static int parse_entry(const struct acpi_srat_visitor *visitor, unsigned revision, const uint8_t *e,
	uint32_t offset, struct acpi_error *error)
{
	switch (e[0]) {
	case SRAT_CPU:
		parse_cpu(visitor, revision, e);
		return 0;
	case SRAT_X2APIC:
		report_cpu(visitor, acpi_u32(e + 8), acpi_u32(e + 4), acpi_u32(e + 12));
		return 0;
	case SRAT_MEMORY:
		return parse_memory(visitor, revision, e, offset, error);
	default:
		return 0;
	}
}

/* Returns the entry's length, or a negative error. */
static int read_entry(const struct acpi_reader *reader, const struct acpi_table *table,
	uint32_t offset, uint8_t entry[SRAT_ENTRY_MAX], struct acpi_error *error)
{
	unsigned length, need;
	int err = acpi_read(reader, table, offset, entry, 2, error);

	if (err)
		return err;
	length = entry[1];
	need = entry[0] < ARRAY_SIZE(srat_size) ? srat_size[entry[0]] : 2;
	if (length < need || length > table->size - offset)
		return acpi_fail(error,
			"SRAT: entry of type %u at offset %u has length %u, expected %u to %u",
			entry[0], offset, length, need, table->size - offset);
	err = acpi_read(reader, table, offset, entry, MIN(length, SRAT_ENTRY_MAX), error);
	return err ? err : (int)length;
}

int acpi_parse_srat(const struct acpi_reader *reader, const struct acpi_table *table,
	const struct acpi_srat_visitor *visitor, struct acpi_error *error)
{
	uint8_t entry[SRAT_ENTRY_MAX];
	int length, err;

	if (table->size < SRAT_ENTRIES)
		return acpi_fail(error, "SRAT: length is %u, expected %u or more", table->size,
			SRAT_ENTRIES);
	for (uint32_t at = SRAT_ENTRIES; at < table->size; at += (uint32_t)length) {
		length = read_entry(reader, table, at, entry, error);
		if (length < 0)
			return length;
		err = parse_entry(visitor, table->revision, entry, at, error);
		if (err)
			return err;
	}
	return 0;
}
