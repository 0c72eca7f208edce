/* SPDX-License-Identifier: MIT */
/*
 * printf formatting. One conversion at a time is parsed into a struct format_spec and written to
 * a sink; nothing is allocated and nothing depends on where the text goes, so every context may
 * call this. A conversion that does not exist is printed as it stands.
 */
#include "kernel/format.h"
#include "kernel/string.h"
#include "kernel/symbols.h"

#define FORMAT_WIDTH_MAX 4096 /* a wild width argument must not print for minutes */
#define FORMAT_DIGITS    24   /* 64 bits in octal take 22 */

enum format_length { LENGTH_CHAR, LENGTH_SHORT, LENGTH_INT, LENGTH_LONG };

struct format_spec {
	bool left, plus, space, alternate, zero;
	int width;     /* least characters */
	int precision; /* -1: not given */
	enum format_length length;
};

struct format_out {
	format_sink sink;
	void *arg;
	int count;
	va_list args;
};

static void put(struct format_out *out, char c)
{
	out->sink(c, out->arg);
	out->count++;
}

static void put_many(struct format_out *out, char c, int n)
{
	for (; n > 0; n--)
		put(out, c);
}

static void put_text(struct format_out *out, const char *text, int length)
{
	for (int i = 0; i < length; i++)
		put(out, text[i]);
}

/* Text of known length, padded to the width with blanks. */
static void put_padded(
	struct format_out *out, const struct format_spec *spec, const char *text, int length)
{
	if (!spec->left)
		put_many(out, ' ', spec->width - length);
	put_text(out, text, length);
	if (spec->left)
		put_many(out, ' ', spec->width - length);
}

/* Digits of value at the end of buf; returns where they start. 0 has none. */
static char *digits_of(char *end, uint64_t value, unsigned base, bool upper)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";

	for (; value; value /= base)
		*--end = digits[value % base];
	return end;
}

/* A sign or base prefix, zeros up to the precision (or width), digits; padded with blanks. */
static void put_number(struct format_out *out, const struct format_spec *spec, const char *prefix,
	uint64_t value, unsigned base, bool upper)
{
	char buf[FORMAT_DIGITS];
	char *start = digits_of(buf + sizeof(buf), value, base, upper);
	int length = (int)(buf + sizeof(buf) - start);
	int prefix_length = (int)strlen(prefix);
	int zeros = MAX(spec->precision, 1) - length;

	if (spec->precision == 0)
		zeros = 0;
	if (spec->precision < 0 && spec->zero && !spec->left)
		zeros = MAX(zeros, spec->width - prefix_length - length);
	if (base == 8 && spec->alternate && zeros <= 0)
		zeros = !(length && *start == '0');
	zeros = MAX(zeros, 0);
	if (!spec->left)
		put_many(out, ' ', spec->width - prefix_length - zeros - length);
	put_text(out, prefix, prefix_length);
	put_many(out, '0', zeros);
	put_text(out, start, length);
	if (spec->left)
		put_many(out, ' ', spec->width - prefix_length - zeros - length);
}

static int64_t signed_arg(struct format_out *out, enum format_length length)
{
	int value;

	if (length == LENGTH_LONG)
		return va_arg(out->args, int64_t);
	value = va_arg(out->args, int);
	if (length == LENGTH_CHAR)
		return (signed char)value;
	return length == LENGTH_SHORT ? (short)value : value;
}

static uint64_t unsigned_arg(struct format_out *out, enum format_length length)
{
	unsigned value;

	if (length == LENGTH_LONG)
		return va_arg(out->args, uint64_t);
	value = va_arg(out->args, unsigned);
	if (length == LENGTH_CHAR)
		return (unsigned char)value;
	return length == LENGTH_SHORT ? (unsigned short)value : value;
}

static void put_signed(struct format_out *out, const struct format_spec *spec)
{
	int64_t value = signed_arg(out, spec->length);
	const char *sign = value < 0 ? "-" : spec->plus ? "+" : spec->space ? " " : "";

	put_number(out, spec, sign, value < 0 ? -(uint64_t)value : (uint64_t)value, 10, false);
}

static void put_hex(struct format_out *out, const struct format_spec *spec, bool upper)
{
	uint64_t value = unsigned_arg(out, spec->length);
	const char *prefix = upper ? "0X" : "0x";

	put_number(out, spec, spec->alternate && value ? prefix : "", value, 16, upper);
}

static void put_string(struct format_out *out, const struct format_spec *spec)
{
	const char *text = va_arg(out->args, const char *);
	size_t max = spec->precision < 0 ? INT_MAX : (size_t)spec->precision;

	if (!text)
		text = "(null)";
	put_padded(out, spec, text, (int)strnlen(text, max));
}

static void put_char(struct format_out *out, const struct format_spec *spec)
{
	char c = (char)va_arg(out->args, int);

	put_padded(out, spec, &c, 1);
}

/* symbol+0xoffset, or the bare address where no symbol is known. */
static void put_symbol(struct format_out *out, const struct format_spec *spec, uintptr_t address)
{
	char text[96];
	size_t offset;
	const char *name = symbols_lookup(address, &offset);
	int length;

	if (name)
		length = format_string(text, sizeof(text), "%s+0x%zx", name, offset);
	else
		length = format_string(text, sizeof(text), "0x%zx", (size_t)address);
	put_padded(out, spec, text, MIN(length, (int)sizeof(text) - 1));
}

/* fmt is behind the p; returns what follows the conversion. */
static const char *put_pointer(
	struct format_out *out, const struct format_spec *spec, const char *fmt)
{
	uintptr_t value = (uintptr_t)va_arg(out->args, void *);

	if (*fmt == 'S') {
		put_symbol(out, spec, value);
		return fmt + 1;
	}
	put_number(out, spec, "0x", value, 16, false);
	return fmt;
}

static const char *parse_flags(struct format_spec *spec, const char *fmt)
{
	for (;; fmt++) {
		if (*fmt == '-')
			spec->left = true;
		else if (*fmt == '+')
			spec->plus = true;
		else if (*fmt == ' ')
			spec->space = true;
		else if (*fmt == '#')
			spec->alternate = true;
		else if (*fmt == '0')
			spec->zero = true;
		else
			return fmt;
	}
}

/* Digits, or * for an argument. */
static const char *parse_count(struct format_out *out, const char *fmt, int *count)
{
	int value = 0;

	if (*fmt == '*') {
		value = va_arg(out->args, int);
		*count = MAX(MIN(value, FORMAT_WIDTH_MAX), -FORMAT_WIDTH_MAX);
		return fmt + 1;
	}
	for (; *fmt >= '0' && *fmt <= '9'; fmt++)
		value = MIN(value * 10 + (*fmt - '0'), FORMAT_WIDTH_MAX);
	*count = value;
	return fmt;
}

static const char *parse_length(struct format_spec *spec, const char *fmt)
{
	spec->length = LENGTH_INT;
	if (fmt[0] == 'h') {
		spec->length = fmt[1] == 'h' ? LENGTH_CHAR : LENGTH_SHORT;
		return fmt + (fmt[1] == 'h' ? 2 : 1);
	}
	if (*fmt != 'l' && *fmt != 'z' && *fmt != 'j' && *fmt != 't')
		return fmt;
	spec->length = LENGTH_LONG;
	return fmt + (fmt[0] == 'l' && fmt[1] == 'l' ? 2 : 1);
}

static const char *parse_spec(struct format_out *out, struct format_spec *spec, const char *fmt)
{
	*spec = (struct format_spec){.precision = -1};
	fmt = parse_count(out, parse_flags(spec, fmt), &spec->width);
	if (spec->width < 0) {
		spec->left = true;
		spec->width = -spec->width;
	}
	if (*fmt == '.')
		fmt = parse_count(out, fmt + 1, &spec->precision);
	return parse_length(spec, fmt);
}

/* One conversion; `percent` is where it began. Returns what follows it. */
static const char *convert(struct format_out *out, const char *percent)
{
	struct format_spec spec;
	const char *fmt = parse_spec(out, &spec, percent + 1);

	switch (*fmt) {
	case 'd':
	case 'i':
		put_signed(out, &spec);
		return fmt + 1;
	case 'u':
		put_number(out, &spec, "", unsigned_arg(out, spec.length), 10, false);
		return fmt + 1;
	case 'o':
		put_number(out, &spec, "", unsigned_arg(out, spec.length), 8, false);
		return fmt + 1;
	case 'x':
	case 'X':
		put_hex(out, &spec, *fmt == 'X');
		return fmt + 1;
	case 'c':
		put_char(out, &spec);
		return fmt + 1;
	case 's':
		put_string(out, &spec);
		return fmt + 1;
	case 'p':
		return put_pointer(out, &spec, fmt + 1);
	case '%':
		put(out, '%');
		return fmt + 1;
	default:
		put_text(out, percent, (int)(fmt - percent));
		return fmt;
	}
}

int format_to(format_sink sink, void *arg, const char *fmt, va_list args)
{
	struct format_out out = {.sink = sink, .arg = arg};

	va_copy(out.args, args);
	while (*fmt) {
		if (*fmt == '%')
			fmt = convert(&out, fmt);
		else
			put(&out, *fmt++);
	}
	va_end(out.args);
	return out.count;
}

struct format_buffer {
	char *next, *last; /* last is kept for the terminator */
};

static void buffer_sink(char c, void *arg)
{
	struct format_buffer *buffer = arg;

	if (buffer->next < buffer->last)
		*buffer->next++ = c;
}

int format_string_va(char *buf, size_t size, const char *fmt, va_list args)
{
	struct format_buffer buffer = {buf, size ? buf + size - 1 : buf};
	int length = format_to(buffer_sink, &buffer, fmt, args);

	if (size)
		*buffer.next = '\0';
	return length;
}

int format_string(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int length;

	va_start(args, fmt);
	length = format_string_va(buf, size, fmt, args);
	va_end(args);
	return length;
}
