/* SPDX-License-Identifier: MIT */
/*
 * The system algorithm `edf` (rule S1.2): one test per rule; utilisation 1, overload and the domino
 * effect; then a million random operations against a model that looks at every job each
 * millisecond.
 */
#include "sched/tests/model.h"
#include "sched/tests/periodic.h"

#define QUANTUM 20

static void start(unsigned cpus)
{
	machine_start_algorithm(cpus, SCHED_POLICY_edf);
}

static struct sched_entity *spawn(ktime_t deadline, ktime_t period)
{
	struct sched_entity *se = machine_spawn(0, SCHED_LEVEL_NORMAL, NULL);

	assert_int_equal(machine_set_deadline(0, se, deadline * MS, period * MS), 0);
	return se;
}

static struct sched_entity *launch_deadline(ktime_t deadline, ktime_t period)
{
	struct sched_entity *se = spawn(deadline, period);

	machine_launch(0, se);
	return se;
}

/* --- rule by rule ---------------------------------------------------------------------------- */

static void S1_2_earliest_absolute_deadline_runs(void **state)
{
	struct sched_entity *a, *b, *c;

	(void)state;
	start(1);
	a = launch_deadline(30, 100);
	machine_advance(5 * MS);
	b = launch_deadline(10, 100); /* due at 15: preempts */
	assert_ptr_equal(m.rq[0].curr, b);
	machine_advance(6 * MS);
	c = launch_deadline(10, 100); /* due at 16 */
	assert_ptr_equal(m.rq[0].curr, b);
	machine_leave(0, SCHED_BLOCK);
	assert_ptr_equal(m.rq[0].curr, c);
	machine_leave(0, SCHED_BLOCK);
	assert_ptr_equal(m.rq[0].curr, a);
	assert_int_equal(a->key, 30 * MS);
	machine_check();
}

static void S1_7_equal_deadlines_do_not_preempt_and_go_in_order(void **state)
{
	struct sched_entity *a, *b, *c;

	(void)state;
	start(1);
	a = launch_deadline(10, 0);
	b = launch_deadline(10, 0);
	c = launch_deadline(10, 0);
	assert_ptr_equal(m.rq[0].curr, a);
	machine_leave(0, SCHED_BLOCK);
	assert_ptr_equal(m.rq[0].curr, b);
	machine_leave(0, SCHED_BLOCK);
	assert_ptr_equal(m.rq[0].curr, c);
}

static void S1_2_without_a_deadline_last_and_round_robin(void **state)
{
	struct sched_entity *a, *b, *due;

	(void)state;
	start(1);
	a = launch(0, SCHED_LEVEL_NORMAL, NULL);
	b = launch(0, SCHED_LEVEL_CRITICAL, NULL);
	machine_advance(QUANTUM * MS + 1);
	assert_ptr_equal(m.rq[0].curr, b);
	due = launch_deadline(5000, 5000);
	assert_ptr_equal(m.rq[0].curr, due);
	machine_leave(0, SCHED_BLOCK);
	assert_ptr_equal(m.rq[0].curr, b); /* the rest of its turn */
	assert_int_equal(m.rq[0].slice_end, (QUANTUM + 40) * MS);
	machine_leave(0, SCHED_YIELD);
	assert_ptr_equal(m.rq[0].curr, a);
	machine_check();
}

static void S1_2_a_job_has_no_slice(void **state)
{
	struct sched_entity *a, *b;

	(void)state;
	start(1);
	a = launch_deadline(10, 0);
	b = launch_deadline(20, 0);
	machine_advance(900 * MS);
	assert_ptr_equal(m.rq[0].curr, a);
	assert_int_equal(m.timer[0], KTIME_MAX);
	assert_int_equal(b->stats.time[SCHED_RUNNING], 0);
}

static void S1_2_a_yield_begins_the_next_job(void **state)
{
	struct sched_entity *periodic, *sporadic;

	(void)state;
	start(1);
	periodic = launch_deadline(10, 25);
	sporadic = launch_deadline(20, 0);
	machine_advance(4 * MS);
	machine_leave(0, SCHED_YIELD);
	assert_int_equal(periodic->release, 25 * MS);
	assert_int_equal(periodic->key, 35 * MS);
	assert_ptr_equal(m.rq[0].curr, sporadic);
	machine_leave(0, SCHED_YIELD);
	assert_int_equal(sporadic->release, 4 * MS);
	assert_ptr_equal(m.rq[0].curr, sporadic);
	machine_check();
}

static void S1_2_a_wake_up_is_on_the_grid_of_releases(void **state)
{
	struct sched_entity *se;

	(void)state;
	start(1);
	machine_advance(3 * MS);
	se = launch_deadline(10, 20); /* releases 3, 23, 43, 63 … */
	machine_leave(0, SCHED_BLOCK);
	machine_advance(23 * MS - 1);
	machine_wake(0, se);
	assert_int_equal(se->release, 3 * MS); /* inside its period the same job goes on */
	machine_leave(0, SCHED_BLOCK);
	machine_advance(23 * MS);
	machine_wake(0, se);
	assert_int_equal(se->release, 23 * MS);
	machine_leave(0, SCHED_BLOCK);
	machine_advance(82 * MS);
	machine_wake(0, se);
	assert_int_equal(se->release, 63 * MS);
	machine_check();
}

static void S1_2_without_a_period_every_wake_up_is_a_release(void **state)
{
	struct sched_entity *se;

	(void)state;
	start(1);
	se = launch_deadline(10, 0);
	machine_leave(0, SCHED_BLOCK);
	machine_advance(2 * MS);
	machine_wake(0, se);
	assert_int_equal(se->release, 2 * MS);
	assert_int_equal(se->key, 12 * MS);
}

/* The job that has yielded before its next release waits there, not at a later one. */
static void S1_2_woken_before_its_next_job(void **state)
{
	struct sched_entity *se;

	(void)state;
	start(1);
	se = launch_deadline(20, 20);
	machine_leave(0, SCHED_YIELD);
	machine_leave(0, SCHED_BLOCK);
	machine_advance(5 * MS);
	machine_wake(0, se);
	assert_int_equal(se->release, 20 * MS);
	machine_check();
}

static void S10_a_miss_is_counted_once_per_job(void **state)
{
	struct sched_entity *se;

	(void)state;
	start(1);
	se = launch_deadline(10, 20);
	machine_advance(10 * MS);
	machine_leave(0, SCHED_YIELD); /* done at its deadline */
	assert_int_equal(se->stats.misses, 0);
	machine_advance(30 * MS + 1); /* the second was due at 30 */
	launch_urgent(0, NULL);       /* preempts it */
	assert_int_equal(se->stats.misses, 1);
	machine_leave(0, SCHED_EXIT);
	machine_leave(0, SCHED_BLOCK);
	machine_advance(35 * MS);
	machine_wake(0, se);
	machine_leave(0, SCHED_YIELD);
	assert_int_equal(se->stats.misses, 1);
	assert_int_equal(m.events[SCHED_EVENT_MISS], 1);
	machine_advance(50 * MS + 1); /* the third was due at 50 */
	machine_leave(0, SCHED_SLEEP);
	assert_int_equal(se->stats.misses, 2);
	machine_check();
}

static void S10_a_job_that_waits_too_long_misses_when_it_runs(void **state)
{
	struct sched_entity *se;

	(void)state;
	start(1);
	launch_deadline(1, 0);
	se = launch_deadline(5, 0);
	machine_advance(6 * MS);
	assert_int_equal(se->stats.misses, 0);
	machine_leave(0, SCHED_BLOCK);
	assert_ptr_equal(m.rq[0].curr, se);
	assert_int_equal(se->stats.misses, 1);
}

static void a_deadline_may_be_set_in_every_state(void **state)
{
	struct sched_entity *runs, *waits, *sleeps;
	struct sched_params params;

	(void)state;
	start(1);
	runs = launch(0, SCHED_LEVEL_NORMAL, NULL);
	waits = launch(0, SCHED_LEVEL_NORMAL, NULL);
	machine_advance(3 * MS);
	assert_int_equal(machine_set_deadline(0, waits, 50 * MS, 0), 0);
	assert_ptr_equal(m.rq[0].curr, waits);
	assert_int_equal(waits->key, 53 * MS);
	assert_int_equal(machine_set_deadline(0, waits, 0, 0), 0);
	assert_int_equal(waits->key, KTIME_MAX);
	assert_int_equal(waits->slice, QUANTUM * MS);
	assert_ptr_equal(m.rq[0].curr, runs); /* which was there before */
	assert_int_equal(machine_set_deadline(0, runs, 7 * MS, 9 * MS), 0);
	assert_int_equal(runs->release, 3 * MS);
	assert_int_equal(m.rq[0].slice_end, KTIME_MAX);
	machine_leave(0, SCHED_BLOCK);
	sleeps = runs;
	assert_int_equal(machine_set_deadline(0, sleeps, 0, 30 * MS), 0);
	machine_advance(10 * MS);
	machine_wake(0, sleeps);
	assert_int_equal(sleeps->release, 10 * MS);
	assert_int_equal(sleeps->key, 40 * MS); /* D = T */
	arch_host_become(0);
	sched_get_params(&m.s, sleeps, &params);
	assert_int_equal(params.deadline, 30 * MS);
	assert_int_equal(params.period, 30 * MS);
	assert_int_equal(params.level, SCHED_LEVEL_NORMAL);
	machine_check();
}

static void wrong_numbers_are_refused(void **state)
{
	static const struct {
		ktime_t deadline, period;
		int result;
	} cases[] = {
		{-1, 0, -EINVAL},
		{0, -1, -EINVAL},
		{11, 10, -EINVAL},
		{10, 10, 0},
		{0, 10, 0},
		{10, 0, 0},
		{SCHED_PERIOD_MAX, 0, 0},
		{SCHED_PERIOD_MAX + 1, 0, -EINVAL},
		{1, SCHED_PERIOD_MAX + 1, -EINVAL},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sched_entity *se, other = {0};
		struct sched_params params = {
			.deadline = cases[i].deadline, .period = cases[i].period};

		start(1);
		se = launch(0, SCHED_LEVEL_NORMAL, NULL);
		assert_int_equal(machine_set_params(0, se, &params), cases[i].result);
		assert_int_equal(sched_attach(&m.s, &other, &params, 0), cases[i].result);
		machine_check();
	}
}

static void S2_2_the_largest_deadline_does_not_wrap_around(void **state)
{
	struct sched_entity *far, *none;

	(void)state;
	start(1);
	machine_advance(SCHED_PERIOD_MAX);
	none = launch(0, SCHED_LEVEL_NORMAL, NULL);
	far = launch_deadline(SCHED_PERIOD_MAX / MS, 0);
	assert_ptr_equal(m.rq[0].curr, far);
	assert_true(far->key > m.now && far->key < none->key);
}

/* --- whole sets of tasks --------------------------------------------------------------------- */

static void spawn_set(struct periodic *p, unsigned n)
{
	start(1);
	for (unsigned i = 0; i < n; i++) {
		p[i].runtime *= MS;
		p[i].deadline = p[i].period *= MS;
		p[i].se = spawn(p[i].deadline / MS, p[i].period / MS);
	}
}

/* U = 1/2 + 1/4 + 1/8 + 1/8: the CPU is never idle and nothing is late. */
static void S1_2_utilisation_one_has_no_miss(void **state)
{
	struct periodic p[] = {
		{.runtime = 4, .period = 8},
		{.runtime = 3, .period = 12},
		{.runtime = 3, .period = 24},
		{.runtime = 6, .period = 48},
	};
	const unsigned n = ARRAY_SIZE(p);
	ktime_t end;

	(void)state;
	spawn_set(p, n);
	end = 10 * periodic_hyperperiod(p, n);
	periodic_run(p, n, end);
	assert_int_equal(end, 480 * MS);
	assert_int_equal(periodic_missed(p, n), 0);
	assert_int_equal(m.idle[0].stats.time[SCHED_RUNNING], 0);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(p[i].jobs, end / p[i].period);
		assert_int_equal(p[i].se->stats.misses, 0);
	}
}

/* Random sets with U of at most 1: no miss in two hyperperiods. */
static void S1_2_random_sets_up_to_one_have_no_miss(void **state)
{
	static const ktime_t periods[] = {4, 6, 8, 10, 12, 15, 20, 24, 30, 40, 60};
	struct host_random r = host_random_start("sets");

	(void)state;
	for (unsigned long round = 0; round < host_rounds(300); round++) {
		struct periodic p[6] = {0};
		ktime_t used = 0; /* of 120 */
		unsigned n = 0;

		while (n < ARRAY_SIZE(p)) {
			ktime_t period = periods[host_random_below(&r, ARRAY_SIZE(periods))];
			ktime_t most = (120 - used) * period / 120;

			if (most < 1)
				break;
			p[n].period = period;
			p[n].runtime = 1 + host_random_below(&r, (unsigned)most);
			used += p[n++].runtime * 120 / period;
		}
		spawn_set(p, n);
		periodic_run(p, n, 240 * MS);
		assert_int_equal(periodic_missed(p, n), 0);
	}
}

/*
 * U = 1.2. Once it is late, an old deadline goes before every new one: within a few jobs everybody
 * misses every deadline (the domino effect), which a fixed priority would spare the first task.
 */
static void S1_2_overload_is_a_domino(void **state)
{
	struct periodic p[] = {
		{.runtime = 4, .period = 10},
		{.runtime = 4, .period = 10},
		{.runtime = 4, .period = 10},
	};
	const unsigned n = ARRAY_SIZE(p);

	(void)state;
	spawn_set(p, n);
	periodic_run(p, n, 1000 * MS);
	for (unsigned i = 0; i < n; i++) {
		assert_true(p[i].jobs >= 80);
		assert_true(p[i].missed * 10 >= p[i].jobs * 9);
		assert_in_range(p[i].se->stats.misses, p[i].missed - 1, p[i].missed);
	}
	assert_int_equal(m.idle[0].stats.time[SCHED_RUNNING], 0);
}

/* --- the model ------------------------------------------------------------------------------- */

static int quantum_ms(const struct model_task *t)
{
	return 40 - (int)t->level;
}

/* A job that is not done, and its deadline has passed. */
static void note_if_late(struct model_task *t)
{
	if (t->urgent || !t->deadline || t->late || model.now <= t->release + t->deadline)
		return;
	t->late = true;
	t->misses++;
}

static void note_late_jobs(void)
{
	for (unsigned i = 0; i < TASKS; i++)
		if (model.task[i].where == READY || model.task[i].where == RUNS)
			note_if_late(&model.task[i]);
}

static void begin_job(struct model_task *t, long release)
{
	t->release = release;
	t->late = false;
}

static void enter(struct model_task *t, enum sched_why why)
{
	if (why != SCHED_WHY_PREEMPTED)
		t->order = ++model.back;
	if ((why != SCHED_WHY_PREEMPTED && why != SCHED_WHY_MIGRATED) || t->deadline ||
		t->rest <= 0)
		t->rest = quantum_ms(t);
	t->key = LONG_MAX;
	if (!t->deadline)
		return;
	if (t->release == NO_RELEASE || (why == SCHED_WHY_WAKEUP && !t->period))
		begin_job(t, model.now);
	while (why == SCHED_WHY_WAKEUP && t->period && t->release + t->period <= model.now)
		begin_job(t, t->release + t->period);
	note_if_late(t);
	if (why == SCHED_WHY_YIELDED)
		begin_job(t, t->period ? t->release + t->period : model.now);
	note_if_late(t); /* the next one, of somebody far behind */
	t->key = t->release + t->deadline;
}

static bool preempts(const struct model_task *woken, const struct model_task *current)
{
	return woken->key < current->key;
}

static void alone(struct model_task *t)
{
	t->rest = quantum_ms(t);
}

static bool has_deadline(const struct model_task *t)
{
	return t->deadline > 0;
}

static void S1_2_edf_does_what_the_model_does(void **state)
{
	static const struct rules rules = {
		.algorithm = SCHED_POLICY_edf,
		.quantum = quantum_ms,
		.enter = enter,
		.preempts = preempts,
		.alone = alone,
		.endless = has_deadline,
		.millisecond = note_late_jobs,
		.left = note_if_late,
		.level_step = 10,
		.deadlines = true,
	};

	(void)state;
	compare_random_operations(&rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(S1_2_earliest_absolute_deadline_runs),
		cmocka_unit_test(S1_7_equal_deadlines_do_not_preempt_and_go_in_order),
		cmocka_unit_test(S1_2_without_a_deadline_last_and_round_robin),
		cmocka_unit_test(S1_2_a_job_has_no_slice),
		cmocka_unit_test(S1_2_a_yield_begins_the_next_job),
		cmocka_unit_test(S1_2_a_wake_up_is_on_the_grid_of_releases),
		cmocka_unit_test(S1_2_without_a_period_every_wake_up_is_a_release),
		cmocka_unit_test(S1_2_woken_before_its_next_job),
		cmocka_unit_test(S10_a_miss_is_counted_once_per_job),
		cmocka_unit_test(S10_a_job_that_waits_too_long_misses_when_it_runs),
		cmocka_unit_test(a_deadline_may_be_set_in_every_state),
		cmocka_unit_test(wrong_numbers_are_refused),
		cmocka_unit_test(S2_2_the_largest_deadline_does_not_wrap_around),
		cmocka_unit_test(S1_2_utilisation_one_has_no_miss),
		cmocka_unit_test(S1_2_random_sets_up_to_one_have_no_miss),
		cmocka_unit_test(S1_2_overload_is_a_domino),
		cmocka_unit_test(S1_2_edf_does_what_the_model_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
