/* SPDX-License-Identifier: MIT */
/* Any bytes typed into the line editor: its invariants hold after each, and what it would draw. */
#include "kernel/types.h"
#include <stdlib.h>
#include <string.h>
#include "kernel/monitor_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *candidate(const char *before, unsigned index, void *arg)
{
	static const char *const words[] = {"a", "ab", "abc", "b", "", "abcdefghijklmnop", NULL};

	(void)arg;
	return *before == 'q' ? NULL : words[index];
}

static void require(bool good)
{
	if (!good)
		abort();
}

static void check(struct line *line)
{
	char image[LINE_COLUMNS + 1];
	unsigned back = line_render(line, "mos> ", image, sizeof(image));

	require(line->cursor <= line->length && line->length <= LINE_MAX_LENGTH);
	require(strlen(line->text) == line->length);
	require(strlen(image) < LINE_COLUMNS && back <= strlen(image));
	for (unsigned i = 0; i < line->length; i++)
		require(line->text[i] >= ' ' && line->text[i] < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct line line;

	memset(&line, 0, sizeof(line));
	line.candidate = candidate;
	line_start(&line);
	for (size_t i = 0; i < size; i++) {
		enum line_event event = line_feed(&line, (char)data[i]);

		check(&line);
		if (event == LINE_DONE || event == LINE_CANCELED || event == LINE_END)
			line_start(&line);
	}
	return 0;
}
