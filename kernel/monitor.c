/* SPDX-License-Identifier: MIT */
/*
 * The monitor's thread: reads a line, finds the command, parses its arguments, runs it. While a
 * line is being typed the console knows it, so that log lines appear above it.
 */
#include "kernel/monitor.h"
#include "kernel/console.h"
#include "kernel/errno.h"
#include "kernel/format.h"
#include "kernel/monitor_line.h"
#include "kernel/monitor_private.h"
#include "kernel/string.h"
#include "kernel/thread.h"
#include "mm/leaks.h"
#include <arch/debug.h>

#define PROMPT       "mos> "
#define CLEAR_SCREEN "\033[2J\033[H"
#define ERROR_MAX    256

static struct line line; /* the monitor's thread only */

/* The command a line begins with, and where its arguments are. */
static const struct command *split(const char *text, const char **args, char *name, size_t size)
{
	size_t length = 0;

	while (*text == ' ')
		text++;
	for (; *text && *text != ' '; text++)
		if (length < size - 1)
			name[length++] = *text;
	name[length] = '\0';
	*args = text;
	return command_find(monitor_commands, name);
}

static unsigned count_words(const char *text)
{
	unsigned count = 0;

	for (bool in_word = false; *text; text++) {
		count += *text != ' ' && !in_word;
		in_word = *text != ' ';
	}
	return count;
}

/* What may stand where the cursor is: a command, or what its argument may be. */
static const char *candidate(const char *before, unsigned index, void *arg __unused)
{
	unsigned words = count_words(before);
	const struct command *command;
	const char *args;
	char name[32];

	if (!words)
		return monitor_commands[index].name;
	command = split(before, &args, name, sizeof(name));
	if (!command || words > COMMAND_ARGS || !command->arg[words - 1].name)
		return NULL;
	if (command->arg[words - 1].kind == ARG_THREAD ||
		command->arg[words - 1].kind == ARG_TARGET)
		return monitor_thread_choice(index);
	return command->arg[words - 1].choice ? command->arg[words - 1].choice(index) : NULL;
}

static void show_choices(void)
{
	const char *choice;

	console_set_input_line(NULL, 0);
	for (unsigned i = 0; (choice = line_choice(&line, i)); i++)
		console_printf("%s%s", i ? "  " : "", choice);
	console_printf("\n");
}

static void draw(void)
{
	char image[LINE_COLUMNS + 1];
	unsigned back = line_render(&line, PROMPT, image, sizeof(image));

	console_set_input_line(image, back);
}

/* Reads bytes until a line is complete or given up; true if there is something to run. */
static bool read_line(void)
{
	enum line_event event;

	line_start(&line);
	do {
		draw();
		event = line_feed(&line, (char)monitor_read(KTIME_MAX));
		if (event == LINE_CHOICES)
			show_choices();
		if (event == LINE_CLEAR)
			console_write(CLEAR_SCREEN, sizeof(CLEAR_SCREEN) - 1);
	} while (event != LINE_DONE && event != LINE_CANCELED);
	line.cursor = line.length;
	draw();
	console_set_input_line(NULL, 0);
	return event == LINE_DONE;
}

static void run_line(const char *text)
{
	struct command_value value[COMMAND_ARGS];
	const struct command *command;
	char name[32], error[ERROR_MAX];
	const char *args;

	command = split(text, &args, name, sizeof(name));
	if (!*name)
		return;
	if (!command)
		console_printf("%s: no such command, `help` lists them\n", name);
	else if (command_parse(command, args, value, error, sizeof(error)))
		console_printf("%s\n", error);
	else
		command->run(value);
}

static int monitor_main(void *arg __unused)
{
	line.candidate = candidate;
	while (!thread_killed())
		if (read_line())
			run_line(line.text);
	return 0;
}

int monitor_start(void)
{
	const struct thread_params params = {
		.name = "monitor",
		.entry = monitor_main,
		.stack_size = 4 * KSTACK_DEFAULT,
		.has_priority = true,
		.priority = THREAD_PRIORITY_CRITICAL,
		.flags = THREAD_SYSTEM | THREAD_DETACHED,
	};
	struct thread *t;
	int err = arch_console_start();

	if (err)
		return err;
	monitor_commands_init();
	err = thread_create(&t, &params);
	if (err)
		return err;
	mm_keep_all(); /* this thread is meant to stay */
	thread_start(t);
	return 0;
}
