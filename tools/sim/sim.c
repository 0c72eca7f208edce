/* SPDX-License-Identifier: MIT */
/*
 * The loop over events. Within one instant: first tasks arrive and wake, in the order of the
 * scenario; then run phases end, by CPU; then the interrupted CPUs look at need_resched; then the
 * scheduler's timers fire, by CPU. So an arrival is queued before a slice that ends at its time
 * (rule S1.7), and a task whose work is done is never preempted by one who comes at that moment.
 */
#include "tools/sim/sim.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE (2ul << 20)

/* Sums of times stay within ktime_t. About 95 years. */
#define LAST_INSTANT 3000000000000000000LL

void sim_out_of_memory(void)
{
	fprintf(stderr, "mos-sim: out of memory\n");
	exit(1);
}

void *sim_allocate(size_t count, size_t size)
{
	size_t bytes = ALIGN_UP(count * size, HUGE_PAGE);
	void *memory = aligned_alloc(HUGE_PAGE, bytes);

	if (!memory)
		sim_out_of_memory();
	madvise(memory, bytes, MADV_HUGEPAGE);
	return memset(memory, 0, count * size);
}

void *sim_append(void *array, size_t *count, size_t *room, size_t size)
{
	if (*count == *room) {
		*room = MAX(*room * 2, (size_t)1024);
		array = realloc(array, *room * size);
		if (!array)
			sim_out_of_memory();
	}
	*count += 1;
	return array;
}

static void handle(struct sim *sim, unsigned id)
{
	const struct scenario *s = sim->scenario;

	if (id < s->task_count) {
		task_event(sim, &sim->task[id]);
		return;
	}
	if (id < s->task_count + s->cpus) {
		task_phase_done(sim, &sim->cpu[id - s->task_count]);
		return;
	}
	events_clear(&sim->events, id);
	cpu_timer(&sim->cpu[id - s->task_count - s->cpus]);
}

/* Everything that happens at sim->now. */
static void instant(struct sim *sim)
{
	unsigned first_timer = sim->scenario->task_count + sim->scenario->cpus;
	const struct event *event;

	while ((event = events_first(&sim->events)) && event->time == sim->now) {
		if (event->id >= first_timer && sim->look_first)
			cpus_settle();
		else
			handle(sim, event->id);
	}
	cpus_settle();
}

static void loop(struct sim *sim)
{
	ktime_t end = MIN(sim->scenario->horizon, LAST_INSTANT);

	while (sim->live) {
		const struct event *event = events_first(&sim->events);

		BUG_ON(!event || event->time < sim->now);
		if (event->time >= end) {
			sim->now = end;
			break;
		}
		sim->now = event->time;
		do
			instant(sim);
		while ((event = events_first(&sim->events)) && event->time == sim->now);
	}
	if (sim->now == LAST_INSTANT) {
		fprintf(stderr, "mos-sim: tasks still run after 95 years of virtual time\n");
		exit(1);
	}
	if (sim->scenario->horizon != KTIME_MAX)
		sim->now = sim->scenario->horizon;
}

void sim_run(struct sim *sim, const struct scenario *scenario, bool record)
{
	*sim = (struct sim){.scenario = scenario, .record = record};
	if (sched_init(&sim->sched, &scenario->config)) {
		fprintf(stderr, "mos-sim: policy %s cannot be the system's algorithm\n",
			sched_policy_name(scenario->config.algorithm));
		exit(2);
	}
	sim->cpu = sim_allocate(scenario->cpus, sizeof(struct sim_cpu));
	if (!events_init(&sim->events, scenario->task_count + 2 * scenario->cpus))
		sim_out_of_memory();
	tasks_init(sim);
	cpus_start(sim);
	loop(sim);
	cpus_stop(sim);
	tasks_stop(sim);
}

void sim_free(struct sim *sim)
{
	events_free(&sim->events);
	free(sim->turns);
	free(sim->jobs);
	free(sim->task);
	free(sim->cpu);
}
