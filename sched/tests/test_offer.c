/* SPDX-License-Identifier: MIT */
/*
 * What an idle CPU is told and what it may take (rules S8.2, S8.3), where only the calls themselves
 * tell: the machine of the other tests lets every CPU look after each of them.
 */
#include "sched/tests/machine.h"

/* CPU 0 has two, CPU 1 is idle. */
static struct sched_entity *start_unbalanced(bool balancing)
{
	struct sched_config config;

	sched_config_default(&config);
	config.balancing = balancing;
	machine_start_with(2, &config);
	for (unsigned i = 0; i < 2; i++) {
		struct cpumask first = mask_of(1);

		launch(0, SCHED_LEVEL_NORMAL, &first);
	}
	return &m.task[1].se;
}

static void S8_3_a_thief_has_to_switch(void **state)
{
	struct cpumask both = mask_of(3);
	struct sched_entity *se = start_unbalanced(true);

	(void)state;
	se->affinity = both; /* behind the scheduler's back: nobody is told */
	se->pinned = SCHED_NO_CPU;
	arch_host_become(1);
	assert_true(sched_steal(&m.s, &m.rq[1], m.now));
	assert_true(sched_need_resched(&m.rq[1]));
	assert_ptr_equal(atomic_load(&se->rq), &m.rq[1]);
	m.attentive[1] = true;
	machine_settle();
	machine_check();
}

static void S8_2_without_balancing_nobody_is_called_and_nobody_steals(void **state)
{
	struct cpumask both = mask_of(3);
	struct sched_entity *se = start_unbalanced(false);

	(void)state;
	arch_host_become(0);
	assert_int_equal(sched_set_affinity(&m.s, se, &both, 0, m.now), 0);
	assert_false(m.kicked[1]);
	assert_true(cpumask_test_atomic(&m.s.idle, 1));
	arch_host_become(1);
	assert_false(sched_steal(&m.s, &m.rq[1], m.now));
	assert_int_equal(cpu_of(se), 0);
	machine_check();
}

/* The clock of the CPU where se waited is ahead of the thief's. */
static void S10_an_entity_brings_its_time_along(void **state)
{
	struct cpumask both = mask_of(3);
	struct sched_entity *se = start_unbalanced(true);

	(void)state;
	m.now = 15 * MS;
	machine_leave(0, SCHED_YIELD);
	se = m.rq[0].curr == se ? &m.task[0].se : se;
	se->affinity = both;
	se->pinned = SCHED_NO_CPU;
	arch_host_become(1);
	assert_true(sched_steal(&m.s, &m.rq[1], 12 * MS));
	assert_int_equal(se->since, 15 * MS);
	assert_int_equal(m.rq[1].clock, 15 * MS);
	m.attentive[1] = true;
	machine_settle();
	machine_check();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(S8_3_a_thief_has_to_switch),
		cmocka_unit_test(S8_2_without_balancing_nobody_is_called_and_nobody_steals),
		cmocka_unit_test(S10_an_entity_brings_its_time_along),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
