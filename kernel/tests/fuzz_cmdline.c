/* SPDX-License-Identifier: MIT */
/* Fuzzes the command line: whatever stands there, every parameter ends with a possible value. */
#include "kernel/assert.h"
#include "kernel/cmdline.h"
#include <string.h>

static void check_complaint(
	const struct param *param __unused, const char *text, void *arg __unused)
{
	BUG_ON(!*text);
	for (; *text; text++)
		BUG_ON(*text < ' ' || *text > '~');
}

/* What a parameter says of its value must be accepted when it is given back. */
static void check_round_trip(const struct param *param, const struct kernel_params *params)
{
	struct kernel_params copy = *params;
	char value[512], again[512];

	param_format_value(param, params, value, sizeof(value));
	BUG_ON(param_set(param, &copy, value));
	param_format_value(param, &copy, again, sizeof(again));
	BUG_ON(strcmp(value, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char line[4096];
	struct kernel_params params;
	const struct param *param;

	size = MIN(size, sizeof(line) - 1);
	memcpy(line, data, size);
	line[size] = '\0';
	cmdline_parse(line, &params, check_complaint, NULL);
	for (unsigned i = 0; (param = param_at(i)); i++)
		check_round_trip(param, &params);
	return 0;
}
