/* SPDX-License-Identifier: MIT */
/*
 * Makes ACPI tables for tests: a piece of pretended physical memory in which tables are written
 * field by field. Reading outside what was written fails as reading outside memory does.
 */
#ifndef X86_TESTS_ACPI_BUILDER_H
#define X86_TESTS_ACPI_BUILDER_H

#include "arch/x86_64/parse_acpi.h"
#include <assert.h>
#include <string.h>

#define BUILDER_BASE 0xe0000ull
#define BUILDER_SIZE 65536u

struct builder {
	uint8_t bytes[BUILDER_SIZE];
	uint32_t used;
	uint32_t table; /* where the table being written starts */
};

static inline void put(struct builder *b, uint64_t value, unsigned size)
{
	assert(b->used + size <= BUILDER_SIZE);
	for (unsigned i = 0; i < size; i++)
		b->bytes[b->used++] = i < 8 ? (uint8_t)(value >> 8 * i) : 0;
}

static inline void put_text(struct builder *b, const char *text, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		put(b, (uint8_t)text[i], 1);
}

static inline void set(struct builder *b, uint32_t offset, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		b->bytes[b->table + offset + i] = i < 8 ? (uint8_t)(value >> 8 * i) : 0;
}

/* Makes the sum of `size` bytes from the table's start 0 by the byte at `offset`. */
static inline void fix_sum(struct builder *b, uint32_t offset, uint32_t size)
{
	uint8_t sum = 0;

	b->bytes[b->table + offset] = 0;
	for (uint32_t i = 0; i < size; i++)
		sum = (uint8_t)(sum + b->bytes[b->table + i]);
	b->bytes[b->table + offset] = (uint8_t)-sum;
}

static inline void begin_table(struct builder *b, const char *signature, unsigned revision)
{
	b->table = b->used = ALIGN_UP(b->used, 16u);
	put_text(b, signature, 4);
	put(b, 0, 4);
	put(b, revision, 1);
	put(b, 0, 1);
	put_text(b, "MULTIOSTESTS    ", 14);
	put(b, 0, 12);
}

static inline paddr_t end_table_sized(struct builder *b, uint32_t size)
{
	set(b, 4, size, 4);
	fix_sum(b, 9, size);
	return BUILDER_BASE + b->table;
}

static inline paddr_t end_table(struct builder *b)
{
	return end_table_sized(b, b->used - b->table);
}

static inline void begin_rsdp(struct builder *b, unsigned revision, uint32_t rsdt, uint64_t xsdt)
{
	b->table = b->used = ALIGN_UP(b->used, 16u);
	put_text(b, "RSD PTR ", 8);
	put(b, 0, 1);
	put_text(b, "TESTER", 6);
	put(b, revision, 1);
	put(b, rsdt, 4);
	fix_sum(b, 8, 20);
	if (revision < 2)
		return;
	put(b, 36, 4);
	put(b, xsdt, 8);
	put(b, 0, 4);
	fix_sum(b, 32, 36);
}

static inline bool builder_read(void *arg, paddr_t at, void *to, size_t size)
{
	const struct builder *b = arg;

	if (at < BUILDER_BASE || at - BUILDER_BASE > b->used ||
		size > b->used - (at - BUILDER_BASE))
		return false;
	memcpy(to, b->bytes + (at - BUILDER_BASE), size);
	return true;
}

static inline struct acpi_reader builder_reader(struct builder *b)
{
	return (struct acpi_reader){.read = builder_read, .arg = b};
}

#endif
