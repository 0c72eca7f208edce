/* SPDX-License-Identifier: MIT */
/*
 * Commands as data: a name, what its arguments may be, a line of help. From that come parsing,
 * the complaint about a wrong argument, the usage line and completion. Runs on the host.
 */
#ifndef KERNEL_MONITOR_ARGS_H
#define KERNEL_MONITOR_ARGS_H

#include "kernel/cpumask.h"
#include "kernel/types.h"

#define COMMAND_ARGS 5u

enum command_arg_kind {
	ARG_WORD, /* a number from min to max, or one of choice(), whichever exists */
	ARG_CPUS, /* a set of CPUs: 0-3,5 or all; min is not used, max is the last CPU there may be
		   */
	ARG_THREAD,  /* a thread id */
	ARG_TARGET,  /* a thread id, or a process id with a p before it */
	ARG_PROCESS, /* a process id with a p before it, or one of choice() */
};

struct command_arg {
	const char *name;
	enum command_arg_kind kind;
	bool optional;                         /* and so are all behind it */
	const char *(*choice)(unsigned index); /* NULL: numbers only; itself NULL behind the last */
	uint64_t min, max;                     /* both 0: no numbers */
};

struct command_value {
	bool given;
	bool is_choice;  /* number is the index of the choice */
	bool is_process; /* number is a process id */
	uint64_t number;
	struct cpumask cpus;
};

struct command {
	const char *name;
	const char *help;                     /* a line without a full stop */
	struct command_arg arg[COMMAND_ARGS]; /* up to the first without a name */
	void (*run)(const struct command_value *value);
};

/* Ends a table of commands. */
#define COMMAND_END                                                                                \
	{                                                                                          \
		.name = NULL                                                                       \
	}

/* The command that `word` names, or the only one it is a beginning of; NULL. */
const struct command *command_find(const struct command *table, const char *word);

/*
 * Takes the arguments of `command` from `text` (what stands behind its name). 0, or -EINVAL and in
 * `error` a sentence with what was given and what was expected.
 */
int __must_check command_parse(const struct command *command, const char *text,
	struct command_value value[COMMAND_ARGS], char *error, size_t size);

/* "spawn WORKLOAD [N] [PRIORITY] [CPUS]" */
void command_usage(const struct command *command, char *buf, size_t size);

/* "idle, low, normal or a number from 0 to 39" */
void command_expected(const struct command_arg *arg, char *buf, size_t size);

/* A set of CPUs up to `last` from text; false when it is malformed or empty. */
bool cpus_parse(const char *text, unsigned last, struct cpumask *cpus);

/* "0-3,5" */
void cpus_format(const struct cpumask *cpus, unsigned end, char *buf, size_t size);

#endif
