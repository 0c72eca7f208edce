/* SPDX-License-Identifier: MIT */
/* Starting the scheduler: before, with a wrong configuration, once, twice. */
#include "kernel/types.h"
#include <arch/host_test.h>
#include "kernel/errno.h"
#include "kernel/scheduler.h"

static void scheduler_starts_once(void **state)
{
	struct scheduler_stats stats;
	struct sched_config config;

	(void)state;
	assert_false(scheduler_is_ready());
	assert_int_equal(scheduler_get_stats(&stats), -ESCHED_NOT_READY);
	assert_int_equal(scheduler_get_cpu_stats(0, &stats), -ESCHED_NOT_READY);
	assert_int_equal(scheduler_balance_load(), -ESCHED_NOT_READY);
	sched_config_default(&config);
	config.quantum = 0;
	assert_int_equal(scheduler_init_with_config(&config), -ESCHED_CONFIG);
	sched_config_default(&config);
	config.algorithm = SCHED_POLICY_COUNT;
	assert_int_equal(scheduler_init_with_config(&config), -ESCHED_CONFIG);
	assert_int_equal(scheduler_init(), 0);
	assert_int_equal(scheduler_init(), -ESCHED_READY);
	assert_int_equal(scheduler_init_with_config(&config), -ESCHED_READY);
	assert_int_equal(scheduler_get_stats(&stats), 0);
	assert_int_equal(stats.context_switches, 0);
	assert_int_equal(scheduler_get_cpu_count(), 0);
	assert_false(scheduler_is_ready());
	assert_int_equal(scheduler_get_cpu_stats(0, &stats), -ESCHED_CPU);
}

/* The documented defaults of the original design's scheduler_config. */
static void defaults_are_the_documented_ones(void **state)
{
	struct sched_config config;

	(void)state;
	sched_config_default(&config);
	assert_int_equal(config.algorithm, SCHED_POLICY_rr);
	assert_int_equal(config.quantum, 20 * NSEC_PER_MSEC);
	assert_int_equal(config.balance_interval, 50 * NSEC_PER_MSEC);
	assert_true(config.affinity && config.balancing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scheduler_starts_once),
		cmocka_unit_test(defaults_are_the_documented_ones),
	};

	arch_host_init(1);
	arch_host_become(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
