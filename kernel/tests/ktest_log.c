/* SPDX-License-Identifier: MIT */
/* The log from many threads and from interrupts; formats and symbols of the running kernel. */
#include "kernel/completion.h"
#include "kernel/console.h"
#include "kernel/entry.h"
#include "kernel/format.h"
#include "kernel/ktest.h"
#include "kernel/log_private.h"
#include "kernel/string.h"
#include "kernel/symbols.h"
#include "kernel/thread.h"
#include <arch/time.h>

#define WRITERS 4u
#define LINES   50u

static int write_lines(void *arg)
{
	unsigned number = (unsigned)(uintptr_t)arg;

	for (unsigned i = 0; i < LINES; i++)
		log_info("writer %u line %u: the quick brown fox jumps over it. end", number, i);
	return 0;
}

/* The numbers in "… writer N line N: …"; false when the line is another one. */
static bool read_numbers(const char *line, unsigned *writer, unsigned *number)
{
	const char *at = strchr(line, 'w');

	if (!at || !string_starts(at, "writer ") || !strchr(at, ':'))
		return false;
	*writer = (unsigned)(at[7] - '0');
	at += sizeof("writer 0 line ") - 1;
	for (*number = 0; *at >= '0' && *at <= '9'; at++)
		*number = *number * 10 + (unsigned)(*at - '0');
	return true;
}

/* Every writer's lines are in the ring, in its order. kernel/tests/test_log.py looks at the
 * console. */
KTEST(log_many_writers)
{
	struct thread *writer[WRITERS];
	uint64_t position = log_last(0);
	unsigned next[WRITERS] = {0}, who, number;
	char line[LOG_LINE_MAX];

	for (unsigned i = 0; i < WRITERS; i++)
		KTEST_EXPECT_EQ(
			thread_run(&writer[i], "writer", write_lines, (void *)(uintptr_t)i), 0);
	for (unsigned i = 0; i < WRITERS; i++)
		KTEST_EXPECT_EQ(thread_join(writer[i], NULL), 0);
	while (log_read_line(&position, LOG_INFO, line, sizeof(line))) {
		if (!read_numbers(line, &who, &number))
			continue;
		KTEST_EXPECT(who < WRITERS);
		KTEST_EXPECT_EQ(number, next[who]);
		next[who]++;
	}
	for (unsigned i = 0; i < WRITERS; i++)
		KTEST_EXPECT_EQ(next[i], LINES);
}

static struct completion logged;

static void log_in_interrupt(struct timer *timer __unused)
{
	log_debug("from an interrupt");
	completion_complete(&logged);
}

KTEST(log_from_interrupt)
{
	uint64_t position = log_last(0);
	char line[LOG_LINE_MAX];
	struct timer timer;

	completion_init(&logged, "logged");
	timer_init(&timer, log_in_interrupt);
	timer_start(&timer, arch_time_now() + NSEC_PER_MSEC);
	completion_wait(&logged);
	KTEST_EXPECT(!timer_cancel_sync(&timer));
	KTEST_EXPECT(log_read_line(&position, LOG_DEBUG, line, sizeof(line)));
	KTEST_EXPECT(strchr(line, 'd') && !strcmp(strchr(line, 'd'), "debug: from an interrupt"));
}

/* Logging with a lock held must not take the console's lock in the wrong order, or wait for it. */
KTEST(log_with_a_lock_held)
{
	struct spinlock lock;
	arch_irqflags_t flags;

	spin_init(&lock, "log test", LOCK_RANK_RUNQUEUE);
	flags = spin_lock_irqsave(&lock);
	log_debug("with a run queue's rank held");
	spin_unlock_irqrestore(&lock, flags);
}

KTEST(log_cuts_long_texts)
{
	uint64_t position = log_last(0);
	char line[LOG_LINE_MAX];
	size_t length;

	log_debug("%0300d", 7);
	KTEST_EXPECT(log_read_line(&position, LOG_DEBUG, line, sizeof(line)));
	length = strlen(line);
	KTEST_EXPECT(length > LOG_TEXT_MAX && length < LOG_LINE_MAX);
	KTEST_EXPECT(!strcmp(line + length - 4, "0..."));
}

KTEST(format_names_symbols)
{
	uintptr_t address = (uintptr_t)kernel_main;
	char text[64];

	format_string(text, sizeof(text), "%pS", (void *)(address + 4));
	KTEST_EXPECT(!strcmp(text, "kernel_main+0x4"));
	format_string(text, sizeof(text), "%pS", (void *)&logged);
	KTEST_EXPECT(string_starts(text, "0xffff"));
	KTEST_EXPECT_EQ(symbols_find("kernel_main"), address);
	KTEST_EXPECT_EQ(symbols_find("no such function"), 0);
}

/* Static functions are in the table too, and every function is found at its own address. */
KTEST(symbols_know_static_functions)
{
	size_t offset = 1;
	const char *name = symbols_lookup((uintptr_t)write_lines, &offset);

	KTEST_EXPECT(name && !strcmp(name, "write_lines"));
	KTEST_EXPECT_EQ(offset, 0);
	KTEST_EXPECT(!symbols_lookup(0, &offset));
	KTEST_EXPECT(!symbols_lookup(UINTPTR_MAX, &offset));
}

/* While the console is held the ring can run over: the console says so when it goes on. */
KTEST(log_overrun_is_told)
{
	console_hold(true);
	for (unsigned i = 0; i < LOG_RING_SIZE / 64; i++)
		log_debug("overrun line %u: the quick brown fox jumps over it", i);
	console_hold(false);
}

KTEST(log_skip_has_a_reason)
{
	ktest_skip("this test only shows what a skipped one looks like");
}
