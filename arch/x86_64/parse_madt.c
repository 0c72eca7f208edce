/* SPDX-License-Identifier: MIT */
/*
 * MADT ("APIC"): CPUs, I/O APICs, and how the old interrupt lines are wired. A header, two fields,
 * then entries of a type, a length and what belongs to the type; types not known are stepped over.
 */
#include "arch/x86_64/parse_acpi_impl.h"

#define MADT_ENTRIES       44u
#define MADT_HAS_8259      1u
#define CPU_ENABLED        1u
#define CPU_ONLINE_CAPABLE 2u
#define ALL_CPUS_XAPIC     0xffu
#define XAPIC_ID_NONE      0xffu

enum madt_type {
	MADT_CPU = 0,
	MADT_IOAPIC = 1,
	MADT_OVERRIDE = 2,
	MADT_NMI_SOURCE = 3,
	MADT_LOCAL_NMI = 4,
	MADT_ADDRESS = 5,
	MADT_X2APIC = 9,
	MADT_X2APIC_NMI = 10,
};

/* The longest of the types that are read; and for each the length it must have. */
#define MADT_ENTRY_MAX 16u
static const uint8_t madt_size[] = {
	[MADT_CPU] = 8,
	[MADT_IOAPIC] = 12,
	[MADT_OVERRIDE] = 10,
	[MADT_NMI_SOURCE] = 8,
	[MADT_LOCAL_NMI] = 6,
	[MADT_ADDRESS] = 12,
	[MADT_X2APIC] = 16,
	[MADT_X2APIC_NMI] = 12,
};

struct madt_walk {
	const struct acpi_madt_visitor *visitor;
	struct acpi_madt *madt;
	uint32_t offset; /* of the entry being read */
	struct acpi_error *error;
};

/* MPS INTI flags. "Conforms to the bus" is high and edge for ISA; nothing else is described. */
static int parse_mode(const struct madt_walk *walk, uint16_t flags, struct acpi_line_mode *mode)
{
	unsigned polarity = flags & 3, trigger = flags >> 2 & 3;

	if (polarity == 2 || trigger == 2)
		return acpi_fail(walk->error,
			"APIC: interrupt flags 0x%x in the entry at offset %u are reserved", flags,
			walk->offset);
	*mode = (struct acpi_line_mode){.low = polarity == 3, .level = trigger == 3};
	return 0;
}

static void report_cpu(const struct madt_walk *walk, struct acpi_cpu cpu, uint32_t flags)
{
	cpu.enabled = flags & CPU_ENABLED;
	cpu.online_capable = !cpu.enabled && (flags & CPU_ONLINE_CAPABLE);
	if (walk->visitor->cpu)
		walk->visitor->cpu(&cpu, walk->visitor->arg);
}

static int parse_cpu(const struct madt_walk *walk, const uint8_t *e)
{
	struct acpi_cpu cpu = {.uid = e[2], .apic_id = e[3]};

	if (cpu.apic_id != XAPIC_ID_NONE)
		report_cpu(walk, cpu, acpi_u32(e + 4));
	return 0;
}

static int parse_x2apic(const struct madt_walk *walk, const uint8_t *e)
{
	struct acpi_cpu cpu = {.uid = acpi_u32(e + 12), .apic_id = acpi_u32(e + 4), .x2apic = true};

	if (cpu.apic_id != UINT32_MAX)
		report_cpu(walk, cpu, acpi_u32(e + 8));
	return 0;
}

static int parse_ioapic(const struct madt_walk *walk, const uint8_t *e)
{
	struct acpi_ioapic ioapic = {
		.id = e[2], .address = acpi_u32(e + 4), .first_gsi = acpi_u32(e + 8)};

	if (!ioapic.address)
		return acpi_fail(walk->error, "APIC: I/O APIC entry at offset %u has address 0",
			walk->offset);
	if (walk->visitor->ioapic)
		walk->visitor->ioapic(&ioapic, walk->visitor->arg);
	return 0;
}

static int parse_override(const struct madt_walk *walk, const uint8_t *e)
{
	struct acpi_override override = {.isa_line = e[3], .gsi = acpi_u32(e + 4)};
	int err = parse_mode(walk, acpi_u16(e + 8), &override.mode);

	if (err)
		return err;
	if (e[2] != 0 || override.isa_line > 15)
		return acpi_fail(walk->error,
			"APIC: override at offset %u is of bus %u line %u, expected bus 0 line 0-15",
			walk->offset, e[2], override.isa_line);
	if (walk->visitor->override)
		walk->visitor->override(&override, walk->visitor->arg);
	return 0;
}

static int parse_nmi_source(const struct madt_walk *walk, const uint8_t *e)
{
	struct acpi_nmi_source source = {.gsi = acpi_u32(e + 4)};
	int err = parse_mode(walk, acpi_u16(e + 2), &source.mode);

	if (!err && walk->visitor->nmi_source)
		walk->visitor->nmi_source(&source, walk->visitor->arg);
	return err;
}

static int report_local_nmi(
	const struct madt_walk *walk, uint32_t uid, uint8_t lint, uint16_t flags)
{
	struct acpi_local_nmi nmi = {.uid = uid, .lint = lint};
	int err = parse_mode(walk, flags, &nmi.mode);

	if (err)
		return err;
	if (lint > 1)
		return acpi_fail(walk->error,
			"APIC: NMI at offset %u is on LINT%u, expected 0 or 1", walk->offset, lint);
	if (walk->visitor->local_nmi)
		walk->visitor->local_nmi(&nmi, walk->visitor->arg);
	return 0;
}

static int parse_local_nmi(const struct madt_walk *walk, const uint8_t *e)
{
	uint32_t uid = e[2] == ALL_CPUS_XAPIC ? ACPI_ALL_CPUS : e[2];

	return report_local_nmi(walk, uid, e[5], acpi_u16(e + 3));
}

static int parse_x2apic_nmi(const struct madt_walk *walk, const uint8_t *e)
{
	return report_local_nmi(walk, acpi_u32(e + 4), e[8], acpi_u16(e + 2));
}

static int parse_address(const struct madt_walk *walk, const uint8_t *e)
{
	walk->madt->local_apic = acpi_u64(e + 4);
	return 0;
}

static int parse_entry(const struct madt_walk *walk, const uint8_t *e)
{
	switch (e[0]) {
	case MADT_CPU:
		return parse_cpu(walk, e);
	case MADT_IOAPIC:
		return parse_ioapic(walk, e);
	case MADT_OVERRIDE:
		return parse_override(walk, e);
	case MADT_NMI_SOURCE:
		return parse_nmi_source(walk, e);
	case MADT_LOCAL_NMI:
		return parse_local_nmi(walk, e);
	case MADT_ADDRESS:
		return parse_address(walk, e);
	case MADT_X2APIC:
		return parse_x2apic(walk, e);
	case MADT_X2APIC_NMI:
		return parse_x2apic_nmi(walk, e);
	default:
		return 0;
	}
}

/* Reads the entry at walk->offset. Returns its length, or a negative error. */
static int read_entry(const struct acpi_reader *reader, const struct acpi_table *table,
	const struct madt_walk *walk, uint8_t entry[MADT_ENTRY_MAX])
{
	unsigned type, length, need;
	int err = acpi_read(reader, table, walk->offset, entry, 2, walk->error);

	if (err)
		return err;
	type = entry[0];
	length = entry[1];
	need = type < ARRAY_SIZE(madt_size) && madt_size[type] ? madt_size[type] : 2;
	if (length < need || length > table->size - walk->offset)
		return acpi_fail(walk->error,
			"APIC: entry of type %u at offset %u has length %u, expected %u to %u",
			type, walk->offset, length, need, table->size - walk->offset);
	err = acpi_read(
		reader, table, walk->offset, entry, MIN(length, MADT_ENTRY_MAX), walk->error);
	return err ? err : (int)length;
}

int acpi_parse_madt(const struct acpi_reader *reader, const struct acpi_table *table,
	const struct acpi_madt_visitor *visitor, struct acpi_madt *madt, struct acpi_error *error)
{
	struct madt_walk walk = {.visitor = visitor, .madt = madt, .error = error};
	uint8_t fields[8], entry[MADT_ENTRY_MAX];
	int length, err = acpi_read(reader, table, MADT_ENTRIES - 8, fields, 8, error);

	*madt = (struct acpi_madt){0};
	if (err)
		return err;
	madt->local_apic = acpi_u32(fields);
	madt->has_8259 = acpi_u32(fields + 4) & MADT_HAS_8259;
	for (walk.offset = MADT_ENTRIES; walk.offset < table->size;
		walk.offset += (uint32_t)length) {
		length = read_entry(reader, table, &walk, entry);
		if (length < 0)
			return length;
		err = parse_entry(&walk, entry);
		if (err)
			return err;
	}
	return 0;
}
