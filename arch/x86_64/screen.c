/* SPDX-License-Identifier: MIT */
/*
 * The grid of characters: where the next one goes, and the control sequences.
 *
 * Of ANSI's control sequences it does cursor position (H), clear from the cursor on (J; 2J: all)
 * and clear to the end of the line (K); it swallows the others, so that colours do not show as
 * letters.
 */
#include "arch/x86_64/screen.h"

#define TAB_STOP      8u
#define ESCAPE        0x1b
#define ARGUMENTS_MAX 2u

enum parse_state { TEXT, AFTER_ESCAPE, IN_SEQUENCE };

static struct {
	const struct screen_display *display;
	unsigned row, column; /* the cursor; the column may be one behind the last */
	enum parse_state state;
	unsigned arguments; /* separators seen */
	unsigned argument[ARGUMENTS_MAX];
} screen; /* the console lock's */

static void show_cursor(void)
{
	screen.display->cursor(screen.row, MIN(screen.column, screen.display->columns - 1));
}

static void next_line(void)
{
	screen.column = 0;
	screen.row++;
	if (screen.row == screen.display->rows)
		screen.row -= screen.display->scroll();
}

static void put_visible(char c)
{
	if (screen.column == screen.display->columns)
		next_line();
	screen.display->put(screen.row, screen.column++, c);
}

static void put_text(char c)
{
	switch (c) {
	case '\n':
		next_line();
		break;
	case '\r':
		screen.column = 0;
		break;
	case '\b':
		screen.column -= screen.column > 0;
		break;
	case '\t':
		screen.column = MIN(ALIGN_UP(screen.column + 1, TAB_STOP), screen.display->columns);
		break;
	default:
		if ((uint8_t)c >= ' ')
			put_visible(c);
	}
	show_cursor();
}

static void clear_from_cursor(void)
{
	const struct screen_display *d = screen.display;
	unsigned at = screen.row * d->columns + MIN(screen.column, d->columns - 1);

	if (screen.argument[0] == 2)
		at = 0;
	d->clear(at / d->columns, at % d->columns, d->rows * d->columns - at);
}

static void clear_line_from_cursor(void)
{
	unsigned left = screen.display->columns - screen.column;

	if (left)
		screen.display->clear(screen.row, screen.column, left);
}

/* Rows and columns count from 1; 0 or nothing means 1. */
static void place_cursor(void)
{
	screen.row = MIN(MAX(screen.argument[0], 1u), screen.display->rows) - 1;
	screen.column = MIN(MAX(screen.argument[1], 1u), screen.display->columns) - 1;
}

static void finish_sequence(char c)
{
	screen.state = TEXT;
	if (c == 'H')
		place_cursor();
	else if (c == 'J')
		clear_from_cursor();
	else if (c == 'K')
		clear_line_from_cursor();
	show_cursor();
}

static void take_sequence(char c)
{
	unsigned *argument = &screen.argument[MIN(screen.arguments, ARGUMENTS_MAX - 1)];

	if (c >= '0' && c <= '9')
		*argument = MIN(*argument * 10 + (unsigned)(c - '0'), 999u);
	else if (c == ';')
		screen.arguments++;
	else if (c >= '@' && c <= '~')
		finish_sequence(c);
}

static void begin_sequence(char c)
{
	screen.state = c == '[' ? IN_SEQUENCE : TEXT;
	screen.arguments = 0;
	screen.argument[0] = 0;
	screen.argument[1] = 0;
}

void screen_put(char c)
{
	if (screen.state == AFTER_ESCAPE)
		begin_sequence(c);
	else if (screen.state == IN_SEQUENCE)
		take_sequence(c);
	else if (c == ESCAPE)
		screen.state = AFTER_ESCAPE;
	else
		put_text(c);
}

void screen_init(const struct screen_display *display)
{
	screen.display = display;
	screen.row = 0;
	screen.column = 0;
	screen.state = TEXT;
	display->clear(0, 0, display->rows * display->columns);
	show_cursor();
}
