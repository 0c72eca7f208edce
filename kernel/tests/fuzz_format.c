/* SPDX-License-Identifier: MIT */
/*
 * One conversion with flags, width, precision and length made from the input, and its argument:
 * the kernel's text must be the C library's. Then the input as a format of its own, with no
 * argument consumed that is not there: it must stay inside its buffer.
 */
#include "kernel/types.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "kernel/format.h"

#pragma clang diagnostic ignored "-Wformat-nonliteral"
#pragma clang diagnostic ignored "-Wformat-security"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	uint8_t flags, width, precision, length, conversion, size;
	int64_t value;
} __packed;

static void make_format(const struct input *in, char *fmt, size_t size, char conversion)
{
	static const char *const lengths[] = {"", "h", "hh", "l", "ll", "z", "j", "t"};
	int at = snprintf(fmt, size, "a%%");

	for (unsigned i = 0; i < 5; i++)
		if (in->flags >> i & 1)
			fmt[at++] = "-+ #0"[i];
	if (in->width % 4)
		at += snprintf(fmt + at, size - (size_t)at, "%u", in->width % 64u + 1);
	if (in->precision % 4)
		at += snprintf(fmt + at, size - (size_t)at, ".%u", in->precision % 64u);
	snprintf(fmt + at, size - (size_t)at, "%s%cz",
		strchr("cs", conversion) ? "" : lengths[in->length % ARRAY_SIZE(lengths)],
		conversion);
}

static void compare(const char *fmt, size_t limit, const char *want, int want_length, int64_t value)
{
	char got[512];
	int length = format_string(got, limit, fmt, value);

	if (length != want_length || strcmp(got, want)) {
		fprintf(stderr, "format \"%s\": got \"%s\", want \"%s\"\n", fmt, got, want);
		abort();
	}
}

static void against_library(const struct input *in)
{
	static const char conversions[] = "diuxXoc";
	char conversion = conversions[in->conversion % (sizeof(conversions) - 1)];
	size_t limit = in->size % 200u + 1;
	char fmt[64], want[512];

	make_format(in, fmt, sizeof(fmt), conversion);
	if (conversion == 'c' && (in->flags & 0x1e || in->precision % 4 || !(char)in->value))
		return;
	compare(fmt, limit, want, snprintf(want, limit, fmt, in->value), in->value);
}

/* No more arguments than the eight that are given, and no pointers, which would be followed. */
static void tame(char *fmt)
{
	unsigned arguments = 0;

	for (; *fmt; fmt++) {
		if (*fmt == 's')
			*fmt = 'x';
		if ((*fmt == '%' || *fmt == '*') && ++arguments > 8)
			*fmt = '-';
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in;
	char fmt[256], out[64];

	if (size >= sizeof(in)) {
		memcpy(&in, data, sizeof(in));
		against_library(&in);
	}
	size = MIN(size, sizeof(fmt) - 1);
	memcpy(fmt, data, size);
	fmt[size] = '\0';
	tame(fmt);
	format_string(out, size % sizeof(out), fmt, 1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L);
	return 0;
}
