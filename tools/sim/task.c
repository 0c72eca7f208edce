/* SPDX-License-Identifier: MIT */
/*
 * Tasks: jobs are released, go through their phases as many times as they shall, and end. A task
 * whose next job is not released yet sleeps; one whose next job has been released goes on with it.
 */
#include "tools/sim/sim.h"
#include "kernel/errno.h"
#include <arch/host.h>
#include <stdio.h>
#include <stdlib.h>

/* splitmix64: every seed is a good one. */
static uint64_t draw(struct sim_task *task)
{
	uint64_t z = task->random += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* Whole units between the phase's ends. */
static ktime_t phase_length(const struct sim *sim, struct sim_task *task)
{
	const struct phase *phase = &task->spec->phases[task->phase];
	ktime_t unit = sim->scenario->unit->ns, choices = (phase->high - phase->low) / unit + 1;

	return choices == 1 ? phase->low
			    : phase->low + (ktime_t)(draw(task) % (uint64_t)choices) * unit;
}

static void begin_job(const struct sim *sim, struct sim_task *task)
{
	uint64_t rounds = task->spec->rounds;

	task->phase = 0;
	task->rounds = rounds == SIM_FOREVER ? SIM_FOREVER : rounds - 1;
	task->left = phase_length(sim, task);
}

static void init_task(struct sim *sim, unsigned number, const struct task_spec *spec, unsigned copy)
{
	struct sim_task *task = &sim->task[number];

	*task = (struct sim_task){
		.spec = spec,
		.copy = copy,
		.release = spec->arrival,
		.random = sim->scenario->seed << 32 | number,
		.first_miss = -1,
		.worst = -1,
		.first_run = -1,
		.ready_since = -1,
		.finish = -1,
	};
	task->random = draw(task);
	begin_job(sim, task);
	events_set(&sim->events, number, spec->arrival);
}

void tasks_init(struct sim *sim)
{
	const struct scenario *s = sim->scenario;
	unsigned number = 0;

	sim->task = sim_allocate(s->task_count, sizeof(struct sim_task));
	for (unsigned i = 0; i < s->spec_count; i++)
		for (unsigned copy = 0; copy < s->specs[i].count; copy++)
			init_task(sim, number++, &s->specs[i], copy);
	sim->live = number;
}

/* A reservation is asked for once the task exists. */
static void attach(
	struct sim *sim, struct sim_task *task, const struct sched_params *params, unsigned cpu)
{
	struct sched_params plain = {.level = params->level, .affinity = params->affinity};
	bool reserves = params->kind >= SCHED_KIND_RM;
	int error;

	BUG_ON(sched_attach(&sim->sched, &task->se, reserves ? &plain : params, sim->now));
	error = reserves ? sched_set_params(&sim->sched, &task->se, params, cpu, sim->now) : 0;
	if (!error)
		return;
	BUG_ON(error != -EBUSY);
	fprintf(stderr, "mos-sim: task %s: no CPU has room for its reservation\n", task_name(task));
	exit(2);
}

/* It comes in at the first CPU on which it may run. */
static void arrive(struct sim *sim, struct sim_task *task)
{
	const struct task_spec *spec = task->spec;
	bool anywhere = cpumask_empty(&spec->affinity);
	struct sched_params params = {
		.kind = spec->kind,
		.level = spec->level,
		.priority = spec->priority,
		.runtime = spec->runtime,
		.deadline = spec->deadline,
		.period = spec->period,
		.affinity = anywhere ? NULL : &spec->affinity,
	};
	unsigned cpu = anywhere ? 0 : cpumask_first(&spec->affinity);

	arch_host_become(cpu);
	attach(sim, task, &params, cpu);
	sched_start(&sim->sched, &task->se, cpu, sim->now);
	task->arrived = true;
	cpu_interrupt(&sim->cpu[cpu]);
}

static bool runs_again(const struct sim_task *task, unsigned from)
{
	for (unsigned i = from; i < task->spec->phase_count; i++)
		if (!task->spec->phases[i].sleep)
			return true;
	return task->rounds > 0;
}

/* False: the last run phase is over. A sleep after it is nothing to wait for. */
static bool next_phase(struct sim_task *task)
{
	if (!runs_again(task, task->phase + 1))
		return false;
	if (++task->phase < task->spec->phase_count)
		return true;
	task->phase = 0;
	if (task->rounds != SIM_FOREVER)
		task->rounds--;
	return true;
}

static bool sleeps(const struct sim_task *task)
{
	return task->spec->phases[task->phase].sleep;
}

/* False: it sleeps on. */
static bool runs_now(struct sim *sim, struct sim_task *task)
{
	if (task->awaits_release) {
		task->awaits_release = false;
		begin_job(sim, task);
		return true;
	}
	BUG_ON(!next_phase(task));
	task->left = phase_length(sim, task);
	if (!sleeps(task))
		return true;
	events_set(&sim->events, task_number(sim, task), sim->now + task->left);
	return false;
}

/* The timer of a sleeper is on the CPU where it ran last. */
static void wake(struct sim *sim, struct sim_task *task)
{
	unsigned cpu = atomic_load_explicit(&task->se.rq, memory_order_relaxed)->cpu;

	if (!runs_now(sim, task))
		return;
	arch_host_become(cpu);
	BUG_ON(!sched_wake(&sim->sched, &task->se, cpu, sim->now));
	cpu_interrupt(&sim->cpu[cpu]);
}

void task_event(struct sim *sim, struct sim_task *task)
{
	events_clear(&sim->events, task_number(sim, task));
	if (task->arrived)
		wake(sim, task);
	else
		arrive(sim, task);
}

/* --- jobs ------------------------------------------------------------------------------------ */

static ktime_t deadline_of(const struct sim_task *task)
{
	return task->spec->deadline ? task->release + task->spec->deadline : KTIME_MAX;
}

/* finish: -1 when it has not been. */
static void book_job(struct sim *sim, struct sim_task *task, ktime_t finish)
{
	ktime_t deadline = deadline_of(task);

	if ((finish < 0 ? sim->now : finish) > deadline) {
		task->misses++;
		if (task->first_miss < 0)
			task->first_miss = deadline;
	}
	if (finish >= 0) {
		task->ended++;
		task->worst = MAX(task->worst, finish - task->release);
	}
	if (!sim->record)
		return;
	sim->jobs = sim_append(sim->jobs, &sim->job_count, &sim->job_room, sizeof(struct sim_job));
	sim->jobs[sim->job_count - 1] =
		(struct sim_job){task_number(sim, task), task->release, deadline, finish};
}

/* False: that was the last one. */
static bool next_job(struct sim_task *task)
{
	const struct task_spec *spec = task->spec;

	if (++task->job == spec->jobs)
		return false;
	if (spec->arrivals)
		task->release = spec->arrivals[task->job];
	else
		task->release += spec->period;
	return true;
}

void tasks_stop(struct sim *sim)
{
	for (unsigned i = 0; i < sim->scenario->task_count; i++) {
		struct sim_task *task = &sim->task[i];

		if (task->finish >= 0)
			continue;
		while (task->release < sim->now) {
			book_job(sim, task, -1);
			if (!next_job(task))
				break;
		}
	}
}

static bool goes_by_deadlines(const struct sim *sim, const struct sim_task *task)
{
	const struct task_spec *spec = task->spec;

	return spec->kind == SCHED_KIND_DL ||
		(spec->kind == SCHED_KIND_TS && spec->deadline &&
			sim->scenario->config.algorithm == SCHED_POLICY_edf);
}

static void job_done(struct sim *sim, struct sim_cpu *cpu, struct sim_task *task)
{
	book_job(sim, task, sim->now);
	if (!next_job(task)) {
		task->finish = sim->now;
		sim->live--;
		cpu_switch(cpu, SCHED_EXIT);
	} else if (task->release > sim->now) {
		task->awaits_release = true;
		events_set(&sim->events, task_number(sim, task), task->release);
		cpu_switch(cpu, SCHED_SLEEP);
	} else {
		begin_job(sim, task);
		cpu_work_on(cpu);
		if (goes_by_deadlines(sim, task))
			cpu_switch(cpu, SCHED_YIELD); /* a job with another deadline */
	}
}

void task_phase_done(struct sim *sim, struct sim_cpu *cpu)
{
	struct sim_task *task = cpu->running;

	if (!next_phase(task)) {
		job_done(sim, cpu, task);
		return;
	}
	if (!sleeps(task)) {
		task->left = phase_length(sim, task);
		cpu_work_on(cpu);
		return;
	}
	events_set(&sim->events, task_number(sim, task), sim->now + phase_length(sim, task));
	cpu_switch(cpu, SCHED_SLEEP);
}
