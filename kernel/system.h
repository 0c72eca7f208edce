/* SPDX-License-Identifier: MIT */
/* The system as a whole: when it was ready, what it says when it ends. */
#ifndef KERNEL_SYSTEM_H
#define KERNEL_SYSTEM_H

#include "kernel/types.h"

/* How long it took until everything was up and the first thread began its own work, in ns. */
ktime_t system_ready_at(void);
void system_note_ready(void);

/* Of the time until then the clock has skipped, or waited for, `ns`. */
void system_note_skipped(ktime_t ns);

/*
 * What every orderly end prints: the trace's hash and, in debug builds, memory that was never given
 * back. What live threads use cannot be told from a leak, so it waits for those that were created
 * since system_note_ready(), for as long as one ends every ten seconds; any that stay are told
 * instead of memory. Returns the number of leaks, or of such threads. Thread context, may block.
 */
unsigned system_report(void);

/* The report, then power off. Thread context. */
__noreturn void system_poweroff(void);

/* The report, then start again. Thread context. */
__noreturn void system_reboot(void);

#endif
