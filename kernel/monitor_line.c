/* SPDX-License-Identifier: MIT */
/*
 * Line editing as in a shell: arrows, home, end, delete, ctrl-a b d e f k u w y, word moves by
 * alt-b, alt-f and ctrl-arrow, history by up and down, completion by tab.
 * Invariant: cursor <= length <= LINE_MAX_LENGTH, text[length] is 0.
 */
#include "kernel/monitor_line.h"
#include "kernel/assert.h"
#include "kernel/format.h"
#include "kernel/string.h"

#define CTRL(letter) ((letter)&0x1f)
#define ESCAPE       0x1b
#define DELETE       0x7f

void line_start(struct line *line)
{
	line->length = line->cursor = line->view = 0;
	line->text[0] = '\0';
	line->history_back = 0;
	line->escape_length = 0;
}

static enum line_event insert(struct line *line, char c)
{
	if (line->length == LINE_MAX_LENGTH)
		return LINE_NOTHING;
	memmove(line->text + line->cursor + 1, line->text + line->cursor,
		line->length - line->cursor + 1);
	line->text[line->cursor++] = c;
	line->length++;
	return LINE_CHANGED;
}

static void insert_text(struct line *line, const char *text)
{
	for (; *text; text++)
		(void)insert(line, *text);
}

static enum line_event move_to(struct line *line, unsigned cursor)
{
	if (cursor > line->length || cursor == line->cursor)
		return LINE_NOTHING;
	line->cursor = cursor;
	return LINE_CHANGED;
}

/* Removes the characters from..to-1 and leaves the cursor there. */
static enum line_event erase(struct line *line, unsigned from, unsigned to)
{
	if (from >= to || to > line->length)
		return LINE_NOTHING;
	memmove(line->text + from, line->text + to, line->length - to + 1);
	line->length -= to - from;
	line->cursor = from;
	return LINE_CHANGED;
}

/* As erase(), and ctrl-y brings it back. */
static enum line_event kill(struct line *line, unsigned from, unsigned to)
{
	if (from >= to)
		return LINE_NOTHING;
	memcpy(line->killed, line->text + from, to - from);
	line->killed[to - from] = '\0';
	return erase(line, from, to);
}

static unsigned word_left(const struct line *line)
{
	unsigned at = line->cursor;

	while (at && line->text[at - 1] == ' ')
		at--;
	while (at && line->text[at - 1] != ' ')
		at--;
	return at;
}

static unsigned word_right(const struct line *line)
{
	unsigned at = line->cursor;

	while (at < line->length && line->text[at] == ' ')
		at++;
	while (at < line->length && line->text[at] != ' ')
		at++;
	return at;
}

static char *history_line(struct line *line, unsigned back)
{
	return line->history[(line->history_count - back) % LINE_HISTORY];
}

static void history_keep(struct line *line)
{
	if (!line->length)
		return;
	if (line->history_count && !strcmp(history_line(line, 1), line->text))
		return;
	line->history_count++;
	string_copy(history_line(line, 1), line->text, sizeof(line->history[0]));
}

/* Shows the line `back` lines ago; 0 is the one that was being typed. */
static enum line_event history_show(struct line *line, unsigned back)
{
	if (back > MIN(line->history_count, LINE_HISTORY) || back == line->history_back)
		return LINE_NOTHING;
	if (line->history_back == 0)
		string_copy(line->unfinished, line->text, sizeof(line->unfinished));
	line->history_back = back;
	string_copy(
		line->text, back ? history_line(line, back) : line->unfinished, sizeof(line->text));
	line->length = line->cursor = (unsigned)strlen(line->text);
	return LINE_CHANGED;
}

static unsigned word_start(const struct line *line)
{
	unsigned at = line->cursor;

	while (at && line->text[at - 1] != ' ')
		at--;
	return at;
}

const char *line_choice(const struct line *line, unsigned index)
{
	unsigned start = word_start(line), length = line->cursor - start;
	char before[LINE_MAX_LENGTH + 1];
	const char *word = NULL;

	memcpy(before, line->text, start);
	before[start] = '\0';
	for (unsigned i = 0, found = 0; line->candidate; i++) {
		word = line->candidate(before, i, line->candidate_arg);
		if (!word)
			break;
		if (!strncmp(word, line->text + start, length) && found++ == index)
			break;
	}
	return word;
}

/* The longest text that all choices begin with; returns how many choices there are. */
static unsigned common_beginning(const struct line *line, char *common, size_t size)
{
	const char *word;
	unsigned count = 0;

	for (; (word = line_choice(line, count)); count++) {
		unsigned same = 0;

		if (!count)
			string_copy(common, word, size);
		while (common[same] && common[same] == word[same])
			same++;
		common[same] = '\0';
	}
	return count;
}

static enum line_event complete(struct line *line)
{
	unsigned typed = line->cursor - word_start(line);
	char common[LINE_MAX_LENGTH + 1];
	unsigned count = common_beginning(line, common, sizeof(common));

	if (!count)
		return LINE_NOTHING;
	if (count > 1 && strlen(common) == typed)
		return LINE_CHOICES;
	insert_text(line, common + typed);
	if (count == 1 && line->text[line->cursor] != ' ')
		insert_text(line, " ");
	return LINE_CHANGED;
}

static enum line_event do_control(struct line *line, char c)
{
	switch (c) {
	case CTRL('a'):
		return move_to(line, 0);
	case CTRL('b'):
		return move_to(line, line->cursor - 1);
	case CTRL('e'):
		return move_to(line, line->length);
	case CTRL('f'):
		return move_to(line, line->cursor + 1);
	case CTRL('k'):
		return kill(line, line->cursor, line->length);
	case CTRL('u'):
		return kill(line, 0, line->cursor);
	case CTRL('w'):
		return kill(line, word_left(line), line->cursor);
	case CTRL('y'):
		insert_text(line, line->killed);
		return LINE_CHANGED;
	case CTRL('p'):
		return history_show(line, line->history_back + 1);
	case CTRL('n'):
		return history_show(line, line->history_back - 1);
	case CTRL('h'):
	case DELETE:
		return line->cursor ? erase(line, line->cursor - 1, line->cursor) : LINE_NOTHING;
	case CTRL('i'):
		return complete(line);
	default:
		return LINE_NOTHING;
	}
}

static enum line_event finish(struct line *line, enum line_event event)
{
	if (event == LINE_DONE)
		history_keep(line);
	return event;
}

/* Keys as the control characters that do the same, by the sequence behind the escape. */
static const struct {
	const char *sequence;
	char control;
} keys[] = {
	{"[A", CTRL('p')},
	{"OA", CTRL('p')},
	{"[B", CTRL('n')},
	{"OB", CTRL('n')},
	{"[C", CTRL('f')},
	{"OC", CTRL('f')},
	{"[D", CTRL('b')},
	{"OD", CTRL('b')},
	{"[H", CTRL('a')},
	{"OH", CTRL('a')},
	{"[1~", CTRL('a')},
	{"[7~", CTRL('a')},
	{"[F", CTRL('e')},
	{"OF", CTRL('e')},
	{"[4~", CTRL('e')},
	{"[8~", CTRL('e')},
};

static enum line_event do_key(struct line *line, const char *sequence)
{
	for (unsigned i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(sequence, keys[i].sequence))
			return do_control(line, keys[i].control);
	if (!strcmp(sequence, "[3~"))
		return erase(line, line->cursor, line->cursor + 1);
	if (!strcmp(sequence, "b") || !strcmp(sequence, "[1;5D"))
		return move_to(line, word_left(line));
	if (!strcmp(sequence, "f") || !strcmp(sequence, "[1;5C"))
		return move_to(line, word_right(line));
	return LINE_NOTHING;
}

/* "[" digits and semicolons and a final byte, "O" and a byte, or one byte alone. */
static bool escape_is_complete(const struct line *line)
{
	char last = line->escape[line->escape_length - 1];

	if (line->escape_length == 1)
		return last != '[' && last != 'O';
	return line->escape[0] == 'O' || (last >= '@' && last <= '~');
}

/* Takes bytes behind an escape until the sequence is whole or too long to be one. */
static enum line_event feed_escape(struct line *line, char c)
{
	char sequence[sizeof(line->escape)];

	if (c == ESCAPE) {
		line->escape_length = 1;
		return LINE_NOTHING;
	}
	line->escape[line->escape_length - 1] = c;
	if (!escape_is_complete(line)) {
		line->escape_length = (line->escape_length + 1) % sizeof(line->escape);
		return LINE_NOTHING;
	}
	memcpy(sequence, line->escape, line->escape_length);
	sequence[line->escape_length] = '\0';
	line->escape_length = 0;
	return do_key(line, sequence);
}

enum line_event line_feed(struct line *line, char c)
{
	KASSERT(line->cursor <= line->length && line->length <= LINE_MAX_LENGTH);
	if (line->escape_length || c == ESCAPE)
		return feed_escape(line, c);
	if (c == '\r' || c == '\n')
		return finish(line, LINE_DONE);
	if (c == CTRL('c'))
		return LINE_CANCELED;
	if (c == CTRL('l'))
		return LINE_CLEAR;
	if (c == CTRL('d'))
		return line->length ? erase(line, line->cursor, line->cursor + 1) : LINE_END;
	if (c >= ' ' && c < DELETE)
		return insert(line, c);
	return do_control(line, c);
}

unsigned line_render(struct line *line, const char *prompt, char *image, size_t size)
{
	unsigned width = LINE_COLUMNS - 1 - (unsigned)strlen(prompt), shown;

	if (line->cursor < line->view)
		line->view = line->cursor;
	if (line->cursor > line->view + width)
		line->view = line->cursor - width;
	shown = MIN(line->length - line->view, width);
	format_string(image, size, "%s%.*s", prompt, (int)shown, line->text + line->view);
	return line->view + shown - line->cursor;
}
