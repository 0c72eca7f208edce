/* SPDX-License-Identifier: MIT */
/* Copying and filling in plain loops, for kernel/string.c under test. */
#ifndef ARCH_STRING_H
#define ARCH_STRING_H

#include "kernel/types.h"

static inline void arch_copy_up(void *to, const void *from, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((char *)to)[i] = ((const char *)from)[i];
}

static inline void arch_copy_down(void *to, const void *from, size_t size)
{
	while (size--)
		((char *)to)[size] = ((const char *)from)[size];
}

static inline void arch_fill(void *to, uint8_t byte, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((uint8_t *)to)[i] = byte;
}

#endif
