/* SPDX-License-Identifier: MIT */
/*
 * Periodic balance (rules S8.2, S8.4, S8.5): who acts, on what difference, and that it comes to an
 * end. What is out of balance is made so by masks: entities are started where they may run, then
 * may run anywhere.
 */
#include "sched/index.h"
#include "sched/tests/machine.h"

#define INTERVAL   (50 * MS)
#define EVERYWHERE 0xff

/* `count` entities on one CPU that may then run on those of `mask`, though nobody is told. */
static void crowd(unsigned cpu, unsigned count, uint64_t mask)
{
	struct cpumask own = mask_of(1ull << cpu), later = mask_of(mask);

	for (unsigned i = 0; i < count; i++) {
		struct sched_entity *se = launch(cpu, SCHED_LEVEL_NORMAL, &own);

		sched_entity_set_mask(se, &later);
	}
}

static unsigned load(unsigned cpu)
{
	return atomic_load(&m.rq[cpu].nr_runnable);
}

static uint64_t pushes(void)
{
	uint64_t sum = 0;

	for (unsigned cpu = 0; cpu < m.cpus; cpu++)
		sum += m.rq[cpu].stats.pushes;
	return sum;
}

static uint64_t migrations(void)
{
	uint64_t sum = 0;

	for (unsigned cpu = 0; cpu < m.cpus; cpu++)
		sum += m.rq[cpu].stats.migrations;
	return sum;
}

/* To where the operations that were due before have been done. */
static void pass(ktime_t time)
{
	machine_advance(m.now + time);
	machine_settle();
	machine_check();
}

static void S8_4_acts_on_a_difference_of_two(void **state)
{
	(void)state;
	machine_start(2);
	crowd(1, 1, EVERYWHERE);
	crowd(0, 3, EVERYWHERE);
	pass(INTERVAL - MS);
	assert_int_equal(pushes(), 0);
	pass(2 * MS);
	assert_int_equal(pushes(), 1);
	assert_int_equal(m.rq[0].stats.pushes, 1);
	assert_int_equal(load(0), 2);
	assert_int_equal(load(1), 2);
}

static void S8_4_leaves_a_difference_of_one(void **state)
{
	(void)state;
	machine_start(2);
	crowd(1, 2, EVERYWHERE);
	crowd(0, 3, EVERYWHERE);
	pass(20 * INTERVAL);
	assert_int_equal(pushes(), 0);
	assert_true(m.rq[0].stats.balances >= 19);
}

/* Whatever the start: the loads even out, and then nobody moves any more. */
static void S8_4_never_oscillates(void **state)
{
	struct host_random r = host_random_start("crowds");

	(void)state;
	for (unsigned round = 0; round < 60; round++) {
		unsigned cpus = 2 + round % 7, least = UINT_MAX, most = 0;
		uint64_t moved;

		machine_start_algorithm(
			cpus, (enum sched_policy_id)(round % SCHED_ALGORITHM_COUNT));
		for (unsigned cpu = 0; cpu < cpus; cpu++)
			crowd(cpu, 1 + host_random_below(&r, 4), EVERYWHERE);
		pass(3 * INTERVAL);
		for (unsigned cpu = 0; cpu < cpus; cpu++) {
			least = MIN(least, load(cpu));
			most = MAX(most, load(cpu));
		}
		assert_in_range(most - least, 0, 1);
		moved = migrations();
		pass(20 * INTERVAL);
		assert_int_equal(migrations(), moved);
	}
}

/* Two packages with 16 each; on the average there is nothing to do. */
static void S8_4_averages_hide_no_idle_cpu(void **state)
{
	static const struct sched_cpu_place places[8] = {
		{0, 0, 0, 0},
		{1, 0, 0, 0},
		{2, 0, 0, 0},
		{3, 0, 0, 0},
		{4, 1, 1, 0},
		{5, 1, 1, 0},
		{6, 1, 1, 0},
		{7, 1, 1, 0},
	};
	static const unsigned loads[8] = {4, 4, 4, 4, 5, 5, 5, 1};

	(void)state;
	machine_places = places;
	machine_start(8);
	machine_places = NULL;
	for (unsigned cpu = 8; cpu-- > 0;)
		crowd(cpu, loads[cpu], EVERYWHERE);
	pass(INTERVAL + MS);
	for (unsigned cpu = 0; cpu < 8; cpu++)
		assert_in_range(load(cpu), 3, 5);
	pass(2 * INTERVAL);
	assert_int_equal(load(7), 4);
}

/* The least loaded one may not run them: the next one is found, for whom it is worth it. */
static void S8_4_only_where_they_may_run(void **state)
{
	(void)state;
	machine_start(4);
	crowd(3, 1, 8);
	crowd(2, 2, 4);
	crowd(1, 3, 2);
	crowd(0, 5, 1 | 4);
	crowd(0, 2, 1);
	pass(3 * INTERVAL);
	assert_int_equal(load(0), 5);
	assert_int_equal(load(1), 3);
	assert_int_equal(load(2), 4);
	assert_int_equal(load(3), 1);
}

static void S8_4_balancing_off(void **state)
{
	struct sched_config config;

	(void)state;
	sched_config_default(&config);
	config.balancing = false;
	machine_start_with(2, &config);
	crowd(1, 1, EVERYWHERE);
	crowd(0, 4, EVERYWHERE);
	pass(5 * INTERVAL);
	machine_on(0);
	sched_balance_load(&m.s, 0, m.now);
	machine_settle();
	assert_int_equal(load(0), 4);
	assert_int_equal(m.rq[0].stats.balances, 0);
}

/* The original's balance_load: now, on every CPU, whoever calls. */
static void S8_4_balance_load_acts_at_once(void **state)
{
	(void)state;
	machine_start(4);
	crowd(3, 1, EVERYWHERE);
	crowd(2, 1, EVERYWHERE);
	crowd(1, 5, EVERYWHERE);
	crowd(0, 5, EVERYWHERE);
	machine_on(2);
	sched_balance_load(&m.s, 2, m.now);
	machine_settle();
	machine_check();
	for (unsigned cpu = 0; cpu < 4; cpu++)
		assert_int_equal(load(cpu), 3);
	assert_int_equal(pushes(), 4);
}

/* A turn without end, as of fixed priorities, does not keep the balance from its time. */
static void S8_4_a_turn_without_end_is_interrupted_for_it(void **state)
{
	struct cpumask second = mask_of(2), all = mask_of(EVERYWHERE);
	struct sched_entity *se[3];

	(void)state;
	machine_start(2);
	launch(0, SCHED_LEVEL_NORMAL, NULL);
	for (unsigned i = 0; i < 3; i++) {
		se[i] = launch_urgent(1, &second);
		sched_entity_set_mask(se[i], &all);
	}
	pass(INTERVAL + MS);
	assert_int_equal(load(0), 2);
	assert_ptr_equal(m.rq[1].curr, se[0]);
	assert_ptr_equal(m.rq[0].curr, se[2]);
}

static void S8_2_only_who_shares_a_cpu_keeps_the_timer(void **state)
{
	struct cpumask third = mask_of(4);

	(void)state;
	machine_start(3);
	launch(1, SCHED_LEVEL_NORMAL, NULL);
	launch_urgent(2, &third);
	launch_urgent(2, &third);
	assert_int_equal(m.timer[0], KTIME_MAX); /* idle */
	assert_int_equal(m.timer[1], KTIME_MAX); /* alone */
	assert_int_equal(m.timer[2], INTERVAL);  /* shared, though the turn has no end */
	pass(10 * INTERVAL + 1);
	assert_int_equal(m.rq[2].stats.balances, 10);
	machine_leave(2, SCHED_BLOCK);
	pass(10 * INTERVAL);
	assert_int_equal(m.timer[2], KTIME_MAX);
	assert_int_equal(m.rq[2].stats.balances, 10);
}

/* Alone for long, then not: the interval begins when it is no longer alone. */
static void S8_2_interval_begins_with_company(void **state)
{
	struct cpumask first = mask_of(1);

	(void)state;
	machine_start(2);
	launch_urgent(0, &first);
	pass(1000 * MS);
	launch_urgent(0, &first);
	assert_int_equal(m.timer[0], 1000 * MS + INTERVAL);
}

/* An idle CPU beside one that waits and that nobody has offered: not longer than an interval. */
static void S8_5_idling_beside_a_waiting_one_is_measured(void **state)
{
	const struct sched_histogram *h = &m.rq[1].stats.idle_beside;
	unsigned bucket = 16; /* 32.768 to 65.536 ms */

	(void)state;
	machine_start(2);
	launch_urgent(0, NULL);
	m.now += 7 * MS;
	crowd(0, 1, EVERYWHERE);
	assert_true(m.halted[1]);
	machine_advance(m.now + INTERVAL + MS);
	machine_settle();
	assert_false(m.halted[1]);
	assert_int_equal(h->count[bucket], 1);
	assert_int_equal(h->longest, INTERVAL - 7 * MS); /* the interval began without it */
	machine_check();
}

/* The time before a mask allowed it does not count. */
static void S8_5_only_while_it_was_allowed(void **state)
{
	struct cpumask first = mask_of(1), both = mask_of(3);
	struct sched_entity *se;

	(void)state;
	machine_start(2);
	launch_urgent(0, &first);
	se = launch(0, SCHED_LEVEL_NORMAL, &first);
	pass(300 * MS);
	assert_int_equal(machine_set_affinity(0, se, &both), 0);
	assert_ptr_equal(m.rq[1].curr, se);
	assert_int_equal(m.rq[1].stats.idle_beside.longest, 0);
	assert_int_equal(m.rq[1].stats.idle_beside.count[0], 1);
}

static void histogram_buckets(void **state)
{
	struct sched_histogram h = {0};

	(void)state;
	sched_histogram_add(&h, -5);
	sched_histogram_add(&h, 999);
	sched_histogram_add(&h, 1000);
	sched_histogram_add(&h, 1999);
	sched_histogram_add(&h, 2000);
	sched_histogram_add(&h, 1000 * NSEC_PER_SEC);
	assert_int_equal(h.count[0], 2);
	assert_int_equal(h.count[1], 2);
	assert_int_equal(h.count[2], 1);
	assert_int_equal(h.count[SCHED_BUCKETS - 1], 1);
	assert_int_equal(h.longest, 1000 * NSEC_PER_SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(S8_4_acts_on_a_difference_of_two),
		cmocka_unit_test(S8_4_leaves_a_difference_of_one),
		cmocka_unit_test(S8_4_never_oscillates),
		cmocka_unit_test(S8_4_averages_hide_no_idle_cpu),
		cmocka_unit_test(S8_4_only_where_they_may_run),
		cmocka_unit_test(S8_4_balancing_off),
		cmocka_unit_test(S8_4_balance_load_acts_at_once),
		cmocka_unit_test(S8_4_a_turn_without_end_is_interrupted_for_it),
		cmocka_unit_test(S8_2_only_who_shares_a_cpu_keeps_the_timer),
		cmocka_unit_test(S8_2_interval_begins_with_company),
		cmocka_unit_test(S8_5_idling_beside_a_waiting_one_is_measured),
		cmocka_unit_test(S8_5_only_while_it_was_allowed),
		cmocka_unit_test(histogram_buckets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
