/* SPDX-License-Identifier: MIT */
/* What the ACPI parsers share: little-endian fields, bounded reads, error texts. */
#ifndef X86_PARSE_ACPI_IMPL_H
#define X86_PARSE_ACPI_IMPL_H

#include "arch/x86_64/parse_acpi.h"
#include "kernel/errno.h"
#include "kernel/format.h"

static inline uint16_t acpi_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t acpi_u32(const uint8_t *p)
{
	return acpi_u16(p) | (uint32_t)acpi_u16(p + 2) << 16;
}

static inline uint64_t acpi_u64(const uint8_t *p)
{
	return acpi_u32(p) | (uint64_t)acpi_u32(p + 4) << 32;
}

/* Fills the error's text and returns -EPROTO. */
static inline int __printf(2, 3) acpi_fail(struct acpi_error *error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	format_string_va(error->text, sizeof(error->text), fmt, args);
	va_end(args);
	return -EPROTO;
}

/* Copies bytes of a table; -EPROTO when they are not within it or not in memory. */
static inline int acpi_read(const struct acpi_reader *reader, const struct acpi_table *table,
	uint32_t offset, void *to, uint32_t size, struct acpi_error *error)
{
	if (offset > table->size || size > table->size - offset)
		return acpi_fail(error,
			"%s: ends at offset %u, but %u bytes are needed at offset %u",
			table->signature, table->size, size, offset);
	if (!reader->read(reader->arg, table->at + offset, to, size))
		return acpi_fail(error, "%s: no memory behind offset %u at 0x%llx",
			table->signature, offset, (unsigned long long)table->at);
	return 0;
}

#endif
