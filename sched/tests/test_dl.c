/* SPDX-License-Identifier: MIT */
/*
 * Reservations (rules S6): one test per rule; ten thousand random sets that were admitted and have
 * no miss; Dhall's sets; then a million random operations against a model.
 */
#include "sched/tests/periodic.h"

static struct sched_params reserve(ktime_t runtime, ktime_t deadline, ktime_t period)
{
	return (struct sched_params){.kind = SCHED_KIND_DL,
		.level = SCHED_LEVEL_NORMAL,
		.runtime = runtime,
		.deadline = deadline,
		.period = period};
}

static int set(struct sched_entity *se, ktime_t runtime, ktime_t deadline, ktime_t period)
{
	struct sched_params params = reserve(runtime * MS, deadline * MS, period * MS);

	return machine_set_params(0, se, &params);
}

static struct sched_entity *spawn(ktime_t runtime, ktime_t deadline, ktime_t period)
{
	struct sched_entity *se = machine_spawn(0, SCHED_LEVEL_NORMAL, NULL);

	assert_int_equal(set(se, runtime, deadline, period), 0);
	return se;
}

static struct sched_entity *launch_dl(ktime_t runtime, ktime_t deadline, ktime_t period)
{
	struct sched_entity *se = spawn(runtime, deadline, period);

	machine_launch(0, se);
	return se;
}

static void leave_class(struct sched_entity *se)
{
	assert_int_equal(machine_set_params(0, se, &(struct sched_params){.level = 20}), 0);
}

static unsigned free_ppm(unsigned cpu)
{
	struct cpumask mask = mask_of(1ull << cpu);

	return sched_free_bandwidth(&m.s, &mask, m.now);
}

static void start(unsigned cpus)
{
	struct sched_config config;

	sched_config_default(&config);
	config.overhead = 0;
	machine_start_with(cpus, &config);
}

static void start_with(unsigned cpus, enum sched_admission admission)
{
	struct sched_config config;

	sched_config_default(&config);
	config.overhead = 0;
	config.admission = admission;
	machine_start_with(cpus, &config);
}

/* --- who runs -------------------------------------------------------------------------------- */

static void S1_1_reservations_before_everything(void **state)
{
	struct sched_params params = {.kind = SCHED_KIND_FIFO, .priority = 99};
	struct sched_entity *fifo, *dl;

	(void)state;
	start(1);
	fifo = machine_spawn(0, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(machine_set_params(0, fifo, &params), 0);
	machine_launch(0, fifo);
	dl = launch_dl(2, 100, 100);
	assert_ptr_equal(m.rq[0].curr, dl);
	machine_advance(2 * MS + 1);
	assert_ptr_equal(m.rq[0].curr, fifo);
	machine_check();
}

static void S6_earliest_deadline_runs(void **state)
{
	struct sched_entity *late, *early, *equal;

	(void)state;
	start(1);
	late = launch_dl(2, 20, 20);
	early = launch_dl(2, 10, 20);
	assert_ptr_equal(m.rq[0].curr, early);
	equal = launch_dl(2, 10, 20);
	assert_ptr_equal(m.rq[0].curr, early);
	machine_leave(0, SCHED_YIELD);
	assert_ptr_equal(m.rq[0].curr, equal);
	machine_leave(0, SCHED_YIELD);
	assert_ptr_equal(m.rq[0].curr, late);
	machine_check();
}

/* --- the server ------------------------------------------------------------------------------ */

static void S6_3_who_uses_up_its_budget_waits_for_its_period(void **state)
{
	struct sched_entity *greedy, *other;

	(void)state;
	start(1);
	other = launch(0, SCHED_LEVEL_NORMAL, NULL);
	greedy = launch_dl(3, 10, 10);
	machine_advance(3 * MS + 1);
	assert_ptr_equal(m.rq[0].curr, other);
	assert_int_equal(greedy->state, SCHED_THROTTLED);
	assert_int_equal(greedy->stats.overruns, 1);
	machine_check();
	machine_advance(10 * MS + 1);
	assert_ptr_equal(m.rq[0].curr, greedy);
	assert_int_equal(greedy->release, 10 * MS);
	assert_int_equal(greedy->key, 20 * MS);
	machine_advance(1000 * MS);
	assert_int_equal(greedy->stats.time[SCHED_RUNNING], 300 * MS);
	assert_int_equal(greedy->stats.misses, 0);
	machine_check();
}

/* Hard: also when the CPU has nothing else to do. */
static void S6_3_alone_too(void **state)
{
	struct sched_entity *greedy;

	(void)state;
	start(1);
	greedy = launch_dl(3, 10, 10);
	machine_advance(3 * MS + 1);
	assert_true(m.halted[0]);
	machine_advance(1000 * MS);
	assert_int_equal(greedy->stats.time[SCHED_RUNNING], 300 * MS);
	machine_check();
}

static void S6_3_a_yield_ends_the_job(void **state)
{
	struct sched_entity *se;

	(void)state;
	start(1);
	se = launch_dl(3, 5, 10);
	machine_advance(1 * MS);
	machine_leave(0, SCHED_YIELD);
	assert_int_equal(se->state, SCHED_THROTTLED);
	assert_int_equal(se->stats.overruns, 0);
	machine_advance(10 * MS + 1);
	assert_int_equal(se->state, SCHED_RUNNING);
	assert_int_equal(se->key, 15 * MS);
	machine_check();
}

static void S6_2_woken_after_the_deadline_begins_anew(void **state)
{
	struct sched_entity *se;

	(void)state;
	start(1);
	se = launch_dl(3, 10, 10);
	machine_advance(1 * MS);
	machine_leave(0, SCHED_BLOCK);
	machine_advance(13 * MS);
	machine_wake(0, se);
	assert_int_equal(se->release, 13 * MS);
	assert_int_equal(se->key, 23 * MS);
	assert_int_equal(m.rq[0].slice_end, 16 * MS);
}

/* 2 left of 3: until 10/3 before the deadline that is no more than 3 of 10. */
static void S6_2_woken_with_little_left_goes_on(void **state)
{
	static const struct {
		ktime_t at, key;
	} cases[] = {{3, 10}, {4, 14}};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sched_entity *se;

		start(1);
		se = launch_dl(3, 10, 10);
		machine_advance(1 * MS);
		machine_leave(0, SCHED_BLOCK);
		machine_advance(cases[i].at * MS);
		machine_wake(0, se);
		assert_int_equal(se->key, cases[i].key * MS);
		machine_check();
	}
}

static void S6_2_with_D_below_T_it_waits_for_its_period(void **state)
{
	struct sched_entity *se;

	(void)state;
	start(1);
	se = launch_dl(3, 6, 20);
	machine_advance(1 * MS);
	machine_leave(0, SCHED_BLOCK);
	machine_advance(8 * MS);
	machine_wake(0, se);
	assert_int_equal(se->state, SCHED_THROTTLED);
	assert_true(m.halted[0]);
	machine_advance(20 * MS + 1);
	assert_int_equal(se->state, SCHED_RUNNING);
	assert_int_equal(se->key, 26 * MS);
	machine_check();
}

/* The waker is another CPU, and the one that has to set its timer halts. */
static void S6_2_held_on_another_cpu_it_comes_back_in_time(void **state)
{
	struct cpumask second = mask_of(2);
	struct sched_entity *se;

	(void)state;
	start(2);
	se = machine_spawn(0, SCHED_LEVEL_NORMAL, &second);
	assert_int_equal(set(se, 3, 6, 20), 0);
	machine_launch(0, se);
	machine_advance(1 * MS);
	machine_leave(1, SCHED_BLOCK);
	machine_advance(8 * MS);
	machine_wake(0, se);
	assert_int_equal(se->state, SCHED_THROTTLED);
	assert_int_equal(m.timer[1], 20 * MS);
	machine_advance(20 * MS + 1);
	assert_ptr_equal(m.rq[1].curr, se);
	machine_check();
}

static void S6_held_ones_can_be_stopped_and_changed(void **state)
{
	struct sched_entity *se;

	(void)state;
	start(1);
	se = launch_dl(3, 10, 10);
	machine_advance(4 * MS);
	assert_int_equal(se->state, SCHED_THROTTLED);
	assert_int_equal(machine_stop(0, se), 0);
	machine_check();
	machine_advance(5 * MS);
	machine_resume(0, se);
	assert_int_equal(se->state, SCHED_THROTTLED); /* no way around the budget */
	leave_class(se);
	assert_int_equal(se->state, SCHED_RUNNING);
	machine_check();
	assert_int_equal(set(se, 3, 10, 10), 0);
	machine_advance(9 * MS);
	assert_int_equal(se->state, SCHED_THROTTLED);
	machine_check();
}

static void S6_3_other_numbers_are_no_way_around_the_budget(void **state)
{
	struct sched_entity *se;

	(void)state;
	start(1);
	launch(0, SCHED_LEVEL_NORMAL, NULL);
	se = launch_dl(3, 10, 10);
	for (unsigned i = 0; i < 100; i++) {
		machine_advance(m.now + MS / 10);
		assert_int_equal(set(se, i % 2 ? 3 : 2, 10, 10), 0);
		machine_check();
	}
	assert_true(se->stats.time[SCHED_RUNNING] <= 3 * MS);
}

/* A well-behaved one is not disturbed by a greedy one with an earlier deadline. */
static void S6_3_it_can_hurt_no_other(void **state)
{
	struct periodic p = {.runtime = 4 * MS, .deadline = 10 * MS, .period = 10 * MS};

	(void)state;
	start(1);
	launch_dl(4, 8, 8);
	p.se = spawn(4, 10, 10);
	periodic_run(&p, 1, 1000 * MS);
	assert_int_equal(p.jobs, 100);
	assert_int_equal(p.missed, 0);
	assert_int_equal(p.se->stats.misses, 0);
	assert_int_equal(p.se->stats.overruns, 0);
}

/* --- admission ------------------------------------------------------------------------------- */

static void S6_1_the_sum_is_at_most_95_percent(void **state)
{
	struct sched_entity *a, *b;

	(void)state;
	start(1);
	assert_int_equal(free_ppm(0), 949999);
	a = spawn(60, 100, 100);
	b = machine_spawn(0, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(set(b, 36, 100, 100), -EBUSY);
	assert_int_equal(b->kind, SCHED_KIND_TS);
	assert_int_equal(set(b, 7, 20, 20), -EBUSY); /* 0.6 and 0.35, each rounded up */
	assert_int_equal(set(b, 34, 100, 100), 0);
	assert_in_range(free_ppm(0), 9990, 10000);
	assert_int_equal(set(a, 62, 100, 100), -EBUSY);
	assert_int_equal(a->runtime, 60 * MS);
	assert_int_equal(set(a, 59, 100, 100), 0);
	machine_check();
}

static void S6_1_the_shorter_of_D_and_T_counts(void **state)
{
	(void)state;
	start(1);
	spawn(1, 2, 100);
	assert_in_range(free_ppm(0), 449990, 450000);
}

static void S6_1_overhead_is_added_to_every_job(void **state)
{
	struct sched_entity *se;

	(void)state;
	machine_start(1);
	assert_int_equal(m.s.config.overhead, 2 * NSEC_PER_USEC);
	se = machine_spawn(0, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(machine_set_params(0, se,
				 &(struct sched_params){
					 .kind = SCHED_KIND_DL, .runtime = 4000, .period = 10000}),
		0);
	assert_in_range(free_ppm(0), 349990, 350000);
}

static void S6_1_worst_fit_among_the_allowed(void **state)
{
	struct cpumask two = mask_of(6);
	struct sched_entity *se;

	(void)state;
	start(3);
	assert_int_equal(spawn(50, 100, 100)->bound, 0);
	assert_int_equal(spawn(40, 100, 100)->bound, 1);
	assert_int_equal(spawn(30, 100, 100)->bound, 2);
	assert_int_equal(spawn(20, 100, 100)->bound, 2);
	se = machine_spawn(0, SCHED_LEVEL_NORMAL, &two);
	assert_int_equal(set(se, 20, 100, 100), 0);
	assert_int_equal(se->bound, 1);
	machine_launch(0, se);
	assert_int_equal(cpu_of(se), 1);
	machine_check();
}

/* Never stolen, never balanced; but its mask is given back. */
static void S6_5_bound_to_its_cpu(void **state)
{
	struct cpumask both = mask_of(3), second = mask_of(2);
	struct sched_entity *a, *b;

	(void)state;
	start(2);
	a = launch_dl(60, 100, 100);
	b = launch_dl(60, 100, 100);
	assert_int_equal(cpu_of(a), 0);
	assert_int_equal(cpu_of(b), 1);
	assert_int_equal(machine_set_affinity(0, a, &second), -EBUSY);
	assert_int_equal(machine_set_affinity(0, b, &second), 0);
	leave_class(a);
	leave_class(b);
	assert_true(cpumask_equal(&b->affinity, &second));
	assert_true(cpumask_test(&a->affinity, 1));
	assert_int_equal(machine_set_affinity(0, a, &both), 0);
	machine_check();
}

/* A running one whose reservation is elsewhere goes there. */
static void S6_1_moves_to_where_it_was_admitted(void **state)
{
	struct sched_entity *a, *b;

	(void)state;
	start(2);
	spawn(90, 100, 100);
	a = launch(0, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(cpu_of(a), 0);
	assert_int_equal(set(a, 50, 100, 100), 0);
	assert_int_equal(cpu_of(a), 1);
	assert_ptr_equal(m.rq[1].curr, a);
	b = launch(0, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(set(b, 50, 100, 100), -EBUSY);
	machine_check();
}

/* 4 of 10 used up 1: the bandwidth comes back when what is left could not have been run. */
static void S6_4_bandwidth_comes_back_at_the_zero_lag_time(void **state)
{
	struct sched_entity *se;

	(void)state;
	start(1);
	se = launch_dl(4, 10, 10);
	machine_advance(1 * MS);
	leave_class(se);
	assert_in_range(free_ppm(0), 549990, 550000); /* until 10 - 3 * 10 / 4 */
	machine_advance(2500 * NSEC_PER_USEC - 1);
	assert_in_range(free_ppm(0), 549990, 550000);
	machine_advance(2500 * NSEC_PER_USEC);
	assert_int_equal(free_ppm(0), 949999);
}

static void S6_4_exactly_zero_when_all_have_gone(void **state)
{
	struct host_random r = host_random_start("bandwidth");

	(void)state;
	start(2);
	for (unsigned round = 0; round < 200; round++) {
		struct sched_entity *se[20];

		for (unsigned i = 0; i < 20; i++) {
			se[i] = m.tasks < MACHINE_TASKS ? machine_spawn(0, 20, NULL)
							: &m.task[i].se;
			if (se[i]->state == SCHED_NEW)
				machine_launch(0, se[i]);
			(void)!set(se[i], 1 + host_random_below(&r, 5), 0,
				10 + host_random_below(&r, 90));
			machine_advance(m.now + host_random_below(&r, 3 * MS));
		}
		for (unsigned i = 0; i < 20; i++)
			leave_class(se[i]);
		machine_check();
		machine_advance(m.now + 200 * MS);
		assert_int_equal(free_ppm(0), 949999);
		assert_int_equal(free_ppm(1), 949999);
	}
}

static void S6_4_comes_back_when_it_exits_and_when_it_is_held(void **state)
{
	struct sched_entity *se;

	(void)state;
	start(1);
	se = launch_dl(4, 10, 10);
	machine_advance(1 * MS);
	machine_leave(0, SCHED_EXIT);
	assert_int_equal(se->state, SCHED_DEAD);
	machine_advance(10 * MS);
	assert_int_equal(free_ppm(0), 949999);
	se = launch_dl(4, 10, 10);
	machine_advance(15 * MS);
	assert_int_equal(se->state, SCHED_THROTTLED);
	leave_class(se);
	machine_advance(20 * MS - 1);
	assert_in_range(free_ppm(0), 549990, 550000);
	machine_advance(20 * MS);
	assert_int_equal(free_ppm(0), 949999);
}

/* Densities 1/2 + 1/2, and yet every interval's demand fits. */
static void S6_1_exact_test_admits_what_the_density_test_refuses(void **state)
{
	struct sched_entity *se;

	(void)state;
	start(1);
	spawn(2, 4, 20);
	se = machine_spawn(0, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(set(se, 4, 8, 20), -EBUSY);
	start_with(1, SCHED_ADMIT_EXACT);
	spawn(2, 4, 20);
	se = machine_spawn(0, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(set(se, 4, 8, 20), 0);
	se = machine_spawn(0, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(set(se, 2, 8, 40), -EBUSY);
	assert_int_equal(set(se, 2, 16, 40), 0);
}

static void S6_1_all_are_admitted_if_told_so(void **state)
{
	(void)state;
	start_with(1, SCHED_ADMIT_ALL);
	spawn(90, 100, 100);
	spawn(90, 100, 100);
}

static void wrong_numbers_are_refused(void **state)
{
	static const struct sched_params cases[] = {
		{.kind = SCHED_KIND_DL, .runtime = 0, .period = 10},
		{.kind = SCHED_KIND_DL, .runtime = -1, .period = 10},
		{.kind = SCHED_KIND_DL, .runtime = 1},
		{.kind = SCHED_KIND_DL, .runtime = 1, .deadline = 10},
		{.kind = SCHED_KIND_DL, .runtime = 11, .period = 10},
		{.kind = SCHED_KIND_DL, .runtime = 5, .deadline = 4, .period = 10},
		{.kind = SCHED_KIND_DL, .runtime = 5, .deadline = 11, .period = 10},
		{.kind = SCHED_KIND_DL, .runtime = 5, .period = 10, .priority = 1},
		{.kind = SCHED_KIND_DL, .runtime = 5, .period = SCHED_PERIOD_MAX + 1},
	};

	(void)state;
	start(1);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sched_entity *se = launch(0, SCHED_LEVEL_NORMAL, NULL), other = {0};

		assert_int_equal(machine_set_params(0, se, &cases[i]), -EINVAL);
		assert_int_equal(sched_attach(&m.s, &other, &cases[i], 0), -EINVAL);
	}
	assert_int_equal(free_ppm(0), 949999);
}

/* --- whole sets ------------------------------------------------------------------------------ */

/* Deadlines of half the period or more; some jobs are shorter than promised. */
static unsigned spawn_random_set(struct periodic *p, unsigned most, struct host_random *r)
{
	unsigned n = 0;

	for (unsigned tries = 0; tries < 2 * most && n < most; tries++) {
		ktime_t period = (5 + host_random_below(r, 46)) * MS;
		ktime_t deadline = period - host_random_below(r, (unsigned)(period / 2));
		ktime_t runtime = 1 + host_random_below(r, (unsigned)(deadline / 2));
		struct sched_entity *se =
			m.tasks < MACHINE_TASKS ? machine_spawn(0, SCHED_LEVEL_NORMAL, NULL) : NULL;
		struct sched_params params = reserve(runtime, deadline, period);

		if (!se || machine_set_params(0, se, &params))
			continue;
		p[n] = (struct periodic){.runtime = runtime,
			.deadline = deadline,
			.period = period,
			.first = host_random_below(r, 10 * MS),
			.se = se,
			.only_yields = host_random_below(r, 2)};
		if (host_random_below(r, 3) == 0)
			p[n].runtime = 1 + host_random_below(r, (unsigned)runtime);
		n++;
	}
	return n;
}

static void run_random_sets(unsigned cpus, enum sched_admission admission, unsigned long rounds)
{
	struct host_random r = host_random_start("sets");
	unsigned long tasks = 0;

	for (unsigned long round = 0; round < rounds; round++) {
		struct periodic p[10];
		unsigned n;

		start_with(cpus, admission);
		launch(0, SCHED_LEVEL_NORMAL, NULL);
		n = spawn_random_set(p, ARRAY_SIZE(p), &r);
		periodic_run(p, n, 120 * MS);
		tasks += n;
		for (unsigned i = 0; i < n; i++)
			if (p[i].missed || p[i].se->stats.misses)
				MACHINE_FAIL("S6.5: C %lld D %lld T %lld missed %u of %u",
					(long long)p[i].runtime, (long long)p[i].deadline,
					(long long)p[i].period, p[i].missed, p[i].jobs);
	}
	assert_true(tasks > rounds);
}

static void S6_5_ten_thousand_admitted_sets_have_no_miss(void **state)
{
	(void)state;
	run_random_sets(1, SCHED_ADMIT_DENSITY, host_rounds(5000));
	run_random_sets(1, SCHED_ADMIT_EXACT, host_rounds(3000));
	run_random_sets(3, SCHED_ADMIT_DENSITY, host_rounds(2000));
}

/*
 * Dhall and Liu 1978: m light tasks with the earlier deadlines and one that needs nearly a whole
 * CPU. Global EDF misses on any number of CPUs; on one CPU each, nobody does.
 */
static void S6_5_dhalls_sets_have_no_miss(void **state)
{
	(void)state;
	for (unsigned cpus = 2; cpus <= 8; cpus++) {
		struct periodic p[9];

		start(cpus);
		for (unsigned i = 0; i <= cpus; i++) {
			ktime_t runtime = i < cpus ? 2 : 90, period = i < cpus ? 99 : 100;

			p[i] = (struct periodic){.runtime = runtime * MS,
				.deadline = period * MS,
				.period = period * MS};
			p[i].se = spawn(runtime, period, period);
		}
		periodic_run(p, cpus + 1, 10000 * MS);
		assert_int_equal(periodic_missed(p, cpus + 1), 0);
		machine_check();
	}
}

/* --- the model: one CPU, a millisecond at a time, rule S6.2 as it is stated ------------------- */

#define TASKS  6
#define NOBODY TASKS

enum where { BLOCKED, READY, RUNS, HELD, STOPPED };

static struct {
	struct {
		enum where where;
		long C, D, T, left, release, order;
		unsigned overruns;
	} task[TASKS];
	unsigned current;
	long now, orders;
} model;

static long due(unsigned i)
{
	return model.task[i].release + model.task[i].D;
}

static void model_begin(unsigned i, long release)
{
	model.task[i].release = release;
	model.task[i].left = model.task[i].C;
	model.task[i].order = ++model.orders;
	model.task[i].where = READY;
}

static void model_next_period(unsigned i)
{
	long next = model.task[i].release + model.task[i].T;

	model_begin(i, next + model.task[i].D > model.now ? next : model.now);
}

static void model_hold(unsigned i)
{
	if (model.task[i].release + model.task[i].T <= model.now) {
		model_next_period(i);
		return;
	}
	model.task[i].order = ++model.orders;
	model.task[i].where = HELD;
}

static void model_wake(unsigned i)
{
	long left = model.task[i].left, now = model.now;

	if (left <= 0) {
		model_hold(i);
	} else if (now < due(i) && left * model.task[i].D <= (due(i) - now) * model.task[i].C) {
		model.task[i].order = ++model.orders;
		model.task[i].where = READY;
	} else if (model.task[i].D < model.task[i].T &&
		now < model.task[i].release + model.task[i].T) {
		model_hold(i);
	} else {
		model_begin(i, now);
	}
}

static void model_pick(void)
{
	unsigned best = NOBODY;

	for (unsigned i = 0; i < TASKS; i++)
		if (model.task[i].where == READY &&
			(best == NOBODY || due(i) < due(best) ||
				(due(i) == due(best) &&
					model.task[i].order < model.task[best].order)))
			best = i;
	model.current = best;
	if (best != NOBODY)
		model.task[best].where = RUNS;
}

static void model_interrupt(void)
{
	unsigned i = model.current;

	if (i != NOBODY && model.task[i].left == 0) {
		model.task[i].overruns++;
		model_hold(i);
	} else if (i != NOBODY) {
		model.task[i].where = READY;
	}
	model_pick();
}

/* For one that is held the CPU looks up, too, and sees that a budget is over. */
static void model_arrived(unsigned i)
{
	if (model.task[i].where == HELD && model.current != NOBODY) {
		model_interrupt();
		return;
	}
	if (model.task[i].where == READY &&
		(model.current == NOBODY || due(i) < due(model.current)))
		model_interrupt();
}

/* Those whose period begins, in the order of begins, then of being held; then the budget's end. */
static void model_timers(void)
{
	bool over = model.current != NOBODY && model.task[model.current].left == 0;
	bool preempts = false;

	for (;;) {
		unsigned first = NOBODY;

		for (unsigned i = 0; i < TASKS; i++)
			if (model.task[i].where == HELD &&
				model.task[i].release + model.task[i].T <= model.now &&
				(first == NOBODY || model.task[i].order < model.task[first].order))
				first = i;
		if (first == NOBODY)
			break;
		model_next_period(first);
		preempts |= model.current == NOBODY || due(first) < due(model.current);
	}
	if (over || preempts)
		model_interrupt();
}

static void model_pass(long ms)
{
	for (; ms; ms--, model.now++) {
		model_timers();
		if (model.current != NOBODY)
			model.task[model.current].left--;
	}
}

static void model_restart(struct host_random *r)
{
	start(1);
	memset(&model, 0, sizeof(model));
	model.current = NOBODY;
	for (unsigned i = 0; i < TASKS; i++) {
		struct sched_entity *se = machine_spawn(0, SCHED_LEVEL_NORMAL, NULL);
		long T = 5 + host_random_below(r, 40), D = T - host_random_below(r, 2) * (T / 3);
		long C = 1 + host_random_below(r, (unsigned)MAX(D / 5, 1));

		while (set(se, C, D, T)) /* one of 70 ms at the latest: 6 / 70 and less */
			C = 1, T = D = T + 10;
		model.task[i].C = C;
		model.task[i].D = D;
		model.task[i].T = T;
		machine_launch(0, se);
		model_begin(i, 0);
		model_arrived(i);
	}
}

static void model_operation(uint64_t r)
{
	unsigned i = (unsigned)(r % TASKS), what = (unsigned)(r >> 8 & 0xff) % 12;
	struct sched_entity *se = &m.task[i].se;
	enum where where = model.task[i].where;

	if (what < 5) {
		long ms = (long)(r >> 16 & 0xff) % 12;

		machine_advance(m.now + ms * MS);
		model_pass(ms);
	} else if (what < 8 && model.current != NOBODY) {
		bool yields = r >> 16 & 1;
		unsigned current = model.current;

		machine_leave(0, yields ? SCHED_YIELD : SCHED_BLOCK);
		model.task[current].where = BLOCKED;
		if (yields)
			model_hold(current);
		model_pick();
	} else if (what < 11 && where == BLOCKED) {
		machine_wake(0, se);
		model_wake(i);
		model_arrived(i);
	} else if (what == 11 && (where == READY || where == HELD)) {
		assert_int_equal(machine_stop(0, se), 0);
		model.task[i].where = STOPPED;
	} else if (what == 11 && where == STOPPED) {
		machine_resume(0, se);
		model_wake(i);
		model_arrived(i);
	}
}

static void model_compare(void)
{
	static const enum sched_state states[] = {[BLOCKED] = SCHED_BLOCKED,
		[READY] = SCHED_QUEUED,
		[RUNS] = SCHED_RUNNING,
		[HELD] = SCHED_THROTTLED,
		[STOPPED] = SCHED_STOPPED};

	for (unsigned i = 0; i < TASKS; i++) {
		const struct sched_entity *se = &m.task[i].se;

		if (se->state != states[model.task[i].where])
			MACHINE_FAIL(
				"task %u: state %d, model %d", i, se->state, model.task[i].where);
		if (se->release != model.task[i].release * MS)
			MACHINE_FAIL("task %u: release %lld, model %ld ms", i,
				(long long)se->release, model.task[i].release);
		if (se->stats.overruns != model.task[i].overruns)
			MACHINE_FAIL("task %u: %u overruns, model %u", i, se->stats.overruns,
				model.task[i].overruns);
	}
}

static void S6_dl_does_what_the_model_does(void **state)
{
	struct host_random r = host_random_start("model");

	(void)state;
	for (unsigned long i = 0; i < host_rounds(1000000); i++) {
		if (i % 4096 == 0)
			model_restart(&r);
		model_operation(host_random_next(&r));
		model_compare();
		if (i % 16 == 0)
			machine_check();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(S1_1_reservations_before_everything),
		cmocka_unit_test(S6_earliest_deadline_runs),
		cmocka_unit_test(S6_3_who_uses_up_its_budget_waits_for_its_period),
		cmocka_unit_test(S6_3_alone_too),
		cmocka_unit_test(S6_3_a_yield_ends_the_job),
		cmocka_unit_test(S6_2_woken_after_the_deadline_begins_anew),
		cmocka_unit_test(S6_2_woken_with_little_left_goes_on),
		cmocka_unit_test(S6_2_with_D_below_T_it_waits_for_its_period),
		cmocka_unit_test(S6_2_held_on_another_cpu_it_comes_back_in_time),
		cmocka_unit_test(S6_held_ones_can_be_stopped_and_changed),
		cmocka_unit_test(S6_3_other_numbers_are_no_way_around_the_budget),
		cmocka_unit_test(S6_3_it_can_hurt_no_other),
		cmocka_unit_test(S6_1_the_sum_is_at_most_95_percent),
		cmocka_unit_test(S6_1_the_shorter_of_D_and_T_counts),
		cmocka_unit_test(S6_1_overhead_is_added_to_every_job),
		cmocka_unit_test(S6_1_worst_fit_among_the_allowed),
		cmocka_unit_test(S6_5_bound_to_its_cpu),
		cmocka_unit_test(S6_1_moves_to_where_it_was_admitted),
		cmocka_unit_test(S6_4_bandwidth_comes_back_at_the_zero_lag_time),
		cmocka_unit_test(S6_4_exactly_zero_when_all_have_gone),
		cmocka_unit_test(S6_4_comes_back_when_it_exits_and_when_it_is_held),
		cmocka_unit_test(S6_1_exact_test_admits_what_the_density_test_refuses),
		cmocka_unit_test(S6_1_all_are_admitted_if_told_so),
		cmocka_unit_test(wrong_numbers_are_refused),
		cmocka_unit_test(S6_dl_does_what_the_model_does),
		cmocka_unit_test(S6_5_dhalls_sets_have_no_miss),
		cmocka_unit_test(S6_5_ten_thousand_admitted_sets_have_no_miss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
