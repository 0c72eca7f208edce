/* SPDX-License-Identifier: MIT */
/*
 * The run as a trace for Perfetto's viewer: JSON in the Trace Event Format, complete events ("X")
 * on a track per CPU and a track per task, instants ("i") where a job is released or a deadline is
 * missed. Times are microseconds with three decimals, so no nanosecond is lost.
 */
#include "tools/sim/sim.h"
#include <stdio.h>

#define CPUS  1 /* "process" of the tracks of CPUs */
#define TASKS 2 /* and of tasks */

static void print_time(const char *key, ktime_t time)
{
	printf(", \"%s\": %lld.%03lld", key, (long long)(time / NSEC_PER_USEC),
		(long long)(time % NSEC_PER_USEC));
}

/* Each call but the first begins after a comma. */
static void begin_event(const char *phase, unsigned process, unsigned track, const char *name)
{
	printf(",\n{\"ph\": \"%s\", \"pid\": %u, \"tid\": %u, \"name\": \"%s\"", phase, process,
		track, name);
}

static void name_track(unsigned process, unsigned track, const char *name)
{
	begin_event("M", process, track, "thread_name");
	printf(", \"args\": {\"name\": \"%s\"}}", name);
}

static void name_tracks(const struct sim *sim)
{
	char name[32];

	printf("{\"ph\": \"M\", \"pid\": %d, \"tid\": 0, \"name\": \"process_name\", "
	       "\"args\": {\"name\": \"CPUs\"}}",
		CPUS);
	begin_event("M", TASKS, 0, "process_name");
	printf(", \"args\": {\"name\": \"tasks\"}}");
	for (unsigned cpu = 0; cpu < sim->scenario->cpus; cpu++) {
		snprintf(name, sizeof(name), "CPU %u", cpu);
		name_track(CPUS, cpu, name);
	}
	for (unsigned task = 0; task < sim->scenario->task_count; task++)
		name_track(TASKS, task, task_name(&sim->task[task]));
}

static void print_slice(
	const struct sim_turn *turn, unsigned process, unsigned track, const char *name)
{
	begin_event("X", process, track, name);
	print_time("ts", turn->begin);
	print_time("dur", turn->end - turn->begin);
	printf("}");
}

static void print_turn(const struct sim *sim, const struct sim_turn *turn)
{
	char name[32];

	if (turn->cpu == SCHED_NO_CPU) {
		print_slice(turn, TASKS, turn->task, "waits");
		return;
	}
	snprintf(name, sizeof(name), "runs on CPU %u", turn->cpu);
	print_slice(turn, CPUS, turn->cpu, task_name(&sim->task[turn->task]));
	print_slice(turn, TASKS, turn->task, name);
}

static void print_instant(unsigned task, const char *name, ktime_t time)
{
	begin_event("i", TASKS, task, name);
	print_time("ts", time);
	printf(", \"s\": \"t\"}");
}

static void print_job(const struct sim *sim, const struct sim_job *job)
{
	print_instant(job->task, "release", job->release);
	if ((job->finish < 0 ? sim->now : job->finish) > job->deadline)
		print_instant(job->task, "miss", job->deadline);
}

void report_trace(const struct sim *sim)
{
	printf("{\"displayTimeUnit\": \"ns\", \"traceEvents\": [\n");
	name_tracks(sim);
	for (size_t i = 0; i < sim->turn_count; i++)
		print_turn(sim, &sim->turns[i]);
	for (size_t i = 0; i < sim->job_count; i++)
		print_job(sim, &sim->jobs[i]);
	printf("\n]}\n");
}
