/* SPDX-License-Identifier: MIT */
/*
 * Splits the command line into words and sets the parameters they name. Nothing that stands there
 * stops the boot: what is wrong is told, and the parameter has its default. Of two words for one
 * parameter the later one counts.
 */
#include "kernel/cmdline.h"
#include "kernel/format.h"
#include "kernel/string.h"

#define WORD_SIZE      528 /* more than the longest parameter; a longer word is cut */
#define COMPLAINT_SIZE 448

struct parser {
	struct kernel_params *params;
	cmdline_complain complain;
	void *arg;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Copies the next word and returns the place behind it. What does not fit is left out. */
static const char *next_word(const char *line, char *word, size_t *length)
{
	*length = 0;
	while (is_blank(*line))
		line++;
	for (; *line && !is_blank(*line); line++, (*length)++)
		if (*length < WORD_SIZE - 1)
			word[*length] = *line;
	word[MIN(*length, WORD_SIZE - 1)] = '\0';
	return line;
}

/* A copy to show: at most 40 characters, control characters replaced. */
static void printable(char *to, size_t size, const char *word)
{
	size_t shown = MIN(strlen(word), MIN(size - 4, 40));
	bool cut = word[shown];

	for (size_t i = 0; i < shown; i++)
		to[i] = word[i] >= ' ' && word[i] <= '~' ? word[i] : '?';
	string_copy(to + shown, cut ? "..." : "", size - shown);
}

static __cold __noinline void complain_unknown(const struct parser *p, const char *word)
{
	char text[COMPLAINT_SIZE], shown[48];
	const struct param *param;
	size_t length;

	printable(shown, sizeof(shown), word);
	length = (size_t)format_string(text, sizeof(text), "%s: no such parameter (", shown);
	for (unsigned i = 0; (param = param_at(i)) && length < sizeof(text); i++)
		length += (size_t)format_string(
			text + length, sizeof(text) - length, "%s%s", i ? ", " : "", param->name);
	length = MIN(length, sizeof(text) - sizeof("), ignored"));
	format_string(text + length, sizeof(text) - length, "), ignored");
	p->complain(NULL, text, p->arg);
}

static __cold __noinline void complain_value(
	const struct parser *p, const struct param *param, const char *word)
{
	char text[COMPLAINT_SIZE], shown[48], choices[160], value[64];

	printable(shown, sizeof(shown), word);
	param_format_choices(param, choices, sizeof(choices));
	param_format_value(param, p->params, value, sizeof(value));
	format_string(text, sizeof(text), "%s: %s (%s), using %s", shown,
		param->kind == PARAM_KIND_POLICY ? "no such algorithm" : "not a possible value",
		choices, *value ? value : "none");
	p->complain(param, text, p->arg);
}

static void take_word(const struct parser *p, char *word, size_t length)
{
	const char *equals = strchr(word, '=');
	size_t name_length = equals ? (size_t)(equals - word) : strlen(word);
	const struct param *param = param_find(word, name_length);

	if (!param) {
		complain_unknown(p, word);
		return;
	}
	if (length < WORD_SIZE && !param_set(param, p->params, equals ? equals + 1 : NULL))
		return;
	param_set_default(param, p->params);
	complain_value(p, param, word);
}

void cmdline_parse(
	const char *line, struct kernel_params *params, cmdline_complain complain, void *arg)
{
	const struct parser p = {params, complain, arg};
	char word[WORD_SIZE];
	size_t length;

	params_set_defaults(params);
	for (line = next_word(line, word, &length); length; line = next_word(line, word, &length))
		take_word(&p, word, length);
}
