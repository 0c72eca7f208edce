/* SPDX-License-Identifier: MIT */
/*
 * The configuration changes at run time, the system algorithm above all (rules S1.2, S1.3): nobody
 * is lost, nobody goes by the old one, nobody waits longer than both bounds.
 */
#include "sched/tests/machine.h"

#define WAITING 5u

static const struct sched_policy *policy_now(void)
{
	return sched_policies[m.s.config.algorithm];
}

/* All ways from one algorithm to another: twelve. */
static void each_direction(void (*test)(enum sched_policy_id from, enum sched_policy_id to))
{
	for (enum sched_policy_id from = 0; from < SCHED_ALGORITHM_COUNT; from++)
		for (enum sched_policy_id to = 0; to < SCHED_ALGORITHM_COUNT; to++)
			if (from != to)
				test(from, to);
}

/* One runs, the others wait in the order in which they came. */
static void start_crowd(enum sched_policy_id algorithm)
{
	machine_start_algorithm(1, algorithm);
	for (unsigned i = 0; i <= WAITING; i++)
		launch(0, SCHED_LEVEL_NORMAL, NULL);
}

static unsigned runs(void)
{
	return (unsigned)(task_of(m.rq[0].curr) - m.task);
}

/* --- rule by rule ---------------------------------------------------------------------------- */

static void everybody_has_a_turn(enum sched_policy_id from, enum sched_policy_id to)
{
	uint64_t seen = 0;

	start_crowd(from);
	assert_int_equal(machine_set_algorithm(0, to), 0);
	machine_check();
	for (unsigned i = 0; i <= WAITING; i++) {
		assert_int_equal(seen >> runs() & 1, 0);
		seen |= 1ull << runs();
		machine_leave(0, SCHED_EXIT);
		machine_check();
	}
	assert_true(cpu_idle(0));
}

static void S1_3_nobody_is_lost_in_any_direction(void **state)
{
	(void)state;
	each_direction(everybody_has_a_turn);
}

/* Who waited has a turn each in the old order, and only then the rest of the turn that was cut. */
static void turns_in_the_old_order(enum sched_policy_id from, enum sched_policy_id to)
{
	start_crowd(from);
	assert_int_equal(machine_set_algorithm(0, to), 0);
	for (unsigned i = 1; i <= WAITING; i++) {
		assert_int_equal(runs(), i);
		assert_ptr_equal(m.rq[0].curr->policy, &sched_policy_handover);
		machine_leave(0, SCHED_YIELD);
		machine_check();
	}
	assert_int_equal(runs(), 0);
	assert_ptr_equal(m.rq[0].curr->policy, policy_now());
}

static void S1_3_round_robin_serves_the_old_queue_once(void **state)
{
	(void)state;
	each_direction(turns_in_the_old_order);
}

/* Others come, run and leave between the steps; the change before is to be complete first. */
static void S1_3_a_long_queue_is_moved_bit_by_bit(void **state)
{
	struct sched_config config;
	unsigned calls = 1;

	(void)state;
	machine_start_algorithm(1, SCHED_POLICY_priority);
	for (unsigned i = 0; i < MACHINE_TASKS - 5; i++)
		launch(0, SCHED_LEVEL_NORMAL, NULL);
	config = m.s.config;
	config.algorithm = SCHED_POLICY_edf;
	assert_int_equal(sched_set_config(&m.s, &config), 0);
	for (machine_on(0); sched_change_cpus(&m.s, 0, m.now); machine_on(0)) {
		assert_int_equal(sched_set_config(&m.s, &config), -EBUSY);
		machine_leave(0, SCHED_BLOCK);
		launch(0, SCHED_LEVEL_NORMAL, NULL);
		machine_check();
		calls++;
	}
	assert_int_equal(calls, 3);
	machine_settle();
	machine_check();
	assert_int_equal(sched_set_config(&m.s, &config), 0);
}

static void blocked_one_wakes(enum sched_policy_id from, enum sched_policy_id to)
{
	struct sched_entity *sleeper;

	machine_start_algorithm(1, from);
	sleeper = launch(0, SCHED_LEVEL_NORMAL, NULL);
	machine_leave(0, SCHED_BLOCK);
	launch(0, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(machine_set_algorithm(0, to), 0);
	assert_ptr_equal(sleeper->policy, sched_policies[from]); /* nobody has looked for it */
	machine_advance(m.now + 3 * MS);
	assert_true(machine_wake(0, sleeper));
	assert_ptr_equal(sleeper->policy, sched_policies[to]);
	machine_check();
	machine_leave(0, SCHED_EXIT);
	assert_ptr_equal(m.rq[0].curr, sleeper);
}

static void S1_3_a_blocked_thread_translates_when_it_wakes(void **state)
{
	(void)state;
	each_direction(blocked_one_wakes);
}

/* Woken by the stroke with which another one leaves: it never sees a queue. */
static void woken_at_a_stroke(enum sched_policy_id from, enum sched_policy_id to)
{
	struct sched_entity *sleeper;

	machine_start_algorithm(1, from);
	sleeper = launch(0, SCHED_LEVEL_NORMAL, NULL);
	machine_leave(0, SCHED_BLOCK);
	launch(0, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(machine_set_algorithm(0, to), 0);
	machine_hand_over(0, SCHED_BLOCK, sleeper);
	assert_ptr_equal(m.rq[0].curr, sleeper);
	assert_ptr_equal(sleeper->policy, sched_policies[to]);
	machine_check();
}

static void S1_3_a_thread_that_is_handed_the_cpu_translates(void **state)
{
	(void)state;
	each_direction(woken_at_a_stroke);
}

static void stopped_and_new_ones(enum sched_policy_id from, enum sched_policy_id to)
{
	struct sched_entity *stopped, *new;

	machine_start_algorithm(1, from);
	launch(0, SCHED_LEVEL_NORMAL, NULL);
	stopped = launch(0, SCHED_LEVEL_NORMAL, NULL);
	new = machine_spawn(0, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(machine_stop(0, stopped), 0);
	assert_int_equal(machine_set_algorithm(0, to), 0);
	assert_true(machine_resume(0, stopped));
	machine_launch(0, new);
	machine_check();
	assert_ptr_equal(stopped->policy, sched_policies[to]);
	assert_ptr_equal(new->policy, sched_policies[to]);
}

static void S1_3_stopped_and_new_threads_translate(void **state)
{
	(void)state;
	each_direction(stopped_and_new_ones);
}

/* While one CPU goes by the new one already and the other does not, threads come and go. */
static void between_two_cpus(enum sched_policy_id from, enum sched_policy_id to)
{
	struct sched_config config;
	struct cpumask first = mask_of(1), second = mask_of(2);
	struct sched_entity *se;

	machine_start_algorithm(2, from);
	launch(0, SCHED_LEVEL_NORMAL, &first);
	launch(1, SCHED_LEVEL_NORMAL, &second);
	se = launch(0, SCHED_LEVEL_NORMAL, &first);
	config = m.s.config;
	config.algorithm = to;
	assert_int_equal(sched_set_config(&m.s, &config), 0);
	machine_on(0);
	assert_true(sched_change_cpus(&m.s, 0, m.now));
	machine_settle();
	assert_ptr_equal(m.rq[0].ts, sched_policies[to]);
	assert_ptr_equal(m.rq[1].ts, sched_policies[from]);
	assert_int_equal(machine_set_affinity(0, se, &second), 0);
	machine_check();
	assert_ptr_equal(se->policy, sched_policies[from]);
	assert_int_equal(machine_set_affinity(0, se, &first), 0);
	machine_check();
	assert_ptr_equal(se->policy, sched_policies[to]);
	machine_finish_change(0);
	machine_check();
}

static void S1_3_each_cpu_changes_under_its_own_lock(void **state)
{
	(void)state;
	each_direction(between_two_cpus);
}

/* A fixed priority neither loses its place nor what time sharing will be for it. */
static void S1_3_other_classes_go_on(void **state)
{
	struct sched_params shared = {.level = SCHED_LEVEL_NORMAL};
	struct sched_entity *urgent;

	(void)state;
	machine_start_algorithm(1, SCHED_POLICY_mlfq);
	urgent = launch_urgent(0, NULL);
	launch(0, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(machine_set_algorithm(0, SCHED_POLICY_priority), 0);
	assert_ptr_equal(m.rq[0].curr, urgent);
	assert_int_equal(machine_set_params(0, urgent, &shared), 0);
	assert_ptr_equal(urgent->policy, &sched_policy_priority);
	machine_check();
}

/* What it had of an age when `priority` last held is nothing now. */
static void S1_3_age_begins_with_the_change(void **state)
{
	const struct sched_entity *cut;

	(void)state;
	machine_start_algorithm(1, SCHED_POLICY_priority);
	launch(0, SCHED_LEVEL_NORMAL, NULL);
	launch(0, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(machine_set_algorithm(0, SCHED_POLICY_rr), 0);
	machine_advance(1015 * MS);
	assert_int_equal(machine_set_algorithm(0, SCHED_POLICY_priority), 0);
	cut = tree_entity(rb_first(&m.rq[0].tree));
	assert_non_null(cut);
	assert_int_equal(cut->ages_from, 1015 * MS);
	machine_check();
}

/* The job that was under way is no longer one; a new one begins under `edf`. */
static void S1_3_jobs_end_with_edf(void **state)
{
	struct sched_entity *se;

	(void)state;
	machine_start_algorithm(1, SCHED_POLICY_edf);
	se = launch(0, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(machine_set_deadline(0, se, 5 * MS, 10 * MS), 0);
	assert_int_equal(machine_set_algorithm(0, SCHED_POLICY_rr), 0);
	machine_advance(100 * MS);
	assert_int_equal(machine_set_algorithm(0, SCHED_POLICY_edf), 0);
	assert_int_equal(se->release, 100 * MS);
	assert_int_equal(se->stats.misses, 0);
}

/* --- the other values ------------------------------------------------------------------------ */

static void refused(ktime_t *value, ktime_t wrong, const struct sched_config *config)
{
	ktime_t right = *value;

	*value = wrong;
	assert_int_equal(sched_set_config(&m.s, config), -EINVAL);
	*value = right;
}

static void S1_3_wrong_values_are_refused(void **state)
{
	struct sched_config config;

	(void)state;
	machine_start(1);
	config = m.s.config;
	refused(&config.quantum, 0, &config);
	refused(&config.quantum, 1001 * NSEC_PER_SEC, &config);
	refused(&config.aging, 0, &config);
	refused(&config.boost_interval, 0, &config);
	refused(&config.balance_interval, 0, &config);
	refused(&config.overhead, 3 * NSEC_PER_USEC, &config);
	config.algorithm = SCHED_POLICY_fp;
	assert_int_equal(sched_set_config(&m.s, &config), -EINVAL);
	assert_false(sched_change_cpus(&m.s, 0, m.now));
	assert_int_equal(m.s.config.algorithm, SCHED_POLICY_rr);
}

static void change(struct sched_config *config)
{
	assert_int_equal(sched_set_config(&m.s, config), 0);
	machine_finish_change(0);
	machine_check();
}

/* For those who run, wait and sleep alike. */
static void S1_6_another_quantum_is_everybodys(void **state)
{
	struct sched_entity *sleeper, *a, *b;
	struct sched_config config;

	(void)state;
	machine_start(1);
	sleeper = launch(0, SCHED_LEVEL_NORMAL, NULL);
	machine_leave(0, SCHED_BLOCK);
	a = launch(0, SCHED_LEVEL_NORMAL, NULL);
	b = launch(0, SCHED_LEVEL_HIGH, NULL);
	config = m.s.config;
	config.quantum = 10 * MS;
	change(&config);
	machine_wake(0, sleeper);
	machine_leave(0, SCHED_YIELD);
	machine_leave(0, SCHED_YIELD);
	assert_int_equal(a->quantum, 10 * MS);
	assert_int_equal(b->quantum, 15 * MS);
	assert_int_equal(sleeper->quantum, 10 * MS);
}

/* Half the time of waiting is worth the same. */
static void S4_1_another_rate_of_aging_counts_for_who_waits(void **state)
{
	struct sched_config config;
	struct sched_entity *low;

	(void)state;
	machine_start_algorithm(1, SCHED_POLICY_priority);
	launch(0, SCHED_LEVEL_NORMAL, NULL);
	low = launch(0, SCHED_LEVEL_NORMAL + 10, NULL);
	config = m.s.config;
	config.aging = 1 * MS;
	change(&config);
	machine_advance(m.now + 5 * MS);
	machine_check();
	assert_int_equal(m.rq[0].curr == low || low->key == low->ages_from + 30 * MS, true);
}

static void S5_3_another_boost_interval_begins_with_a_boost(void **state)
{
	struct sched_config config;

	(void)state;
	machine_start_algorithm(1, SCHED_POLICY_mlfq);
	launch(0, SCHED_LEVEL_NORMAL, NULL);
	launch(0, SCHED_LEVEL_NORMAL, NULL);
	machine_advance(60 * MS);
	assert_true(m.rq[0].curr->rank > SCHED_RANK_TS);
	config = m.s.config;
	config.boost_interval = 70 * MS;
	change(&config);
	machine_leave(0, SCHED_YIELD);
	assert_int_equal(m.rq[0].curr->rank, SCHED_RANK_TS);
	assert_int_equal(m.rq[0].boost_at, 70 * MS);
}

/* Masks may not be set, entities do not move; then they do, and at once. */
static void S8_balancing_and_masks_are_switched(void **state)
{
	struct cpumask second = mask_of(2);
	struct sched_config config;
	struct sched_entity *se;

	(void)state;
	machine_start(2);
	config = m.s.config;
	config.balancing = config.affinity = false;
	change(&config);
	se = launch(0, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(machine_set_affinity(0, se, &second), -EINVAL);
	assert_int_equal(m.rq[0].balance_at, KTIME_MAX);
	config.balancing = config.affinity = true;
	config.balance_interval = 7 * MS;
	change(&config);
	assert_int_equal(m.rq[0].balance_at, m.now + 7 * MS);
	assert_int_equal(machine_set_affinity(0, se, &second), 0);
	machine_check();
}

/* --- at random ------------------------------------------------------------------------------- */

static unsigned directions[SCHED_ALGORITHM_COUNT][SCHED_ALGORITHM_COUNT];

static void change_at_random(struct host_random *r)
{
	enum sched_policy_id from = m.s.config.algorithm,
			     to = host_random_below(r, SCHED_ALGORITHM_COUNT);

	directions[from][to]++;
	assert_int_equal(machine_set_algorithm(first_online(), to), 0);
}

/* So often that queues are on their way when the next change comes, and so rarely that not. */
static void run(struct host_random *r, unsigned cpus, bool bounds, unsigned long operations)
{
	for (unsigned long i = 0; i < operations; i++) {
		if (i % 4096 == 0) {
			machine_start_algorithm(cpus, host_random_below(r, SCHED_ALGORITHM_COUNT));
			m.bounds = bounds;
		}
		if (host_random_below(r, i / 1024 % 2 ? 8 : 60) == 0)
			change_at_random(r);
		else
			machine_random_operation(host_random_next(r));
		machine_check();
	}
}

static void S1_3_nobody_waits_longer_than_the_old_and_the_new_bound(void **state)
{
	struct host_random r = host_random_start("changes with bounds");

	(void)state;
	for (unsigned cpus = 1; cpus <= 4; cpus++)
		run(&r, cpus, true, host_rounds(45000));
}

static void S1_3_invariants_hold_whenever_the_algorithm_changes(void **state)
{
	struct host_random r = host_random_start("changes");

	(void)state;
	memset(directions, 0, sizeof(directions));
	for (unsigned cpus = 1; cpus <= MACHINE_CPUS; cpus++)
		run(&r, cpus, false, host_rounds(45000));
	for (unsigned from = 0; from < SCHED_ALGORITHM_COUNT; from++)
		for (unsigned to = 0; to < SCHED_ALGORITHM_COUNT; to++)
			assert_true(directions[from][to] > 0);
}

/* Operations between the steps: CPUs with the old, with the new, and on their way. */
static void S1_3_invariants_hold_between_the_steps_of_a_change(void **state)
{
	struct host_random r = host_random_start("steps");

	(void)state;
	for (unsigned long i = 0; i < host_rounds(100000); i++) {
		if (i % 4096 == 0)
			machine_start_algorithm(1 + (unsigned)(i / 4096 % MACHINE_CPUS),
				host_random_below(&r, SCHED_ALGORITHM_COUNT));
		if (host_random_below(&r, 6) == 0) {
			struct sched_config config = m.s.config;

			config.algorithm = host_random_below(&r, SCHED_ALGORITHM_COUNT);
			if (m.s.changing == SCHED_NO_CPU)
				assert_int_equal(sched_set_config(&m.s, &config), 0);
			machine_on(first_online());
			sched_change_cpus(&m.s, first_online(), m.now);
			machine_settle();
		} else {
			machine_random_operation(host_random_next(&r));
		}
		machine_check();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(S1_3_nobody_is_lost_in_any_direction),
		cmocka_unit_test(S1_3_round_robin_serves_the_old_queue_once),
		cmocka_unit_test(S1_3_a_long_queue_is_moved_bit_by_bit),
		cmocka_unit_test(S1_3_a_blocked_thread_translates_when_it_wakes),
		cmocka_unit_test(S1_3_a_thread_that_is_handed_the_cpu_translates),
		cmocka_unit_test(S1_3_stopped_and_new_threads_translate),
		cmocka_unit_test(S1_3_each_cpu_changes_under_its_own_lock),
		cmocka_unit_test(S1_3_other_classes_go_on),
		cmocka_unit_test(S1_3_age_begins_with_the_change),
		cmocka_unit_test(S1_3_jobs_end_with_edf),
		cmocka_unit_test(S1_3_wrong_values_are_refused),
		cmocka_unit_test(S1_6_another_quantum_is_everybodys),
		cmocka_unit_test(S4_1_another_rate_of_aging_counts_for_who_waits),
		cmocka_unit_test(S5_3_another_boost_interval_begins_with_a_boost),
		cmocka_unit_test(S8_balancing_and_masks_are_switched),
		cmocka_unit_test(S1_3_nobody_waits_longer_than_the_old_and_the_new_bound),
		cmocka_unit_test(S1_3_invariants_hold_whenever_the_algorithm_changes),
		cmocka_unit_test(S1_3_invariants_hold_between_the_steps_of_a_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
