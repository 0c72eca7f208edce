/* SPDX-License-Identifier: MIT */
/*
 * `gantt`: who ran on each CPU in the last moments, drawn from the trace. A row for each CPU, a
 * column for each of equal parts of the time; the letter is that of the thread which had most of
 * the column, '.' is an idle CPU, a blank is what the trace does not reach back to.
 *
 * Each CPU's records are read from its ring one CPU after the other, and drawn at once: the
 * monitor has room for one ring's records, one row, and the legend.
 */
#include "kernel/console.h"
#include "kernel/format.h"
#include "kernel/monitor_private.h"
#include "kernel/string.h"
#include "kernel/thread.h"
#include "kernel/trace.h"
#include "mm/slab.h"
#include <arch/time.h>

#define COLUMNS    68u /* with the CPU before them they fit into a line of 80 */
#define RECORDS    2048u
#define DEFAULT_MS 100u
#define OTHERS     '*' /* those who find no letter left */
#define LETTERS    52u
#define TAKERS     8u /* threads that are told apart within a column */

/* Who has had how much of the column that is being drawn. */
struct taker {
	uint64_t thread_id;
	ktime_t time;
};

struct gantt {
	ktime_t from, to;
	uint64_t letter[LETTERS]; /* thread ids, in order of appearance */
	unsigned letters;
	bool others;
	struct taker taker[TAKERS];
	char row[COLUMNS + 1];
	struct trace_record record[RECORDS];
};

static bool is_idle_thread(uint64_t thread_id)
{
	struct cpumask online;
	unsigned cpu;

	monitor_online(&online);
	cpumask_for_each (cpu, &online)
		if (cpu_ptr(cpu_schedulers, cpu)->idle->thread_id == thread_id)
			return true;
	return false;
}

static char letter_of(struct gantt *g, uint64_t thread_id)
{
	unsigned i = 0;

	if (is_idle_thread(thread_id))
		return '.';
	while (i < g->letters && g->letter[i] != thread_id)
		i++;
	if (i == LETTERS) {
		g->others = true;
		return OTHERS;
	}
	if (i == g->letters)
		g->letter[g->letters++] = thread_id;
	return (char)(i < LETTERS / 2 ? 'A' + i : 'a' + i - LETTERS / 2);
}

static ktime_t column_start(const struct gantt *g, unsigned column)
{
	return g->from + (g->to - g->from) * column / COLUMNS;
}

/* The column is over: who had most of it? Of equals the first. */
static void draw_column(struct gantt *g, unsigned column)
{
	const struct taker *most = &g->taker[0];

	for (unsigned i = 1; i < TAKERS; i++)
		if (g->taker[i].time > most->time)
			most = &g->taker[i];
	g->row[column] = most->time ? letter_of(g, most->thread_id) : ' ';
	memset(g->taker, 0, sizeof(g->taker));
}

static void add_time(struct gantt *g, uint64_t thread_id, ktime_t time)
{
	for (unsigned i = 0; i < TAKERS; i++) {
		struct taker *taker = &g->taker[i];

		if (taker->time && taker->thread_id != thread_id)
			continue;
		taker->thread_id = thread_id;
		taker->time += time;
		return;
	}
}

/* The thread ran from `start` to `end`; *column is where the drawing is. */
static void draw_run(
	struct gantt *g, unsigned *column, uint64_t thread_id, ktime_t start, ktime_t end)
{
	start = MAX(start, g->from);
	end = MIN(end, g->to);
	while (*column < COLUMNS && start < end) {
		ktime_t stop = MIN(end, column_start(g, *column + 1));

		if (stop > start)
			add_time(g, thread_id, stop - start);
		start = MAX(start, stop);
		if (stop == column_start(g, *column + 1))
			draw_column(g, (*column)++);
	}
}

/* A row begins where the trace reaches back to. */
static void skip_to(struct gantt *g, unsigned *column, ktime_t start)
{
	while (*column < COLUMNS && column_start(g, *column + 1) <= start)
		draw_column(g, (*column)++);
}

static uint64_t running_on(unsigned cpu)
{
	struct sched_rq *rq = scheduler.rq[cpu];
	arch_irqflags_t flags = spin_lock_irqsave(&rq->lock);
	uint64_t thread_id = container_of(rq->curr, struct thread, se)->thread_id;

	spin_unlock_irqrestore(&rq->lock, flags);
	return thread_id;
}

/* Of a CPU whose ring tells of no switch, who runs there has always done so. */
static void draw_row(struct gantt *g, unsigned cpu)
{
	uint64_t runs = running_on(cpu);
	unsigned count = trace_copy_last(cpu, g->record, RECORDS), column = 0;
	ktime_t since = count ? g->record[0].time : g->from;

	for (unsigned i = 0; i < count; i++) {
		const struct trace_record *r = &g->record[i];

		if (r->kind != TRACE_SWITCH)
			continue;
		skip_to(g, &column, since);
		draw_run(g, &column, r->a, since, r->time);
		runs = r->b;
		since = r->time;
	}
	skip_to(g, &column, since);
	draw_run(g, &column, runs, since, g->to);
	while (column < COLUMNS)
		draw_column(g, column++);
}

/* As many to a line as fit. */
static void print_legend(const struct gantt *g)
{
	unsigned used = 0;

	for (unsigned i = 0; i < g->letters; i++) {
		struct thread *t = thread_find(g->letter[i]);
		char text[64];
		int length = format_string(text, sizeof(text), "%c %llu %s",
			i < LETTERS / 2 ? 'A' + i : 'a' + i - LETTERS / 2,
			(unsigned long long)g->letter[i], t ? t->name : "(has ended)");

		if (t)
			thread_put(t);
		if (used && used + (unsigned)length + 2 > 79) {
			console_printf("\n");
			used = 0;
		}
		console_printf("%s%s", used ? "  " : "", text);
		used += (unsigned)length + (used ? 2 : 0);
	}
	console_printf("%s. idle%s\n", used ? "\n" : "", g->others ? ", * others" : "");
}

static void draw(struct gantt *g)
{
	struct cpumask online;
	unsigned cpu;

	monitor_online(&online);
	cpumask_for_each (cpu, &online) {
		memset(g->taker, 0, sizeof(g->taker));
		draw_row(g, cpu);
		console_printf("CPU%-4u |%s|\n", cpu, g->row);
	}
	print_legend(g);
}

void monitor_gantt(const struct command_value *value)
{
	unsigned ms = value[0].given ? (unsigned)value[0].number : DEFAULT_MS;
	struct gantt *g;

	if (!trace_on) {
		console_printf("gantt: the trace is off, start with trace=on\n");
		return;
	}
	g = kzalloc(sizeof(*g));
	if (!g) {
		console_printf("gantt: no memory for %zu bytes\n", sizeof(*g));
		return;
	}
	g->to = arch_time_now();
	g->from = MAX(g->to - ms * NSEC_PER_MSEC, 0);
	console_printf("the last %u ms, %lld us a column\n", ms,
		(long long)((g->to - g->from) / COLUMNS / NSEC_PER_USEC));
	draw(g);
	kfree(g);
}
