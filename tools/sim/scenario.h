/* SPDX-License-Identifier: MIT */
/*
 * What is to be simulated: CPUs, algorithm, tasks. Read from a file and constant afterwards. All
 * times are in ns; in the file they are whole numbers of `unit`.
 */
#ifndef TOOLS_SIM_SCENARIO_H
#define TOOLS_SIM_SCENARIO_H

#include "sched/sched.h"

#define SIM_MAX_TASKS 1000000u
#define SIM_NAME_SIZE 32
#define SIM_FOREVER   UINT64_MAX

/* Runs or sleeps for a time that is drawn from low .. high anew each time. */
struct phase {
	bool sleep;
	ktime_t low;
	ktime_t high;
};

/* `count` tasks that are alike but for their names and what they draw. */
struct task_spec {
	char name[SIM_NAME_SIZE];
	unsigned count;
	ktime_t arrival;   /* release of the first job */
	ktime_t period;    /* 0: no further jobs, or those of `arrivals` */
	ktime_t *arrivals; /* releases of all jobs, each not before the last; or NULL */
	uint64_t jobs;     /* how many, or SIM_FOREVER */
	ktime_t deadline;  /* of a job, from its release; 0: none */
	enum sched_kind kind;
	unsigned level;
	unsigned priority;       /* of fixed ones; 0 until the rate-monotonic ones are known */
	bool rate_monotonic;     /* its priority is by its period */
	ktime_t runtime;         /* of a reservation */
	struct cpumask affinity; /* empty: every CPU */
	struct phase *phases;    /* the first one runs */
	unsigned phase_count;
	uint64_t rounds; /* of a job through the phases, or SIM_FOREVER */
};

struct unit {
	const char *name;
	ktime_t ns;
};

struct scenario {
	const struct unit *unit;
	unsigned cpus;
	ktime_t switch_cost;
	ktime_t horizon; /* KTIME_MAX: until every task has ended */
	uint64_t seed;
	struct sched_config config;
	struct task_spec *specs;
	unsigned spec_count;
	unsigned task_count; /* the sum of their counts */
};

/*
 * Reads a file, "-" for standard input. What is wrong in it is printed as file:line:column with
 * what was expected, and ends the program with code 2.
 */
void scenario_read(struct scenario *scenario, const char *path);
void scenario_free(struct scenario *scenario);

/* The names that `policy` may have, from sched/policies.def, with `between` between them. */
const char *scenario_policies(const char *between);

#endif
