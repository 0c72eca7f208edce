/* SPDX-License-Identifier: MIT */
/*
 * `top`: the share of each thread and of each CPU since the last look, repainted in place on a
 * screen of 80 columns and 24 rows. A CPU's share is what its idle thread did not take. Times
 * include the current turn, so a thread that never leaves its CPU is seen too.
 */
#include "kernel/console.h"
#include "kernel/format.h"
#include "kernel/monitor_private.h"
#include "kernel/string.h"
#include "kernel/thread.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include <arch/cpu.h>
#include <arch/time.h>

#define ROWS         24u
#define CPU_COLUMNS  4u
#define CPU_ROWS_MAX 4u   /* more CPUs than fit are summed up in words */
#define SAMPLES_MAX  512u /* threads that are watched */
#define CLEAR        "\033[2J"
#define HOME         "\033[H"
#define NEXT_LINE    "\033[K\n"
#define CLEAR_BELOW  "\033[J"
#define HIDE_CURSOR  "\033[?25l"
#define SHOW_CURSOR  "\033[?25h"
#define CTRL_C       3

struct sample {
	uint64_t thread_id;
	ktime_t cpu_time; /* in all */
	ktime_t used;     /* since the last look */
	enum thread_state state;
	unsigned cpu, level;
	bool idle;
	char name[THREAD_NAME_SIZE];
};

/* What one look sees. Two of them, the new one is filled while the old one is compared. */
struct look {
	ktime_t time;
	unsigned count, running, ready; /* threads, idle ones left out of running and ready */
	ktime_t cpu_idle[CONFIG_MAX_CPUS];
	struct sample sample[SAMPLES_MAX];
};

static const struct sample *find_sample(const struct look *look, uint64_t thread_id)
{
	for (unsigned i = 0; i < MIN(look->count, SAMPLES_MAX); i++)
		if (look->sample[i].thread_id == thread_id)
			return &look->sample[i];
	return NULL;
}

static void fill_sample(struct sample *s, struct thread *t, const struct look *old)
{
	const struct sample *before = find_sample(old, t->thread_id);
	struct thread_stats stats;

	thread_get_stats(t, &stats);
	s->thread_id = t->thread_id;
	s->cpu_time = stats.cpu_time;
	s->used = stats.cpu_time - (before ? before->cpu_time : 0);
	s->state = stats.state;
	s->cpu = stats.cpu;
	s->level = stats.level;
	s->idle = atomic_load_explicit(&t->flags, memory_order_relaxed) & THREAD_IDLE;
	string_copy(s->name, stats.name, sizeof(s->name));
}

static void look_at_threads(struct look *look, const struct look *old)
{
	static struct sample unwatched; /* where those beyond SAMPLES_MAX are only counted */
	struct thread *t = NULL;

	look->count = look->running = look->ready = 0;
	while ((t = thread_next(t))) {
		struct sample *s =
			look->count < SAMPLES_MAX ? &look->sample[look->count] : &unwatched;

		fill_sample(s, t, old);
		look->running += !s->idle && s->state == THREAD_RUNNING;
		look->ready += !s->idle && s->state == THREAD_READY;
		look->count++;
	}
}

static void look_at_cpus(struct look *look)
{
	struct thread_stats idle;
	struct cpumask online;
	unsigned cpu;

	monitor_online(&online);
	cpumask_for_each (cpu, &online) {
		thread_get_stats(cpu_ptr(cpu_schedulers, cpu)->idle, &idle);
		look->cpu_idle[cpu] = idle.cpu_time;
	}
}

static void look_now(struct look *look, const struct look *old)
{
	look->time = arch_time_now();
	look_at_cpus(look);
	look_at_threads(look, old);
}

/* Most CPU first; idle threads last; equal ones by age, so that the picture keeps still. */
static bool comes_before(const struct sample *a, const struct sample *b)
{
	if (a->idle != b->idle)
		return b->idle;
	return a->used != b->used ? a->used > b->used : a->thread_id < b->thread_id;
}

/* The n-th line's thread moves to its place: a selection, as only a screenful is wanted. */
static struct sample *select_nth(struct look *look, unsigned n)
{
	unsigned count = MIN(look->count, SAMPLES_MAX), best = n;
	struct sample chosen;

	for (unsigned i = n + 1; i < count; i++)
		if (comes_before(&look->sample[i], &look->sample[best]))
			best = i;
	chosen = look->sample[best];
	look->sample[best] = look->sample[n];
	look->sample[n] = chosen;
	return &look->sample[n];
}

static unsigned cpu_permille(const struct look *look, const struct look *old, unsigned cpu)
{
	ktime_t elapsed = look->time - old->time;

	return monitor_permille(elapsed - (look->cpu_idle[cpu] - old->cpu_idle[cpu]), elapsed);
}

static void paint_bar(unsigned permille)
{
	unsigned filled = (permille + 100) / 200;

	for (unsigned i = 0; i < 5; i++)
		console_printf("%c", i < filled ? '#' : '.');
}

/* CPUs beside each other; returns the rows it took. */
static unsigned paint_each_cpu(const struct look *look, const struct look *old, unsigned cpus)
{
	for (unsigned cpu = 0; cpu < cpus; cpu++) {
		unsigned permille = cpu_permille(look, old, cpu);

		console_printf(
			"CPU%-2u " MONITOR_PERCENT "%% ", cpu, MONITOR_PERCENT_ARGS(permille));
		paint_bar(permille);
		console_printf(
			cpu % CPU_COLUMNS == CPU_COLUMNS - 1 || cpu == cpus - 1 ? NEXT_LINE : "  ");
	}
	return DIV_ROUND_UP(cpus, CPU_COLUMNS);
}

static unsigned paint_cpu_sum(const struct look *look, const struct look *old, unsigned cpus)
{
	unsigned least = 1000, most = 0, sum = 0;

	for (unsigned cpu = 0; cpu < cpus; cpu++) {
		unsigned permille = cpu_permille(look, old, cpu);

		least = MIN(least, permille);
		most = MAX(most, permille);
		sum += permille;
	}
	console_printf("%u CPUs, busy " MONITOR_PERCENT "%% on average, least " MONITOR_PERCENT
		       "%%, most " MONITOR_PERCENT "%%" NEXT_LINE,
		cpus, MONITOR_PERCENT_ARGS(sum / cpus), MONITOR_PERCENT_ARGS(least),
		MONITOR_PERCENT_ARGS(most));
	return 1;
}

static void paint_head(const struct look *look)
{
	struct frame_stats memory;

	frame_get_stats(&memory);
	console_printf("up " MONITOR_SECONDS
		       " s, %u threads: %u running, %u ready. %llu of %llu MiB "
		       "free. q leaves" NEXT_LINE,
		MONITOR_SECONDS_ARGS(look->time), look->count, look->running, look->ready,
		(unsigned long long)(memory.free >> 8), (unsigned long long)(memory.total >> 8));
}

static void paint_threads(struct look *look, const struct look *old, unsigned rows)
{
	unsigned count = MIN(MIN(look->count, SAMPLES_MAX), rows);
	ktime_t elapsed = look->time - old->time;

	console_printf("%6s %6s %-10s %3s %5s %11s  %s" NEXT_LINE, "TID", "CPU%", "STATE", "CPU",
		"LEVEL", "CPU-SECONDS", "NAME");
	for (unsigned i = 0; i < count; i++) {
		const struct sample *s = select_nth(look, i);

		console_printf("%6llu " MONITOR_PERCENT
			       "%% %-10s %3u %5u %7lld.%03lld  %s" NEXT_LINE,
			(unsigned long long)s->thread_id,
			MONITOR_PERCENT_ARGS(monitor_permille(s->used, elapsed)),
			thread_state_name(s->state), s->cpu, s->level,
			MONITOR_SECONDS_ARGS(s->cpu_time), s->name);
	}
}

static void paint(struct look *look, const struct look *old)
{
	unsigned cpus = monitor_cpu_end(), used = 3; /* head, table head, the cursor's row */

	console_printf(HOME);
	paint_head(look);
	if (cpus <= CPU_COLUMNS * CPU_ROWS_MAX)
		used += paint_each_cpu(look, old, cpus);
	else
		used += paint_cpu_sum(look, old, cpus);
	paint_threads(look, old, ROWS - used);
	console_printf(CLEAR_BELOW);
}

/* Waits for the next round; false when a key says that it is enough. Other keys repaint at once. */
static bool wait_round(ktime_t until)
{
	int key = monitor_read(until);

	return key != 'q' && key != 'Q' && key != CTRL_C;
}

static void watch(struct look *old, struct look *look, ktime_t period)
{
	bool more;

	look_now(old, look);
	more = wait_round(old->time + period / 5);
	while (more) {
		struct look *swap = old;

		look_now(look, old);
		paint(look, old);
		more = wait_round(look->time + period);
		old = look;
		look = swap;
	}
}

void monitor_top(const struct command_value *value)
{
	ktime_t period = (value[0].given ? (ktime_t)value[0].number : 1) * NSEC_PER_SEC;
	struct look *looks = kzalloc(2 * sizeof(*looks));

	if (!looks) {
		console_printf("top: no memory\n");
		return;
	}
	console_hold(true);
	console_printf(HIDE_CURSOR CLEAR);
	watch(&looks[0], &looks[1], period);
	console_printf(SHOW_CURSOR);
	console_hold(false);
	kfree(looks);
}
