/* SPDX-License-Identifier: MIT */
/* From the file's nodes to a scenario: one reader per key. README.md describes the format. */
#include "tools/sim/document.h"
#include "tools/sim/scenario.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A time in a file is at most this: sums of 3,000 of them still fit. About 35 days. */
#define LONGEST 3000000000000000LL

static const struct unit units[] = {
	{"ns", 1},
	{"us", NSEC_PER_USEC},
	{"ms", NSEC_PER_MSEC},
	{"s", NSEC_PER_SEC},
};

/* A task is read into its spec, but the unit of its times and the number of CPUs are here. */
struct spec_reader {
	const struct scenario *scenario;
	struct task_spec *spec;
	yaml_node_t *at;
	yaml_node_t *repeat;   /* NULL: not given */
	yaml_node_t *arrival;  /* NULL: not given */
	yaml_node_t *priority; /* NULL: not given */
	uint64_t rounds;       /* what `repeat` says */
};

struct phase_reader {
	const struct scenario *scenario;
	struct phase *phase;
	bool filled;
};

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (!memory) {
		fprintf(stderr, "mos-sim: no memory for %zu times %zu bytes\n", count, size);
		exit(1);
	}
	return memory;
}

static ktime_t read_time(struct document *d, yaml_node_t *node, const struct scenario *scenario,
	const char *what, uint64_t least)
{
	ktime_t unit = scenario->unit->ns;

	return (ktime_t)document_number(d, node, what, least, (uint64_t)(LONGEST / unit)) * unit;
}

/* --- phases ---------------------------------------------------------------------------------- */

/* A number, or a list of two: from, to. */
static void read_length(
	struct document *d, yaml_node_t *node, struct phase_reader *r, const char *what)
{
	struct phase *phase = r->phase;

	if (r->filled)
		document_fail(d, node, "phase: expected either run or sleep, found both");
	r->filled = true;
	if (node->type != YAML_SEQUENCE_NODE) {
		phase->low = phase->high = read_time(d, node, r->scenario, what, 1);
		return;
	}
	if (document_list(d, node, what) != 2)
		document_fail(d, node, "%s: expected a time, or two: [from, to]", what);
	phase->low = read_time(d, document_item(d, node, 0), r->scenario, what, 1);
	phase->high = read_time(d, document_item(d, node, 1), r->scenario, what,
		(uint64_t)(phase->low / r->scenario->unit->ns));
}

static void read_run(struct document *d, yaml_node_t *node, void *into)
{
	read_length(d, node, into, "run");
}

static void read_sleep(struct document *d, yaml_node_t *node, void *into)
{
	struct phase_reader *r = into;

	read_length(d, node, r, "sleep");
	r->phase->sleep = true;
}

static const struct document_field phase_fields[] = {
	{"run", read_run, false},
	{"sleep", read_sleep, false},
};

static void expect_no_phases(struct document *d, yaml_node_t *node, const struct spec_reader *r)
{
	if (r->spec->phases)
		document_fail(d, node, "task: expected either run or phases, found both");
}

/* Short for phases of one run. */
static void read_task_run(struct document *d, yaml_node_t *node, void *into)
{
	struct spec_reader *r = into;
	struct phase_reader p = {.scenario = r->scenario};

	expect_no_phases(d, node, r);
	p.phase = r->spec->phases = allocate(1, sizeof(struct phase));
	r->spec->phase_count = 1;
	read_run(d, node, &p);
}

static void read_phases(struct document *d, yaml_node_t *node, void *into)
{
	struct spec_reader *r = into;
	unsigned count = document_list(d, node, "phases");

	expect_no_phases(d, node, r);
	r->spec->phases = allocate(count, sizeof(struct phase));
	r->spec->phase_count = count;
	for (unsigned i = 0; i < count; i++) {
		struct phase_reader p = {r->scenario, &r->spec->phases[i], false};
		yaml_node_t *item = document_item(d, node, i);

		document_mapping(d, item, "phase", phase_fields, ARRAY_SIZE(phase_fields), &p);
		if (!p.filled)
			document_fail(d, item, "phase: expected the key \"run\" or \"sleep\"");
		if (!i && p.phase->sleep)
			document_fail(d, item, "phases: expected to begin with run, found sleep");
	}
}

/* --- tasks ----------------------------------------------------------------------------------- */

static bool is_name(const char *text)
{
	size_t length = strspn(text,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789._+-");

	return length && !text[length] && length < SIM_NAME_SIZE;
}

static void read_name(struct document *d, yaml_node_t *node, void *into)
{
	struct spec_reader *r = into;
	const char *name = document_text(d, node, "name");

	if (!is_name(name))
		document_fail(d, node,
			"name: expected 1 to %d of A-Z a-z 0-9 . _ + -, found \"%.40s\"",
			SIM_NAME_SIZE - 1, name);
	strcpy(r->spec->name, name);
}

static void read_arrival(struct document *d, yaml_node_t *node, void *into)
{
	struct spec_reader *r = into;

	r->spec->arrival = read_time(d, node, r->scenario, "arrival", 0);
	r->arrival = node;
}

/* A list of times, none before the one in front of it. */
static void read_arrivals(struct document *d, yaml_node_t *node, void *into)
{
	struct spec_reader *r = into;
	unsigned count = document_list(d, node, "arrivals");
	ktime_t unit = r->scenario->unit->ns, last = 0;

	r->spec->arrivals = allocate(count, sizeof(ktime_t));
	r->spec->jobs = count;
	for (unsigned i = 0; i < count; i++) {
		last = read_time(d, document_item(d, node, i), r->scenario, "arrivals",
			(uint64_t)(last / unit));
		r->spec->arrivals[i] = last;
	}
}

static void read_period(struct document *d, yaml_node_t *node, void *into)
{
	struct spec_reader *r = into;

	r->spec->period = read_time(d, node, r->scenario, "period", 1);
}

static void read_deadline(struct document *d, yaml_node_t *node, void *into)
{
	struct spec_reader *r = into;

	r->spec->deadline = read_time(d, node, r->scenario, "deadline", 1);
}

static void read_class(struct document *d, yaml_node_t *node, void *into)
{
	static const char *const names[SCHED_KIND_COUNT] = {[SCHED_KIND_TS] = "ts",
		[SCHED_KIND_FIFO] = "fifo",
		[SCHED_KIND_RR] = "rr",
		[SCHED_KIND_RM] = "rm",
		[SCHED_KIND_DL] = "dl"};
	const char *name = document_text(d, node, "class");
	struct spec_reader *r = into;

	for (unsigned i = 0; i < SCHED_KIND_COUNT; i++) {
		if (strcmp(names[i], name))
			continue;
		r->spec->kind = (enum sched_kind)i;
		return;
	}
	document_fail(d, node, "class: expected ts, fifo, rr, rm or dl, found \"%.40s\"", name);
}

/* A number, or "rm": see set_rate_monotonic(). */
static void read_priority(struct document *d, yaml_node_t *node, void *into)
{
	struct spec_reader *r = into;

	r->priority = node;
	if (node->type == YAML_SCALAR_NODE && !strcmp(document_text(d, node, "priority"), "rm"))
		return;
	r->spec->priority =
		(unsigned)document_number(d, node, "priority (or rm)", 1, SCHED_PRIORITY_MAX);
}

static void read_runtime(struct document *d, yaml_node_t *node, void *into)
{
	struct spec_reader *r = into;

	r->spec->runtime = read_time(d, node, r->scenario, "runtime", 1);
}

static void read_level(struct document *d, yaml_node_t *node, void *into)
{
	struct spec_reader *r = into;

	r->spec->level = (unsigned)document_number(d, node, "level", 0, SCHED_LEVEL_COUNT - 1);
}

static void read_task_affinity(struct document *d, yaml_node_t *node, void *into)
{
	struct spec_reader *r = into;
	unsigned count = document_list(d, node, "affinity");

	for (unsigned i = 0; i < count; i++) {
		yaml_node_t *item = document_item(d, node, i);

		cpumask_set(&r->spec->affinity,
			(unsigned)document_number(d, item, "affinity", 0, r->scenario->cpus - 1));
	}
}

static void read_repeat(struct document *d, yaml_node_t *node, void *into)
{
	struct spec_reader *r = into;

	r->repeat = node;
	if (node->type == YAML_SCALAR_NODE && !strcmp(document_text(d, node, "repeat"), "forever"))
		r->rounds = SIM_FOREVER;
	else
		r->rounds = document_number(d, node, "repeat (or forever)", 1, 1000000000);
	if (r->rounds == SIM_FOREVER && r->scenario->horizon == KTIME_MAX)
		document_fail(d, node, "repeat: forever needs a \"horizon\" in the scenario");
}

static void read_count(struct document *d, yaml_node_t *node, void *into)
{
	struct spec_reader *r = into;

	r->spec->count = (unsigned)document_number(d, node, "count", 1, SIM_MAX_TASKS);
}

static const struct document_field task_fields[] = {
	{"name", read_name, true},
	{"phases", read_phases, false},
	{"run", read_task_run, false},
	{"arrival", read_arrival, false},
	{"arrivals", read_arrivals, false},
	{"period", read_period, false},
	{"deadline", read_deadline, false},
	{"class", read_class, false},
	{"priority", read_priority, false},
	{"runtime", read_runtime, false},
	{"level", read_level, false},
	{"affinity", read_task_affinity, false},
	{"repeat", read_repeat, false},
	{"count", read_count, false},
};

static void finish_arrivals(struct document *d, struct spec_reader *r)
{
	struct task_spec *spec = r->spec;

	if (spec->period || r->arrival)
		document_fail(d, r->arrival ? r->arrival : r->at,
			"arrivals: expected neither arrival nor period beside them");
	if (r->repeat)
		document_fail(d, r->repeat, "repeat: expected none beside arrivals");
	spec->arrival = spec->arrivals[0];
	spec->rounds = 1;
}

/* One job of many rounds, or with a period many jobs of one round. */
static void finish_jobs(struct document *d, struct spec_reader *r)
{
	struct task_spec *spec = r->spec;

	if (spec->arrivals) {
		finish_arrivals(d, r);
		return;
	}
	spec->jobs = 1;
	spec->rounds = r->repeat ? r->rounds : 1;
	if (!spec->period)
		return;
	if (!r->repeat && r->scenario->horizon == KTIME_MAX)
		document_fail(d, r->at,
			"task: a period needs \"repeat\", or a \"horizon\" in the scenario");
	spec->jobs = r->repeat ? r->rounds : SIM_FOREVER;
	spec->rounds = 1;
	if (!spec->deadline)
		spec->deadline = spec->period;
	if (spec->deadline > spec->period)
		document_fail(d, r->at, "deadline: expected at most the period");
}

/* What a class needs, and nothing that another one needs. */
static void finish_class(struct document *d, struct spec_reader *r)
{
	struct task_spec *spec = r->spec;
	bool fixed = spec->kind == SCHED_KIND_FIFO || spec->kind == SCHED_KIND_RR;
	bool reserved = spec->kind >= SCHED_KIND_RM;

	if (fixed != !!r->priority)
		document_fail(d, r->priority ? r->priority : r->at,
			"task: expected a priority with class fifo or rr, and with no other");
	if (fixed && !spec->priority && !spec->period)
		document_fail(d, r->priority, "priority: rm needs a period");
	if (reserved != !!spec->runtime)
		document_fail(d, r->at,
			"task: expected a runtime with class rm or dl, and with no other");
	if (reserved && !spec->period)
		document_fail(d, r->at, "task: class rm or dl needs a period");
	if (spec->runtime > spec->deadline && reserved)
		document_fail(d, r->at, "runtime: expected at most the deadline");
}

/* Is there a rate-monotonic task with this period among the first `count`? */
static bool has_period(const struct scenario *s, unsigned count, ktime_t period)
{
	for (unsigned i = 0; i < count; i++)
		if (s->specs[i].rate_monotonic && s->specs[i].period == period)
			return true;
	return false;
}

/* Rule S7.1: the shortest period has priority 99, the next longer one 98, … down to 1. */
static void set_rate_monotonic(struct scenario *s)
{
	for (unsigned i = 0; i < s->spec_count; i++) {
		struct task_spec *spec = &s->specs[i];
		unsigned shorter = 0;

		for (unsigned j = 0; j < s->spec_count && spec->rate_monotonic; j++)
			shorter += s->specs[j].rate_monotonic &&
				s->specs[j].period < spec->period &&
				!has_period(s, j, s->specs[j].period);
		if (spec->rate_monotonic)
			spec->priority = MAX(SCHED_PRIORITY_MAX - (int)shorter, 1);
	}
}

static void read_task(struct document *d, yaml_node_t *node, struct scenario *s, unsigned index)
{
	struct task_spec *spec = &s->specs[index];
	struct spec_reader r = {.scenario = s, .spec = spec, .at = node};

	spec->count = 1;
	spec->level = SCHED_LEVEL_NORMAL;
	document_mapping(d, node, "task", task_fields, ARRAY_SIZE(task_fields), &r);
	if (!spec->phases)
		document_fail(d, node, "task: expected the key \"run\" or \"phases\"");
	finish_jobs(d, &r);
	finish_class(d, &r);
	spec->rate_monotonic = r.priority && !spec->priority;
	if (spec->count > SIM_MAX_TASKS - s->task_count)
		document_fail(d, node, "tasks: expected at most %u of them", SIM_MAX_TASKS);
	s->task_count += spec->count;
}

/* --- the scenario ---------------------------------------------------------------------------- */

static void read_unit(struct document *d, yaml_node_t *node, void *into)
{
	struct scenario *s = into;
	const char *name = document_text(d, node, "unit");

	for (unsigned i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(units[i].name, name))
			continue;
		s->unit = &units[i];
		return;
	}
	document_fail(d, node, "unit: expected ns, us, ms or s, found \"%.40s\"", name);
}

static void read_cpus(struct document *d, yaml_node_t *node, void *into)
{
	((struct scenario *)into)->cpus =
		(unsigned)document_number(d, node, "cpus", 1, CONFIG_MAX_CPUS);
}

const char *scenario_policies(const char *between)
{
	static char list[256];

	list[0] = '\0';
	for (unsigned i = 0; i < SCHED_POLICY_COUNT; i++) {
		size_t length = strlen(list);

		if (i < SCHED_ALGORITHM_COUNT)
			snprintf(list + length, sizeof(list) - length, "%s%s",
				length ? between : "", sched_policy_name((enum sched_policy_id)i));
	}
	return list;
}

static void read_policy(struct document *d, yaml_node_t *node, void *into)
{
	struct scenario *s = into;
	const char *name = document_text(d, node, "policy");

	for (unsigned i = 0; i < SCHED_POLICY_COUNT; i++) {
		enum sched_policy_id id = (enum sched_policy_id)i;

		if (id >= SCHED_ALGORITHM_COUNT || strcmp(sched_policy_name(id), name))
			continue;
		s->config.algorithm = id;
		return;
	}
	document_fail(
		d, node, "policy: expected %s, found \"%.40s\"", scenario_policies(" or "), name);
}

static void read_quantum(struct document *d, yaml_node_t *node, void *into)
{
	struct scenario *s = into;

	s->config.quantum = read_time(d, node, s, "quantum", 1);
	if (s->config.quantum < NSEC_PER_USEC || s->config.quantum > 1000 * NSEC_PER_SEC)
		document_fail(d, node, "quantum: expected 1 us to 1000 s, found %s %s",
			document_text(d, node, "quantum"), s->unit->name);
}

static void read_aging(struct document *d, yaml_node_t *node, void *into)
{
	struct scenario *s = into;

	s->config.aging = read_time(d, node, s, "aging", 1);
	if (s->config.aging < NSEC_PER_USEC || s->config.aging > 1000 * NSEC_PER_SEC)
		document_fail(d, node, "aging: expected 1 us to 1000 s, found %s %s",
			document_text(d, node, "aging"), s->unit->name);
}

static void read_boost(struct document *d, yaml_node_t *node, void *into)
{
	struct scenario *s = into;

	s->config.boost_interval = read_time(d, node, s, "boost", 1);
	if (s->config.boost_interval < NSEC_PER_MSEC)
		document_fail(d, node, "boost: expected at least 1 ms, found %s %s",
			document_text(d, node, "boost"), s->unit->name);
}

static void read_switch_cost(struct document *d, yaml_node_t *node, void *into)
{
	struct scenario *s = into;

	s->switch_cost = read_time(d, node, s, "switch_cost", 0);
}

static void read_horizon(struct document *d, yaml_node_t *node, void *into)
{
	struct scenario *s = into;

	s->horizon = read_time(d, node, s, "horizon", 1);
}

static void read_seed(struct document *d, yaml_node_t *node, void *into)
{
	((struct scenario *)into)->seed = document_number(d, node, "seed", 0, UINT32_MAX);
}

static void read_balancing(struct document *d, yaml_node_t *node, void *into)
{
	((struct scenario *)into)->config.balancing = document_bool(d, node, "balancing");
}

static void read_admission(struct document *d, yaml_node_t *node, void *into)
{
	static const char *const names[] = {[SCHED_ADMIT_DENSITY] = "density",
		[SCHED_ADMIT_EXACT] = "exact",
		[SCHED_ADMIT_ALL] = "off"};
	const char *name = document_text(d, node, "admission");

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i], name))
			continue;
		((struct scenario *)into)->config.admission = (enum sched_admission)i;
		return;
	}
	document_fail(d, node, "admission: expected density, exact or off, found \"%.40s\"", name);
}

static void read_overhead(struct document *d, yaml_node_t *node, void *into)
{
	struct scenario *s = into;

	s->config.overhead = read_time(d, node, s, "overhead", 0);
}

/* They need the unit, the CPUs and the horizon, so they are read last, wherever they stand. */
static void skip(struct document *d, yaml_node_t *node, void *into)
{
	(void)d;
	(void)node;
	(void)into;
}

static const struct document_field scenario_fields[] = {
	{"unit", skip, false},
	{"cpus", read_cpus, false},
	{"policy", read_policy, false},
	{"quantum", read_quantum, false},
	{"aging", read_aging, false},
	{"boost", read_boost, false},
	{"switch_cost", read_switch_cost, false},
	{"horizon", read_horizon, false},
	{"seed", read_seed, false},
	{"balancing", read_balancing, false},
	{"admission", read_admission, false},
	{"overhead", read_overhead, false},
	{"tasks", skip, true},
};

/* The shortest slice is a quarter of the quantum; if it goes for switches, nobody ever ends. */
static void expect_progress(struct document *d, yaml_node_t *root, const struct scenario *s)
{
	if (s->horizon == KTIME_MAX && s->switch_cost >= s->config.quantum / 4)
		document_fail(d, document_find(d, root, "switch_cost"),
			"switch_cost: without a horizon expected less than a quarter of the quantum");
}

void scenario_read(struct scenario *s, const char *path)
{
	struct document d;
	yaml_node_t *root = document_read(&d, path), *unit = document_find(&d, root, "unit"),
		    *tasks;

	*s = (struct scenario){.cpus = 1, .horizon = KTIME_MAX, .seed = 1, .unit = &units[2]};
	sched_config_default(&s->config);
	s->config.overhead = 0;
	if (unit)
		read_unit(&d, unit, s);
	document_mapping(&d, root, "scenario", scenario_fields, ARRAY_SIZE(scenario_fields), s);
	expect_progress(&d, root, s);
	tasks = document_find(&d, root, "tasks");
	s->spec_count = document_list(&d, tasks, "tasks");
	s->specs = allocate(s->spec_count, sizeof(struct task_spec));
	for (unsigned i = 0; i < s->spec_count; i++)
		read_task(&d, document_item(&d, tasks, i), s, i);
	set_rate_monotonic(s);
	document_free(&d);
}

void scenario_free(struct scenario *s)
{
	for (unsigned i = 0; i < s->spec_count; i++) {
		free(s->specs[i].phases);
		free(s->specs[i].arrivals);
	}
	free(s->specs);
}
