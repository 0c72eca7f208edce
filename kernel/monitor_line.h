/* SPDX-License-Identifier: MIT */
/*
 * The line editor of the monitor: takes the bytes a terminal sends, keeps the line, its cursor and
 * a history. It draws nothing and knows no console: line_render() tells what the screen should
 * show. Runs on the host.
 */
#ifndef KERNEL_MONITOR_LINE_H
#define KERNEL_MONITOR_LINE_H

#include "kernel/types.h"

#define LINE_MAX_LENGTH 200u /* characters in a line */
#define LINE_HISTORY    32u
#define LINE_COLUMNS    80u /* a longer line scrolls sideways */

enum line_event {
	LINE_NOTHING,  /* nothing changed */
	LINE_CHANGED,  /* draw it again */
	LINE_DONE,     /* line->text is complete; call line_start() before the next byte */
	LINE_CANCELED, /* ctrl-c */
	LINE_END,      /* ctrl-d on an empty line */
	LINE_CLEAR,    /* ctrl-l: the screen is to be cleared */
	LINE_CHOICES,  /* tab, and several words are possible: show them */
};

/*
 * The index-th word that may stand where the cursor is, whatever its beginning, or NULL behind the
 * last. `before` is the line up to the beginning of the word. Valid until the next call.
 */
typedef const char *(*line_candidate)(const char *before, unsigned index, void *arg);

struct line {
	char text[LINE_MAX_LENGTH + 1]; /* always terminated */
	unsigned length, cursor, view;  /* view: the first character shown */
	char killed[LINE_MAX_LENGTH + 1];
	char history[LINE_HISTORY][LINE_MAX_LENGTH + 1];
	unsigned history_count; /* lines ever kept; the newest is at (count - 1) % LINE_HISTORY */
	unsigned history_back;  /* how far back the shown line is, 0: the new line */
	char unfinished[LINE_MAX_LENGTH + 1]; /* the new line while an old one is shown */
	char escape[8];                       /* what followed an escape so far */
	unsigned escape_length;               /* 0: not in a sequence, else 1 + bytes in escape */
	line_candidate candidate;             /* may be NULL */
	void *candidate_arg;
};

/* An empty line. Keeps history and killed text. */
void line_start(struct line *line);

enum line_event line_feed(struct line *line, char c);

/*
 * The visible part behind the prompt into `image` (size above LINE_COLUMNS); returns how many
 * columns the cursor stands before its end.
 */
unsigned line_render(struct line *line, const char *prompt, char *image, size_t size);

/* The index-th candidate that the word before the cursor is a beginning of, or NULL. */
const char *line_choice(const struct line *line, unsigned index);

#endif
