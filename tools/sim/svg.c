/* SPDX-License-Identifier: MIT */
/*
 * The chart as a picture: a row per CPU with the tasks that ran there, a row per task with its
 * turns, its waits for a CPU, the releases and the deadlines of its jobs. Every turn is drawn.
 */
#include "tools/sim/sim.h"
#include <stdio.h>

/* Pixels. */
#define LEFT  110
#define TOP   56
#define CHART 900
#define RIGHT 30
#define ROW   26
#define BAR   16
#define GAP   14 /* between the rows of CPUs and those of tasks */

#define TICKS 12 /* at most so many numbers on the scale */

static const char *const colours[] = {"#4878a8", "#e08a3c", "#5a9e58", "#c65a5a", "#8f74b0",
	"#8c6d5c", "#d98ab8", "#7f8790", "#b5a642", "#45a5b5", "#2f4f7f", "#a35d1e"};

static const char *colour_of(unsigned task)
{
	return colours[task % ARRAY_SIZE(colours)];
}

static double x_of(const struct sim *sim, ktime_t time)
{
	return LEFT + (double)CHART * (double)time / (double)sim->now;
}

static unsigned cpu_row(unsigned cpu)
{
	return TOP + cpu * ROW;
}

static unsigned task_row(const struct sim *sim, unsigned task)
{
	return TOP + (sim->scenario->cpus + task) * ROW + GAP;
}

static unsigned bottom(const struct sim *sim)
{
	return task_row(sim, sim->scenario->task_count);
}

/* --- scale ----------------------------------------------------------------------------------- */

/* The least of 1, 2, 5, 10, 20, … units with which the marks are few enough. */
static ktime_t step_of(const struct sim *sim)
{
	static const ktime_t steps[] = {1, 2, 5};
	ktime_t power = sim->scenario->unit->ns;

	for (unsigned i = 0;; i++) {
		ktime_t step = steps[i % ARRAY_SIZE(steps)] * power;

		if (sim->now / step <= TICKS)
			return step;
		if (i % ARRAY_SIZE(steps) == ARRAY_SIZE(steps) - 1)
			power *= 10;
	}
}

static void draw_scale(const struct sim *sim)
{
	ktime_t step = step_of(sim);

	for (ktime_t at = 0; at <= sim->now; at += step) {
		double x = x_of(sim, at);

		printf("<line class=\"grid\" x1=\"%.2f\" y1=\"%d\" x2=\"%.2f\" y2=\"%u\"/>\n", x,
			TOP - 6, x, bottom(sim));
		printf("<text class=\"tick\" x=\"%.2f\" y=\"%d\">%s</text>\n", x, TOP - 12,
			time_text(sim, at));
	}
}

/* --- rows ------------------------------------------------------------------------------------ */

static void draw_label(unsigned row, const char *text)
{
	printf("<text class=\"label\" x=\"%d\" y=\"%u\">%s</text>\n", LEFT - 8, row + BAR - 3,
		text);
}

static void draw_labels(const struct sim *sim)
{
	char name[32];

	for (unsigned cpu = 0; cpu < sim->scenario->cpus; cpu++) {
		snprintf(name, sizeof(name), "CPU %u", cpu);
		draw_label(cpu_row(cpu), name);
	}
	for (unsigned task = 0; task < sim->scenario->task_count; task++)
		draw_label(task_row(sim, task), task_name(&sim->task[task]));
}

static void draw_bar(
	const struct sim *sim, const struct sim_turn *turn, unsigned row, const char *colour)
{
	double x = x_of(sim, turn->begin), width = x_of(sim, turn->end) - x;

	printf("<rect x=\"%.2f\" y=\"%u\" width=\"%.2f\" height=\"%d\" fill=\"%s\"/>\n", x, row,
		width, BAR, colour);
}

static void draw_wait(const struct sim *sim, const struct sim_turn *turn)
{
	double x = x_of(sim, turn->begin), width = x_of(sim, turn->end) - x;

	printf("<rect class=\"wait\" x=\"%.2f\" y=\"%u\" width=\"%.2f\" height=\"4\"/>\n", x,
		task_row(sim, turn->task) + (BAR - 4) / 2, width);
}

static void draw_turns(const struct sim *sim)
{
	for (size_t i = 0; i < sim->turn_count; i++) {
		const struct sim_turn *turn = &sim->turns[i];

		if (turn->cpu == SCHED_NO_CPU) {
			draw_wait(sim, turn);
			continue;
		}
		draw_bar(sim, turn, cpu_row(turn->cpu), colour_of(turn->task));
		draw_bar(sim, turn, task_row(sim, turn->task), colour_of(turn->task));
	}
}

/* --- jobs ------------------------------------------------------------------------------------ */

/* An arrow along a row's height: up where a job is released, down at its deadline. */
static void draw_arrow(const struct sim *sim, unsigned row, ktime_t at, bool up, const char *kind)
{
	double x = x_of(sim, at);
	int tip = (int)row + (up ? -4 : BAR + 4), end = (int)row + (up ? BAR : 0);
	int back = up ? tip + 5 : tip - 5;

	printf("<path class=\"%s\" d=\"M%.2f %dV%dM%.2f %dL%.2f %dL%.2f %d\"/>\n", kind, x, end,
		tip, x - 3, back, x, tip, x + 3, back);
}

static bool missed(const struct sim *sim, const struct sim_job *job)
{
	return (job->finish < 0 ? sim->now : job->finish) > job->deadline;
}

static void draw_jobs(const struct sim *sim)
{
	for (size_t i = 0; i < sim->job_count; i++) {
		const struct sim_job *job = &sim->jobs[i];
		unsigned row = task_row(sim, job->task);

		draw_arrow(sim, row, job->release, true, "release");
		if (job->deadline <= sim->now)
			draw_arrow(sim, row, job->deadline, false,
				missed(sim, job) ? "miss" : "deadline");
	}
}

/* --- all of it ------------------------------------------------------------------------------- */

static void draw_title(const struct sim *sim)
{
	const struct scenario *s = sim->scenario;

	printf("<text class=\"title\" x=\"%d\" y=\"20\">%s, %u CPU%s, time in %s", LEFT,
		sched_policy_name(s->config.algorithm), s->cpus, s->cpus == 1 ? "" : "s",
		s->unit->name);
	printf(". Bar: runs; grey line: waits for a CPU; arrow up: release; arrow down: deadline,"
	       " red when missed</text>\n");
}

void report_svg(const struct sim *sim)
{
	unsigned width = LEFT + CHART + RIGHT, height = bottom(sim) + 10;

	printf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" "
	       "viewBox=\"0 0 %u %u\">\n",
		width, height, width, height);
	printf("<style>text{font-family:sans-serif;font-size:12px;fill:#222}.title{font-size:13px}"
	       ".tick{text-anchor:middle;fill:#666}.label{text-anchor:end}.grid{stroke:#ddd}"
	       ".wait{fill:#b8b8b8}path{fill:none;stroke-width:1.4}.release,.deadline{stroke:#222}"
	       ".miss{stroke:#d00;stroke-width:2.4}</style>\n");
	printf("<rect width=\"%u\" height=\"%u\" fill=\"#fff\"/>\n", width, height);
	draw_title(sim);
	if (sim->now)
		draw_scale(sim);
	draw_labels(sim);
	if (sim->now) {
		draw_turns(sim);
		draw_jobs(sim);
	}
	printf("</svg>\n");
}
