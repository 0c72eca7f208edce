/* SPDX-License-Identifier: MIT */
/*
 * ACPI: from the RSDP to a table that can be trusted to be as long as it says and to have the
 * right checksum. What stands in the tables is read by parse_madt.c, parse_fadt.c, parse_srat.c.
 */
#include "arch/x86_64/parse_acpi_impl.h"

#include "kernel/errno.h"
#include "kernel/string.h"

#define RSDP_SIGNATURE "RSD PTR "
#define RSDP_V1_SIZE   20u
#define RSDP_SCAN_STEP 16u
#define HEADER_SIZE    36u
#define CHECKSUM_CHUNK 256u

static uint8_t sum_bytes(const uint8_t *bytes, size_t size)
{
	uint8_t sum = 0;

	while (size--)
		sum = (uint8_t)(sum + *bytes++);
	return sum;
}

/* A signature as text: bytes that do not print become '?'. */
static void copy_signature(char to[5], const uint8_t *from)
{
	for (unsigned i = 0; i < 4; i++)
		to[i] = from[i] >= ' ' && from[i] < 0x7f ? (char)from[i] : '?';
	to[4] = 0;
}

static int check_rsdp_v2(
	const uint8_t *rsdp, size_t size, struct acpi_root *root, struct acpi_error *error)
{
	uint32_t length = size < ACPI_RSDP_SIZE ? 0 : acpi_u32(rsdp + 20);
	uint64_t xsdt;

	if (size < ACPI_RSDP_SIZE)
		return acpi_fail(error, "RSDP: revision %u has %zu bytes, expected %u", rsdp[15],
			size, ACPI_RSDP_SIZE);
	if (length < ACPI_RSDP_SIZE || length > size)
		return acpi_fail(error, "RSDP: length at offset 20 is %u, expected %u to %zu",
			length, ACPI_RSDP_SIZE, size);
	if (sum_bytes(rsdp, length))
		return acpi_fail(error, "RSDP: sum of all %u bytes is 0x%02x, expected 0", length,
			sum_bytes(rsdp, length));
	xsdt = acpi_u64(rsdp + 24);
	if (xsdt)
		*root = (struct acpi_root){.list = xsdt, .entry_size = 8};
	return 0;
}

int acpi_parse_rsdp(
	const uint8_t *rsdp, size_t size, struct acpi_root *root, struct acpi_error *error)
{
	int err;

	*root = (struct acpi_root){0};
	if (size < RSDP_V1_SIZE)
		return acpi_fail(error, "RSDP: %zu bytes, expected %u or more", size, RSDP_V1_SIZE);
	if (memcmp(rsdp, RSDP_SIGNATURE, 8))
		return acpi_fail(
			error, "RSDP: signature at offset 0 is not \"" RSDP_SIGNATURE "\"");
	if (sum_bytes(rsdp, RSDP_V1_SIZE))
		return acpi_fail(error, "RSDP: sum of the first %u bytes is 0x%02x, expected 0",
			RSDP_V1_SIZE, sum_bytes(rsdp, RSDP_V1_SIZE));
	*root = (struct acpi_root){.list = acpi_u32(rsdp + 16), .entry_size = 4};
	err = rsdp[15] >= 2 ? check_rsdp_v2(rsdp, size, root, error) : 0;
	if (err)
		return err;
	if (!root->list)
		return acpi_fail(error, "RSDP: no table list at offsets 16 and 24");
	return 0;
}

int acpi_scan_rsdp(const struct acpi_reader *reader, paddr_t from, paddr_t to,
	struct acpi_root *root, struct acpi_error *error)
{
	uint8_t rsdp[ACPI_RSDP_SIZE];

	for (paddr_t at = ALIGN_UP(from, RSDP_SCAN_STEP); at + RSDP_V1_SIZE <= to;
		at += RSDP_SCAN_STEP) {
		size_t size = MIN(to - at, (paddr_t)sizeof(rsdp));

		if (reader->read(reader->arg, at, rsdp, size) && !memcmp(rsdp, RSDP_SIGNATURE, 8) &&
			!acpi_parse_rsdp(rsdp, size, root, error))
			return 0;
	}
	acpi_fail(error, "RSDP: none in 0x%llx-0x%llx", (unsigned long long)from,
		(unsigned long long)to);
	return -ENOENT;
}

/* The sum of a table's bytes, 0 when it is intact; negative when it cannot be read. */
static int sum_table(
	const struct acpi_reader *reader, const struct acpi_table *table, struct acpi_error *error)
{
	uint8_t chunk[CHECKSUM_CHUNK], sum = 0;

	for (uint32_t offset = 0; offset < table->size; offset += sizeof(chunk)) {
		uint32_t size = MIN(table->size - offset, (uint32_t)sizeof(chunk));
		int err = acpi_read(reader, table, offset, chunk, size, error);

		if (err)
			return err;
		sum = (uint8_t)(sum + sum_bytes(chunk, size));
	}
	return sum;
}

static int read_header(const struct acpi_reader *reader, paddr_t at, struct acpi_table *table,
	struct acpi_error *error)
{
	uint8_t header[HEADER_SIZE];

	if (at > UINT64_MAX - ACPI_TABLE_MAX || !reader->read(reader->arg, at, header, HEADER_SIZE))
		return acpi_fail(error, "ACPI: no memory at 0x%llx, where a table is to be",
			(unsigned long long)at);
	copy_signature(table->signature, header);
	table->size = acpi_u32(header + 4);
	table->revision = header[8];
	table->at = at;
	return 0;
}

int acpi_check_table(const struct acpi_reader *reader, paddr_t at, const char *signature,
	struct acpi_table *table, struct acpi_error *error)
{
	int err = read_header(reader, at, table, error);
	int sum;

	if (err)
		return err;
	if (memcmp(table->signature, signature, 4))
		return acpi_fail(error, "%.4s: table at 0x%llx has signature \"%s\"", signature,
			(unsigned long long)at, table->signature);
	if (table->size < HEADER_SIZE || table->size > ACPI_TABLE_MAX)
		return acpi_fail(error, "%s: length at offset 4 is %u, expected %u to %u",
			table->signature, table->size, HEADER_SIZE, ACPI_TABLE_MAX);
	sum = sum_table(reader, table, error);
	if (sum > 0)
		return acpi_fail(error, "%s: sum of all %u bytes at 0x%llx is 0x%02x, expected 0",
			table->signature, table->size, (unsigned long long)at, (unsigned)sum);
	return sum;
}

static int check_list(const struct acpi_reader *reader, const struct acpi_root *root,
	struct acpi_table *list, struct acpi_error *error)
{
	const char *signature = root->entry_size == 8 ? "XSDT" : "RSDT";
	int err = acpi_check_table(reader, root->list, signature, list, error);

	if (!err && (list->size - HEADER_SIZE) % root->entry_size)
		err = acpi_fail(error, "%s: length at offset 4 is %u, not %u plus a multiple of %u",
			signature, list->size, HEADER_SIZE, root->entry_size);
	return err;
}

static int read_list_entry(const struct acpi_reader *reader, const struct acpi_table *list,
	uint32_t offset, unsigned entry_size, paddr_t *at, struct acpi_error *error)
{
	uint8_t entry[8] = {0};
	int err = acpi_read(reader, list, offset, entry, entry_size, error);

	*at = acpi_u64(entry);
	return err;
}

int acpi_visit_tables(const struct acpi_reader *reader, const struct acpi_root *root,
	void (*visit)(const struct acpi_table *table, void *arg), void *arg,
	struct acpi_error *error)
{
	struct acpi_table list, table;
	int err = check_list(reader, root, &list, error);

	for (uint32_t at = HEADER_SIZE; !err && at < list.size; at += root->entry_size) {
		struct acpi_error ignored;
		paddr_t where;

		err = read_list_entry(reader, &list, at, root->entry_size, &where, error);
		if (!err && where && !read_header(reader, where, &table, &ignored))
			visit(&table, arg);
	}
	return err;
}

struct search {
	const char *signature;
	paddr_t found; /* 0: not yet */
};

static void match_signature(const struct acpi_table *table, void *arg)
{
	struct search *search = arg;

	if (!search->found && !memcmp(table->signature, search->signature, 4))
		search->found = table->at;
}

int acpi_find_table(const struct acpi_reader *reader, const struct acpi_root *root,
	const char *signature, struct acpi_table *table, struct acpi_error *error)
{
	struct search search = {.signature = signature};
	int err = acpi_visit_tables(reader, root, match_signature, &search, error);

	if (err)
		return err;
	if (!search.found) {
		acpi_fail(error, "%s: no such table", signature);
		return -ENOENT;
	}
	return acpi_check_table(reader, search.found, signature, table, error);
}
