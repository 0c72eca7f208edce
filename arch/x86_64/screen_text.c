/* SPDX-License-Identifier: MIT */
/*
 * The VGA text screen. Video memory holds more lines than are shown; scrolling moves the window
 * down by one line, and copies only when the window reaches the end, since every access to video
 * memory is slow.
 */
#include "arch/x86_64/instructions.h"
#include "arch/x86_64/screen.h"
#include <arch/memory.h>

#define COLUMNS      80u
#define ROWS         25u
#define MEMORY_CELLS 16384u
#define MEMORY_ROWS  (MEMORY_CELLS / COLUMNS)
#define VIDEO_MEMORY 0xb8000ul
#define GREY         0x0700u /* light grey on black */
#define BLANK        (GREY | ' ')

#define CRTC_INDEX       0x3d4
#define CRTC_DATA        0x3d5
#define CRTC_START_HIGH  0x0c
#define CRTC_START_LOW   0x0d
#define CRTC_CURSOR_HIGH 0x0e
#define CRTC_CURSOR_LOW  0x0f

static struct {
	unsigned top;         /* row of video memory shown first */
	unsigned cursor_high; /* what the controller was told last */
} window;                     /* the console lock's */

static volatile uint16_t *cell(unsigned row, unsigned column)
{
	volatile uint16_t *memory = phys_to_virt(VIDEO_MEMORY);

	return memory + (window.top + row) * COLUMNS + column;
}

static void crtc_write(uint8_t index, unsigned value)
{
	out8(CRTC_INDEX, index);
	out8(CRTC_DATA, (uint8_t)value);
}

static void show_window(void)
{
	crtc_write(CRTC_START_HIGH, window.top * COLUMNS >> 8);
	crtc_write(CRTC_START_LOW, window.top * COLUMNS);
}

static void put(unsigned row, unsigned column, char c)
{
	*cell(row, column) = (uint16_t)(GREY | (uint8_t)c);
}

/* After every character: the upper half, which seldom changes, only when it does. */
static void cursor(unsigned row, unsigned column)
{
	unsigned at = (window.top + row) * COLUMNS + column;

	if (at >> 8 != window.cursor_high)
		crtc_write(CRTC_CURSOR_HIGH, at >> 8);
	crtc_write(CRTC_CURSOR_LOW, at);
	window.cursor_high = at >> 8;
}

static void clear(unsigned row, unsigned column, unsigned count)
{
	volatile uint16_t *c = cell(row, column);

	while (count--)
		*c++ = BLANK;
}

/* Starts over at the beginning of video memory with the rows that stay. */
static void rewind_window(void)
{
	volatile uint16_t *from = cell(1, 0), *to;

	window.top = 0;
	to = cell(0, 0);
	for (unsigned i = 0; i < (ROWS - 1) * COLUMNS; i++)
		to[i] = from[i];
}

static unsigned scroll(void)
{
	if (window.top + ROWS < MEMORY_ROWS)
		window.top++;
	else
		rewind_window();
	clear(ROWS - 1, 0, COLUMNS);
	show_window();
	return 1;
}

static const struct screen_display display = {
	.rows = ROWS,
	.columns = COLUMNS,
	.put = put,
	.clear = clear,
	.scroll = scroll,
	.cursor = cursor,
};

const struct screen_display *screen_text_init(void)
{
	window.top = 0;
	window.cursor_high = UINT_MAX;
	show_window();
	return &display;
}
