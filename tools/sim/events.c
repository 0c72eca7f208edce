/* SPDX-License-Identifier: MIT */
/* The heap: every event is before its four children; each number knows its place. */
#include "tools/sim/events.h"
#include "kernel/assert.h"
#include <stdlib.h>

#define WAYS 4

bool events_init(struct events *e, unsigned n)
{
	*e = (struct events){
		.heap = calloc(n, sizeof(struct event)),
		.place = calloc(n, sizeof(unsigned)),
	};
	return e->heap && e->place;
}

void events_free(struct events *e)
{
	free(e->heap);
	free(e->place);
}

static inline bool before(const struct event *a, const struct event *b)
{
	return a->time != b->time ? a->time < b->time : a->id < b->id;
}

static inline void put(struct events *e, unsigned place, struct event event)
{
	e->heap[place] = event;
	e->place[event.id] = place + 1;
}

static void sift_up(struct events *e, unsigned place, struct event event)
{
	while (place && before(&event, &e->heap[(place - 1) / WAYS])) {
		put(e, place, e->heap[(place - 1) / WAYS]);
		place = (place - 1) / WAYS;
	}
	put(e, place, event);
}

/* The first of the children of `place`, or e->count. */
static inline unsigned first_child(const struct events *e, unsigned place)
{
	unsigned child = place * WAYS + 1, end = MIN(child + WAYS, e->count), best = child;

	if (child >= e->count)
		return e->count;
	while (++child < end)
		if (before(&e->heap[child], &e->heap[best]))
			best = child;
	return best;
}

static void sift_down(struct events *e, unsigned place, struct event event)
{
	for (;;) {
		unsigned child = first_child(e, place);

		if (child == e->count || before(&event, &e->heap[child]))
			break;
		put(e, place, e->heap[child]);
		place = child;
	}
	put(e, place, event);
}

static void settle(struct events *e, unsigned place, struct event event)
{
	if (place && before(&event, &e->heap[(place - 1) / WAYS]))
		sift_up(e, place, event);
	else
		sift_down(e, place, event);
}

void events_set(struct events *e, unsigned id, ktime_t time)
{
	struct event event = {time, id};

	if (e->place[id])
		settle(e, e->place[id] - 1, event);
	else
		sift_up(e, e->count++, event);
}

void events_clear(struct events *e, unsigned id)
{
	unsigned place = e->place[id];

	if (!place)
		return;
	e->place[id] = 0;
	if (place - 1 < --e->count)
		settle(e, place - 1, e->heap[e->count]);
}
