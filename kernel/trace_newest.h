/* SPDX-License-Identifier: MIT */
/*
 * The newest trace records of all CPUs, in the order of their times: monitor and panic show them.
 */
#ifndef KERNEL_TRACE_NEWEST_H
#define KERNEL_TRACE_NEWEST_H

#include "kernel/trace.h"

/* Both arrays have room for `max` records and are the caller's; count starts at 0. */
struct trace_newest {
	struct trace_record *record; /* oldest first, `count` of them */
	struct trace_record *of_cpu; /* scratch */
	unsigned count, max;
};

/* Takes the last records of one CPU into account. Any context, in a panic too. */
void trace_newest_add(struct trace_newest *all, unsigned cpu);

/* "[    1.234567890 2] SWITCH left 3 runs 4 EXPIRED", without a newline. */
void trace_newest_format(const struct trace_record *record, char *buf, size_t size);

#endif
