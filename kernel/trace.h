/* SPDX-License-Identifier: MIT */
/*
 * The trace: fixed records of what the scheduler did, in one ring per CPU, written by that CPU
 * only. Old records are overwritten and counted as lost. A hash over the deterministic part (per
 * CPU, the order of records without their times) is kept as they are written, so that losing them
 * does not change it; under icount two runs of one image print the same hash.
 */
#ifndef KERNEL_TRACE_H
#define KERNEL_TRACE_H

#include "kernel/types.h"

enum trace_kind {
#define TRACE(name, a, b, text) TRACE_##name,
#include "kernel/trace.def"
#undef TRACE
	TRACE_KIND_COUNT,
};

struct trace_record {
	ktime_t time;
	uint32_t seq;   /* of this CPU's records, from 0 */
	uint8_t kind;   /* enum trace_kind */
	uint8_t reason; /* SWITCH: enum sched_reason */
	uint16_t cpu;
	uint64_t a; /* thread ids and numbers, as kernel/trace.def says */
	uint64_t b;
};

/* Off until trace_enable(). */
extern bool trace_on;

/* Bit n: kind n is recorded. Nothing while the trace is off; a rare branch where it is asked. */
extern uint32_t trace_recorded;

/* Rings for every CPU on line. -ENOMEM: the trace stays off. */
int __must_check trace_init(void);

/* Turns recording on or off. Begins with the names of all threads. Thread context. */
void trace_enable(bool on);

/*
 * Chooses the kinds that are recorded besides SWITCH and WAKE, which always are while the trace is
 * on: "all", "default" (all but IPI, IRQ and IRQ_END, of which there are many), "none", or names
 * separated by commas. NULL, or where in `list` the name begins that there is not.
 */
const char *trace_select(const char *list);

/* Bit n: kind n is recorded while the trace is on. */
uint32_t trace_selected(void);

/* Adds or takes away one kind; -EPERM for SWITCH and WAKE. */
int __must_check trace_select_kind(enum trace_kind kind, bool recorded);

/* Writes a record into this CPU's ring. Any context but NMI. */
void trace_write(enum trace_kind kind, unsigned reason, uint64_t a, uint64_t b, ktime_t time);

ktime_t trace_clock(void);

static inline void trace_event(enum trace_kind kind, uint64_t a, uint64_t b)
{
	if (trace_recorded >> kind & 1)
		trace_write(kind, 0, a, b, trace_clock());
}

struct thread;

/* A thread comes into being: that, its process and its name. */
void trace_thread(const struct thread *t);

/* For whoever looks at the trace: this thread is at a point that it calls `value`. */
void trace_mark(uint64_t value);

/*
 * Copies the last records of a CPU, at most `max`, oldest first; returns how many. A record that is
 * overwritten while it is copied is left out. Any context, in a panic too.
 */
unsigned trace_copy_last(unsigned cpu, struct trace_record *to, unsigned max);

const char *trace_kind_name(unsigned kind);
/* What a record of that kind says. */
const char *trace_kind_text(unsigned kind);

/* One line of text for a record: "SWITCH 12 -> 13 EXPIRED". */
int trace_format(const struct trace_record *record, char *buf, size_t size);

struct trace_totals {
	uint64_t hash;
	uint64_t records;
	uint64_t lost;
};
void trace_get_totals(struct trace_totals *totals);

/* "trace hash %016llx (N records, M lost)", if the trace is on. */
void trace_report(void);

#endif
