/* SPDX-License-Identifier: MIT */
/*
 * The machine in virtual time: the real scheduler library, CPUs that obey it, tasks that do as
 * their phases say. One host thread plays all CPUs, so nothing here needs a lock of its own.
 */
#ifndef TOOLS_SIM_SIM_H
#define TOOLS_SIM_SIM_H

#include "tools/sim/events.h"
#include "tools/sim/scenario.h"

struct sim_task {
	struct sched_entity se;
	const struct task_spec *spec;
	unsigned copy; /* which of the spec's count */
	bool arrived;
	bool awaits_release; /* sleeps because its next job is not released yet */
	uint64_t job;        /* which of the spec's jobs is the current or the next one */
	ktime_t release;     /* of that job */
	unsigned phase;
	uint64_t rounds; /* of this job, still to come after this one */
	uint64_t random;
	uint64_t ended;      /* jobs that are done */
	uint64_t misses;     /* jobs that were not done at their deadline */
	ktime_t first_miss;  /* the first such deadline; -1: none */
	ktime_t worst;       /* the longest time from a release to the job's end; -1: none ended */
	ktime_t left;        /* of a run phase, as of the last time it left its CPU */
	ktime_t worked;      /* spent in run phases; switch costs are not in it */
	ktime_t first_run;   /* -1: never ran */
	ktime_t ready_since; /* -1: does not wait for a CPU; known only while turns are recorded */
	ktime_t finish;      /* -1: has not ended */
};

struct sim_cpu {
	struct sched_rq rq;
	struct sched_entity idle;
	struct sim_task *running; /* NULL: idle */
	struct sim_task *last;    /* paid for last */
	ktime_t work_begins;      /* when `running` has paid for its switch */
	ktime_t overhead;         /* spent on switches */
	bool must_look;           /* is in the list of those who look at need_resched */
	bool halted;
	struct sim_cpu *next_to_look;
};

/* A turn on a CPU, or a wait for one. */
struct sim_turn {
	unsigned cpu; /* SCHED_NO_CPU: it waited */
	unsigned task;
	ktime_t begin, end;
};

/* What came of a job. */
struct sim_job {
	unsigned task;
	ktime_t release;
	ktime_t deadline; /* KTIME_MAX: none */
	ktime_t finish;   /* -1: not at the end of the simulation */
};

struct sim {
	const struct scenario *scenario;
	struct sched sched;
	struct sim_cpu *cpu;
	struct sim_task *task;
	unsigned live; /* tasks that have not ended */
	ktime_t now;
	struct events events;
	struct sim_cpu *look_first, *look_last;
	uint64_t switches;      /* a task left a CPU */
	struct sim_turn *turns; /* NULL unless `record` */
	size_t turn_count, turn_room;
	struct sim_job *jobs; /* NULL unless `record`; in the order of their ends */
	size_t job_count, job_room;
	bool record;
};

/*
 * Runs the scenario to its horizon or until every task has ended; record: keeps every turn and
 * every job.
 */
void sim_run(struct sim *sim, const struct scenario *scenario, bool record);
void sim_free(struct sim *sim);

/* --- cpu.c ----------------------------------------------------------------------------------- */

void cpus_start(struct sim *sim);

/* The CPU has been interrupted: it looks at need_resched at the end of this instant. */
void cpu_interrupt(struct sim_cpu *cpu);

/* The running task's phase has ended and another run phase follows: no switch. */
void cpu_work_on(struct sim_cpu *cpu);

/* The current task leaves its CPU. */
void cpu_switch(struct sim_cpu *cpu, enum sched_reason reason);

void cpu_timer(struct sim_cpu *cpu);

/* Every CPU that was interrupted looks, in that order, until none has anything to do. */
void cpus_settle(void);

/* Work and turns are booked up to now. */
void cpus_stop(struct sim *sim);

/* --- task.c ---------------------------------------------------------------------------------- */

void tasks_init(struct sim *sim);

/* Arrives, or its sleep is over. */
void task_event(struct sim *sim, struct sim_task *task);

/* Its run phase on this CPU is over. */
void task_phase_done(struct sim *sim, struct sim_cpu *cpu);

/* Jobs that are not done are booked: those whose deadline is over are misses. */
void tasks_stop(struct sim *sim);

/* --- numbers of events: at equal times the smaller number is first ---------------------------- */

static inline unsigned task_number(const struct sim *sim, const struct sim_task *task)
{
	return (unsigned)(task - sim->task);
}

static inline unsigned work_event(const struct sim *sim, const struct sim_cpu *cpu)
{
	return sim->scenario->task_count + (unsigned)(cpu - sim->cpu);
}

static inline unsigned timer_event(const struct sim *sim, const struct sim_cpu *cpu)
{
	return work_event(sim, cpu) + sim->scenario->cpus;
}

__noreturn void sim_out_of_memory(void);

/*
 * Zeros, in huge pages if the system has them: events go from task to task at random, and with
 * small pages each would miss the TLB. By free().
 */
void *sim_allocate(size_t count, size_t size);

/* Room for one more item of `size` bytes in an array that grows. */
void *sim_append(void *array, size_t *count, size_t *room, size_t size);

/* --- report.c, gantt.c, svg.c, trace.c -------------------------------------------------------- */

/* A CPU's time that was not idle; switch costs are in it. */
ktime_t cpu_busy(struct sim *sim, struct sim_cpu *cpu);

/* The task's name: of count copies, with its number. Valid until the next call. */
const char *task_name(const struct sim_task *task);

/* A time in the scenario's unit, with as many decimals as it needs. Valid for four calls. */
const char *time_text(const struct sim *sim, ktime_t time);

void report_table(struct sim *sim);
void report_json(struct sim *sim);
void report_gantt(const struct sim *sim);
void report_svg(const struct sim *sim);
void report_trace(const struct sim *sim);

#endif
