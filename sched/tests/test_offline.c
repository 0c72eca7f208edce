/* SPDX-License-Identifier: MIT */
/*
 * CPUs that leave and come back (rules S8.6, S8.7): nothing is lost, who may run nowhere else is
 * let run anywhere and goes home afterwards. The random operations of the property tests take CPUs
 * off line and bring them back, too.
 */
#include "sched/tests/machine.h"

static void S8_7_queued_and_running_go_elsewhere(void **state)
{
	struct sched_entity *se[6];

	(void)state;
	machine_start(3);
	for (unsigned i = 0; i < 6; i++)
		se[i] = launch(i % 3, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(machine_offline(0, 1), 0);
	machine_check();
	assert_int_equal(atomic_load(&m.rq[0].nr_runnable), 3);
	assert_int_equal(atomic_load(&m.rq[1].nr_runnable), 0);
	assert_int_equal(atomic_load(&m.rq[2].nr_runnable), 3);
	assert_true(m.halted[1]);
	for (unsigned i = 0; i < 6; i++)
		assert_int_not_equal(cpu_of(se[i]), 1);
}

/* By a thread that runs there itself. */
static void S8_7_a_cpu_takes_itself_off_line(void **state)
{
	struct sched_entity *se;

	(void)state;
	machine_start(2);
	se = launch(1, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(machine_offline(1, 1), 0);
	assert_ptr_equal(m.rq[0].curr, se);
	machine_check();
}

static void S8_7_nobody_comes_while_it_is_off_line(void **state)
{
	struct cpumask third = mask_of(4);
	struct sched_entity *se, *blocked;

	(void)state;
	machine_start(3);
	blocked = launch(1, SCHED_LEVEL_NORMAL, NULL);
	machine_leave(1, SCHED_BLOCK);
	assert_int_equal(cpu_of(blocked), 1);
	assert_int_equal(machine_offline(0, 1), 0);
	launch(2, SCHED_LEVEL_NORMAL, &third);
	launch(2, SCHED_LEVEL_NORMAL, &third);
	assert_true(machine_wake(1, blocked)); /* an interrupt there wakes it: its last CPU */
	assert_int_equal(cpu_of(blocked), 0);
	se = launch(1, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(cpu_of(se), 0);
	machine_advance(m.now + 200 * MS);
	assert_int_equal(atomic_load(&m.rq[1].nr_runnable), 0);
	machine_check();
}

/* Handed the CPU by who blocks there, as the last thing that happens on it. */
static void S8_7_nobody_is_handed_a_leaving_cpu(void **state)
{
	struct sched_entity *to, *from;

	(void)state;
	machine_start(2);
	to = launch(1, SCHED_LEVEL_NORMAL, NULL);
	machine_leave(1, SCHED_BLOCK);
	from = launch(1, SCHED_LEVEL_NORMAL, NULL);
	machine_on(0);
	assert_int_equal(sched_cpu_offline(&m.s, 1, 0, m.now), 0);
	assert_ptr_equal(m.rq[1].curr, from);
	machine_hand_over(1, SCHED_BLOCK, to);
	assert_ptr_equal(m.rq[0].curr, to);
	assert_true(sched_cpu_empty(&m.s, 1));
	machine_check();
}

static void S8_7_comes_back_and_works(void **state)
{
	(void)state;
	machine_start(2);
	for (unsigned i = 0; i < 4; i++)
		launch(i % 2, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(machine_offline(0, 1), 0);
	machine_advance(500 * MS);
	machine_online(0, 1);
	assert_false(m.halted[1]); /* it steals */
	machine_advance(m.now + 100 * MS);
	machine_settle();
	assert_int_equal(atomic_load(&m.rq[0].nr_runnable), 2);
	assert_int_equal(atomic_load(&m.rq[1].nr_runnable), 2);
	assert_int_equal(m.rq[1].stats.idle_beside.longest, 0); /* it was not there */
	machine_check();
}

/* --- masks ----------------------------------------------------------------------------------- */

static void S8_6_masks_are_overridden_and_restored(void **state)
{
	struct cpumask second = mask_of(2);
	struct sched_entity *running, *queued, *blocked, *stopped, *elsewhere;

	(void)state;
	machine_start(3);
	blocked = launch(1, SCHED_LEVEL_NORMAL, &second);
	machine_leave(1, SCHED_BLOCK);
	stopped = launch(1, SCHED_LEVEL_NORMAL, &second);
	assert_int_equal(machine_stop(0, stopped), -EAGAIN);
	machine_leave(1, SCHED_STOP);
	running = launch(1, SCHED_LEVEL_NORMAL, &second);
	queued = launch(1, SCHED_LEVEL_NORMAL, &second);
	elsewhere = launch(0, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(machine_offline(0, 1), 0);
	assert_true(running->overridden && queued->overridden && blocked->overridden);
	assert_false(elsewhere->overridden);
	assert_true(machine_wake(0, blocked));
	assert_true(machine_resume(0, stopped));
	machine_check();
	for (unsigned cpu = 0; cpu < 3; cpu++)
		assert_int_equal(m.halted[cpu], cpu == 1);
	assert_true(cpumask_equal(&queued->affinity, &second));
	machine_online(0, 1);
	machine_check();
	assert_int_equal(cpu_of(running), 1);
	assert_int_equal(cpu_of(queued), 1);
	assert_int_equal(cpu_of(blocked), 1);
	assert_int_equal(cpu_of(stopped), 1);
	assert_false(running->overridden || queued->overridden || blocked->overridden);
	assert_int_equal(queued->pinned, 1);
	assert_int_equal(cpu_of(elsewhere), 0);
}

/* Nobody has reviewed it: the wake-up finds out. */
static void S8_6_overridden_at_the_wake_up(void **state)
{
	struct cpumask second = mask_of(2);
	struct sched_entity *se;

	(void)state;
	machine_start(2);
	se = launch(1, SCHED_LEVEL_NORMAL, &second);
	machine_leave(1, SCHED_BLOCK);
	machine_on(0);
	assert_int_equal(sched_cpu_offline(&m.s, 1, 0, m.now), 0);
	assert_true(machine_wake(0, se));
	assert_true(se->overridden);
	assert_ptr_equal(m.rq[0].curr, se);
	machine_check();
}

/* A new mask while the old one is overridden is in force at once. */
static void S8_6_a_new_mask_ends_the_override(void **state)
{
	struct cpumask second = mask_of(2), third = mask_of(4), off = mask_of(2);
	struct sched_entity *se;

	(void)state;
	machine_start(3);
	se = launch(1, SCHED_LEVEL_NORMAL, &second);
	assert_int_equal(machine_offline(0, 1), 0);
	assert_int_equal(machine_set_affinity(0, se, &off), -EINVAL);
	assert_int_equal(machine_set_affinity(0, se, &third), 0);
	assert_false(se->overridden);
	assert_ptr_equal(m.rq[2].curr, se);
	machine_online(0, 1);
	assert_ptr_equal(m.rq[2].curr, se);
	machine_check();
}

static void S8_7_refusals(void **state)
{
	(void)state;
	machine_start(2);
	assert_int_equal(machine_offline(0, 2), -EINVAL);
	assert_int_equal(machine_offline(0, CONFIG_MAX_CPUS), -EINVAL);
	assert_int_equal(machine_offline(0, 1), 0);
	assert_int_equal(machine_offline(0, 1), -EINVAL);
	assert_int_equal(machine_offline(0, 0), -EBUSY);
	machine_check();
	machine_online(0, 1);
	assert_int_equal(machine_offline(1, 0), 0);
	machine_check();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(S8_7_queued_and_running_go_elsewhere),
		cmocka_unit_test(S8_7_a_cpu_takes_itself_off_line),
		cmocka_unit_test(S8_7_nobody_comes_while_it_is_off_line),
		cmocka_unit_test(S8_7_nobody_is_handed_a_leaving_cpu),
		cmocka_unit_test(S8_7_comes_back_and_works),
		cmocka_unit_test(S8_6_masks_are_overridden_and_restored),
		cmocka_unit_test(S8_6_overridden_at_the_wake_up),
		cmocka_unit_test(S8_6_a_new_mask_ends_the_override),
		cmocka_unit_test(S8_7_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
