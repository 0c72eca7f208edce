/* SPDX-License-Identifier: MIT */
/* The boot parameters as a table: finding, setting, showing them. */
#include "kernel/params.h"
#include "kernel/assert.h"
#include "kernel/errno.h"
#include "kernel/format.h"
#include "kernel/string.h"

#define PARAM_FIELD(name)                                                                          \
	.offset = offsetof(struct kernel_params, name),                                            \
	.size = sizeof(((struct kernel_params *)0)->name)

struct kernel_params kernel_params;

static const struct param table[] = {
#define PARAM_UINT(n, def, lo, hi, txt)                                                            \
	{.name = #n,                                                                               \
		.text = txt,                                                                       \
		.kind = PARAM_KIND_UINT,                                                           \
		.value = def,                                                                      \
		.min = lo,                                                                         \
		.max = hi,                                                                         \
		PARAM_FIELD(n)},
#define PARAM_BOOL(n, def, txt)                                                                    \
	{.name = #n, .text = txt, .kind = PARAM_KIND_BOOL, .value = def, PARAM_FIELD(n)},
#define PARAM_POLICY(n, def, txt)                                                                  \
	{.name = #n, .text = txt, .kind = PARAM_KIND_POLICY, .value = def, PARAM_FIELD(n)},
#define PARAM_STRING(n, length, def, txt)                                                          \
	{.name = #n, .text = txt, .kind = PARAM_KIND_STRING, .initial = def, PARAM_FIELD(n)},
#include "kernel/params.def"
};

/* Not sched_policy_name(): who parses a command line need not link a scheduler. */
static const char *const policy_names[] = {
#define POLICY(name, text) [SCHED_POLICY_##name] = #name,
#include "sched/policies.def"
#undef POLICY
};

static void *field(const struct param *param, struct kernel_params *params)
{
	return (char *)params + param->offset;
}

static const void *field_const(const struct param *param, const struct kernel_params *params)
{
	return (const char *)params + param->offset;
}

const struct param *param_at(unsigned i)
{
	return i < ARRAY_SIZE(table) ? &table[i] : NULL;
}

const struct param *param_find(const char *name, size_t length)
{
	for (unsigned i = 0; i < ARRAY_SIZE(table); i++)
		if (strlen(table[i].name) == length && !memcmp(table[i].name, name, length))
			return &table[i];
	return NULL;
}

/* Fields are an unsigned, a bool, an enum of an unsigned's size, or a string. */
static void store(const struct param *param, struct kernel_params *params, unsigned value)
{
	static_assert(sizeof(enum sched_policy_id) == sizeof(unsigned), "stored as an unsigned");

	if (param->kind == PARAM_KIND_BOOL)
		*(bool *)field(param, params) = value;
	else
		memcpy(field(param, params), &value, sizeof(value));
}

static unsigned load(const struct param *param, const struct kernel_params *params)
{
	unsigned value;

	if (param->kind == PARAM_KIND_BOOL)
		return *(const bool *)field_const(param, params);
	memcpy(&value, field_const(param, params), sizeof(value));
	return value;
}

void param_set_default(const struct param *param, struct kernel_params *params)
{
	if (param->kind == PARAM_KIND_STRING)
		string_copy(field(param, params), param->initial, param->size);
	else
		store(param, params, param->value);
}

void params_set_defaults(struct kernel_params *params)
{
	for (unsigned i = 0; i < ARRAY_SIZE(table); i++)
		param_set_default(&table[i], params);
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return 16;
}

/* Decimal, or hexadecimal after 0x. False for anything else, and above `max`. */
static bool parse_number(const char *text, unsigned max, unsigned *number)
{
	unsigned base = string_starts(text, "0x") ? 16 : 10;
	uint64_t n = 0;

	text += base == 16 ? 2 : 0;
	if (!*text)
		return false;
	for (; *text; text++) {
		unsigned digit = (unsigned)digit_value(*text);

		n = n * base + digit;
		if (digit >= base || n > max)
			return false;
	}
	*number = (unsigned)n;
	return true;
}

static int set_number(const struct param *param, struct kernel_params *params, const char *value)
{
	unsigned number;

	if (!value || !parse_number(value, param->max, &number) || number < param->min)
		return -EINVAL;
	store(param, params, number);
	return 0;
}

static int set_switch(const struct param *param, struct kernel_params *params, const char *value)
{
	bool on = !value || !strcmp(value, "on") || !strcmp(value, "1");

	if (!on && strcmp(value, "off") && strcmp(value, "0"))
		return -EINVAL;
	store(param, params, on);
	return 0;
}

/* The classes beside time sharing are no system algorithm. */
static bool policy_selectable(unsigned policy)
{
	return policy < SCHED_ALGORITHM_COUNT;
}

static int set_policy(const struct param *param, struct kernel_params *params, const char *value)
{
	for (unsigned i = 0; value && i < ARRAY_SIZE(policy_names); i++) {
		if (!policy_selectable(i) || strcmp(value, policy_names[i]))
			continue;
		store(param, params, i);
		return 0;
	}
	return -EINVAL;
}

static int set_string(const struct param *param, struct kernel_params *params, const char *value)
{
	if (!value || strlen(value) >= param->size)
		return -EINVAL;
	string_copy(field(param, params), value, param->size);
	return 0;
}

int param_set(const struct param *param, struct kernel_params *params, const char *value)
{
	switch (param->kind) {
	case PARAM_KIND_UINT:
		return set_number(param, params, value);
	case PARAM_KIND_BOOL:
		return set_switch(param, params, value);
	case PARAM_KIND_POLICY:
		return set_policy(param, params, value);
	case PARAM_KIND_STRING:
		return set_string(param, params, value);
	}
	return -EINVAL;
}

int param_format_value(
	const struct param *param, const struct kernel_params *params, char *buf, size_t size)
{
	switch (param->kind) {
	case PARAM_KIND_UINT:
		return format_string(buf, size, "%u", load(param, params));
	case PARAM_KIND_BOOL:
		return format_string(buf, size, "%s", load(param, params) ? "on" : "off");
	case PARAM_KIND_POLICY:
		return format_string(buf, size, "%s", policy_names[load(param, params)]);
	case PARAM_KIND_STRING:
		break;
	}
	return format_string(buf, size, "%s", (const char *)field_const(param, params));
}

static int format_policies(char *buf, size_t size)
{
	size_t length = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(policy_names); i++)
		if (policy_selectable(i))
			length += (size_t)format_string(buf + MIN(length, size - 1),
				size - MIN(length, size - 1), "%s%s", length ? ", " : "",
				policy_names[i]);
	return (int)length;
}

int param_format_choices(const struct param *param, char *buf, size_t size)
{
	switch (param->kind) {
	case PARAM_KIND_UINT:
		return format_string(buf, size, "%u to %u", param->min, param->max);
	case PARAM_KIND_BOOL:
		return format_string(buf, size, "on or off");
	case PARAM_KIND_POLICY:
		return format_policies(buf, size);
	case PARAM_KIND_STRING:
		break;
	}
	return format_string(buf, size, "at most %u characters", param->size - 1);
}
