/* SPDX-License-Identifier: MIT */
/* The screen of pixels, in memory of exactly its size: what is drawn, where, and nothing beside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "arch/x86_64/glyphs.h"
#include "arch/x86_64/screen.h"

#define INK         0xc08040
#define PAPER       0x102030
#define CURSOR_TOP  13
#define CURSOR_END  15
#define NOT_A_GLYPH '\x01'

static const struct boot_framebuffer rgb32 = {
	.address = 0xfd000000,
	.width = 171,  /* 21 columns and 3 pixels */
	.height = 139, /* 8 rows and 11 lines */
	.pitch = 171 * 4 + 12,
	.bpp = 32,
	.kind = BOOT_RGB,
	.red = {16, 8},
	.green = {8, 8},
	.blue = {0, 8},
};
static struct boot_framebuffer rgb24, rgb16;

static struct boot_framebuffer shown;
static uint8_t *memory; /* the last line ends with its last pixel */

static void start(const struct boot_framebuffer *f)
{
	size_t size = (size_t)f->pitch * (f->height - 1) + f->width * f->bpp / 8;

	shown = *f;
	memory = malloc(size);
	assert_non_null(memory);
	memset(memory, 0xee, size);
	assert_true(screen_pixels_fit(f));
	screen_init(screen_pixels_init(f, memory, INK, PAPER));
}

static void stop(void)
{
	free(memory);
}

static void print(const char *text)
{
	while (*text)
		screen_put(*text++);
}

static uint32_t pixel(uint32_t x, uint32_t y)
{
	uint32_t value = 0;

	memcpy(&value, memory + (size_t)y * shown.pitch + x * (shown.bpp / 8), shown.bpp / 8);
	return value;
}

/* What 16 bits of 5, 6 and 5 leave of a colour. */
static uint32_t in_565(uint32_t rgb)
{
	return (rgb >> 19 & 31) << 11 | (rgb >> 10 & 63) << 5 | (rgb >> 3 & 31);
}

static uint32_t colour(uint32_t rgb)
{
	return shown.bpp == 16 ? in_565(rgb) : rgb;
}

static bool line_is(unsigned row, unsigned column, unsigned line, uint8_t bits)
{
	for (unsigned i = 0; i < GLYPH_COLUMNS; i++) {
		uint32_t at = pixel(column * GLYPH_COLUMNS + i, row * GLYPH_LINES + line);

		if (at != colour(bits >> (7 - i) & 1 ? INK : PAPER))
			return false;
	}
	return true;
}

static bool has_cursor(unsigned row, unsigned column)
{
	return line_is(row, column, CURSOR_TOP, 0xff) && line_is(row, column, CURSOR_TOP + 1, 0xff);
}

static bool shows(unsigned row, unsigned column, char c)
{
	bool cursor = has_cursor(row, column);

	for (unsigned line = 0; line < GLYPH_LINES; line++)
		if (!(cursor && line >= CURSOR_TOP && line < CURSOR_END) &&
			!line_is(row, column, line, glyph_line(c, line)))
			return false;
	return true;
}

static char read_cell(unsigned row, unsigned column)
{
	for (char c = ' '; c <= '~'; c++)
		if (shows(row, column, c))
			return c;
	return shows(row, column, NOT_A_GLYPH) ? NOT_A_GLYPH : '\0';
}

static unsigned rows(void)
{
	return shown.height / GLYPH_LINES;
}

static unsigned columns(void)
{
	return shown.width / GLYPH_COLUMNS;
}

static void assert_row(unsigned row, const char *text)
{
	char read[64] = "";

	for (unsigned column = 0; column < columns(); column++)
		read[column] = read_cell(row, column);
	for (unsigned end = columns(); end && read[end - 1] == ' '; end--)
		read[end - 1] = '\0';
	assert_string_equal(read, text);
}

/* Right of the last column and below the last row. */
static void assert_margins_are_paper(void)
{
	for (uint32_t y = 0; y < shown.height; y++)
		for (uint32_t x = 0; x < shown.width; x++)
			if (x >= columns() * GLYPH_COLUMNS || y >= rows() * GLYPH_LINES)
				assert_int_equal(pixel(x, y), colour(PAPER));
}

static void every_depth(void **state __unused)
{
	const struct boot_framebuffer *const depth[] = {&rgb16, &rgb24, &rgb32};

	for (unsigned i = 0; i < ARRAY_SIZE(depth); i++) {
		start(depth[i]);
		assert_true(has_cursor(0, 0));
		print("Hello, \"World\"~\n  [0.5] {x}");
		assert_row(0, "Hello, \"World\"~");
		assert_row(1, "  [0.5] {x}");
		assert_row(2, "");
		assert_true(has_cursor(1, 11));
		assert_false(has_cursor(0, 0));
		assert_margins_are_paper();
		stop();
	}
}

static void every_glyph_is_another(void **state __unused)
{
	for (char a = ' '; a <= '~'; a++)
		for (char b = ' '; b < a; b++) {
			unsigned same = 0;

			for (unsigned line = 0; line < GLYPH_LINES; line++)
				same += glyph_line(a, line) == glyph_line(b, line);
			assert_true(same < GLYPH_LINES);
		}
}

static void long_lines_wrap(void **state __unused)
{
	start(&rgb32);
	print("abcdefghijklmnopqrstu");
	assert_true(has_cursor(0, 20));
	print("vw");
	assert_row(0, "abcdefghijklmnopqrstu");
	assert_row(1, "vw");
	stop();
}

/* Eight rows; a full screen moves up by a quarter of them. */
static void a_full_screen_moves_up(void **state __unused)
{
	start(&rgb24);
	print("1\n2\n3\n4\n5\n6\n7\nlast");
	assert_row(0, "1");
	assert_row(7, "last");
	print("\nnew");
	assert_row(0, "3");
	assert_row(5, "last");
	assert_row(6, "new");
	assert_row(7, "");
	assert_true(has_cursor(6, 3));
	assert_margins_are_paper();
	stop();
}

static void sequences(void **state __unused)
{
	start(&rgb16);
	print("one\ntwo\nthree");
	print("\x1b[2;2H\x1b[K");
	assert_row(1, "t");
	print("\x1b[1;3Hx\x1b[31m\x1b[Jy");
	assert_row(0, "onxy");
	assert_row(1, "");
	assert_row(2, "");
	print("\x1b[99;99Hz\b\b\t\x1b[K\x1b[2J");
	for (unsigned row = 0; row < rows(); row++)
		assert_row(row, "");
	print("\x1b[HA\x07\xff");
	assert_row(0, "A\x01");
	stop();
}

/* Anything at all: each cell shows a character, and the margins stay. */
static void random_text(void **state __unused)
{
	static const char often[] = "\x1b\x1b[[;;HJK\n\r\b\t0123456789";
	uint32_t random = 1;

	start(&rgb24);
	for (unsigned i = 0; i < 20000; i++) {
		random = random * 1664525 + 1013904223;
		screen_put(random >> 31 ? often[(random >> 8) % (sizeof(often) - 1)]
					: (char)(random >> 16));
	}
	for (unsigned row = 0; row < rows(); row++)
		for (unsigned column = 0; column < columns(); column++)
			assert_int_not_equal(read_cell(row, column), '\0');
	assert_margins_are_paper();
	stop();
}

static void what_cannot_be_drawn_on(void **state __unused)
{
	struct boot_framebuffer f = rgb32;

	f.bpp = 15;
	assert_false(screen_pixels_fit(&f));
	f.bpp = 8;
	assert_false(screen_pixels_fit(&f));
	f = rgb32;
	f.kind = BOOT_PALETTE;
	assert_false(screen_pixels_fit(&f));
	f = rgb32;
	f.width = 20 * GLYPH_COLUMNS - 1;
	assert_false(screen_pixels_fit(&f));
	f = rgb32;
	f.height = 4 * GLYPH_LINES - 1;
	assert_false(screen_pixels_fit(&f));
	f = rgb32;
	f.address = 0;
	assert_false(screen_pixels_fit(&f));
	f = rgb32;
	f.width = 16385;
	assert_false(screen_pixels_fit(&f));
	f = rgb32;
	f.height = 16385;
	assert_false(screen_pixels_fit(&f));
	f = rgb32;
	f.pitch = 1u << 31;
	assert_false(screen_pixels_fit(&f));
}

/* More cells than are kept: a part is used. */
static void a_very_large_screen(void **state __unused)
{
	struct boot_framebuffer f = rgb16;

	f.width = 5120;
	f.height = 4320;
	f.pitch = 2 * f.width;
	start(&f);
	for (unsigned i = 0; i < 300; i++)
		print("line\n");
	assert_int_equal(read_cell(0, 0), 'l');
	assert_int_equal(read_cell(200, 0), ' ');
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_depth),
		cmocka_unit_test(every_glyph_is_another),
		cmocka_unit_test(long_lines_wrap),
		cmocka_unit_test(a_full_screen_moves_up),
		cmocka_unit_test(sequences),
		cmocka_unit_test(random_text),
		cmocka_unit_test(what_cannot_be_drawn_on),
		cmocka_unit_test(a_very_large_screen),
	};

	rgb24 = rgb32;
	rgb24.bpp = 24;
	rgb24.pitch = 171 * 3;
	rgb16 = rgb32;
	rgb16.bpp = 16;
	rgb16.pitch = 171 * 2;
	rgb16.red = (struct boot_colour){11, 5};
	rgb16.green = (struct boot_colour){5, 6};
	rgb16.blue = (struct boot_colour){0, 5};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
