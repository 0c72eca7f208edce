/* SPDX-License-Identifier: MIT */
/*
 * Event breakpoints: a debugger describes events in debug_page, the trace looks there after each
 * record at full speed, and calls debug_page_hit() when one fits. The debugger has an ordinary
 * breakpoint on that function, and writes to no other memory of the machine than this page. With
 * nothing armed it costs two instructions of a record, and nothing while the trace is off.
 */
#ifndef KERNEL_DEBUG_PAGE_H
#define KERNEL_DEBUG_PAGE_H

#include "kernel/types.h"

#define DEBUG_PAGE_EVENTS 16u
#define DEBUG_PAGE_ANY    (~0ull)

struct thread;

/* All (d): written by the debugger while the machine stands, but for hits, which it clears. */
struct debug_event {
	uint32_t kinds;   /* bits by enum trace_kind; 0: this place is free */
	uint32_t reasons; /* of switches, bits by enum sched_reason; 0: any */
	uint64_t thread; /* the record's first number, of a switch without reasons either; or ANY */
	uint64_t runs;   /* of a switch, its second number; or ANY */
	uint64_t process;     /* of the thread that the record is about; or ANY */
	uint64_t cpu;         /* in whose ring the record is; or ANY */
	uintptr_t object;     /* what that thread waits for lies in these bytes */
	uint64_t object_size; /* 0: any */
	_Atomic uint64_t hits;
};

struct debug_page {
	bool armed; /* (d) else nobody looks at the events */
	struct debug_event event[DEBUG_PAGE_EVENTS];
};

extern struct debug_page debug_page;

/* What a record says: kind and reason, its two numbers, and the thread that it is about. */
struct debug_record {
	unsigned kind, reason;
	uint64_t a, b;
	const struct thread *about;
};

/* Counts the hits of a record and stops for the debugger. Any context, interrupts off. */
void debug_page_check(const struct debug_record *record);

/* Where the debugger stops; the event is debug_page.event[number]. */
void debug_page_hit(unsigned number, const struct debug_record *record, uint64_t hit);

#endif
