/* SPDX-License-Identifier: MIT */
/*
 * Memory and strings, with the C library's names and meaning: in a host program the library's own
 * functions answer to these declarations. Layer 0, any context.
 */
#ifndef KERNEL_STRING_H
#define KERNEL_STRING_H

#include "kernel/types.h"

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);
void *memchr(const void *in, int byte, size_t size);

size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t max);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);

/* Copies what fits and always terminates; `size` is not 0. True if all of it fitted. */
static inline bool string_copy(char *to, const char *from, size_t size)
{
	size_t length = strlen(from);
	size_t copied = MIN(length, size - 1);

	memcpy(to, from, copied);
	to[copied] = '\0';
	return length == copied;
}

static inline bool string_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

#endif
