/* SPDX-License-Identifier: MIT */
/*
 * Periodic tasks on the machine of machine.h: each job is released, has so much to do, and should
 * be done a relative deadline later. The driver tells the library only what a kernel would (a
 * thread waits for its next release, and is woken); misses are found here, from finish times.
 *
 * At equal times a job that is done is done first, then come releases, then timers (rule S1.7).
 */
#ifndef SCHED_TESTS_PERIODIC_H
#define SCHED_TESTS_PERIODIC_H

#include "sched/tests/machine.h"

struct periodic {
	ktime_t runtime, deadline, period; /* C, D, T */
	ktime_t first;                     /* release of the first job */
	struct sched_entity *se;

	bool busy;        /* a job is not done */
	bool only_yields; /* ends its jobs by a yield: the class waits for the next release */
	ktime_t release;  /* of the present job, or of the next one */
	ktime_t done_at;  /* its running time when the present job is done */
	ktime_t finish;   /* of the last job that was done */
	ktime_t response; /* the longest, finish minus release */
	unsigned jobs, missed;
};

static ktime_t periodic_ran(const struct periodic *p)
{
	ktime_t ran = p->se->stats.time[SCHED_RUNNING];

	return p->se->state == SCHED_RUNNING ? ran + m.now - p->se->since : ran;
}

static void periodic_begin(struct periodic *p)
{
	p->busy = true;
	p->done_at = periodic_ran(p) + p->runtime;
}

static void periodic_release(struct periodic *p)
{
	unsigned cpu = cpu_of(p->se);

	if (p->se->state == SCHED_NEW)
		machine_launch(cpu, p->se);
	else if (!p->only_yields)
		MACHINE_EXPECT(machine_wake(cpu, p->se));
	periodic_begin(p);
}

/* The next job follows at once if its release is over. */
static void periodic_done(struct periodic *p)
{
	unsigned cpu = cpu_of(p->se);
	bool again;

	p->jobs++;
	p->finish = m.now;
	p->missed += m.now > p->release + p->deadline;
	p->response = MAX(p->response, m.now - p->release);
	p->release += p->period;
	again = p->release <= m.now;
	p->busy = false;
	if (again)
		periodic_begin(p);
	machine_leave(cpu, again || p->only_yields ? SCHED_YIELD : SCHED_SLEEP);
}

static ktime_t periodic_event(const struct periodic *p)
{
	if (!p->busy)
		return p->release;
	return p->se->state == SCHED_RUNNING ? m.now + p->done_at - periodic_ran(p) : KTIME_MAX;
}

static ktime_t periodic_next(const struct periodic *p, unsigned n)
{
	ktime_t next = KTIME_MAX;

	for (unsigned i = 0; i < n; i++)
		next = MIN(next, periodic_event(&p[i]));
	for (unsigned cpu = 0; cpu < m.cpus; cpu++)
		next = MIN(next, m.timer[cpu]);
	return next;
}

static void periodic_act(struct periodic *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (p[i].busy && p[i].se->state == SCHED_RUNNING &&
			periodic_ran(&p[i]) == p[i].done_at)
			periodic_done(&p[i]);
	for (unsigned i = 0; i < n; i++)
		if (!p[i].busy && p[i].release <= m.now)
			periodic_release(&p[i]);
}

/* Runs until `end`; a job that should have been done by then and is not counts as missed. */
static void periodic_run(struct periodic *p, unsigned n, ktime_t end)
{
	for (unsigned i = 0; i < n; i++)
		p[i].release = p[i].first;
	for (ktime_t next; (next = periodic_next(p, n)) < end;) {
		machine_advance(next);
		periodic_act(p, n);
		machine_fire_before(next + 1);
	}
	machine_advance(end);
	periodic_act(p, n);
	for (unsigned i = 0; i < n; i++)
		p[i].missed += p[i].busy && end > p[i].release + p[i].deadline;
}

static __unused unsigned periodic_missed(const struct periodic *p, unsigned n)
{
	unsigned missed = 0;

	for (unsigned i = 0; i < n; i++)
		missed += p[i].missed;
	return missed;
}

/* The times after which the pattern of releases repeats. */
static __unused ktime_t periodic_hyperperiod(const struct periodic *p, unsigned n)
{
	ktime_t all = 1;

	for (unsigned i = 0; i < n; i++) {
		ktime_t a = all, b = p[i].period;

		while (b) {
			ktime_t rest = a % b;

			a = b;
			b = rest;
		}
		all = all / a * p[i].period;
	}
	return all;
}

#endif
