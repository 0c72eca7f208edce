/* SPDX-License-Identifier: MIT */
/*
 * The kernel log: records with level, time and CPU in a ring, and on the console as they come.
 * Nothing is lost before the console is up. Any context, also with locks held (of a rank before
 * LOCK_RANK_CONSOLE) and in interrupts; in NMI and panic use panic_printf (kernel/console.h).
 */
#ifndef KERNEL_LOG_H
#define KERNEL_LOG_H

#include "kernel/types.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_printf(enum log_level level, const char *fmt, ...) __printf(2, 3);

#define log_error(...) log_printf(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_printf(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_printf(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_printf(LOG_DEBUG, __VA_ARGS__)

/* Writes to the console as it is, no level, no time, not in the ring: monitor output, KTAP. */
void console_printf(const char *fmt, ...) __printf(1, 2);

/* Stops the machine with the registers and backtrace of every CPU. Any context. */
__noreturn __cold void panic(const char *fmt, ...) __printf(1, 2);

#endif
