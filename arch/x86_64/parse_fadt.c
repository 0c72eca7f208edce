/* SPDX-License-Identifier: MIT */
/*
 * FADT ("FACP"): ports of the PM timer and of power management, the reset register; all revisions.
 * The DSDT's \_S5_ package, found by its bytes. The HPET table.
 */
#include "arch/x86_64/parse_acpi_impl.h"

/* --- FADT ----------------------------------------------------------------------------------- */

/* Offsets. Revision 1 ends at 116; what a table is too short for reads as zeros. */
enum fadt_offset {
	FADT_DSDT = 40,
	FADT_SMI_COMMAND = 48,
	FADT_ACPI_ENABLE = 52,
	FADT_PM1A_CONTROL = 64,
	FADT_PM1B_CONTROL = 68,
	FADT_PM_TIMER = 76,
	FADT_FLAGS = 112,
	FADT_REVISION_1_SIZE = 116,
	FADT_RESET = 116,
	FADT_RESET_VALUE = 128,
	FADT_X_DSDT = 140,
	FADT_X_PM1A_CONTROL = 172,
	FADT_X_PM1B_CONTROL = 184,
	FADT_X_PM_TIMER = 208,
	FADT_READ_SIZE = 220,
};

#define FLAG_TIMER_32BIT     (1u << 8)
#define FLAG_RESET_SUPPORTED (1u << 10)

/* A generic address structure; one whose address is 0 or whose space is not understood is none. */
static struct acpi_register parse_register(const uint8_t *p)
{
	struct acpi_register r = {.space = p[0], .bits = p[1], .address = acpi_u64(p + 4)};

	if (r.space > ACPI_SPACE_PCI || (r.space == ACPI_SPACE_IO && r.address > UINT16_MAX))
		return (struct acpi_register){0};
	return r;
}

/* The extended register if it is given and usable, else the I/O port of the old field. */
static struct acpi_register choose_register(
	const uint8_t *old, const uint8_t *extended, uint8_t bits)
{
	struct acpi_register r = parse_register(extended);
	uint32_t port = acpi_u32(old);

	if (r.address)
		return r;
	if (!port || port > UINT16_MAX)
		return (struct acpi_register){0};
	return (struct acpi_register){.space = ACPI_SPACE_IO, .bits = bits, .address = port};
}

static void parse_fadt_fields(const uint8_t *f, struct acpi_fadt *fadt)
{
	uint32_t flags = acpi_u32(f + FADT_FLAGS);

	fadt->dsdt = acpi_u64(f + FADT_X_DSDT);
	if (!fadt->dsdt)
		fadt->dsdt = acpi_u32(f + FADT_DSDT);
	fadt->pm_timer = choose_register(f + FADT_PM_TIMER, f + FADT_X_PM_TIMER, 32);
	fadt->pm_timer_32bit = flags & FLAG_TIMER_32BIT;
	fadt->pm1a_control = choose_register(f + FADT_PM1A_CONTROL, f + FADT_X_PM1A_CONTROL, 16);
	fadt->pm1b_control = choose_register(f + FADT_PM1B_CONTROL, f + FADT_X_PM1B_CONTROL, 16);
	fadt->smi_command = acpi_u16(f + FADT_SMI_COMMAND);
	fadt->acpi_enable = f[FADT_ACPI_ENABLE];
	if (flags & FLAG_RESET_SUPPORTED)
		fadt->reset = parse_register(f + FADT_RESET);
	fadt->reset_value = f[FADT_RESET_VALUE];
}

int acpi_parse_fadt(const struct acpi_reader *reader, const struct acpi_table *table,
	struct acpi_fadt *fadt, struct acpi_error *error)
{
	uint8_t f[FADT_READ_SIZE] = {0};
	int err;

	*fadt = (struct acpi_fadt){.revision = table->revision};
	if (table->size < FADT_REVISION_1_SIZE)
		return acpi_fail(error, "FACP: length is %u, expected %u or more", table->size,
			FADT_REVISION_1_SIZE);
	err = acpi_read(reader, table, 0, f, MIN(table->size, FADT_READ_SIZE), error);
	if (!err)
		parse_fadt_fields(f, fadt);
	return err;
}

/* --- \_S5_ in the DSDT ---------------------------------------------------------------------- */

#define AML_ZERO    0x00u
#define AML_ONE     0x01u
#define AML_NAME    0x08u
#define AML_BYTE    0x0au
#define AML_WORD    0x0bu
#define AML_DWORD   0x0cu
#define AML_PACKAGE 0x12u
#define AML_ONES    0xffu

#define S5_NAME        0x5f35535fu /* "_S5_", little-endian */
#define S5_PACKAGE_MAX 16u /* bytes read after the name: opcode, length, count, two constants */
#define DSDT_BODY      36u
#define SCAN_CHUNK     256u

/* Reads one integer constant at *at; false when something else stands there or the bytes end. */
static bool read_constant(const uint8_t *p, unsigned size, unsigned *at, uint8_t *value)
{
	uint8_t op = *at < size ? p[*at] : 0;
	unsigned bytes = op == AML_BYTE ? 1 : op == AML_WORD ? 2 : op == AML_DWORD ? 4 : 0;

	if (size - *at < 1 + bytes || (!bytes && op != AML_ZERO && op != AML_ONE && op != AML_ONES))
		return false;
	*value = bytes ? p[*at + 1] : op;
	*at += 1 + bytes;
	return true;
}

/* Reads "Package { a, b, … }" at p. */
static bool read_s5_package(const uint8_t *p, unsigned size, struct acpi_s5 *s5)
{
	unsigned at;

	if (size < 3 || p[0] != AML_PACKAGE)
		return false;
	at = 2 + (p[1] >> 6); /* a length's top two bits count the bytes after it */
	if (at >= size || p[at] < 2)
		return false;
	at++;
	return read_constant(p, size, &at, &s5->type_a) &&
		read_constant(p, size, &at, &s5->type_b) && s5->type_a <= 7 && s5->type_b <= 7;
}

/* True for "Name (_S5_, …" and "Name (\_S5_, …": what stands before the four letters. */
static bool is_name_definition(const uint8_t before[2])
{
	return before[1] == AML_NAME || (before[0] == AML_NAME && before[1] == '\\');
}

/* Looks at the name found at `offset`; 0, -ENOENT when it is not the package, or a read error. */
static int check_s5_at(const struct acpi_reader *reader, const struct acpi_table *dsdt,
	uint32_t offset, struct acpi_s5 *s5, struct acpi_error *error)
{
	uint8_t bytes[2 + 4 + S5_PACKAGE_MAX];
	uint32_t size = MIN(dsdt->size - (offset - 2), (uint32_t)sizeof(bytes));
	int err = acpi_read(reader, dsdt, offset - 2, bytes, size, error);

	if (err)
		return err;
	return is_name_definition(bytes) && read_s5_package(bytes + 6, size - 6, s5) ? 0 : -ENOENT;
}

int acpi_parse_s5(const struct acpi_reader *reader, const struct acpi_table *dsdt,
	struct acpi_s5 *s5, struct acpi_error *error)
{
	uint8_t chunk[SCAN_CHUNK];
	uint32_t step = SCAN_CHUNK - 3, name; /* a name may straddle two chunks */

	for (uint32_t at = DSDT_BODY; at + 4 <= dsdt->size; at += step) {
		uint32_t size = MIN(dsdt->size - at, SCAN_CHUNK);
		int err = acpi_read(reader, dsdt, at, chunk, size, error);

		for (uint32_t i = 0; !err && i + 4 <= size; i++) {
			name = acpi_u32(chunk + i);
			err = name == S5_NAME ? check_s5_at(reader, dsdt, at + i, s5, error)
					      : -ENOENT;
			if (!err)
				return 0;
			err = err == -ENOENT ? 0 : err;
		}
		if (err)
			return err;
	}
	acpi_fail(error, "%s: no package of constants named \\_S5_ in its %u bytes",
		dsdt->signature, dsdt->size);
	return -ENOENT;
}

/* --- HPET ----------------------------------------------------------------------------------- */

#define HPET_TABLE_SIZE 56u

int acpi_parse_hpet(const struct acpi_reader *reader, const struct acpi_table *table,
	struct acpi_hpet *hpet, struct acpi_error *error)
{
	uint8_t fields[HPET_TABLE_SIZE];
	struct acpi_register registers;
	int err = acpi_read(reader, table, 0, fields, HPET_TABLE_SIZE, error);

	if (err)
		return err;
	registers = parse_register(fields + 40);
	if (registers.space != ACPI_SPACE_MEMORY || !registers.address)
		return acpi_fail(error,
			"HPET: registers at offset 40 are in space %u at 0x%llx, expected memory",
			fields[40], (unsigned long long)acpi_u64(fields + 44));
	*hpet = (struct acpi_hpet){.address = registers.address, .number = fields[52]};
	return 0;
}
