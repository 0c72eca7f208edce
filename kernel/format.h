/* SPDX-License-Identifier: MIT */
/*
 * printf formatting into a buffer or a sink: %d %i %u %x %X %o %c %s %p %% with flags, width,
 * precision and h hh l ll z j t. %pS prints a kernel address as symbol+offset, or as a number where
 * no symbol is known. Any context.
 */
#ifndef KERNEL_FORMAT_H
#define KERNEL_FORMAT_H

#include "kernel/types.h"

typedef void (*format_sink)(char c, void *arg);

/* Returns the number of characters given to the sink. */
int format_to(format_sink sink, void *arg, const char *fmt, va_list args);

/* Always terminates when size > 0; returns the length the whole text would have. */
int format_string(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
int format_string_va(char *buf, size_t size, const char *fmt, va_list args);

#endif
