/* SPDX-License-Identifier: MIT */
/* What console, panic and monitor need of the log. Everybody else includes kernel/log.h. */
#ifndef KERNEL_LOG_PRIVATE_H
#define KERNEL_LOG_PRIVATE_H

#include "kernel/log.h"
#include "kernel/log_ring.h"

#define LOG_LINE_MAX (LOG_TEXT_MAX + 48)

/* Records of this level and more urgent ones go to the console. All go to the ring. */
void log_set_console_level(enum log_level level);
enum log_level log_console_level(void);

const char *log_level_name(enum log_level level);

/* There may be a record that the console has not shown. */
bool log_pending(void);

/* The next line for the console, without a newline. False: none. Console lock held. */
bool log_next_line(char *line, size_t size);

/*
 * One record as a line, and on to the next; start with log_last(n). The lock is held only while
 * the record is copied. False at the end.
 */
bool log_read_line(uint64_t *position, enum log_level level, char *line, size_t size);
uint64_t log_last(uint64_t n);

/* The last n records by panic_printf(), without the lock if it cannot be had. */
void log_panic_dump(unsigned n);

#endif
