/* SPDX-License-Identifier: MIT */
/*
 * Event breakpoints, looked at only while a debugger has armed some. Run-queue locks are held here:
 * nothing is locked, and of the thread only constant fields and its own atomic ones are read.
 */
#include "kernel/debug_page.h"
#include "kernel/mutex.h"
#include "kernel/process.h"
#include "kernel/thread.h"
#include "kernel/trace.h"

static_assert(TRACE_KIND_COUNT <= 32, "kinds are bits of a word");

/* Only the debugger writes it, which the compiler cannot know: not static. */
struct debug_page debug_page __aligned(4096);

static bool is_or_any(uint64_t wanted, uint64_t value)
{
	return wanted == DEBUG_PAGE_ANY || wanted == value;
}

/* A reason is that of the thread which leaves: then only that one is meant. */
static bool fits_thread(const struct debug_event *e, const struct debug_record *r)
{
	return is_or_any(e->thread, r->a) ||
		(r->kind == TRACE_SWITCH && !e->reasons && e->thread == r->b);
}

static bool fits_runs(const struct debug_event *e, const struct debug_record *r)
{
	return e->runs == DEBUG_PAGE_ANY || (r->kind == TRACE_SWITCH && e->runs == r->b);
}

static bool fits_reason(const struct debug_event *e, const struct debug_record *r)
{
	return !e->reasons || (r->kind == TRACE_SWITCH && (e->reasons >> r->reason & 1));
}

static bool lies_in(const struct debug_event *e, const void *address)
{
	return address && (uintptr_t)address - e->object < e->object_size;
}

/* A queue may be part of a semaphore or of another object: any address inside it counts. */
static bool fits_object(const struct debug_event *e, const struct thread *t)
{
	return !e->object_size || lies_in(e, t->mutex_waited) ||
		lies_in(e, atomic_load_explicit(&t->wait_queue, memory_order_relaxed));
}

static bool fits(const struct debug_event *e, const struct debug_record *r)
{
	return (e->kinds >> r->kind & 1) && fits_thread(e, r) && fits_runs(e, r) &&
		fits_reason(e, r) && is_or_any(e->cpu, arch_cpu_id()) &&
		is_or_any(e->process, r->about->process->process_id) && fits_object(e, r->about);
}

__noinline void debug_page_hit(unsigned number, const struct debug_record *record, uint64_t hit)
{
	/* Keeps the call and its arguments, which the debugger shows. */
	__asm__ volatile("" : : "r"(number), "r"(record), "r"(hit) : "memory");
}

void debug_page_check(const struct debug_record *record)
{
	for (unsigned i = 0; i < DEBUG_PAGE_EVENTS; i++) {
		struct debug_event *e = &debug_page.event[i];

		if (!fits(e, record))
			continue;
		debug_page_hit(
			i, record, atomic_fetch_add_explicit(&e->hits, 1, memory_order_relaxed));
	}
}
