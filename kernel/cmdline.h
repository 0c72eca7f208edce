/* SPDX-License-Identifier: MIT */
/*
 * The kernel command line: words of the form name=value or name. Parsed once into struct
 * kernel_params; what is unknown or malformed is reported with what was given and what is
 * possible, and the default is used. A pure function: runs on the host under the fuzzer too.
 */
#ifndef KERNEL_CMDLINE_H
#define KERNEL_CMDLINE_H

#include "kernel/types.h"

/* PARAM lines live in kernel/params.def: name, type, range, default, text. */
#include "kernel/params.h"

/* Called once for each wrong word: its parameter, NULL if there is none, and a sentence. */
typedef void (*cmdline_complain)(const struct param *param, const char *text, void *arg);

void cmdline_parse(
	const char *line, struct kernel_params *params, cmdline_complain complain, void *arg);

#endif
