/* SPDX-License-Identifier: MIT */
/*
 * Any text as the arguments of a command: parsing ends, complains in a terminated sentence or
 * gives values in their ranges, and a set of CPUs survives being written and read again.
 */
#include "kernel/types.h"
#include <stdlib.h>
#include <string.h>
#include "kernel/monitor_args.h"

#define LAST_CPU 70

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *choice(unsigned index)
{
	static const char *const names[] = {"a", "bc", NULL};

	return names[index];
}

static const struct command command = {
	.name = "command",
	.help = "",
	.arg = {{.name = "cpus", .kind = ARG_CPUS, .max = LAST_CPU},
		{.name = "word", .choice = choice, .min = 3, .max = 9, .optional = true},
		{.name = "thread", .kind = ARG_THREAD, .optional = true}},
};

static void require(bool good)
{
	if (!good)
		abort();
}

static void check_values(const struct command_value *value)
{
	struct cpumask again;
	char text[512];

	require(value[0].given && !cpumask_empty(&value[0].cpus));
	require(cpumask_next(&value[0].cpus, LAST_CPU + 1) == CONFIG_MAX_CPUS);
	cpus_format(&value[0].cpus, CONFIG_MAX_CPUS, text, sizeof(text));
	require(cpus_parse(text, LAST_CPU, &again) && cpumask_equal(&again, &value[0].cpus));
	if (value[1].given && value[1].is_choice)
		require(value[1].number < 2);
	else if (value[1].given)
		require(value[1].number >= 3 && value[1].number <= 9);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct command_value value[COMMAND_ARGS];
	char text[256], error[128];

	size = MIN(size, sizeof(text) - 1);
	memcpy(text, data, size);
	text[size] = '\0';
	if (command_parse(&command, text, value, error, sizeof(error)) == 0)
		check_values(value);
	else
		require(memchr(error, 0, sizeof(error)) && error[0]);
	return 0;
}
