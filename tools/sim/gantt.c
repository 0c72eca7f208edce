/* SPDX-License-Identifier: MIT */
/*
 * The chart: a line per CPU, a letter per task. A column shows who ran at the time at which it
 * begins; as many whole units make a column as are needed for the chart to fit.
 */
#include "tools/sim/sim.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS 100
#define MARK    10 /* a number on the scale every so many columns */

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

static char letter_of(unsigned task)
{
	return letters[task % (sizeof(letters) - 1)];
}

static void draw_turns(const struct sim *sim, char *chart, ktime_t column, size_t columns)
{
	for (size_t i = 0; i < sim->turn_count; i++) {
		const struct sim_turn *turn = &sim->turns[i];
		ktime_t first = DIV_ROUND_UP(turn->begin, column);

		if (turn->cpu == SCHED_NO_CPU)
			continue;
		for (ktime_t at = first; at * column < turn->end; at++)
			chart[turn->cpu * columns + (size_t)at] = letter_of(turn->task);
	}
}

static void print_scale(const struct sim *sim, ktime_t column, size_t columns)
{
	printf("%-8s ", sim->scenario->unit->name);
	for (size_t i = 0; i < columns; i += MARK)
		printf("%-*s", MARK, time_text(sim, (ktime_t)i * column));
	printf("\n");
}

static void print_legend(const struct sim *sim)
{
	unsigned count = sim->scenario->task_count;

	for (unsigned i = 0; i < MIN(count, (unsigned)sizeof(letters) - 1); i++)
		printf("%s%c %s", i ? "  " : "", letter_of(i), task_name(&sim->task[i]));
	printf("  . idle or switching%s\n",
		count >= sizeof(letters) ? "; letters are used again after that" : "");
}

void report_gantt(const struct sim *sim)
{
	ktime_t unit = sim->scenario->unit->ns;
	ktime_t column = MAX(DIV_ROUND_UP(DIV_ROUND_UP(sim->now, unit), COLUMNS), 1) * unit;
	size_t columns = (size_t)DIV_ROUND_UP(sim->now, column), cpus = sim->scenario->cpus;
	char *chart = malloc(columns * cpus + 1);

	if (!chart)
		sim_out_of_memory();
	memset(chart, '.', columns * cpus);
	draw_turns(sim, chart, column, columns);
	print_scale(sim, column, columns);
	for (size_t cpu = 0; cpu < cpus; cpu++)
		printf("CPU %-4zu %.*s\n", cpu, (int)columns, chart + cpu * columns);
	print_legend(sim);
	free(chart);
}
