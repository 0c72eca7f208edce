/* SPDX-License-Identifier: MIT */
/*
 * Rate-monotonic scheduling (rules S7.1): priorities by period, and an admission that is exact:
 * what it admits has no miss, with reservations beside it too, and what it refuses has one.
 */
#include "sched/tests/periodic.h"

static void start(unsigned cpus, enum sched_admission admission)
{
	struct sched_config config;

	sched_config_default(&config);
	config.overhead = 0;
	config.admission = admission;
	machine_start_with(cpus, &config);
}

static int set(struct sched_entity *se, enum sched_kind kind, ktime_t runtime, ktime_t deadline,
	ktime_t period)
{
	struct sched_params params = {.kind = kind,
		.level = SCHED_LEVEL_NORMAL,
		.runtime = runtime * MS,
		.deadline = deadline * MS,
		.period = period * MS};

	return machine_set_params(0, se, &params);
}

static struct sched_entity *spawn(ktime_t runtime, ktime_t period)
{
	struct sched_entity *se = machine_spawn(0, SCHED_LEVEL_NORMAL, NULL);

	assert_int_equal(set(se, SCHED_KIND_RM, runtime, 0, period), 0);
	return se;
}

static int try(ktime_t runtime, ktime_t deadline, ktime_t period)
{
	return set(machine_spawn(0, SCHED_LEVEL_NORMAL, NULL), SCHED_KIND_RM, runtime, deadline,
		period);
}

static void S7_1_priorities_by_period(void **state)
{
	struct sched_entity *a, *b, *c, *equal;

	(void)state;
	start(1, SCHED_ADMIT_DENSITY);
	a = spawn(1, 100);
	b = spawn(1, 10);
	assert_true(b->rank < a->rank);
	c = spawn(1, 50);
	equal = spawn(1, 50);
	assert_true(b->rank < c->rank && c->rank < a->rank);
	assert_int_equal(c->rank, equal->rank);
	assert_true(b->rank > SCHED_RANK_FP && a->rank < SCHED_RANK_TS);
	machine_launch(0, a);
	machine_launch(0, c);
	machine_launch(0, b);
	assert_ptr_equal(m.rq[0].curr, b);
	machine_leave(0, SCHED_BLOCK);
	assert_ptr_equal(m.rq[0].curr, c);
	machine_check();
}

/* Queued and running ones get their new levels at once. */
static void S7_1_a_new_period_moves_the_others(void **state)
{
	struct sched_entity *a, *b, *c;
	unsigned before;

	(void)state;
	start(1, SCHED_ADMIT_DENSITY);
	a = spawn(1, 20);
	b = spawn(1, 30);
	machine_launch(0, a);
	machine_launch(0, b);
	before = b->rank;
	c = spawn(1, 10);
	assert_int_equal(b->rank, before + 1);
	assert_int_equal(a->rank, c->rank + 1);
	assert_ptr_equal(m.rq[0].curr, a);
	machine_check();
}

static void S7_1_admission_by_response_times(void **state)
{
	(void)state;
	start(1, SCHED_ADMIT_DENSITY);
	assert_int_equal(try(2, 0, 4), 0);
	assert_int_equal(try(4, 0, 8), 0); /* harmonic: U = 1 */
	assert_int_equal(try(1, 0, 1000), -EBUSY);
	start(1, SCHED_ADMIT_DENSITY);
	assert_int_equal(try(2, 0, 5), 0);
	assert_int_equal(try(4, 0, 7), -EBUSY); /* 4 + 2 * 2 = 8 */
	assert_int_equal(try(3, 0, 7), 0);      /* 3 + 2 * 2 = 7 */
	assert_int_equal(try(1, 0, 3), -EBUSY); /* which would be too late then */
	start(1, SCHED_ADMIT_DENSITY);
	assert_int_equal(try(2, 3, 10), 0);
	assert_int_equal(try(2, 3, 20), -EBUSY);
	assert_int_equal(try(2, 4, 20), 0);
	start(1, SCHED_ADMIT_DENSITY);
	assert_int_equal(try(2, 0, 5), 0);
	assert_int_equal(try(2, 0, 5), 0);
	assert_int_equal(try(2, 0, 5), -EBUSY); /* equal periods wait for each other */
}

static void S7_1_all_are_admitted_if_told_so(void **state)
{
	(void)state;
	start(1, SCHED_ADMIT_ALL);
	assert_int_equal(try(4, 0, 5), 0);
	assert_int_equal(try(4, 0, 7), 0);
}

/* 4 of 10 reserved may be late in one period and early in the next: 4 + 8 in a window of 14. */
static void S7_1_reservations_are_interference(void **state)
{
	struct sched_entity *dl;

	(void)state;
	start(1, SCHED_ADMIT_DENSITY);
	dl = machine_spawn(0, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(set(dl, SCHED_KIND_DL, 4, 10, 10), 0);
	assert_int_equal(try(4, 11, 20), -EBUSY);
	assert_int_equal(try(4, 12, 20), 0);
	assert_int_equal(set(dl, SCHED_KIND_DL, 5, 10, 10), -EBUSY); /* for the one below */
	assert_int_equal(set(dl, SCHED_KIND_DL, 3, 10, 10), 0);
	machine_check();
}

static void S7_1_bound_to_the_cpu_that_admits(void **state)
{
	struct sched_entity *se;

	(void)state;
	start(2, SCHED_ADMIT_DENSITY);
	assert_int_equal(spawn(3, 5)->bound, 0);
	assert_int_equal(spawn(1, 5)->bound, 1);
	se = spawn(1, 5);
	assert_int_equal(se->bound, 1);
	machine_launch(0, se);
	assert_int_equal(cpu_of(se), 1);
	assert_int_equal(machine_set_params(0, se, &(struct sched_params){.level = 20}), 0);
	assert_int_equal(se->bound, SCHED_NO_CPU);
	assert_int_equal(se->rank, SCHED_RANK_TS);
	machine_check();
}

static void S7_1_misses_are_counted(void **state)
{
	struct periodic p[] = {
		{.runtime = 4 * MS, .deadline = 5 * MS, .period = 5 * MS},
		{.runtime = 4 * MS, .deadline = 7 * MS, .period = 7 * MS},
	};

	(void)state;
	start(1, SCHED_ADMIT_ALL);
	p[0].se = spawn(4, 5);
	p[1].se = spawn(4, 7);
	periodic_run(p, 2, 350 * MS);
	assert_int_equal(p[0].missed, 0); /* overload strikes the longest period */
	assert_int_equal(p[0].se->stats.misses, 0);
	assert_true(p[1].missed > 10);
	assert_in_range(p[1].se->stats.misses, p[1].missed - 1, p[1].missed);
}

static void wrong_numbers_are_refused(void **state)
{
	(void)state;
	start(1, SCHED_ADMIT_DENSITY);
	assert_int_equal(try(0, 0, 5), -EINVAL);
	assert_int_equal(try(6, 0, 5), -EINVAL);
	assert_int_equal(try(1, 6, 5), -EINVAL);
	assert_int_equal(try(1, 5, 0), -EINVAL);
}

static ktime_t new_period(struct host_random *r, uint64_t *used)
{
	ktime_t period = 3 + host_random_below(r, 20);

	while (*used >> period & 1)
		period = period == 22 ? 3 : period + 1;
	*used |= 1ull << period;
	return period;
}

/*
 * Up to `n`, the last of which may have been refused. No two periods are equal: which of two equals
 * goes first is not known, so that each has to reckon with the other.
 */
static unsigned spawn_random(struct periodic *p, unsigned n, struct host_random *r, bool *refused)
{
	unsigned made = 0;
	uint64_t used = 0;

	*refused = false;
	for (unsigned i = 0; i < n && !*refused; i++) {
		ktime_t period = new_period(r, &used);
		ktime_t deadline = period - host_random_below(r, 3);
		ktime_t runtime = 1 + host_random_below(r, (unsigned)MIN(deadline, 4));
		struct sched_entity *se = machine_spawn(0, SCHED_LEVEL_NORMAL, NULL);

		p[made++] = (struct periodic){.runtime = runtime * MS,
			.deadline = deadline * MS,
			.period = period * MS,
			.se = se};
		*refused = set(se, SCHED_KIND_RM, runtime, deadline, period) != 0;
		MACHINE_EXPECT(deadline * MS == se->deadline || *refused);
	}
	return made;
}

/* The same tasks with and without the one that was refused, all released together. */
static void S7_1_admission_is_exact(void **state)
{
	struct host_random r = host_random_start("sets");
	unsigned refusals = 0;

	(void)state;
	for (unsigned long round = 0; round < host_rounds(3000); round++) {
		struct periodic p[8];
		bool refused;
		unsigned n;

		start(1, SCHED_ADMIT_DENSITY);
		n = spawn_random(p, ARRAY_SIZE(p), &r, &refused);
		if (refused) {
			refusals++;
			start(1, SCHED_ADMIT_ALL);
			for (unsigned i = 0; i < n; i++) {
				p[i].se = machine_spawn(0, SCHED_LEVEL_NORMAL, NULL);
				assert_int_equal(set(p[i].se, SCHED_KIND_RM, p[i].runtime / MS,
							 p[i].deadline / MS, p[i].period / MS),
					0);
			}
		}
		periodic_run(p, n, 100 * MS);
		if (refused != (periodic_missed(p, n) > 0))
			MACHINE_FAIL("%u tasks, refused %d, missed %u", n, refused,
				periodic_missed(p, n));
	}
	assert_true(refusals > 100);
}

static void S7_1_no_miss_beside_reservations(void **state)
{
	struct host_random r = host_random_start("beside");

	(void)state;
	for (unsigned long round = 0; round < host_rounds(2000); round++) {
		struct periodic p[12] = {0};
		unsigned n = 0;

		start(2, SCHED_ADMIT_DENSITY);
		for (unsigned i = 0; i < 12; i++) {
			enum sched_kind kind = i < 4 ? SCHED_KIND_DL : SCHED_KIND_RM;
			ktime_t period = 4 + host_random_below(&r, 30);
			ktime_t runtime = 1 + host_random_below(&r, (unsigned)period / 2);
			struct sched_entity *se = machine_spawn(0, SCHED_LEVEL_NORMAL, NULL);

			if (set(se, kind, runtime, 0, period))
				continue;
			p[n++] = (struct periodic){.runtime = runtime * MS,
				.deadline = period * MS,
				.period = period * MS,
				.se = se,
				.first = host_random_below(&r, 10 * MS)};
		}
		periodic_run(p, n, 150 * MS);
		for (unsigned i = 0; i < n; i++)
			if (p[i].missed)
				MACHINE_FAIL("C %lld T %lld missed %u", (long long)p[i].runtime,
					(long long)p[i].period, p[i].missed);
		machine_check();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(S7_1_priorities_by_period),
		cmocka_unit_test(S7_1_a_new_period_moves_the_others),
		cmocka_unit_test(S7_1_admission_by_response_times),
		cmocka_unit_test(S7_1_all_are_admitted_if_told_so),
		cmocka_unit_test(S7_1_reservations_are_interference),
		cmocka_unit_test(S7_1_bound_to_the_cpu_that_admits),
		cmocka_unit_test(S7_1_misses_are_counted),
		cmocka_unit_test(wrong_numbers_are_refused),
		cmocka_unit_test(S7_1_admission_is_exact),
		cmocka_unit_test(S7_1_no_miss_beside_reservations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
