/* SPDX-License-Identifier: MIT */
/*
 * Characters on a screen of pixels.
 *
 * Reading video memory is slow and writing it is not fast. So the characters are kept here too:
 * only those that change are drawn, and a screen that is full moves up by a quarter at a time.
 */
#include "arch/x86_64/glyphs.h"
#include "arch/x86_64/screen.h"
#include "kernel/string.h"

#define CELLS_MAX    65536u /* all of 3840 by 2160; of larger screens a part is used */
#define COLUMNS_MAX  512u
#define COLUMNS_MIN  20u
#define ROWS_MIN     4u
#define SIDE_MAX     16384u      /* pixels; what is said to have more is no screen */
#define MEMORY_MAX   0x40000000u /* as many pixels of four bytes */
#define SCROLL_PARTS 4u
#define PIXEL_MAX    4u /* bytes */
#define CURSOR_TOP   13u
#define CURSOR_END   15u

static struct {
	uint8_t *memory;
	uint32_t pitch;
	unsigned bytes; /* per pixel */
	/* Four pixels for each half of a line of a character. */
	uint8_t four[16][4 * PIXEL_MAX];
	struct screen_display display;
	unsigned cursor_row, cursor_column;
} pixels; /* the console lock's */

static char cells[CELLS_MAX]; /* what is shown; the console lock's */

static char *cell(unsigned row, unsigned column)
{
	return &cells[row * pixels.display.columns + column];
}

static void put_four(uint8_t *to, unsigned bits)
{
	if (pixels.bytes == 4)
		memcpy(to, pixels.four[bits], 16);
	else if (pixels.bytes == 3)
		memcpy(to, pixels.four[bits], 12);
	else
		memcpy(to, pixels.four[bits], 8);
}

/* Lines [from, end) of a cell. */
static void draw_lines(unsigned row, unsigned column, char c, unsigned from, unsigned end)
{
	uint8_t *to = pixels.memory + (size_t)(row * GLYPH_LINES + from) * pixels.pitch +
		(size_t)column * GLYPH_COLUMNS * pixels.bytes;
	const uint8_t *drawn = glyph_drawn(c);

	for (unsigned line = from; line < end; line++, to += pixels.pitch) {
		unsigned bits = line < GLYPH_TOP ? 0 : drawn[line - GLYPH_TOP];

		put_four(to, bits >> 4);
		put_four(to + 4 * pixels.bytes, bits & 15);
	}
}

static void put(unsigned row, unsigned column, char c)
{
	if (*cell(row, column) == c)
		return;
	*cell(row, column) = c;
	draw_lines(row, column, c, 0, GLYPH_LINES);
}

static void clear(unsigned row, unsigned column, unsigned count)
{
	unsigned at = row * pixels.display.columns + column;

	for (unsigned i = at; i < at + count; i++)
		put(i / pixels.display.columns, i % pixels.display.columns, ' ');
}

static unsigned scroll(void)
{
	unsigned rows = pixels.display.rows, columns = pixels.display.columns;
	unsigned by = rows / SCROLL_PARTS;

	for (unsigned row = 0; row < rows - by; row++)
		for (unsigned column = 0; column < columns; column++)
			put(row, column, *cell(row + by, column));
	clear(rows - by, 0, by * columns);
	return by;
}

/* The old place is drawn again without it, the new one gets a bar. */
static void cursor(unsigned row, unsigned column)
{
	unsigned old_row = pixels.cursor_row, old_column = pixels.cursor_column;
	uint8_t *to = pixels.memory + (size_t)(row * GLYPH_LINES + CURSOR_TOP) * pixels.pitch +
		(size_t)column * GLYPH_COLUMNS * pixels.bytes;

	draw_lines(old_row, old_column, *cell(old_row, old_column), CURSOR_TOP, CURSOR_END);
	for (unsigned line = CURSOR_TOP; line < CURSOR_END; line++, to += pixels.pitch) {
		put_four(to, 15);
		put_four(to + 4 * pixels.bytes, 15);
	}
	pixels.cursor_row = row;
	pixels.cursor_column = column;
}

/* The highest of the colour's bits, or all of them and zeros below. */
static uint32_t shade(uint32_t value, struct boot_colour colour)
{
	value = colour.size < 8 ? value >> (8 - colour.size) : value << (colour.size - 8);
	return value << colour.position;
}

static uint32_t pixel_of(uint32_t rgb, const struct boot_framebuffer *f)
{
	return shade(rgb >> 16 & 0xff, f->red) | shade(rgb >> 8 & 0xff, f->green) |
		shade(rgb & 0xff, f->blue);
}

static void make_fours(uint32_t ink, uint32_t paper)
{
	for (unsigned bits = 0; bits < 16; bits++)
		for (unsigned i = 0; i < 4; i++)
			memcpy(&pixels.four[bits][i * pixels.bytes],
				bits >> (3 - i) & 1 ? &ink : &paper, pixels.bytes);
}

/* All lines, the margins too; what is left of a width that is no multiple of four. */
static void paint_paper(const struct boot_framebuffer *f)
{
	uint8_t *line = pixels.memory;

	for (uint32_t y = 0; y < f->height; y++, line += f->pitch) {
		uint32_t x = 0;

		for (; x + 4 <= f->width; x += 4)
			put_four(line + (size_t)x * pixels.bytes, 0);
		for (; x < f->width; x++)
			memcpy(line + (size_t)x * pixels.bytes, pixels.four[0], pixels.bytes);
	}
}

bool screen_pixels_fit(const struct boot_framebuffer *f)
{
	return f->address && f->kind == BOOT_RGB &&
		(f->bpp == 16 || f->bpp == 24 || f->bpp == 32) &&
		f->width >= COLUMNS_MIN * GLYPH_COLUMNS && f->height >= ROWS_MIN * GLYPH_LINES &&
		f->width <= SIDE_MAX && f->height <= SIDE_MAX &&
		boot_framebuffer_size(f) <= MEMORY_MAX;
}

const struct screen_display *screen_pixels_init(
	const struct boot_framebuffer *f, void *memory, uint32_t ink, uint32_t paper)
{
	unsigned columns = MIN(f->width / GLYPH_COLUMNS, COLUMNS_MAX);

	pixels.memory = memory;
	pixels.pitch = f->pitch;
	pixels.bytes = f->bpp / 8;
	pixels.display = (struct screen_display){
		.rows = MIN(f->height / GLYPH_LINES, CELLS_MAX / columns),
		.columns = columns,
		.put = put,
		.clear = clear,
		.scroll = scroll,
		.cursor = cursor,
	};
	pixels.cursor_row = 0;
	pixels.cursor_column = 0;
	make_fours(pixel_of(ink, f), pixel_of(paper, f));
	memset(cells, ' ', sizeof(cells));
	paint_paper(f);
	return &pixels.display;
}
