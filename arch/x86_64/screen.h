/* SPDX-License-Identifier: MIT */
/*
 * The screen: a grid of characters with a cursor, and the two kinds of display that show one. Pure
 * but for the displays. The caller serialises.
 */
#ifndef X86_SCREEN_H
#define X86_SCREEN_H

#include "boot/boot_info.h"

/* What shows the characters. Rows and columns count from 0. */
struct screen_display {
	unsigned rows, columns;
	void (*put)(unsigned row, unsigned column, char c);
	/* Blanks `count` cells in reading order. */
	void (*clear)(unsigned row, unsigned column, unsigned count);
	/* Moves everything up by one row or more, with blanks below; by how many. */
	unsigned (*scroll)(void);
	void (*cursor)(unsigned row, unsigned column);
};

/* Begins with an empty grid. */
void screen_init(const struct screen_display *display);

/* Understands a few ANSI sequences and ignores the others. */
void screen_put(char c);

/* VGA text mode, 80 by 25. */
const struct screen_display *screen_text_init(void);

/*
 * Whether we can draw on it: pixels with red, green and blue in 16, 24 or 32 bits, not too few and
 * not impossibly many.
 */
bool screen_pixels_fit(const struct boot_framebuffer *f);

/*
 * A display on such a framebuffer, whose pixels are at `memory`, in two colours 0xRRGGBB. There is
 * one: a second call takes the place of the first.
 */
const struct screen_display *screen_pixels_init(
	const struct boot_framebuffer *f, void *memory, uint32_t ink, uint32_t paper);

#endif
