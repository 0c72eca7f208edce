/* SPDX-License-Identifier: MIT */
/*
 * The multi-level feedback queue (rules S5): one test per rule, then a million random operations
 * against a model.
 */
#include "sched/tests/model.h"

#define LEVELS 8
#define BOOST  500

static void start(unsigned cpus)
{
	machine_start_algorithm(cpus, SCHED_POLICY_mlfq);
}

static unsigned mlfq_level(const struct sched_entity *se)
{
	return se->rank - SCHED_RANK_TS;
}

/* --- rule by rule ---------------------------------------------------------------------------- */

/* Two of a kind from the top to the bottom: two turns a level, of 2, 4, 8, 16, 32, 32 … ms. */
static void S5_1_S5_2_levels_quanta_and_allotments(void **state)
{
	struct sched_entity *se[2];
	struct sched_config config;
	ktime_t end = 0;

	(void)state;
	sched_config_default(&config);
	config.algorithm = SCHED_POLICY_mlfq;
	config.boost_interval = 10 * NSEC_PER_SEC;
	machine_start_with(1, &config);
	se[0] = launch(0, SCHED_LEVEL_NORMAL, NULL);
	se[1] = launch(0, SCHED_LEVEL_NORMAL, NULL);
	for (unsigned turn = 0; turn < 4 * (LEVELS + 2); turn++) {
		unsigned level = MIN(turn / 4, LEVELS - 1u);

		machine_advance(end + 1);
		assert_ptr_equal(m.rq[0].curr, se[turn % 2]);
		assert_int_equal(mlfq_level(m.rq[0].curr), level);
		end += (2 * MS) << MIN(level, 4u);
		assert_int_equal(m.rq[0].slice_end, end);
		machine_check();
	}
}

/* A block that served a thread before: the new one begins at the top, with a full allotment. */
static void S5_1_new_in_an_old_block(void **state)
{
	struct sched_params params = {.level = SCHED_LEVEL_NORMAL};
	struct sched_entity *se;

	(void)state;
	start(1);
	se = launch(0, SCHED_LEVEL_NORMAL, NULL);
	machine_advance(5 * MS);
	machine_leave(0, SCHED_EXIT);
	assert_int_equal(mlfq_level(se), 1);
	machine_on(0);
	assert_int_equal(sched_attach(&m.s, se, &params, m.now), 0);
	machine_launch(0, se);
	launch(0, SCHED_LEVEL_NORMAL, NULL);
	machine_advance(7 * MS + 1); /* its first turn is over, the other's begins */
	assert_int_equal(mlfq_level(se), 0);
	machine_advance(11 * MS + 1);
	assert_int_equal(mlfq_level(se), 1);
}

static void S5_1_the_higher_level_runs_and_preempts(void **state)
{
	struct sched_entity *old, *new;

	(void)state;
	start(1);
	old = launch(0, SCHED_LEVEL_NORMAL, NULL);
	machine_advance(5 * MS); /* alone, and yet its time is charged */
	new = launch(0, SCHED_LEVEL_NORMAL, NULL);
	assert_ptr_equal(m.rq[0].curr, new);
	assert_int_equal(mlfq_level(new), 0);
	assert_int_equal(mlfq_level(old), 1);
	machine_check();
}

static void S5_2_allotment_counts_across_blocks(void **state)
{
	struct sched_entity *se;

	(void)state;
	start(1);
	se = launch(0, SCHED_LEVEL_NORMAL, NULL);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(mlfq_level(se), 0);
		machine_advance(m.now + 1 * MS);
		machine_leave(0, SCHED_BLOCK);
		machine_wake(0, se);
	}
	assert_int_equal(mlfq_level(se), 1);
	machine_check();
}

static void S5_2_preempted_returns_to_the_head_with_its_rest(void **state)
{
	struct sched_entity *a;

	(void)state;
	start(1);
	a = launch(0, SCHED_LEVEL_NORMAL, NULL);
	launch(0, SCHED_LEVEL_NORMAL, NULL);
	machine_advance(MS / 2);
	launch_urgent(0, NULL);
	machine_advance(100 * MS);
	machine_leave(0, SCHED_BLOCK);
	assert_ptr_equal(m.rq[0].curr, a);
	assert_int_equal(m.rq[0].slice_end, 101 * MS + MS / 2);
}

static void S5_2_yield_goes_to_the_tail_still_charged(void **state)
{
	struct sched_entity *a, *b;

	(void)state;
	start(1);
	a = launch(0, SCHED_LEVEL_NORMAL, NULL);
	b = launch(0, SCHED_LEVEL_NORMAL, NULL);
	for (unsigned i = 0; i < 4; i++) {
		assert_ptr_equal(m.rq[0].curr, a);
		machine_advance(m.now + 1 * MS);
		machine_leave(0, SCHED_YIELD);
		assert_ptr_equal(m.rq[0].curr, b);
		machine_leave(0, SCHED_YIELD);
	}
	assert_ptr_equal(m.rq[0].curr, b);
	assert_int_equal(mlfq_level(a), 1);
	assert_int_equal(mlfq_level(b), 0);
}

static void S5_2_nice_acts_through_the_quantum(void **state)
{
	static const struct {
		unsigned level;
		ktime_t quantum;
	} cases[] = {{SCHED_LEVEL_CRITICAL, 4 * MS}, {SCHED_LEVEL_HIGH, 3 * MS},
		{SCHED_LEVEL_NORMAL, 2 * MS}, {SCHED_LEVEL_LOW, 1 * MS}};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sched_entity *se;

		start(1);
		se = launch(0, cases[i].level, NULL);
		assert_int_equal(mlfq_level(se), 0);
		assert_int_equal(m.rq[0].slice_end, cases[i].quantum);
		machine_advance(2 * cases[i].quantum);
		machine_leave(0, SCHED_YIELD);
		assert_int_equal(mlfq_level(se), 1);
	}
}

/* Those who run, wait and sleep, each after it has sunk. */
static void S5_3_everything_returns_to_the_top(void **state)
{
	struct sched_entity *runs, *waits, *sleeps;

	(void)state;
	start(1);
	sleeps = launch(0, SCHED_LEVEL_NORMAL, NULL);
	machine_advance(20 * MS);
	machine_leave(0, SCHED_SLEEP);
	runs = launch(0, SCHED_LEVEL_NORMAL, NULL);
	waits = launch(0, SCHED_LEVEL_NORMAL, NULL);
	machine_advance(BOOST * MS - 1);
	assert_true(mlfq_level(runs) > 3 && mlfq_level(waits) > 3);
	assert_int_equal(mlfq_level(sleeps), 2);
	machine_advance(BOOST * MS + 1);
	assert_int_equal(mlfq_level(m.rq[0].curr), 0);
	assert_int_equal(list_empty(&m.rq[0].level[SCHED_RANK_TS]), false);
	machine_check();
	machine_advance((BOOST + 2) * MS + 1);
	assert_int_equal(mlfq_level(m.rq[0].curr), 0);
	machine_wake(0, sleeps);
	assert_int_equal(mlfq_level(sleeps), 0);
	machine_check();
}

/* The turn that begins at the boost has the old level's quantum, and the new level cuts no more. */
static void S5_3_a_boost_comes_before_a_level_that_changes_then(void **state)
{
	struct sched_entity *curr;

	(void)state;
	start(1);
	launch(0, SCHED_LEVEL_LOW, NULL);
	launch(0, SCHED_LEVEL_LOW, NULL);
	machine_advance(BOOST * MS);
	curr = m.rq[0].curr;
	machine_set_level(0, curr, SCHED_LEVEL_CRITICAL);
	assert_ptr_equal(m.rq[0].curr, curr);
	assert_int_equal(m.rq[0].slice_end, (BOOST + 1) * MS);
	machine_check();
}

static void S5_3_migration_keeps_level_and_account(void **state)
{
	struct cpumask first = mask_of(1), second = mask_of(2);
	struct sched_entity *se;

	(void)state;
	start(2);
	se = launch(0, SCHED_LEVEL_NORMAL, &first);
	launch(1, SCHED_LEVEL_NORMAL, &second);
	machine_advance(7 * MS);
	assert_int_equal(machine_set_affinity(1, se, &second), 0);
	assert_int_equal(cpu_of(se), 1);
	assert_int_equal(mlfq_level(se), 1);
	assert_int_equal(se->charged_from, 4 * MS);
	machine_check();
}

/* Sleeps for an instant just before its allotment would end, again and again. */
static void S5_4_a_gamer_gets_no_more_than_its_share(void **state)
{
	struct sched_entity *gamer, *honest;
	ktime_t got, end = 10 * NSEC_PER_SEC;

	(void)state;
	start(1);
	gamer = launch(0, SCHED_LEVEL_NORMAL, NULL);
	honest = launch(0, SCHED_LEVEL_NORMAL, NULL);
	while (m.now < end) {
		machine_advance(m.now + 100 * NSEC_PER_USEC);
		if (m.rq[0].curr != gamer || m.rq[0].slice_end - m.now > MS / 5)
			continue;
		machine_leave(0, SCHED_SLEEP);
		machine_wake(0, gamer);
	}
	got = gamer->stats.time[SCHED_RUNNING];
	assert_true(honest->stats.time[SCHED_RUNNING] > 0);
	assert_true(got * 100 <= end * 55);
}

static void S5_4_io_bound_threads_stay_near_the_top(void **state)
{
	struct sched_entity *io;
	ktime_t waited = 0;

	(void)state;
	start(1);
	io = launch(0, SCHED_LEVEL_NORMAL, NULL);
	launch(0, SCHED_LEVEL_NORMAL, NULL);
	launch(0, SCHED_LEVEL_NORMAL, NULL);
	for (unsigned i = 0; i < 200; i++) {
		while (m.rq[0].curr != io)
			machine_advance(m.now + 10 * NSEC_PER_USEC);
		machine_advance(m.now + 100 * NSEC_PER_USEC);
		machine_leave(0, SCHED_SLEEP);
		machine_advance(m.now + 10 * MS);
		machine_wake(0, io);
		assert_true(mlfq_level(io) <= 1);
	}
	waited = io->stats.time[SCHED_QUEUED];
	assert_true(waited < 200 * MS);
}

static void configuration_has_limits(void **state)
{
	struct sched_config config;
	struct sched s;

	(void)state;
	sched_config_default(&config);
	assert_int_equal(config.boost_interval, BOOST * MS);
	config.boost_interval = 0;
	assert_int_equal(sched_init(&s, &config), -EINVAL);
}

/* --- the model: levels 0, 10, 20 and 30, whose quanta are whole milliseconds ------------------ */

static long last_boost;

static int quantum_ms(const struct model_task *t)
{
	return (4 - (int)t->level / 10) << MIN(t->key, 4);
}

static bool spent(const struct model_task *t)
{
	return t->key < LEVELS - 1 && t->used >= 2 * quantum_ms(t);
}

static bool sink(struct model_task *t)
{
	bool down = spent(t);

	for (; spent(t); t->key++)
		t->used -= 2 * quantum_ms(t);
	return down;
}

/* A turn ends with its slice, with the allotment, or at a boost. */
static void picked(struct model_task *t)
{
	if (t->fresh)
		t->rest = quantum_ms(t);
	t->fresh = false;
	if (t->key < LEVELS - 1)
		t->rest = MIN(t->rest, 2 * quantum_ms(t) - t->used);
	t->rest = MIN(t->rest, (int)(BOOST - model.now % BOOST));
}

static void enter(struct model_task *t, enum sched_why why)
{
	bool goes_on;

	if (t->fresh)
		t->rest = quantum_ms(t);
	t->fresh = false;
	goes_on = !sink(t) && t->rest > 0;
	if (goes_on && why == SCHED_WHY_PREEMPTED) {
		t->order = --model.front;
		return;
	}
	if (!goes_on || why != SCHED_WHY_MIGRATED)
		t->rest = quantum_ms(t);
	t->order = ++model.back;
}

static void left(struct model_task *t)
{
	sink(t);
}

static bool preempts(const struct model_task *woken, const struct model_task *current)
{
	return woken->key < current->key;
}

static void alone(struct model_task *t)
{
	sink(t);
	t->rest = quantum_ms(t);
	picked(t);
}

static void charge(struct model_task *t)
{
	t->used++;
}

static void to_the_top(struct model_task *t)
{
	t->key = t->used = 0;
	t->fresh = t->where == READY;
	t->rest = quantum_ms(t);
	if (t->where == READY)
		t->order = ++model.back;
}

static void boost_waiting(void)
{
	bool waits[TASKS];

	for (unsigned i = 0; i < TASKS; i++)
		waits[i] = model.task[i].where == READY && !model.task[i].urgent;
	for (;;) {
		struct model_task *first = NULL;

		for (unsigned i = 0; i < TASKS; i++)
			if (waits[i] && (!first || goes_before(&model.task[i], first)))
				first = &model.task[i];
		if (!first)
			return;
		waits[first - model.task] = false;
		to_the_top(first);
	}
}

static void boost_when_due(void)
{
	if (model.now < last_boost)
		last_boost = 0; /* a new machine */
	if (model.now / BOOST == last_boost / BOOST)
		return;
	last_boost = model.now;
	boost_waiting();
	for (unsigned i = 0; i < TASKS; i++)
		if (!model.task[i].urgent && model.task[i].where != READY)
			to_the_top(&model.task[i]);
}

static void S5_mlfq_does_what_the_model_does(void **state)
{
	static const struct rules rules = {
		.algorithm = SCHED_POLICY_mlfq,
		.quantum = quantum_ms,
		.enter = enter,
		.preempts = preempts,
		.alone = alone,
		.millisecond = boost_when_due,
		.charge = charge,
		.over = spent,
		.left = left,
		.picked = picked,
		.level_step = 10,
	};

	(void)state;
	compare_random_operations(&rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(S5_1_S5_2_levels_quanta_and_allotments),
		cmocka_unit_test(S5_1_new_in_an_old_block),
		cmocka_unit_test(S5_1_the_higher_level_runs_and_preempts),
		cmocka_unit_test(S5_2_allotment_counts_across_blocks),
		cmocka_unit_test(S5_2_preempted_returns_to_the_head_with_its_rest),
		cmocka_unit_test(S5_2_yield_goes_to_the_tail_still_charged),
		cmocka_unit_test(S5_2_nice_acts_through_the_quantum),
		cmocka_unit_test(S5_3_everything_returns_to_the_top),
		cmocka_unit_test(S5_3_a_boost_comes_before_a_level_that_changes_then),
		cmocka_unit_test(S5_3_migration_keeps_level_and_account),
		cmocka_unit_test(S5_4_a_gamer_gets_no_more_than_its_share),
		cmocka_unit_test(S5_4_io_bound_threads_stay_near_the_top),
		cmocka_unit_test(configuration_has_limits),
		cmocka_unit_test(S5_mlfq_does_what_the_model_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
