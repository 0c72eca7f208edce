/* SPDX-License-Identifier: MIT */
/* What came out, as a table for people and as JSON for programs. README.md explains the columns. */
#include "tools/sim/sim.h"
#include <stdio.h>
#include <string.h>

/* What both forms tell about a task. */
struct outcome {
	const char *state;
	uint64_t jobs; /* that ended */
	ktime_t waiting, ran, slept;
	uint64_t switches, voluntary, migrations;
};

const char *task_name(const struct sim_task *task)
{
	static char name[SIM_NAME_SIZE + 12];

	if (task->spec->count == 1)
		return task->spec->name;
	snprintf(name, sizeof(name), "%s.%u", task->spec->name, task->copy);
	return name;
}

const char *time_text(const struct sim *sim, ktime_t time)
{
	static char texts[4][48];
	static unsigned turn;
	char *text = texts[turn++ % ARRAY_SIZE(texts)];
	ktime_t unit = sim->scenario->unit->ns, part = time % unit;
	int point = snprintf(text, sizeof(texts[0]), "%lld", (long long)(time / unit));

	if (!part)
		return text;
	/* One more digit in front keeps the fraction's zeros; the point takes its place. */
	snprintf(text + point, sizeof(texts[0]) - (size_t)point, "%lld", (long long)(unit + part));
	text[point] = '.';
	for (size_t last = strlen(text) - 1; text[last] == '0'; last--)
		text[last] = '\0';
	return text;
}

static const char *state_name(const struct sim_task *task)
{
	if (task->finish >= 0)
		return "ended";
	if (!task->arrived)
		return "not arrived";
	if (task->se.state == SCHED_RUNNING)
		return "running";
	return task->se.state == SCHED_QUEUED ? "waiting" : "sleeping";
}

static struct outcome outcome_of(struct sim *sim, struct sim_task *task)
{
	struct outcome o = {
		.state = state_name(task),
		.jobs = task->ended,
		.ran = task->worked,
	};

	if (!task->arrived)
		return o;
	o.waiting = sched_time_in(&sim->sched, &task->se, SCHED_QUEUED, sim->now);
	o.slept = sched_time_in(&sim->sched, &task->se, SCHED_BLOCKED, sim->now);
	o.migrations = task->se.stats.migrations;
	o.voluntary = task->se.stats.switches[SCHED_LEFT_ITSELF];
	for (unsigned i = 0; i < SCHED_LEAVING_COUNT; i++)
		o.switches += task->se.stats.switches[i];
	return o;
}

ktime_t cpu_busy(struct sim *sim, struct sim_cpu *cpu)
{
	return sim->now - sched_time_in(&sim->sched, &cpu->idle, SCHED_RUNNING, sim->now);
}

/* --- table ----------------------------------------------------------------------------------- */

static void table_task(struct sim *sim, struct sim_task *task)
{
	struct outcome o = outcome_of(sim, task);
	bool ended = task->finish >= 0, ran = task->first_run >= 0;
	ktime_t arrival = task->spec->arrival;

	printf("%-16s %9s %9s", task_name(task), time_text(sim, arrival),
		ended ? time_text(sim, task->finish) : "-");
	printf(" %9s %9s %9s %9s", time_text(sim, o.waiting),
		ran ? time_text(sim, task->first_run - arrival) : "-",
		ended ? time_text(sim, task->finish - arrival) : "-", time_text(sim, o.ran));
	printf(" %8llu %8llu %6llu  %s\n", (unsigned long long)o.switches,
		(unsigned long long)o.migrations, (unsigned long long)task->misses, o.state);
}

/* Over tasks that ended, or of the response over those that ran. */
static void table_averages(struct sim *sim)
{
	double waiting = 0, response = 0, turnaround = 0, unit = (double)sim->scenario->unit->ns;
	unsigned ended = 0, ran = 0;

	for (unsigned i = 0; i < sim->scenario->task_count; i++) {
		struct sim_task *task = &sim->task[i];

		if (task->first_run >= 0) {
			ran++;
			response += (double)(task->first_run - task->spec->arrival);
		}
		if (task->finish >= 0) {
			ended++;
			waiting += (double)outcome_of(sim, task).waiting;
			turnaround += (double)(task->finish - task->spec->arrival);
		}
	}
	printf("%u of %u tasks ended", ended, sim->scenario->task_count);
	if (ended)
		printf("; averages in %s: waiting %.4f, response %.4f, turnaround %.4f",
			sim->scenario->unit->name, waiting / ended / unit, response / ran / unit,
			turnaround / ended / unit);
	printf("\n");
}

static void table_cpu(struct sim *sim, struct sim_cpu *cpu)
{
	uint64_t switches = 0;
	ktime_t busy = cpu_busy(sim, cpu);

	for (unsigned reason = 0; reason < SCHED_REASON_COUNT; reason++)
		switches += cpu->rq.stats.switches[reason];
	printf("CPU %-4u %6.2f %% used, busy %s, switch costs %s, %llu switches, %llu steals\n",
		cpu->rq.cpu, sim->now ? 100.0 * (double)busy / (double)sim->now : 0.0,
		time_text(sim, busy), time_text(sim, cpu->overhead), (unsigned long long)switches,
		(unsigned long long)cpu->rq.stats.steals);
}

void report_table(struct sim *sim)
{
	const struct scenario *s = sim->scenario;

	printf("%s, quantum %s %s, %u CPU%s, until %s %s, %llu switches\n\n",
		sched_policy_name(s->config.algorithm), time_text(sim, s->config.quantum),
		s->unit->name, s->cpus, s->cpus == 1 ? "" : "s", time_text(sim, sim->now),
		s->unit->name, (unsigned long long)sim->switches);
	printf("%-16s %9s %9s %9s %9s %9s %9s %8s %8s %6s  state\n", "task", "arrival", "finish",
		"waiting", "response", "turnarnd", "ran", "switches", "migrated", "misses");
	for (unsigned i = 0; i < s->task_count; i++)
		table_task(sim, &sim->task[i]);
	printf("\n");
	table_averages(sim);
	for (unsigned i = 0; i < s->cpus; i++)
		table_cpu(sim, &sim->cpu[i]);
}

/* --- JSON ------------------------------------------------------------------------------------ */

static const char *time_or_null(const struct sim *sim, ktime_t time)
{
	return time < 0 ? "null" : time_text(sim, time);
}

static void json_task(struct sim *sim, struct sim_task *task)
{
	struct outcome o = outcome_of(sim, task);
	bool ended = task->finish >= 0, ran = task->first_run >= 0;
	ktime_t arrival = task->spec->arrival;

	printf("{\"name\": \"%s\", \"state\": \"%s\", \"arrival\": %s, \"finish\": %s, ",
		task_name(task), o.state, time_text(sim, arrival),
		ended ? time_text(sim, task->finish) : "null");
	printf("\"waiting\": %s, \"response\": %s, \"turnaround\": %s, \"ran\": %s, ",
		time_text(sim, o.waiting), ran ? time_text(sim, task->first_run - arrival) : "null",
		ended ? time_text(sim, task->finish - arrival) : "null", time_text(sim, o.ran));
	printf("\"slept\": %s, \"jobs\": %llu, \"misses\": %llu, \"first_miss\": %s, \"worst\": %s, ",
		time_text(sim, o.slept), (unsigned long long)o.jobs,
		(unsigned long long)task->misses, time_or_null(sim, task->first_miss),
		time_or_null(sim, task->worst));
	printf("\"switches\": %llu, \"voluntary\": %llu, \"migrations\": %llu}",
		(unsigned long long)o.switches, (unsigned long long)o.voluntary,
		(unsigned long long)o.migrations);
}

static void json_cpu(struct sim *sim, struct sim_cpu *cpu)
{
	uint64_t switches = 0;

	for (unsigned reason = 0; reason < SCHED_REASON_COUNT; reason++)
		switches += cpu->rq.stats.switches[reason];
	printf("{\"cpu\": %u, \"busy\": %s, \"switch_costs\": %s, ", cpu->rq.cpu,
		time_text(sim, cpu_busy(sim, cpu)), time_text(sim, cpu->overhead));
	printf("\"switches\": %llu, \"migrations\": %llu, \"steals\": %llu, \"kicks\": %llu}",
		(unsigned long long)switches, (unsigned long long)cpu->rq.stats.migrations,
		(unsigned long long)cpu->rq.stats.steals, (unsigned long long)cpu->rq.stats.kicks);
}

void report_json(struct sim *sim)
{
	const struct scenario *s = sim->scenario;

	printf("{\"policy\": \"%s\", \"unit\": \"%s\", \"quantum\": %s, \"cpus\": %u, ",
		sched_policy_name(s->config.algorithm), s->unit->name,
		time_text(sim, s->config.quantum), s->cpus);
	printf("\"end\": %s, \"switches\": %llu,\n\"tasks\": [", time_text(sim, sim->now),
		(unsigned long long)sim->switches);
	for (unsigned i = 0; i < s->task_count; i++) {
		printf(i ? ",\n " : "\n ");
		json_task(sim, &sim->task[i]);
	}
	printf("],\n\"per_cpu\": [");
	for (unsigned i = 0; i < s->cpus; i++) {
		printf(i ? ",\n " : "\n ");
		json_cpu(sim, &sim->cpu[i]);
	}
	printf("]}\n");
}
