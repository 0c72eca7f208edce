/* SPDX-License-Identifier: MIT */
/* The line editor, fed with what terminals send. */
#include "kernel/types.h"
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "kernel/monitor_line.h"

#define UP    "\033[A"
#define DOWN  "\033[B"
#define RIGHT "\033[C"
#define LEFT  "\033[D"
#define HOME  "\033[H"
#define END   "\033[F"
#define DEL   "\033[3~"

static struct line line;

static enum line_event feed(const char *keys)
{
	enum line_event event = LINE_NOTHING;

	for (; *keys; keys++)
		event = line_feed(&line, *keys);
	return event;
}

static void enter(const char *keys)
{
	feed(keys);
	assert_int_equal(feed("\r"), LINE_DONE);
	line_start(&line);
}

static int setup(void **state)
{
	(void)state;
	memset(&line, 0, sizeof(line));
	line_start(&line);
	return 0;
}

#define EXPECT(want_text, want_cursor)                                                             \
	do {                                                                                       \
		assert_string_equal(line.text, want_text);                                         \
		assert_int_equal(line.length, strlen(want_text));                                  \
		assert_int_equal(line.cursor, want_cursor);                                        \
	} while (0)

static void test_typing_and_moving(void **state)
{
	(void)state;
	feed("helo" LEFT "l");
	EXPECT("hello", 4);
	feed(HOME "<" END ">");
	EXPECT("<hello>", 7);
	feed("\001\006\006" DEL "\x7f");
	EXPECT("<llo>", 1);
	feed("\005\b");
	EXPECT("<llo", 4);
	assert_int_equal(feed(RIGHT), LINE_NOTHING);
	assert_int_equal(feed("\001" LEFT), LINE_NOTHING);
	assert_int_equal(feed("\x7f"), LINE_NOTHING);
}

static void test_other_key_codes(void **state)
{
	(void)state;
	feed("abc\033OH1\033OF2\033[1~3\033[4~4\033[7~5\033[8~6\033OD7\033OC8");
	EXPECT("531abc24768", 11);
}

static void test_words(void **state)
{
	(void)state;
	feed("spawn spinner 8\033b\033b");
	EXPECT("spawn spinner 8", 6);
	feed("\033f\033[1;5D\033[1;5C");
	assert_int_equal(line.cursor, 13);
	feed("\027");
	EXPECT("spawn  8", 6);
	feed("\031");
	EXPECT("spawn spinner 8", 13);
}

static void test_kill_and_yank(void **state)
{
	(void)state;
	feed("one two\033b\013");
	EXPECT("one ", 4);
	feed("\001\031");
	EXPECT("twoone ", 3);
	feed("\025");
	EXPECT("one ", 0);
	assert_int_equal(feed("\025"), LINE_NOTHING);
}

static void test_history(void **state)
{
	(void)state;
	enter("first");
	enter("second");
	enter("second"); /* kept once */
	enter("");       /* not kept */
	feed("new" UP);
	EXPECT("second", 6);
	feed(UP);
	EXPECT("first", 5);
	assert_int_equal(feed(UP), LINE_NOTHING);
	feed(DOWN DOWN);
	EXPECT("new", 3);
	assert_int_equal(feed(DOWN), LINE_NOTHING);
	enter(UP UP);
	feed(UP);
	EXPECT("first", 5);
}

static void test_history_overflow(void **state)
{
	char text[16];

	(void)state;
	for (unsigned i = 0; i < 3 * LINE_HISTORY; i++) {
		snprintf(text, sizeof(text), "n %u", i);
		enter(text);
	}
	for (unsigned i = 0; i < LINE_HISTORY; i++) {
		snprintf(text, sizeof(text), "n %u", 3 * LINE_HISTORY - 1 - i);
		feed(UP);
		assert_string_equal(line.text, text);
	}
	assert_int_equal(feed(UP), LINE_NOTHING);
}

static void test_events(void **state)
{
	(void)state;
	assert_int_equal(feed("\004"), LINE_END);
	assert_int_equal(feed("ab\003"), LINE_CANCELED);
	line_start(&line);
	feed("ab\001\004");
	EXPECT("b", 0);
	assert_int_equal(feed("\014"), LINE_CLEAR);
	assert_int_equal(feed("\r"), LINE_DONE);
}

static void test_full_line(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LINE_MAX_LENGTH; i++)
		assert_int_equal(feed("x"), LINE_CHANGED);
	assert_int_equal(feed("x"), LINE_NOTHING);
	assert_int_equal(line.length, LINE_MAX_LENGTH);
}

static void test_unknown_sequences(void **state)
{
	(void)state;
	feed("a\033[99;99;99;99Zb\033[15~c\033\033[Dd\033Qe");
	assert_non_null(strchr(line.text, 'e'));
	for (const char *c = line.text; *c; c++)
		assert_true(*c >= ' ' && *c < 0x7f);
}

static void test_rendering(void **state)
{
	char image[LINE_COLUMNS + 1];

	(void)state;
	feed("abc" LEFT);
	assert_int_equal(line_render(&line, "> ", image, sizeof(image)), 1);
	assert_string_equal(image, "> abc");
	for (unsigned i = 0; i < 100; i++)
		feed("0");
	assert_true(strlen(image) < LINE_COLUMNS);
	assert_int_equal(line_render(&line, "> ", image, sizeof(image)), 0);
	assert_int_equal(image[LINE_COLUMNS - 2], '0');
	feed(HOME);
	assert_int_equal(line_render(&line, "> ", image, sizeof(image)), LINE_COLUMNS - 3);
	assert_memory_equal(image, "> ab0", 5);
}

static const char *candidate(const char *before, unsigned index, void *arg)
{
	static const char *const commands[] = {"spawn", "sched", "suspend", "help", NULL};
	static const char *const programs[] = {"spinner", "sleeper", NULL};

	(void)arg;
	return strcmp(before, "spawn ") ? commands[index] : programs[index];
}

static void test_completion(void **state)
{
	(void)state;
	line.candidate = candidate;
	assert_int_equal(feed("h\t"), LINE_CHANGED);
	EXPECT("help ", 5);
	feed("\025s");
	assert_int_equal(feed("\t"), LINE_CHOICES);
	assert_string_equal(line_choice(&line, 0), "spawn");
	assert_string_equal(line_choice(&line, 2), "suspend");
	assert_null(line_choice(&line, 3));
	feed("p\tsl\t");
	EXPECT("spawn sleeper ", 14);
	assert_int_equal(feed("\025x\t"), LINE_NOTHING);
	EXPECT("x", 1);
}

static void test_common_beginning(void **state)
{
	(void)state;
	line.candidate = candidate;
	feed("spawn \t");
	EXPECT("spawn s", 7);
	assert_int_equal(feed("\t"), LINE_CHOICES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_typing_and_moving, setup),
		cmocka_unit_test_setup(test_other_key_codes, setup),
		cmocka_unit_test_setup(test_words, setup),
		cmocka_unit_test_setup(test_kill_and_yank, setup),
		cmocka_unit_test_setup(test_history, setup),
		cmocka_unit_test_setup(test_history_overflow, setup),
		cmocka_unit_test_setup(test_events, setup),
		cmocka_unit_test_setup(test_full_line, setup),
		cmocka_unit_test_setup(test_unknown_sequences, setup),
		cmocka_unit_test_setup(test_rendering, setup),
		cmocka_unit_test_setup(test_completion, setup),
		cmocka_unit_test_setup(test_common_beginning, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
