/* SPDX-License-Identifier: MIT */
/*
 * What will happen when: a 4-ary heap with at most one event per number. The order is total: by
 * time, then by number. Everything is O(log n), asking for the first is O(1).
 */
#ifndef TOOLS_SIM_EVENTS_H
#define TOOLS_SIM_EVENTS_H

#include "kernel/types.h"

struct event {
	ktime_t time;
	unsigned id;
};

struct events {
	struct event *heap;
	unsigned *place; /* by number: its place in the heap plus one, or 0 */
	unsigned count;
};

/* For numbers 0 .. n-1. False: no memory. */
bool __must_check events_init(struct events *e, unsigned n);
void events_free(struct events *e);

/* The event of this number is at this time; an earlier setting is forgotten. */
void events_set(struct events *e, unsigned id, ktime_t time);

/* There is no event of this number. */
void events_clear(struct events *e, unsigned id);

/* NULL: none. Valid until the next call. */
static inline const struct event *events_first(const struct events *e)
{
	return e->count ? &e->heap[0] : NULL;
}

#endif
