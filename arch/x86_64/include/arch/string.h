/* SPDX-License-Identifier: MIT */
/*
 * The machine's own way to copy and fill memory. Words first: an emulator runs a repeated 8-byte
 * store several times faster than a repeated 1-byte store.
 */
#ifndef ARCH_STRING_H
#define ARCH_STRING_H

#include "kernel/types.h"

/* Copies upwards: right for areas that overlap when `to` lies below `from`. */
static inline void arch_copy_up(void *to, const void *from, size_t size)
{
	size_t words = size / 8, rest = size % 8;

	__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(rest) : : "memory");
}

/* Copies from the last byte to the first: right when `to` lies above `from`. */
static inline void arch_copy_down(void *to, const void *from, size_t size)
{
	char *last_to = (char *)to + size - 1;
	const char *last_from = (const char *)from + size - 1;

	__asm__ volatile("std; rep movsb; cld"
			 : "+D"(last_to), "+S"(last_from), "+c"(size)
			 :
			 : "memory");
}

static inline void arch_fill(void *to, uint8_t byte, size_t size)
{
	uint64_t pattern = byte * 0x0101010101010101ull;
	size_t words = size / 8, rest = size % 8;

	__asm__ volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(pattern) : "memory");
	__asm__ volatile("rep stosb" : "+D"(to), "+c"(rest) : "a"(pattern) : "memory");
}

#endif
