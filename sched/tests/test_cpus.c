/* SPDX-License-Identifier: MIT */
/* Rules S8, one test for each: placement, idle CPUs, stealing, affinity. */
#include "sched/tests/machine.h"
#include "sched/queue.h"

/* --- S8: placement --------------------------------------------------------------------------- */

static void S8_1_only_allowed_cpu(void **state)
{
	struct cpumask third = mask_of(4);
	struct sched_entity *se;

	(void)state;
	machine_start(4);
	launch_urgent(2, &third);
	se = launch(0, SCHED_LEVEL_NORMAL, &third);
	assert_int_equal(cpu_of(se), 2);
	assert_int_equal(se->state, SCHED_QUEUED);
	machine_check();
}

static void S8_1_previous_cpu_if_idle(void **state)
{
	struct sched_entity *se;

	(void)state;
	machine_start(4);
	se = launch(2, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(cpu_of(se), 2);
	machine_leave(2, SCHED_BLOCK);
	assert_true(machine_wake(0, se));
	assert_int_equal(cpu_of(se), 2);
	assert_int_equal(se->stats.migrations, 0);
}

static void S8_1_nearest_idle_cpu_else(void **state)
{
	struct cpumask second = mask_of(2);
	struct sched_entity *se;

	(void)state;
	machine_start(4);
	se = launch(1, SCHED_LEVEL_NORMAL, NULL);
	machine_leave(1, SCHED_BLOCK);
	launch(1, SCHED_LEVEL_NORMAL, &second);
	assert_true(machine_wake(1, se));
	assert_int_equal(cpu_of(se), 2);
	assert_int_equal(se->state, SCHED_RUNNING);
	assert_int_equal(se->stats.migrations, 1);
	assert_int_equal(m.rq[2].stats.migrations, 1);
}

/* Without letting the CPUs act in between: claims alone keep them apart. */
static void S8_1_two_wakers_never_take_the_same_idle_cpu(void **state)
{
	struct sched_entity *se[4];

	(void)state;
	machine_start(4);
	for (unsigned i = 0; i < 4; i++) {
		se[i] = machine_spawn(0, SCHED_LEVEL_NORMAL, NULL);
		arch_host_become(3);
		sched_start(&m.s, se[i], 3, m.now);
	}
	for (unsigned cpu = 0; cpu < 4; cpu++)
		assert_int_equal(atomic_load(&m.rq[cpu].nr_runnable), 1);
	assert_int_equal(atomic_load(&m.s.nr_idle), 0);
	m.attentive[3] = true;
	machine_settle();
	machine_check();
}

/* The same moment on a machine where somebody runs: a claimed CPU counts as taken. */
static void S8_1_claimed_cpu_is_busy(void **state)
{
	struct sched_entity *first, *second;

	(void)state;
	machine_start(2);
	launch(0, SCHED_LEVEL_NORMAL, NULL);
	first = machine_spawn(0, SCHED_LEVEL_NORMAL, NULL);
	second = machine_spawn(0, SCHED_LEVEL_NORMAL, NULL);
	sched_start(&m.s, first, 0, m.now);
	sched_start(&m.s, second, 0, m.now);
	assert_int_equal(cpu_of(first), 1);
	assert_int_equal(cpu_of(second), 0);
	machine_settle();
	machine_check();
}

static void S8_1_preempts_on_the_previous_cpu(void **state)
{
	struct sched_entity *urgent, *less;

	(void)state;
	machine_start(2);
	urgent = launch_urgent(1, NULL);
	machine_leave(1, SCHED_BLOCK);
	launch(0, SCHED_LEVEL_NORMAL, NULL);
	less = machine_spawn(1, URGENT_RANKS - 1, NULL);
	machine_make_urgent(less);
	machine_launch(1, less);
	assert_ptr_equal(m.rq[1].curr, less);
	assert_true(machine_wake(0, urgent)); /* though CPU 0's current is less urgent still */
	assert_ptr_equal(m.rq[1].curr, urgent);
}

static void S8_1_preempts_the_least_urgent(void **state)
{
	struct sched_entity *urgent, *first;

	(void)state;
	machine_start(3);
	urgent = launch_urgent(0, NULL);
	machine_leave(0, SCHED_BLOCK);
	first = launch_urgent(0, NULL);
	launch_urgent(1, NULL);
	launch(2, SCHED_LEVEL_NORMAL, NULL);
	assert_true(machine_wake(0, urgent));
	assert_ptr_equal(m.rq[0].curr, first);
	assert_ptr_equal(m.rq[2].curr, urgent);
	machine_check();
}

static void S8_1_least_loaded_at_last(void **state)
{
	struct cpumask rest = mask_of(6);
	unsigned load[3] = {0};

	(void)state;
	machine_start(3);
	for (unsigned i = 0; i < 9; i++) {
		struct sched_entity *se = launch(1, SCHED_LEVEL_NORMAL, i < 3 ? NULL : &rest);

		load[cpu_of(se)]++;
		assert_true(i != 3 || cpu_of(se) == 1); /* of equal ones, where it comes from */
	}
	assert_int_equal(load[0], 1);
	assert_int_equal(load[1], 4);
	assert_int_equal(load[2], 4);
}

/* --- S8: idle CPUs --------------------------------------------------------------------------- */

static void S8_2_whoever_leaves_a_queued_one_kicks_an_idle_cpu(void **state)
{
	struct cpumask first = mask_of(1);
	struct sched_entity *pinned, *free;

	(void)state;
	machine_start(2);
	free = launch(0, SCHED_LEVEL_NORMAL, NULL);
	pinned = launch(0, SCHED_LEVEL_NORMAL, &first);
	assert_ptr_equal(m.rq[0].curr, free);
	assert_true(m.halted[1]);
	machine_leave(0, SCHED_YIELD);
	assert_ptr_equal(m.rq[0].curr, pinned);
	assert_ptr_equal(m.rq[1].curr, free);
	assert_int_equal(free->stats.steals, 1);
	assert_int_equal(m.rq[1].stats.steals, 1);
	assert_int_equal(m.events[SCHED_EVENT_MIGRATE], 1);
}

static void S8_3_idle_cpu_steals_an_allowed_one(void **state)
{
	struct cpumask first = mask_of(1), second = mask_of(2);
	struct sched_entity *free, *holder;

	(void)state;
	machine_start(2);
	holder = launch(1, SCHED_LEVEL_NORMAL, &second);
	launch(0, SCHED_LEVEL_NORMAL, &first);
	launch(0, SCHED_LEVEL_NORMAL, &first);
	free = launch(0, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(free->state, SCHED_QUEUED);
	machine_leave(cpu_of(holder), SCHED_BLOCK);
	assert_ptr_equal(m.rq[1].curr, free);
	machine_check();
}

static void S8_3_balancing_off_steals_nothing(void **state)
{
	struct cpumask first = mask_of(1);
	struct sched_config config;
	struct sched_entity *se;

	(void)state;
	sched_config_default(&config);
	config.balancing = false;
	machine_start_with(2, &config);
	launch(0, SCHED_LEVEL_NORMAL, &first);
	se = launch(0, SCHED_LEVEL_NORMAL, &first);
	m.task[1].se.pinned = SCHED_NO_CPU;
	cpumask_set(&se->affinity, 1);
	machine_leave(0, SCHED_YIELD);
	assert_true(m.halted[1]);
	assert_int_equal(cpu_of(se), 0);
}

/* S2.3: a long queue of pinned ones is not walked to its end, and the one offered is found. */
static void S8_3_steal_looks_at_few(void **state)
{
	static struct sched_entity many[2000];
	struct sched_params params = {.level = SCHED_LEVEL_NORMAL};
	struct cpumask first = mask_of(1);
	struct sched_entity *free;

	(void)state;
	machine_start(2);
	free = launch(0, SCHED_LEVEL_NORMAL, NULL);
	params.affinity = &first;
	for (unsigned i = 0; i < ARRAY_SIZE(many); i++) {
		machine_on(0);
		assert_int_equal(sched_attach(&m.s, &many[i], &params, m.now), 0);
		machine_launch(0, &many[i]);
	}
	assert_ptr_equal(m.rq[0].curr, free);
	machine_leave(0, SCHED_YIELD);
	assert_ptr_equal(m.rq[1].curr, free);
	assert_null(sched_check_rq(&m.rq[0]));
}

static unsigned may_leave_asked;

static bool counts_and_stays(const struct sched_entity *se)
{
	(void)se;
	may_leave_asked++;
	return false;
}

/* Both locks are held while a thief looks, so it looks at a bounded number. */
static void S8_3_steal_has_a_bound(void **state)
{
	static struct sched_entity many[500];
	struct sched_policy staying = sched_policy_rr;
	struct sched_params params = {.level = SCHED_LEVEL_NORMAL};
	struct cpumask second = mask_of(2);

	(void)state;
	machine_start(2);
	staying.may_leave = counts_and_stays;
	launch(1, SCHED_LEVEL_NORMAL, &second);
	for (unsigned i = 0; i < ARRAY_SIZE(many); i++) {
		struct cpumask first = mask_of(1), both = mask_of(3);

		params.affinity = &first;
		assert_int_equal(sched_attach(&m.s, &many[i], &params, m.now), 0);
		many[i].policy = &staying;
		machine_launch(0, &many[i]);
		assert_int_equal(machine_set_affinity(0, &many[i], &both), 0);
	}
	may_leave_asked = 0;
	machine_leave(1, SCHED_BLOCK);
	assert_true(m.halted[1]);
	assert_in_range(may_leave_asked, 1, 64);
}

/* Between the choice of a CPU and the link there, another one has become idle: it is told. */
static enum sched_place another_goes_idle(
	struct sched_rq *rq, struct sched_entity *se, enum sched_why why, ktime_t now)
{
	(void)rq;
	(void)now;
	if (why == SCHED_WHY_WAKEUP) {
		cpu_switch(1, SCHED_BLOCK);
		sched_idle_enter(&m.rq[1]);
		m.halted[1] = true;
		machine_on(0);
	}
	return entity_take_turns(se, why);
}

static void S8_2_arrival_and_idle_cpu_cannot_miss_each_other(void **state)
{
	struct sched_policy racing = sched_policy_rr;
	struct cpumask second = mask_of(2);
	struct sched_entity *se;

	(void)state;
	machine_start(2);
	launch(0, SCHED_LEVEL_NORMAL, NULL);
	launch(1, SCHED_LEVEL_NORMAL, &second);
	racing.requeue = another_goes_idle;
	se = machine_spawn(0, SCHED_LEVEL_NORMAL, NULL);
	se->policy = &racing;
	sched_start(&m.s, se, 0, m.now);
	assert_true(m.kicked[1]);
	m.attentive[1] = false;
	machine_settle();
	assert_ptr_equal(m.rq[1].curr, se);
	machine_check();
}

/* --- S8.6: affinity -------------------------------------------------------------------------- */

static void S8_6_blocked_applies_at_the_wake_up(void **state)
{
	struct cpumask second = mask_of(2);
	struct sched_entity *se;

	(void)state;
	machine_start(2);
	se = launch(0, SCHED_LEVEL_NORMAL, NULL);
	machine_leave(0, SCHED_BLOCK);
	assert_int_equal(machine_set_affinity(0, se, &second), 0);
	assert_int_equal(cpu_of(se), 0);
	assert_true(machine_wake(0, se));
	assert_int_equal(cpu_of(se), 1);
}

static void S8_6_queued_moves_at_once(void **state)
{
	struct cpumask first = mask_of(1), second = mask_of(2);
	struct sched_entity *se;

	(void)state;
	machine_start(2);
	launch(0, SCHED_LEVEL_NORMAL, &first);
	se = launch(0, SCHED_LEVEL_NORMAL, &first);
	assert_int_equal(machine_set_affinity(0, se, &second), 0);
	assert_ptr_equal(m.rq[1].curr, se);
	machine_check();
}

static void S8_6_running_moves_itself_at_its_switch(void **state)
{
	struct cpumask second = mask_of(2);
	struct sched_entity *se;

	(void)state;
	machine_start(2);
	se = launch(0, SCHED_LEVEL_NORMAL, NULL);
	machine_on(1);
	assert_int_equal(sched_set_affinity(&m.s, se, &second, 1, m.now), 0);
	assert_true(se->move_pending && m.kicked[0] && sched_need_resched(&m.rq[0]));
	assert_int_equal(cpu_of(se), 0);
	assert_null(sched_check_entity(se));
	machine_settle();
	assert_ptr_equal(m.rq[1].curr, se);
	assert_false(se->move_pending);
	assert_true(m.halted[0]);
	machine_check();
}

/* Nobody can run it elsewhere before the tail, when its registers are saved. */
static void S8_6_push_is_finished_by_the_switch_tail(void **state)
{
	struct cpumask second = mask_of(2);
	struct sched_entity *se;

	(void)state;
	machine_start(2);
	se = launch(0, SCHED_LEVEL_NORMAL, NULL);
	machine_on(1);
	assert_int_equal(sched_set_affinity(&m.s, se, &second, 1, m.now), 0);
	arch_host_become(0);
	spin_lock(&m.rq[0].lock);
	assert_ptr_equal(sched_switch(&m.rq[0], SCHED_YIELD, m.now), &m.idle[0]);
	assert_int_equal(se->state, SCHED_WAKING);
	assert_int_equal(cpu_of(se), 0);
	assert_ptr_equal(m.rq[1].curr, &m.idle[1]);
	sched_switch_tail(&m.rq[0]);
	assert_int_equal(cpu_of(se), 1);
	m.kicked[0] = false;
	m.attentive[0] = true;
	machine_settle();
	assert_ptr_equal(m.rq[1].curr, se);
	machine_check();
}

static void S8_6_taken_back_before_the_switch(void **state)
{
	struct cpumask second = mask_of(2), both = mask_of(3);
	struct sched_entity *se;

	(void)state;
	machine_start(2);
	se = launch(0, SCHED_LEVEL_NORMAL, NULL);
	machine_on(1);
	assert_int_equal(sched_set_affinity(&m.s, se, &second, 1, m.now), 0);
	assert_int_equal(sched_set_affinity(&m.s, se, &both, 1, m.now), 0);
	machine_settle();
	assert_ptr_equal(m.rq[0].curr, se);
	assert_int_equal(se->stats.migrations, 0);
	assert_int_equal(m.events[SCHED_EVENT_SWITCH], 1);
}

static void S8_6_refusals(void **state)
{
	struct cpumask offline = mask_of(4), none = mask_of(0), first = mask_of(1);
	struct sched_params params = {.affinity = &offline};
	struct sched_config config;
	struct sched_entity *se, other;

	(void)state;
	machine_start(2);
	se = launch(0, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(machine_set_affinity(0, se, &offline), -EINVAL);
	assert_int_equal(machine_set_affinity(0, se, &none), -EINVAL);
	assert_int_equal(machine_set_affinity(0, &m.idle[0], &first), -EINVAL);
	assert_int_equal(sched_attach(&m.s, &other, &params, 0), -EINVAL);
	machine_leave(0, SCHED_EXIT);
	assert_int_equal(machine_set_affinity(0, se, &first), -ESRCH);
	sched_config_default(&config);
	config.affinity = false;
	machine_start_with(2, &config);
	se = launch(0, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(machine_set_affinity(0, se, &first), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(S8_1_only_allowed_cpu),
		cmocka_unit_test(S8_1_previous_cpu_if_idle),
		cmocka_unit_test(S8_1_nearest_idle_cpu_else),
		cmocka_unit_test(S8_1_two_wakers_never_take_the_same_idle_cpu),
		cmocka_unit_test(S8_1_claimed_cpu_is_busy),
		cmocka_unit_test(S8_1_preempts_on_the_previous_cpu),
		cmocka_unit_test(S8_1_preempts_the_least_urgent),
		cmocka_unit_test(S8_1_least_loaded_at_last),
		cmocka_unit_test(S8_2_whoever_leaves_a_queued_one_kicks_an_idle_cpu),
		cmocka_unit_test(S8_3_idle_cpu_steals_an_allowed_one),
		cmocka_unit_test(S8_3_balancing_off_steals_nothing),
		cmocka_unit_test(S8_3_steal_looks_at_few),
		cmocka_unit_test(S8_3_steal_has_a_bound),
		cmocka_unit_test(S8_2_arrival_and_idle_cpu_cannot_miss_each_other),
		cmocka_unit_test(S8_6_blocked_applies_at_the_wake_up),
		cmocka_unit_test(S8_6_queued_moves_at_once),
		cmocka_unit_test(S8_6_running_moves_itself_at_its_switch),
		cmocka_unit_test(S8_6_push_is_finished_by_the_switch_tail),
		cmocka_unit_test(S8_6_taken_back_before_the_switch),
		cmocka_unit_test(S8_6_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
