/* SPDX-License-Identifier: MIT */
/*
 * Random operations on 1 to 8 CPUs under every algorithm: every invariant after each one, and the
 * bounds of the rules.
 */
#include "sched/tests/machine.h"

/* A fresh machine now and then, or all its tasks have ended. */
#define OPERATIONS_PER_MACHINE 4096

static enum sched_policy_id algorithm;

static uint64_t run(struct host_random *r, unsigned cpus, bool bounds, unsigned long operations)
{
	uint64_t hash = 0;

	for (unsigned long i = 0; i < operations; i++) {
		if (i % OPERATIONS_PER_MACHINE == 0) {
			hash ^= m.trace_hash;
			machine_start_algorithm(cpus, algorithm);
			m.bounds = bounds;
		}
		machine_random_operation(host_random_next(r));
		machine_check();
	}
	return hash ^ m.trace_hash;
}

static void S11_invariants_hold_after_every_operation(void **state)
{
	struct host_random r = host_random_start("invariants");

	(void)state;
	for (algorithm = 0; algorithm < SCHED_ALGORITHM_COUNT; algorithm++)
		for (unsigned cpus = 1; cpus <= MACHINE_CPUS; cpus++)
			run(&r, cpus, false, host_rounds(45000));
}

static void S3_2_S4_4_S5_4_nobody_waits_longer_than_the_bound(void **state)
{
	struct host_random r = host_random_start("bounds");

	(void)state;
	for (algorithm = 0; algorithm < SCHED_ALGORITHM_COUNT; algorithm++)
		for (unsigned cpus = 1; cpus <= 4; cpus++)
			run(&r, cpus, true, host_rounds(45000));
}

static void S11_10_same_seed_same_trace(void **state)
{
	struct host_random seed = host_random_start("repeat"), again = seed;
	uint64_t first;

	(void)state;
	algorithm = SCHED_POLICY_priority;
	memset(&m, 0, sizeof(m));
	first = run(&seed, 4, false, 5000);
	memset(&m, 0, sizeof(m));
	assert_true(first == run(&again, 4, false, 5000));
	memset(&m, 0, sizeof(m));
	assert_false(first == run(&again, 4, false, 5000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(S11_invariants_hold_after_every_operation),
		cmocka_unit_test(S3_2_S4_4_S5_4_nobody_waits_longer_than_the_bound),
		cmocka_unit_test(S11_10_same_seed_same_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
