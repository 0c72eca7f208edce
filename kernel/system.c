/* SPDX-License-Identifier: MIT */
/* The system's readiness and its orderly ends. */
#include "kernel/system.h"
#include "kernel/log.h"
#include "kernel/thread.h"
#include "kernel/trace.h"
#include "mm/leaks.h"
#include <arch/debug.h>
#include <arch/time.h>

#define LAST_THREAD_LIMIT (10 * NSEC_PER_SEC) /* a virtual CPU may wait seconds for a core */
#define LAST_THREAD_POLL  (1 * NSEC_PER_MSEC)

static ktime_t ready_at, skipped;
static unsigned own_threads; /* idle threads and the one that is init, later the monitor */

void system_note_skipped(ktime_t ns)
{
	skipped = ns;
}

void system_note_ready(void)
{
	ready_at = arch_time_now() - skipped;
	own_threads = thread_count();
}

ktime_t system_ready_at(void)
{
	return ready_at;
}

/*
 * Waits until no thread is left but the system's own, for as long as they go on ending. Returns how
 * many others are left.
 */
static unsigned wait_for_last_threads(void)
{
	ktime_t end = arch_time_now() + LAST_THREAD_LIMIT;
	unsigned left = thread_count();

	while (left > own_threads && arch_time_now() < end) {
		if (thread_sleep(LAST_THREAD_POLL))
			break;
		if (thread_count() < left)
			end = arch_time_now() + LAST_THREAD_LIMIT;
		left = thread_count();
	}
	/* One that is in no list any more may still be on its way back to the allocator. */
	if (thread_sleep(LAST_THREAD_POLL))
		return 1;
	return thread_count() - MIN(thread_count(), own_threads);
}

unsigned system_report(void)
{
	unsigned others = MM_DEBUG ? wait_for_last_threads() : 0;

	trace_report();
	if (!others)
		return mm_report_leaks();
	log_warn("leak: %u threads have not ended, memory is not looked at", others);
	return others;
}

void system_poweroff(void)
{
	system_report();
	arch_poweroff();
}

void system_reboot(void)
{
	system_report();
	arch_reboot();
}
