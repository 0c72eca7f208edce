/* SPDX-License-Identifier: MIT */
/*
 * The console: one lock, held for one piece of output at a time, so that lines of different CPUs
 * do not mix. A log line never waits for the lock: whoever holds it looks for new records after
 * dropping it. That makes logging safe with any lock held, and in interrupts.
 */
#include "kernel/console.h"
#include "kernel/format.h"
#include "kernel/log.h"
#include "kernel/log_private.h"
#include "kernel/spinlock.h"
#include "kernel/string.h"
#include <arch/debug.h>

#define ERASE_LINE "\r\033[K"

/* Letters: (k) console lock, (a) atomic. */
static struct {
	struct spinlock lock;
	bool line_begun;                         /* (k) the cursor is behind some text */
	char input_line[CONSOLE_INPUT_LINE_MAX]; /* (k) empty: nothing is being typed */
	unsigned input_back;                     /* (k) */
	char log_line[LOG_LINE_MAX];             /* (k) too large for every caller's stack */
	_Atomic bool hold;                       /* (a) */
	_Atomic bool panicking;                  /* (a) never false again */
} console = {.lock = SPINLOCK_INIT("console", LOCK_RANK_CONSOLE)};

static void put_sink(char c, void *arg __unused)
{
	arch_putc(c);
	console.line_begun = c != '\n' && c != '\r';
}

static void put_text(const char *text)
{
	for (; *text; text++)
		put_sink(*text, NULL);
}

static bool is_panicking(void)
{
	return atomic_load_explicit(&console.panicking, memory_order_relaxed);
}

static void draw_input_line(void)
{
	char move[16];

	put_text(console.input_line);
	if (!console.input_back)
		return;
	format_string(move, sizeof(move), "\033[%uD", console.input_back);
	put_text(move);
}

static void draw_log_line(void)
{
	if (console.input_line[0])
		put_text(ERASE_LINE);
	else if (console.line_begun)
		put_text("\n");
	put_text(console.log_line);
	put_text("\n");
	draw_input_line();
}

/* True if the lock was free, so that there may be another record to show. */
static bool show_one_record(void)
{
	arch_irqflags_t flags = arch_irq_save();
	bool taken = spin_trylock(&console.lock);

	if (taken) {
		if (log_next_line(console.log_line, sizeof(console.log_line)))
			draw_log_line();
		spin_unlock(&console.lock);
	}
	arch_irq_restore(flags);
	return taken;
}

void console_show_log(void)
{
	do {
		/*
		 * A logger stores its record and then tries the lock; the lock's owner drops it and
		 * then looks for records. With a fence on both sides one of them sees the other.
		 */
		atomic_thread_fence(memory_order_seq_cst);
		if (is_panicking() || atomic_load_explicit(&console.hold, memory_order_relaxed))
			return;
	} while (log_pending() && show_one_record());
}

void console_write(const char *text, size_t length)
{
	arch_irqflags_t flags;

	if (is_panicking())
		return;
	flags = spin_lock_irqsave(&console.lock);
	for (size_t i = 0; i < length; i++)
		put_sink(text[i], NULL);
	spin_unlock_irqrestore(&console.lock, flags);
	console_show_log();
}

void console_printf(const char *fmt, ...)
{
	arch_irqflags_t flags;
	va_list args;

	if (is_panicking())
		return;
	va_start(args, fmt);
	flags = spin_lock_irqsave(&console.lock);
	format_to(put_sink, NULL, fmt, args);
	spin_unlock_irqrestore(&console.lock, flags);
	va_end(args);
	console_show_log();
}

/* True if the new line is the old one with something more at its end, where the cursor is. */
static bool only_appended(const char *line, unsigned back)
{
	size_t length = strlen(console.input_line);

	return length && !back && !console.input_back && !strncmp(line, console.input_line, length);
}

/* A terminal shows less flicker, and a transcript reads better, if typing appends. */
static void draw_changed_line(const char *line, unsigned back)
{
	size_t shown = strlen(console.input_line);

	if (only_appended(line, back)) {
		put_text(line + shown);
		string_copy(console.input_line, line, sizeof(console.input_line));
		return;
	}
	if (console.input_line[0] || console.line_begun)
		put_text(ERASE_LINE);
	string_copy(console.input_line, line, sizeof(console.input_line));
	console.input_back = back;
	draw_input_line();
}

void console_set_input_line(const char *line, unsigned back)
{
	arch_irqflags_t flags;

	if (is_panicking())
		return;
	flags = spin_lock_irqsave(&console.lock);
	if (line) {
		draw_changed_line(line, back);
	} else {
		if (console.input_line[0])
			put_text("\n");
		console.input_line[0] = '\0';
		console.input_back = 0;
	}
	spin_unlock_irqrestore(&console.lock, flags);
	console_show_log();
}

void console_hold(bool hold)
{
	atomic_store_explicit(&console.hold, hold, memory_order_relaxed);
	console_show_log();
}

void console_take_for_panic(void)
{
	if (!atomic_exchange_explicit(&console.panicking, true, memory_order_relaxed))
		panic_printf("\n");
}

static void panic_sink(char c, void *arg __unused)
{
	arch_putc(c);
}

void panic_printf(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	format_to(panic_sink, NULL, fmt, args);
	va_end(args);
}
