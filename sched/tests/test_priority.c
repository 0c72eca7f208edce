/* SPDX-License-Identifier: MIT */
/*
 * Priority with aging (rules S4): one test per rule, then a million random operations against a
 * model that computes effective priorities.
 */
#include "sched/tests/model.h"

#define SLICE 4
#define AGING 50

static void start(unsigned cpus)
{
	machine_start_algorithm(cpus, SCHED_POLICY_priority);
}

/* --- rule by rule ---------------------------------------------------------------------------- */

static void S4_1_best_effective_priority_runs(void **state)
{
	struct sched_entity *low, *normal, *high;

	(void)state;
	start(1);
	launch(0, SCHED_LEVEL_CRITICAL, NULL);
	low = launch(0, SCHED_LEVEL_LOW, NULL);
	normal = launch(0, SCHED_LEVEL_NORMAL, NULL);
	high = launch(0, SCHED_LEVEL_HIGH, NULL);
	machine_leave(0, SCHED_BLOCK);
	assert_ptr_equal(m.rq[0].curr, high);
	machine_leave(0, SCHED_BLOCK);
	assert_ptr_equal(m.rq[0].curr, normal);
	machine_leave(0, SCHED_BLOCK);
	assert_ptr_equal(m.rq[0].curr, low);
	machine_check();
}

/* Level 20 waits since 0; at 500 ms it is as good as a fresh level 10, and it was there first. */
static void S4_1_waiting_for_ten_times_A_is_worth_ten_levels(void **state)
{
	struct sched_entity *old, *before, *after;
	struct sched_entity *urgent;

	(void)state;
	start(1);
	urgent = launch_urgent(0, NULL);
	old = launch(0, SCHED_LEVEL_NORMAL, NULL);
	machine_advance(10 * AGING * MS - 1);
	before = launch(0, SCHED_LEVEL_HIGH, NULL);
	machine_advance(10 * AGING * MS);
	after = launch(0, SCHED_LEVEL_HIGH, NULL);
	assert_ptr_equal(m.rq[0].curr, urgent);
	machine_leave(0, SCHED_BLOCK);
	assert_ptr_equal(m.rq[0].curr, before);
	machine_leave(0, SCHED_BLOCK);
	assert_ptr_equal(m.rq[0].curr, old);
	machine_leave(0, SCHED_BLOCK);
	assert_ptr_equal(m.rq[0].curr, after);
}

static void S4_2_age_is_lost_at_the_end_of_a_slice(void **state)
{
	struct sched_entity *a, *b;

	(void)state;
	start(1);
	a = launch(0, SCHED_LEVEL_NORMAL, NULL);
	b = launch(0, SCHED_LEVEL_NORMAL, NULL);
	for (unsigned turn = 0; turn < 6; turn++) {
		machine_advance(turn * SLICE * MS + 1);
		assert_ptr_equal(m.rq[0].curr, turn % 2 ? b : a);
		assert_int_equal(m.rq[0].slice_end, (turn + 1) * SLICE * MS);
	}
	assert_int_equal(a->ages_from, 5 * SLICE * MS);
	assert_int_equal(a->stats.switches[SCHED_LEFT_EXPIRED], 3);
}

static void S4_2_age_is_lost_at_a_yield_and_at_a_block(void **state)
{
	struct sched_entity *a, *b;

	(void)state;
	start(1);
	a = launch(0, SCHED_LEVEL_NORMAL, NULL);
	b = launch(0, SCHED_LEVEL_NORMAL, NULL);
	machine_advance(1 * MS);
	machine_leave(0, SCHED_YIELD);
	assert_ptr_equal(m.rq[0].curr, b);
	assert_int_equal(a->ages_from, 1 * MS);
	assert_int_equal(a->slice, SLICE * MS);
	machine_leave(0, SCHED_BLOCK);
	assert_ptr_equal(m.rq[0].curr, a);
	machine_advance(3 * MS);
	machine_wake(0, b);
	assert_int_equal(b->ages_from, 3 * MS);
}

static void S4_2_preempted_keeps_key_rest_and_place_among_equals(void **state)
{
	struct sched_entity *a, *b;

	(void)state;
	start(1);
	a = launch(0, SCHED_LEVEL_NORMAL, NULL);
	b = launch(0, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(a->key, b->key);
	machine_advance(1 * MS);
	launch_urgent(0, NULL);
	assert_int_equal(a->slice, 3 * MS);
	assert_int_equal(a->ages_from, 0);
	machine_advance(100 * MS);
	machine_leave(0, SCHED_BLOCK);
	assert_ptr_equal(m.rq[0].curr, a);
	assert_int_equal(m.rq[0].slice_end, 103 * MS);
	machine_check();
}

static void S4_2_migration_keeps_the_age(void **state)
{
	struct cpumask first = mask_of(1), second = mask_of(2);
	struct sched_entity *se;

	(void)state;
	start(2);
	launch(0, SCHED_LEVEL_NORMAL, &first);
	launch(1, SCHED_LEVEL_NORMAL, &second);
	se = launch(0, SCHED_LEVEL_IDLE, &first);
	machine_advance(70 * MS);
	assert_int_equal(machine_set_affinity(1, se, &second), 0);
	assert_int_equal(cpu_of(se), 1);
	assert_int_equal(se->ages_from, 0);
	machine_check();
}

static void S4_2_a_changed_level_keeps_the_age(void **state)
{
	struct sched_entity *se;

	(void)state;
	start(1);
	launch(0, SCHED_LEVEL_CRITICAL, NULL);
	machine_advance(2 * MS);
	se = launch(0, SCHED_LEVEL_LOW, NULL);
	machine_advance(3 * MS);
	assert_int_equal(machine_set_level(0, se, SCHED_LEVEL_HIGH), 0);
	assert_int_equal(se->key, (2 + SCHED_LEVEL_HIGH * AGING) * MS);
	machine_check();
}

/* Alone it has had turn after turn; it does not appear as old as its first. */
static void S4_2_age_is_lost_alone_too(void **state)
{
	struct sched_entity *normal, *low;

	(void)state;
	start(1);
	normal = launch(0, SCHED_LEVEL_NORMAL, NULL);
	machine_advance(10001 * MS);
	low = launch(0, SCHED_LEVEL_NORMAL - 1, NULL);
	assert_ptr_equal(m.rq[0].curr, low);
	assert_int_equal(normal->ages_from, 10000 * MS);
	machine_check();
}

static void S4_3_preempts_by_more_than_half_a_level(void **state)
{
	static const struct {
		ktime_t delay;
		bool preempts;
	} cases[] = {{0, true}, {24, true}, {25, false}, {49, false}};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sched_entity *urgent, *runs, *woken;

		start(1);
		urgent = launch_urgent(0, NULL);
		runs = launch(0, SCHED_LEVEL_NORMAL, NULL);
		machine_advance(cases[i].delay * MS);
		machine_leave(0, SCHED_BLOCK);
		woken = launch(0, SCHED_LEVEL_NORMAL - 1, NULL);
		assert_ptr_equal(m.rq[0].curr, cases[i].preempts ? woken : runs);
		assert_int_equal(urgent->state, SCHED_BLOCKED);
		machine_check();
	}
}

/*
 * Nineteen at the best level, each of which blocks just before its slice ends and is woken at once,
 * against one at the worst.
 */
static void S4_4_wait_is_bounded_under_adversarial_load(void **state)
{
	const unsigned n = 19;
	struct sched_entity *victim;
	ktime_t bound = (SCHED_LEVEL_IDLE * AGING + (int)n * SLICE) * MS;

	(void)state;
	start(1);
	for (unsigned i = 0; i < n; i++)
		launch(0, SCHED_LEVEL_CRITICAL, NULL);
	victim = launch(0, SCHED_LEVEL_IDLE, NULL);
	while (m.rq[0].curr != victim) {
		struct sched_entity *curr = m.rq[0].curr;

		machine_advance(m.now + SLICE * MS - 1);
		machine_leave(0, SCHED_BLOCK);
		machine_wake(0, curr);
		assert_true(m.now <= bound);
	}
	assert_true(m.now >= SCHED_LEVEL_IDLE * AGING * MS); /* and it was not let in early */
}

static void configuration_has_limits(void **state)
{
	struct sched_config config;
	struct sched s;

	(void)state;
	sched_config_default(&config);
	assert_int_equal(config.aging, 50 * MS);
	config.aging = 0;
	assert_int_equal(sched_init(&s, &config), -EINVAL);
	config.aging = 1001 * NSEC_PER_SEC;
	assert_int_equal(sched_init(&s, &config), -EINVAL);
}

/* --- the model ------------------------------------------------------------------------------- */

/* Effective level now, in 50ths: the level minus what waiting is worth. */
static long effective(const struct model_task *t)
{
	return (long)t->level * AGING - (model.now - t->ages_from);
}

static int slice_ms(const struct model_task *t)
{
	(void)t;
	return SLICE;
}

static void lose_age(struct model_task *t)
{
	t->ages_from = model.now;
	t->rest = SLICE;
	t->order = ++model.back;
}

/* The key is what the effective level was at time 0: the difference of two is always the same. */
static void enter(struct model_task *t, enum sched_why why)
{
	if (why == SCHED_WHY_MIGRATED && t->rest > 0)
		t->order = ++model.back;
	else if (why != SCHED_WHY_PREEMPTED)
		lose_age(t);
	t->key = effective(t) + model.now;
}

static bool preempts(const struct model_task *woken, const struct model_task *current)
{
	return effective(woken) + AGING / 2 < current->key - model.now;
}

static void alone(struct model_task *t)
{
	lose_age(t);
	t->key = effective(t) + model.now;
}

static void S4_priority_does_what_the_model_does(void **state)
{
	static const struct rules rules = {
		.algorithm = SCHED_POLICY_priority,
		.quantum = slice_ms,
		.enter = enter,
		.preempts = preempts,
		.alone = alone,
		.level_step = 1,
	};

	(void)state;
	compare_random_operations(&rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(S4_1_best_effective_priority_runs),
		cmocka_unit_test(S4_1_waiting_for_ten_times_A_is_worth_ten_levels),
		cmocka_unit_test(S4_2_age_is_lost_at_the_end_of_a_slice),
		cmocka_unit_test(S4_2_age_is_lost_at_a_yield_and_at_a_block),
		cmocka_unit_test(S4_2_preempted_keeps_key_rest_and_place_among_equals),
		cmocka_unit_test(S4_2_migration_keeps_the_age),
		cmocka_unit_test(S4_2_a_changed_level_keeps_the_age),
		cmocka_unit_test(S4_2_age_is_lost_alone_too),
		cmocka_unit_test(S4_3_preempts_by_more_than_half_a_level),
		cmocka_unit_test(S4_4_wait_is_bounded_under_adversarial_load),
		cmocka_unit_test(configuration_has_limits),
		cmocka_unit_test(S4_priority_does_what_the_model_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
