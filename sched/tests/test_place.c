/* SPDX-License-Identifier: MIT */
/*
 * Which CPU is chosen (rule S8.1) where it matters how: the nearest of equal ones, and exactly the
 * least urgent and the least loaded, though nobody looks at every CPU. What is near is given to the
 * machine: two threads a core, two cores a cache, four CPUs a package, and so on.
 */
#include "sched/index.h"
#include "sched/tests/machine.h"

/* Eight CPUs: cores 0-1 2-3 4-5 6-7, caches 0-3 4-7, one package a cache, one node. */
static const struct sched_cpu_place paired[MACHINE_CPUS] = {
	{0, 0, 0, 0},
	{0, 0, 0, 0},
	{1, 0, 0, 0},
	{1, 0, 0, 0},
	{2, 1, 1, 0},
	{2, 1, 1, 0},
	{3, 1, 1, 0},
	{3, 1, 1, 0},
};

/* The same numbered across: siblings are 4 apart, packages are even and odd, each with its node. */
static const struct sched_cpu_place crossed[MACHINE_CPUS] = {
	{0, 0, 0, 7},
	{1, 1, 1, 9},
	{2, 0, 0, 7},
	{3, 1, 1, 9},
	{0, 0, 0, 7},
	{1, 1, 1, 9},
	{2, 0, 0, 7},
	{3, 1, 1, 9},
};

static void start(unsigned cpus, const struct sched_cpu_place *places)
{
	machine_places = places;
	machine_start(cpus);
	machine_places = NULL;
}

/* --- neighbourhoods -------------------------------------------------------------------------- */

static void S8_1_neighbourhoods_are_nested(void **state)
{
	(void)state;
	start(8, paired);
	assert_int_equal(m.rq[5].near_count, 2); /* the package is the cache, the node is all */
	assert_int_equal(m.rq[5].near[0].bits[0], 0x30);
	assert_int_equal(m.rq[5].near[1].bits[0], 0xf0);
	start(8, crossed);
	assert_int_equal(m.rq[5].near_count, 2);
	assert_int_equal(m.rq[5].near[0].bits[0], 0x22);
	assert_int_equal(m.rq[5].near[1].bits[0], 0xaa);
	start(8, NULL);
	assert_int_equal(m.rq[5].near_count, 0);
}

/* A node that is smaller than a package does not tear the core apart. */
static void S8_1_neighbourhoods_of_contradictory_numbers(void **state)
{
	static const struct sched_cpu_place odd[4] = {
		{0, 0, 0, 0},
		{0, 1, 0, 1},
		{1, 1, 0, 0},
		{1, 0, 1, 1},
	};

	(void)state;
	start(4, odd);
	for (unsigned cpu = 0; cpu < 4; cpu++)
		for (unsigned i = 1; i < m.rq[cpu].near_count; i++)
			assert_false(m.rq[cpu].near[i - 1].bits[0] & ~m.rq[cpu].near[i].bits[0]);
	assert_int_equal(m.rq[0].near[0].bits[0], 3);
}

/* --- idle CPUs, the nearest first ------------------------------------------------------------ */

/* One after the other, each on the nearest CPU that is left. */
static void fill(const unsigned *order)
{
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(cpu_of(launch(5, SCHED_LEVEL_NORMAL, NULL)), order[i]);
	machine_check();
}

static void S8_1_nearest_idle_cpu_by_topology(void **state)
{
	static const unsigned pairs[] = {5, 4, 6, 7, 0, 1, 2, 3};
	static const unsigned across[] = {5, 1, 7, 3, 6, 0, 2, 4};
	static const unsigned flat[] = {5, 6, 7, 0, 1, 2, 3, 4};

	(void)state;
	start(8, paired);
	fill(pairs);
	start(8, crossed);
	fill(across);
	start(8, NULL);
	fill(flat);
}

/* Several wakers at once and nobody has acted yet: nested masks, one claim each. */
static void S8_1_nearest_idle_cpus_are_claimed_once(void **state)
{
	static const unsigned order[] = {2, 3, 0, 1, 4, 5, 6, 7};

	(void)state;
	start(8, paired);
	for (unsigned i = 0; i < 8; i++) {
		struct sched_entity *se = machine_spawn(2, SCHED_LEVEL_NORMAL, NULL);

		arch_host_become(2);
		sched_start(&m.s, se, 2, m.now);
		assert_int_equal(cpu_of(se), order[i]);
	}
	machine_settle();
	machine_check();
}

/* Only allowed ones, and the offer of one that stays queued goes to the nearest, too. */
static void S8_2_offer_goes_to_the_nearest_idle_cpu(void **state)
{
	struct cpumask sixth = mask_of(1 << 5);
	struct sched_entity *free;

	(void)state;
	start(8, paired);
	free = launch(5, SCHED_LEVEL_NORMAL, NULL);
	launch(5, SCHED_LEVEL_NORMAL, &sixth);
	machine_leave(5, SCHED_YIELD);
	assert_int_equal(cpu_of(free), 4);
	assert_int_equal(free->stats.steals, 1);
}

static void S8_3_steals_from_the_nearest(void **state)
{
	static const unsigned from[] = {4, 6, 0};
	struct cpumask fifth = mask_of(1 << 5);
	struct sched_entity *free[3], *holder;

	(void)state;
	start(8, paired);
	holder = launch(5, SCHED_LEVEL_NORMAL, &fifth);
	for (unsigned i = 0; i < 3; i++) {
		struct cpumask own = mask_of(1ull << from[i]);
		struct cpumask both = mask_of(1ull << from[i] | 1 << 5);

		launch(from[i], SCHED_LEVEL_NORMAL, &own);
		free[i] = launch(from[i], SCHED_LEVEL_NORMAL, &own);
		assert_int_equal(machine_set_affinity(0, free[i], &both), 0);
	}
	machine_leave(5, SCHED_BLOCK);
	for (unsigned i = 0; i < 3; i++) {
		assert_ptr_equal(m.rq[5].curr, free[i]);
		machine_leave(5, SCHED_BLOCK);
	}
	assert_true(m.halted[5]);
	assert_int_equal(holder->stats.steals, 0);
	machine_check();
}

/* --- busy CPUs: nobody looks at all, and the answer is that of one who does ------------------ */

static unsigned far(unsigned from, unsigned to)
{
	unsigned near = 0;

	while (near < m.rq[from].near_count && !cpumask_test(&m.rq[from].near[near], to))
		near++;
	return near * MACHINE_CPUS + (to + MACHINE_CPUS - from) % MACHINE_CPUS;
}

static unsigned slow_least_urgent(const struct cpumask *mask, unsigned around, unsigned rank)
{
	unsigned best = SCHED_NO_CPU;

	for (unsigned cpu = 0; cpu < m.cpus; cpu++) {
		unsigned r = m.rq[cpu].curr->rank;

		if (!cpumask_test(mask, cpu) || !cpu_online(cpu) || cpu_idle(cpu) || r <= rank)
			continue;
		if (best == SCHED_NO_CPU || r > m.rq[best].curr->rank ||
			(r == m.rq[best].curr->rank && far(around, cpu) < far(around, best)))
			best = cpu;
	}
	return best;
}

static unsigned load_of(unsigned cpu)
{
	return MAX(atomic_load(&m.rq[cpu].nr_runnable), 1u); /* idle: somebody has claimed it */
}

static unsigned slow_least_loaded(const struct cpumask *mask, unsigned around)
{
	unsigned best = SCHED_NO_CPU;

	for (unsigned cpu = 0; cpu < m.cpus; cpu++) {
		if (!cpumask_test(mask, cpu) || !cpu_online(cpu))
			continue;
		if (best == SCHED_NO_CPU || load_of(cpu) < load_of(best) ||
			(load_of(cpu) == load_of(best) && far(around, cpu) < far(around, best)))
			best = cpu;
	}
	return best;
}

static void compare_choices(uint64_t r)
{
	unsigned around = (unsigned)(r % m.cpus), rank = (unsigned)(r >> 8) % SCHED_RANK_IDLE;
	struct cpumask mask;

	random_mask(&mask, r >> 16);
	assert_int_equal(sched_find_least_urgent(&m.s, &mask, around, rank),
		slow_least_urgent(&mask, around, rank));
	assert_int_equal(sched_find_least_loaded(&m.s, &mask, around, SCHED_LOAD_CLASSES),
		slow_least_loaded(&mask, around));
}

static void S8_1_choice_is_exact(void **state)
{
	const struct sched_cpu_place *const places[] = {NULL, paired, crossed};
	struct host_random r = host_random_start("choice");

	(void)state;
	for (unsigned long i = 0; i < host_rounds(30000); i++) {
		if (i % 1000 == 0) {
			machine_places = places[i / 1000 % ARRAY_SIZE(places)];
			machine_start_algorithm(2 + (unsigned)(i / 1000 % 7),
				(enum sched_policy_id)(i / 3000 % SCHED_ALGORITHM_COUNT));
		}
		machine_random_operation(host_random_next(&r));
		compare_choices(host_random_next(&r));
	}
	machine_places = NULL;
}

static void S8_1_loads_are_told_apart(void **state)
{
	(void)state;
	assert_int_equal(sched_load_class(0), sched_load_class(1));
	for (unsigned load = 1; load < 64; load++)
		assert_int_equal(sched_load_class(load + 1), sched_load_class(load) + 1);
	for (unsigned load = 64; load < 100000; load++) {
		unsigned class = sched_load_class(load);

		assert_true(class < SCHED_LOAD_CLASSES && class <= sched_load_class(load + 1));
		if (load + load / 8 < 1 << 14)
			assert_true(class < sched_load_class(load + load / 8 + 1));
	}
	assert_int_equal(sched_load_class(UINT_MAX), SCHED_LOAD_CLASSES - 1);
}

/* As many CPUs as there can be: the words' bits against a walk over all CPUs. */
static void S8_1_sets_of_4096_cpus(void **state)
{
	static struct sched_cpu_set set;
	struct host_random r = host_random_start("sets");
	static struct cpumask mask, near;

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		unsigned cpu = host_random_below(&r, CONFIG_MAX_CPUS);

		cpumask_set_atomic(&set.cpus, cpu);
		atomic_fetch_or(&set.words, 1ull << (cpu / 64));
		cpumask_set(&mask, cpu);
		cpumask_set(&mask, host_random_below(&r, CONFIG_MAX_CPUS));
		cpumask_set(&near, host_random_below(&r, 2) ? cpu : i);
	}
	for (unsigned i = 0; i < 5000; i++) {
		unsigned from = host_random_below(&r, CONFIG_MAX_CPUS);
		unsigned end = host_random_below(&r, CONFIG_MAX_CPUS + 1), cpu = from;
		const struct cpumask *close = i & 1 ? &near : NULL;

		while (cpu < end &&
			!(sched_set_test(&set, cpu) && cpumask_test(&mask, cpu) &&
				(!close || cpumask_test(close, cpu))))
			cpu++;
		assert_int_equal(sched_set_next(&set, &mask, close, from, end),
			cpu < end ? cpu : SCHED_NO_CPU);
	}
}

/* A search sees sets that change meanwhile: a CPU that it misses in all of them is still found. */
static void S8_1_cpu_in_no_set_is_found_by_the_mask(void **state)
{
	struct cpumask second = mask_of(2);
	struct sched_entity *se;

	(void)state;
	start(2, NULL);
	launch(1, SCHED_LEVEL_NORMAL, &second);
	spin_lock(&m.rq[1].lock);
	sched_rq_unindex(&m.rq[1]);
	spin_unlock(&m.rq[1].lock);
	se = launch(0, SCHED_LEVEL_NORMAL, &second);
	assert_int_equal(cpu_of(se), 1);
}

/* S7.2: the second of two urgent ones does not wait behind the first while another CPU could go. */
static void S8_1_two_urgent_wakers_take_two_cpus(void **state)
{
	struct sched_entity *urgent[2];

	(void)state;
	start(2, NULL);
	for (unsigned i = 0; i < 2; i++) {
		urgent[i] = launch_urgent(0, NULL);
		machine_leave(0, SCHED_BLOCK);
	}
	launch(0, SCHED_LEVEL_NORMAL, NULL);
	launch(1, SCHED_LEVEL_NORMAL, NULL);
	machine_on(0);
	for (unsigned i = 0; i < 2; i++) /* neither CPU has switched yet */
		assert_true(sched_wake(&m.s, urgent[i], 0, m.now));
	machine_settle();
	assert_int_equal(urgent[0]->state, SCHED_RUNNING);
	assert_int_equal(urgent[1]->state, SCHED_RUNNING);
	machine_check();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(S8_1_neighbourhoods_are_nested),
		cmocka_unit_test(S8_1_neighbourhoods_of_contradictory_numbers),
		cmocka_unit_test(S8_1_nearest_idle_cpu_by_topology),
		cmocka_unit_test(S8_1_nearest_idle_cpus_are_claimed_once),
		cmocka_unit_test(S8_2_offer_goes_to_the_nearest_idle_cpu),
		cmocka_unit_test(S8_3_steals_from_the_nearest),
		cmocka_unit_test(S8_1_choice_is_exact),
		cmocka_unit_test(S8_1_loads_are_told_apart),
		cmocka_unit_test(S8_1_sets_of_4096_cpus),
		cmocka_unit_test(S8_1_cpu_in_no_set_is_found_by_the_mask),
		cmocka_unit_test(S8_1_two_urgent_wakers_take_two_cpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
