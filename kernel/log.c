/* SPDX-License-Identifier: MIT */
/*
 * The kernel log. A record goes into the ring under the log lock, whatever its level; then the
 * console shows what is due. Nothing is taken inside the log lock.
 */
#include "kernel/log.h"
#include "kernel/console.h"
#include "kernel/format.h"
#include "kernel/log_private.h"
#include "kernel/spinlock.h"
#include "kernel/string.h"
#include <arch/time.h>

/* Letters: (g) log lock, (k) console lock, (a) atomic. */
static struct {
	struct spinlock lock;
	struct log_ring ring;       /* (g) */
	uint64_t shown;             /* (k) position of the next record for the console */
	_Atomic uint64_t written;   /* (a) ring.end */
	_Atomic uint64_t looked_at; /* (a) what `shown` was last */
	_Atomic unsigned level;     /* (a) enum log_level for the console */
} log_state = {
	.lock = SPINLOCK_INIT("log", LOCK_RANK_LOG),
	.level = LOG_INFO,
};

static const char *const level_names[] = {"error", "warning", "info", "debug"};

const char *log_level_name(enum log_level level)
{
	return level < ARRAY_SIZE(level_names) ? level_names[level] : "?";
}

void log_set_console_level(enum log_level level)
{
	atomic_store_explicit(&log_state.level, level, memory_order_relaxed);
}

enum log_level log_console_level(void)
{
	return atomic_load_explicit(&log_state.level, memory_order_relaxed);
}

/* The length that fits; a text that was cut ends with an ellipsis, none with a newline. */
static uint8_t finish_text(char *text, int length)
{
	if (length >= LOG_TEXT_MAX) {
		length = LOG_TEXT_MAX - 1;
		memcpy(text + length - 3, "...", 3);
	}
	while (length && text[length - 1] == '\n')
		length--;
	return (uint8_t)length;
}

void log_printf(enum log_level level, const char *fmt, ...)
{
	struct log_record record = {.time = arch_time_now(), .level = (uint8_t)level};
	char text[LOG_TEXT_MAX];
	arch_irqflags_t flags;
	va_list args;

	va_start(args, fmt);
	record.length = finish_text(text, format_string_va(text, sizeof(text), fmt, args));
	va_end(args);
	flags = spin_lock_irqsave(&log_state.lock);
	record.cpu = (uint16_t)arch_cpu_id();
	log_ring_put(&log_state.ring, &record, text);
	atomic_store_explicit(&log_state.written, log_state.ring.end, memory_order_relaxed);
	spin_unlock_irqrestore(&log_state.lock, flags);
	console_show_log();
}

bool log_pending(void)
{
	return atomic_load_explicit(&log_state.looked_at, memory_order_relaxed) !=
		atomic_load_explicit(&log_state.written, memory_order_relaxed);
}

/* "[    1.234567 0] warning: text": seconds, CPU, the level where it is not the usual one. */
static void make_line(const struct log_record *record, const char *text, char *line, size_t size)
{
	long long us = record->time / NSEC_PER_USEC;
	bool usual = record->level == LOG_INFO;

	format_string(line, size, "[%5lld.%06lld %u] %s%s%s", us / 1000000, us % 1000000,
		record->cpu, usual ? "" : log_level_name(record->level), usual ? "" : ": ", text);
}

uint64_t log_last(uint64_t n)
{
	arch_irqflags_t flags = spin_lock_irqsave(&log_state.lock);
	uint64_t position = log_ring_last(&log_state.ring, n);

	spin_unlock_irqrestore(&log_state.lock, flags);
	return position;
}

bool log_read_line(uint64_t *position, enum log_level level, char *line, size_t size)
{
	char text[LOG_TEXT_MAX];
	struct log_record record;
	arch_irqflags_t flags;
	bool found;

	do {
		flags = spin_lock_irqsave(&log_state.lock);
		found = log_ring_get(&log_state.ring, position, &record, text);
		spin_unlock_irqrestore(&log_state.lock, flags);
	} while (found && record.level > level);
	if (found)
		make_line(&record, text, line, size);
	return found;
}

/* True, once, if the ring has overtaken the console: it shows only what is left. Console lock held.
 */
static bool overtaken(void)
{
	arch_irqflags_t flags = spin_lock_irqsave(&log_state.lock);
	bool behind = log_state.shown < log_state.ring.first;

	log_state.shown = MAX(log_state.shown, log_state.ring.first);
	spin_unlock_irqrestore(&log_state.lock, flags);
	return behind;
}

bool log_next_line(char *line, size_t size)
{
	bool found;

	if (overtaken()) {
		string_copy(
			line, "(log records were overwritten before they could be shown)", size);
		return true;
	}
	found = log_read_line(&log_state.shown, log_console_level(), line, size);
	atomic_store_explicit(&log_state.looked_at, log_state.shown, memory_order_relaxed);
	return found;
}

void log_panic_dump(unsigned n)
{
	static char text[LOG_TEXT_MAX], line[LOG_LINE_MAX];
	uint64_t position = log_ring_last(&log_state.ring, n);
	struct log_record record;

	for (; n && log_ring_get(&log_state.ring, &position, &record, text); n--) {
		make_line(&record, text, line, sizeof(line));
		panic_printf("%s\n", line);
	}
}
