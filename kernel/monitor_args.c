/* SPDX-License-Identifier: MIT */
/* Arguments of the monitor's commands: from text to values, with complaints that help. */
#include "kernel/monitor_args.h"
#include "kernel/errno.h"
#include "kernel/format.h"
#include "kernel/string.h"

#define WORD_MAX 64u

/* Text that grows in a buffer of fixed size; what does not fit is cut. */
struct text {
	char *buf;
	size_t size, length;
};

static void text_start(struct text *text, char *buf, size_t size)
{
	*text = (struct text){buf, size, 0};
	buf[0] = '\0';
}

static void __printf(2, 3) text_add(struct text *text, const char *fmt, ...)
{
	va_list args;
	int length;

	va_start(args, fmt);
	length = format_string_va(text->buf + text->length, text->size - text->length, fmt, args);
	va_end(args);
	text->length = MIN(text->length + (size_t)length, text->size - 1);
}

/* Copies the next word and moves *from behind it. False: none left. A long word is cut. */
static bool next_word(const char **from, char word[WORD_MAX])
{
	size_t length = 0;

	while (**from == ' ')
		++*from;
	for (; **from && **from != ' '; ++*from)
		if (length < WORD_MAX - 1)
			word[length++] = **from;
	word[length] = '\0';
	return length;
}

/* A decimal number; moves *from behind it. */
static bool take_number(const char **from, uint64_t *number)
{
	const char *digit = *from;

	for (*number = 0; *digit >= '0' && *digit <= '9'; digit++) {
		unsigned value = (unsigned)(*digit - '0');

		if (*number > (UINT64_MAX - value) / 10)
			return false;
		*number = *number * 10 + value;
	}
	if (digit == *from)
		return false;
	*from = digit;
	return true;
}

/* "3" or "3-5", not beyond `last`. */
static bool take_range(const char **from, unsigned last, struct cpumask *cpus)
{
	uint64_t first, end;

	if (!take_number(from, &first))
		return false;
	end = first;
	if (**from == '-') {
		++*from;
		if (!take_number(from, &end))
			return false;
	}
	if (first > end || end > last)
		return false;
	for (; first <= end; first++)
		cpumask_set(cpus, (unsigned)first);
	return true;
}

bool cpus_parse(const char *text, unsigned last, struct cpumask *cpus)
{
	cpumask_clear_all(cpus);
	if (!strcmp(text, "all")) {
		cpumask_set_first(cpus, last + 1);
		return true;
	}
	while (take_range(&text, last, cpus)) {
		if (!*text)
			return true;
		if (*text++ != ',')
			return false;
	}
	return false;
}

void cpus_format(const struct cpumask *cpus, unsigned end, char *buf, size_t size)
{
	struct text text;
	unsigned cpu = cpumask_first(cpus);

	text_start(&text, buf, size);
	while (cpu < end) {
		unsigned last = cpu;

		while (last + 1 < end && cpumask_test(cpus, last + 1))
			last++;
		text_add(&text, text.length ? ",%u" : "%u", cpu);
		if (last > cpu)
			text_add(&text, "-%u", last);
		cpu = cpumask_next(cpus, last + 1);
	}
	if (!text.length)
		text_add(&text, "none");
}

static bool parse_choice(
	const struct command_arg *arg, const char *word, struct command_value *value)
{
	const char *choice;

	for (unsigned i = 0; arg->choice && (choice = arg->choice(i)); i++) {
		if (strcmp(choice, word))
			continue;
		value->is_choice = true;
		value->number = i;
		return true;
	}
	return false;
}

static bool parse_number(
	const struct command_arg *arg, const char *word, struct command_value *value)
{
	return take_number(&word, &value->number) && !*word && value->number >= arg->min &&
		value->number <= arg->max && (arg->min || arg->max);
}

static bool parse_thread(const char *word, struct command_value *value)
{
	return take_number(&word, &value->number) && !*word;
}

static bool parse_process(const char *word, struct command_value *value)
{
	value->is_process = *word++ == 'p' && take_number(&word, &value->number) && !*word;
	return value->is_process;
}

static bool parse_arg(const struct command_arg *arg, const char *word, struct command_value *value)
{
	value->given = true;
	if (arg->kind == ARG_CPUS)
		return cpus_parse(word, (unsigned)arg->max, &value->cpus);
	if (arg->kind == ARG_THREAD)
		return parse_thread(word, value);
	if (arg->kind == ARG_TARGET)
		return parse_process(word, value) || parse_thread(word, value);
	if (arg->kind == ARG_PROCESS && parse_process(word, value))
		return true;
	return parse_choice(arg, word, value) || parse_number(arg, word, value);
}

void command_expected(const struct command_arg *arg, char *buf, size_t size)
{
	const char *choice;
	struct text text;

	text_start(&text, buf, size);
	if (arg->kind == ARG_THREAD || arg->kind == ARG_TARGET)
		text_add(&text, "the id of a thread (`threads` lists them)");
	if (arg->kind == ARG_TARGET)
		text_add(&text, " or, as in p1, ");
	if (arg->kind == ARG_TARGET || arg->kind == ARG_PROCESS)
		text_add(&text, "the id of a process%s (`ps` lists them)",
			arg->kind == ARG_PROCESS ? " as in p1" : "");
	if (arg->kind == ARG_CPUS)
		text_add(&text, "CPUs from 0 to %u as in 0-1,3, or all", (unsigned)arg->max);
	if (arg->kind != ARG_WORD && arg->kind != ARG_PROCESS)
		return;
	for (unsigned i = 0; arg->choice && (choice = arg->choice(i)); i++)
		text_add(&text, text.length ? ", %s" : "%s", choice);
	if (arg->min || arg->max)
		text_add(&text, "%sa number from %llu to %llu", text.length ? " or " : "",
			(unsigned long long)arg->min, (unsigned long long)arg->max);
}

static unsigned count_args(const struct command *command)
{
	unsigned count = 0;

	while (count < COMMAND_ARGS && command->arg[count].name)
		count++;
	return count;
}

static void put_upper(struct text *text, const char *name)
{
	for (; *name; name++)
		text_add(text, "%c", *name >= 'a' && *name <= 'z' ? *name - 'a' + 'A' : *name);
}

void command_usage(const struct command *command, char *buf, size_t size)
{
	struct text text;

	text_start(&text, buf, size);
	text_add(&text, "%s", command->name);
	for (unsigned i = 0; i < count_args(command); i++) {
		text_add(&text, command->arg[i].optional ? " [" : " ");
		put_upper(&text, command->arg[i].name);
		text_add(&text, command->arg[i].optional ? "]" : "");
	}
}

static int complain_wrong(const struct command *command, const struct command_arg *arg,
	const char *word, struct text *error)
{
	char expected[256];

	command_expected(arg, expected, sizeof(expected));
	text_add(error, "%s: %s is \"%s\", expected %s", command->name, arg->name, word, expected);
	return -EINVAL;
}

static int complain_missing(
	const struct command *command, const struct command_arg *arg, struct text *error)
{
	char expected[256], usage[96];

	command_expected(arg, expected, sizeof(expected));
	command_usage(command, usage, sizeof(usage));
	text_add(error, "%s: no %s given, expected %s; usage: %s", command->name, arg->name,
		expected, usage);
	return -EINVAL;
}

static int complain_extra(const struct command *command, const char *word, struct text *error)
{
	unsigned count = count_args(command);
	char usage[96];

	command_usage(command, usage, sizeof(usage));
	text_add(error, "%s: \"%s\" is one too many, expected ", command->name, word);
	if (count)
		text_add(error, "at most %u argument%s; usage: %s", count, count > 1 ? "s" : "",
			usage);
	else
		text_add(error, "no arguments");
	return -EINVAL;
}

int command_parse(const struct command *command, const char *text,
	struct command_value value[COMMAND_ARGS], char *error, size_t size)
{
	unsigned count = count_args(command);
	char word[WORD_MAX];
	struct text complaint;

	text_start(&complaint, error, size);
	memset(value, 0, COMMAND_ARGS * sizeof(*value));
	for (unsigned i = 0; i < count; i++) {
		const struct command_arg *arg = &command->arg[i];

		if (!next_word(&text, word))
			return arg->optional ? 0 : complain_missing(command, arg, &complaint);
		if (!parse_arg(arg, word, &value[i]))
			return complain_wrong(command, arg, word, &complaint);
	}
	return next_word(&text, word) ? complain_extra(command, word, &complaint) : 0;
}

const struct command *command_find(const struct command *table, const char *word)
{
	const struct command *found = NULL;
	unsigned matches = 0;

	for (const struct command *c = table; c->name; c++) {
		if (!strcmp(c->name, word))
			return c;
		if (*word && string_starts(c->name, word)) {
			found = c;
			matches++;
		}
	}
	return matches == 1 ? found : NULL;
}
