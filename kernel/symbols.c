/* SPDX-License-Identifier: MIT */
/*
 * The kernel's symbol table, made by ci/make/symbols.py between two links: sorted by address, each
 * function reaches to the next one.
 */
#include "kernel/symbols.h"
#include "kernel/string.h"

struct symbol {
	uint32_t start; /* from __text_start */
	uint32_t name;  /* from symbols_names */
};

extern const uint32_t symbols_count;
extern const struct symbol symbols_table[];
extern const char symbols_names[];
extern const char __text_start[], __text_end[];

/* How many functions start at or before the offset. */
static uint32_t count_up_to(uintptr_t offset)
{
	uint32_t low = 0, high = symbols_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (symbols_table[middle].start <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const char *symbols_lookup(uintptr_t address, size_t *offset)
{
	uintptr_t start = (uintptr_t)__text_start;
	uint32_t count;

	if (address < start || address >= (uintptr_t)__text_end)
		return NULL;
	count = count_up_to(address - start);
	if (!count)
		return NULL;
	*offset = address - start - symbols_table[count - 1].start;
	return symbols_names + symbols_table[count - 1].name;
}

uintptr_t symbols_find(const char *name)
{
	for (uint32_t i = 0; i < symbols_count; i++)
		if (!strcmp(symbols_names + symbols_table[i].name, name))
			return (uintptr_t)__text_start + symbols_table[i].start;
	return 0;
}
