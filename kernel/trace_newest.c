/* SPDX-License-Identifier: MIT */
/* Merging the CPUs' trace rings by time, for displays of a few records. */
#include "kernel/trace_newest.h"
#include "kernel/format.h"
#include "kernel/string.h"

/* Puts one record in its place by time; the oldest makes room. */
static void keep(struct trace_newest *all, const struct trace_record *record)
{
	unsigned at = all->count;

	if (all->count == all->max) {
		if (record->time < all->record[0].time)
			return;
		memmove(all->record, all->record + 1, (all->max - 1) * sizeof(*record));
		at--;
	} else {
		all->count++;
	}
	for (; at && all->record[at - 1].time > record->time; at--)
		all->record[at] = all->record[at - 1];
	all->record[at] = *record;
}

void trace_newest_add(struct trace_newest *all, unsigned cpu)
{
	unsigned count = trace_copy_last(cpu, all->of_cpu, all->max);

	for (unsigned i = 0; i < count; i++)
		keep(all, &all->of_cpu[i]);
}

void trace_newest_format(const struct trace_record *record, char *buf, size_t size)
{
	int length = format_string(buf, size, "[%5lld.%09lld %u] ", record->time / NSEC_PER_SEC,
		record->time % NSEC_PER_SEC, record->cpu);

	trace_format(record, buf + length, size - (size_t)length);
}
