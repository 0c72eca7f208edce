/* SPDX-License-Identifier: MIT */
/* Event flags: 32 bits that are set and cleared, and threads that wait for some of them. */
#ifndef KERNEL_EVENT_FLAGS_H
#define KERNEL_EVENT_FLAGS_H

#include "kernel/wait.h"

/* (q) lock of the queue */
struct event_flags {
	struct wait_queue queue;
	uint32_t flags; /* (q) those that are set */
};

#define EVENT_FLAGS_INIT(e)                                                                        \
	{                                                                                          \
		.queue = WAIT_QUEUE_INIT((e).queue, e, WAIT_KIND_EVENTS, LOCK_RANK_WAITQ)          \
	}

void event_flags_init(struct event_flags *e, const char *name);

/*
 * Sets bits and lets go who waits for them, by urgency, FIFO among equals. Bits that one of them
 * consumes are gone for the next. How many were let go. Any context but NMI.
 */
unsigned event_flags_set(struct event_flags *e, uint32_t bits);

/* Clears bits; those of them that were set. Any context but NMI. */
uint32_t event_flags_clear(struct event_flags *e, uint32_t bits);

/* What is set now; may be out of date as soon as it is read. */
uint32_t event_flags_get(const struct event_flags *e);

enum event_mode {
	EVENT_ANY = 0,     /* one of the bits is enough */
	EVENT_ALL = 1,     /* all of them at once */
	EVENT_CONSUME = 2, /* beside one of the two: those that ended the wait are cleared */
};

/*
 * Waits for bits; may block. *got (may be NULL) is those of them that were set. `flags` 0 or
 * WAIT_KILLABLE. 0; -EINVAL for no bits or an unknown mode; -ETIMEDOUT (at once for a deadline that
 * is over); -EINTR when the caller is to end.
 */
int __must_check event_flags_wait(struct event_flags *e, uint32_t bits, unsigned mode,
	uint32_t *got, unsigned flags, ktime_t deadline);

#endif
