/* SPDX-License-Identifier: MIT */
/*
 * Starting, measuring and ending a demonstration (kernel/demo_roles.c has them). Its threads are
 * created asleep until one moment, so that all begin together whatever runs on their CPU.
 */
#include "kernel/demo_private.h"
#include "kernel/errno.h"
#include "kernel/log.h"
#include "kernel/scheduler.h"
#include "kernel/string.h"
#include "kernel/thread_policy.h"
#include <arch/time.h>

#define GATE     (10 * NSEC_PER_MSEC)
#define PATIENCE (20 * NSEC_PER_SEC)

/* The one that runs; all the caller's, see demo.h. */
static struct {
	const struct demo *demo; /* NULL: none */
	struct demo_member member[DEMO_MEMBERS];
	unsigned members, cpu;
	enum sched_policy_id algorithm; /* what it was before */
} run;

struct demo_scene demo_scene;

const char *demo_name(unsigned index)
{
	return demos[index].name;
}

const char *demo_text(unsigned index)
{
	return demos[index].text;
}

const char *demo_advice(unsigned index)
{
	return demos[index].advice;
}

int demo_find(const char *name)
{
	for (int i = 0; demos[i].name; i++)
		if (!strcmp(demos[i].name, name))
			return i;
	return -EINVAL;
}

static void set_scene(void)
{
	static const char *const fork_names[DEMO_FORKS] = {"fork 1", "fork 2", "fork 3"};

	semaphore_init(&demo_scene.unlent, "unlent", 1);
	mutex_init(&demo_scene.lent, "lent");
	for (unsigned i = 0; i < DEMO_FORKS; i++)
		mutex_init(&demo_scene.fork[i], fork_names[i]);
	atomic_store(&demo_scene.have_one, 0);
	demo_scene.base = arch_time_now() + GATE;
}

/* CONFIG_MAX_CPUS when there is none. */
static unsigned last_other_cpu(void)
{
	unsigned cpu, last = CONFIG_MAX_CPUS;
	struct cpumask online;

	cpumask_snapshot(&online, &scheduler.online);
	cpumask_for_each (cpu, &online)
		if (cpu != thread_get_cpu(thread_current()))
			last = cpu;
	return last;
}

static int run_member(void *arg)
{
	struct demo_member *m = arg;

	return thread_sleep_until(demo_scene.base) ? 0 : m->role->run(m);
}

static int start_member(struct demo_member *m, const struct demo_role *role, unsigned number)
{
	struct cpumask here = {0};
	const struct thread_params params = {
		.name = role->name, .entry = run_member, .arg = m, .affinity = &here};
	struct thread *t;
	int err;

	cpumask_set(&here, run.cpu);
	*m = (struct demo_member){.role = role, .number = number};
	err = thread_create(&t, &params);
	if (err)
		return err;
	m->thread = t;
	run.members = number + 1;
	err = thread_set_params(t, &role->params);
	thread_start(t);
	return err;
}

int demo_start(unsigned index)
{
	unsigned cpu = last_other_cpu();
	int err = 0;

	if (run.demo)
		return -EBUSY;
	if (cpu == CONFIG_MAX_CPUS)
		return -ESCHED_CPU;
	run.demo = &demos[index];
	run.members = 0;
	run.cpu = cpu;
	run.algorithm = scheduler.config.algorithm;
	set_scene();
	if (run.demo->has_algorithm)
		err = scheduler_set_algorithm(run.demo->algorithm);
	for (unsigned i = 0; !err && i < DEMO_MEMBERS && run.demo->role[i].name; i++)
		err = start_member(&run.member[i], &run.demo->role[i], i);
	if (err && demo_stop())
		panic("a demonstration that has not begun does not end");
	return err;
}

int demo_running(unsigned *cpu)
{
	if (!run.demo)
		return -1;
	*cpu = run.cpu;
	return (int)(run.demo - demos);
}

bool demo_get_figures(unsigned index, struct demo_figures *figures)
{
	struct demo_member *m = &run.member[index];
	ktime_t elapsed = arch_time_now() - demo_scene.base;
	struct thread_stats stats;

	if (!run.demo || index >= run.members || !m->thread)
		return false;
	thread_get_stats(m->thread, &stats);
	*figures = (struct demo_figures){
		.thread_id = m->thread->thread_id,
		.name = m->role->name,
		.rounds = atomic_load(&m->rounds),
		.worst = atomic_load(&m->worst),
		.misses = stats.misses,
	};
	if (elapsed > 0)
		figures->permille = (unsigned)MIN(stats.cpu_time * 1000 / elapsed, 1000);
	if (figures->rounds)
		figures->average = atomic_load(&m->total) / figures->rounds;
	return true;
}

int demo_stop(void)
{
	ktime_t deadline = arch_time_now() + PATIENCE;

	if (!run.demo)
		return -EINVAL;
	for (unsigned i = 0; i < run.members; i++)
		if (run.member[i].thread)
			(void)!thread_kill(run.member[i].thread); /* it may have ended by itself */
	for (unsigned i = 0; i < run.members; i++) {
		int err = run.member[i].thread
			? thread_join_until(run.member[i].thread, NULL, deadline)
			: 0;

		if (err)
			return err;
		run.member[i].thread = NULL;
	}
	if (run.demo->has_algorithm && scheduler.config.algorithm == run.demo->algorithm &&
		scheduler_set_algorithm(run.algorithm))
		panic("the algorithm that was cannot be set again");
	run.demo = NULL;
	return 0;
}
