/* SPDX-License-Identifier: MIT */
/*
 * Memory and strings. The compiler turns plain loops into calls of the very functions they
 * implement; a barrier in each loop stops it.
 */
#include "kernel/string.h"
#include <arch/string.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	arch_copy_up(to, from, size);
	return to;
}

void *memmove(void *to, const void *from, size_t size)
{
	if ((uintptr_t)to - (uintptr_t)from < size)
		arch_copy_down(to, from, size);
	else
		arch_copy_up(to, from, size);
	return to;
}

void *memset(void *to, int byte, size_t size)
{
	arch_fill(to, (uint8_t)byte, size);
	return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const uint8_t *x = a, *y = b;

	for (; size; size--, x++, y++) {
		barrier();
		if (*x != *y)
			return *x - *y;
	}
	return 0;
}

void *memchr(const void *in, int byte, size_t size)
{
	const uint8_t *x = in;

	for (; size; size--, x++) {
		barrier();
		if (*x == (uint8_t)byte)
			return (void *)(uintptr_t)x;
	}
	return NULL;
}

size_t strnlen(const char *s, size_t max)
{
	size_t length = 0;

	while (length < max && s[length]) {
		barrier();
		length++;
	}
	return length;
}

size_t strlen(const char *s)
{
	return strnlen(s, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t max)
{
	for (; max; max--, a++, b++) {
		barrier();
		if (*a != *b || !*a)
			return (uint8_t)*a - (uint8_t)*b;
	}
	return 0;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}

char *strchr(const char *s, int c)
{
	for (; *s != (char)c; s++) {
		barrier();
		if (!*s)
			return NULL;
	}
	return (char *)(uintptr_t)s;
}

char *strrchr(const char *s, int c)
{
	const char *found = NULL;

	do {
		barrier();
		if (*s == (char)c)
			found = s;
	} while (*s++);
	return (char *)(uintptr_t)found;
}
