/* SPDX-License-Identifier: MIT */
/*
 * The boot parameters: one struct with a field for each line of kernel/params.def, and a table of
 * the same lines for whatever lists, reads or explains them.
 */
#ifndef KERNEL_PARAMS_H
#define KERNEL_PARAMS_H

#include "kernel/types.h"
#include "sched/policy_id.h"

struct kernel_params {
#define PARAM_UINT(name, def, min, max, text) unsigned name;
#define PARAM_BOOL(name, def, text)           bool name;
#define PARAM_POLICY(name, def, text)         enum sched_policy_id name;
#define PARAM_STRING(name, size, def, text)   char name[size];
#include "kernel/params.def"
#undef PARAM_UINT
#undef PARAM_BOOL
#undef PARAM_POLICY
#undef PARAM_STRING
};

/* Filled once from the command line, before anything reads it; constant afterwards. */
extern struct kernel_params kernel_params;

enum param_kind { PARAM_KIND_UINT, PARAM_KIND_BOOL, PARAM_KIND_POLICY, PARAM_KIND_STRING };

struct param {
	const char *name;
	const char *text;    /* what it is for */
	const char *initial; /* its default, if a string */
	enum param_kind kind;
	unsigned value;    /* its default, if a number, a switch or a policy */
	unsigned min, max; /* numbers only */
	unsigned offset;   /* of its field in struct kernel_params */
	unsigned size;     /* of that field */
};

/* Parameter number i in the order of params.def, NULL after the last. */
const struct param *param_at(unsigned i);

/* The parameter with a name of `length` characters, or NULL. */
const struct param *param_find(const char *name, size_t length);

void params_set_defaults(struct kernel_params *params);

/* Puts the default of one parameter into `params`. */
void param_set_default(const struct param *param, struct kernel_params *params);

/*
 * Sets one parameter from the text behind its '='; NULL for a bare name. 0, or -EINVAL and
 * unchanged when it is not one of the values that param_format_choices() lists.
 */
int __must_check param_set(
	const struct param *param, struct kernel_params *params, const char *value);

/* The value as it would stand on the command line. Returns the length like format_string(). */
int param_format_value(
	const struct param *param, const struct kernel_params *params, char *buf, size_t size);

/* What is possible: "1 to 1000", "on or off", "rr, edf", "at most 511 characters". */
int param_format_choices(const struct param *param, char *buf, size_t size);

#endif
