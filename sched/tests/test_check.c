/* SPDX-License-Identifier: MIT */
/*
 * sched/check.c must be able to fail: each invariant is broken by hand on a healthy machine, and
 * must be reported in the right words.
 *
 * The machine: CPU 0 runs task 0, tasks 1 and 2 wait there; CPU 1 halts; task 3 is blocked.
 */
#include "sched/tests/machine.h"

#define CURR        (&m.task[0].se)
#define WAITER      (&m.task[1].se)
#define LAST        (&m.task[2].se)
#define BLOCKED_ONE (&m.task[3].se)

static void build(void)
{
	struct cpumask first;

	machine_start(2);
	cpumask_clear_all(&first);
	cpumask_set(&first, 0);
	for (unsigned i = 0; i < 4; i++)
		machine_launch(0, machine_spawn(0, SCHED_LEVEL_NORMAL, &first));
	for (unsigned i = 0; i < 3; i++)
		machine_leave(0, SCHED_YIELD);
	machine_leave(0, SCHED_BLOCK);
	assert_ptr_equal(m.rq[0].curr, CURR);
	machine_check();
}

static void expect_rq(const char *want)
{
	const char *wrong = sched_check_rq(&m.rq[0]);

	assert_string_equal(wrong ? wrong : "nothing", want);
}

static void expect_entity(const struct sched_entity *se, const char *want)
{
	const char *wrong = sched_check_entity(se);

	assert_string_equal(wrong ? wrong : "nothing", want);
}

#define BREAK(want, statement)                                                                     \
	do {                                                                                       \
		build();                                                                           \
		statement;                                                                         \
		expect_rq(want);                                                                   \
	} while (0)

static void S11_1_S11_2_current(void **state)
{
	(void)state;
	BREAK("current entity is not RUNNING", CURR->state = SCHED_QUEUED);
	BREAK("current entity belongs to another run queue", atomic_store(&CURR->rq, &m.rq[1]));
	BREAK("current entity is on a list", CURR->node = WAITER->node);
	BREAK("published rank is not the current entity's", atomic_store(&m.rq[0].curr_rank, 3));
	BREAK("an entity runs but none is counted", atomic_store(&m.rq[0].nr_runnable, 0));
}

static void S11_3_affinity(void **state)
{
	(void)state;
	BREAK("entity is where it may not run and no move is pending",
		cpumask_clear_all(&WAITER->affinity));
	BREAK("entity is where it may not run and no move is pending",
		cpumask_clear_all(&CURR->affinity));
	BREAK("move pending for an entity that does not run", WAITER->move_pending = true);
	build();
	cpumask_clear_all(&CURR->affinity);
	CURR->move_pending = true;
	expect_rq("nothing");
}

static void S11_4_nobody_more_urgent_waits(void **state)
{
	(void)state;
	build();
	list_remove(&LAST->node);
	LAST->policy = &sched_policy_fp;
	LAST->rank = LAST->urgency = LAST->own_urgency = URGENT_RANK;
	list_push_back(&m.rq[0].level[URGENT_RANK], &LAST->node);
	bitmap_set(m.rq[0].ready, URGENT_RANK);
	expect_rq("a more urgent entity is queued and no switch is due");
	atomic_store(&m.rq[0].need_resched, true);
	expect_rq("nothing");
}

static void S11_5_lists_and_counts(void **state)
{
	(void)state;
	BREAK("bit of a rank does not tell whether its list is empty",
		bitmap_set(m.rq[0].ready, SCHED_RANK_TS + 1));
	BREAK("bit of a rank does not tell whether its list is empty",
		bitmap_clear(m.rq[0].ready, SCHED_RANK_TS));
	BREAK("number of runnable entities is not the length of the lists",
		atomic_store(&m.rq[0].nr_runnable, 7));
	BREAK("number of runnable entities is not the length of the lists",
		list_remove(&WAITER->node));
	BREAK("list links do not match", LAST->node.prev = &LAST->node);
	BREAK("entity on a list is not QUEUED", WAITER->state = SCHED_BLOCKED);
	BREAK("entity on a list belongs to another run queue", atomic_store(&WAITER->rq, &m.rq[1]));
	BREAK("entity has a rank that its policy does not own", WAITER->rank++);
	BREAK("entity has a rank that its policy does not own", WAITER->policy = &sched_policy_fp);
	BREAK("entity is on another rank's list",
		(WAITER->policy = &sched_policy_fp, WAITER->rank = URGENT_RANK));
	BREAK("entity is here by another algorithm than its CPU's", m.rq[0].ts = &sched_policy_edf);
	BREAK("entity is here and has not heard of the last change", WAITER->generation++);
	BREAK("entity is here and has not heard of the last change", m.rq[0].curr->generation++);
	BREAK("entity has time from the future", WAITER->since = m.rq[0].clock + 1);
	BREAK("entity has time from the future", WAITER->since = WAITER->created - 1);
}

static void timer_and_policy(void **state)
{
	(void)state;
	BREAK("somebody waits and no timer ends the slice", m.rq[0].timer_at = KTIME_MAX);
	BREAK("rr: a queued entity's slice is not within its quantum", WAITER->slice = 0);
	BREAK("rr: a queued entity's slice is not within its quantum",
		WAITER->slice = WAITER->quantum + 1);
}

static void S11_1_entity(void **state)
{
	(void)state;
	build();
	expect_entity(CURR, "nothing");
	BLOCKED_ONE->state = SCHED_STATE_COUNT;
	expect_entity(BLOCKED_ONE, "entity has no valid state");
	BLOCKED_ONE->state = SCHED_QUEUED;
	expect_entity(BLOCKED_ONE, "entity is on a list and not QUEUED, or the other way round");
	BLOCKED_ONE->state = SCHED_RUNNING;
	expect_entity(BLOCKED_ONE, "entity is current and not RUNNING, or the other way round");
	BLOCKED_ONE->state = SCHED_BLOCKED;
	BLOCKED_ONE->move_pending = true;
	expect_entity(BLOCKED_ONE, "move pending for an entity that does not run");
	WAITER->stats.time[SCHED_QUEUED]++;
	expect_entity(WAITER, "times spent in all states do not add up to the entity's age");
}

static const char *census(void)
{
	struct sched_census c = {0};
	const char *wrong;

	for (unsigned i = 0; i < m.tasks; i++)
		sched_census_add(&c, &m.task[i].se);
	wrong = sched_census_check(&c, &m.s);
	return wrong ? wrong : "nothing";
}

static void S11_1_S10_census(void **state)
{
	(void)state;
	build();
	assert_string_equal(census(), "nothing");
	BLOCKED_ONE->state = SCHED_QUEUED;
	assert_string_equal(census(), "number of QUEUED entities is not what the run queues count");
	BLOCKED_ONE->state = SCHED_RUNNING;
	assert_string_equal(census(), "number of RUNNING entities is not the number of busy CPUs");
	BLOCKED_ONE->state = SCHED_WAKING;
	assert_string_equal(census(), "an entity is WAKING when nothing moves");
	BLOCKED_ONE->state = SCHED_BLOCKED;
	CURR->stats.time[SCHED_RUNNING]++;
	assert_string_equal(census(), "time of all entities and idle is not the time of all CPUs");
}

static void a_debug_build_checks_at_every_switch(void **state)
{
	(void)state;
	if (!KASSERT_ON)
		skip();
	build();
	WAITER->rank++;
	assert_true(HOST_ASSERTS(machine_leave(0, SCHED_YIELD)));
	build();
	arch_host_become(0);
	assert_true(HOST_ASSERTS(sched_switch(&m.rq[0], SCHED_YIELD, m.now)));
	build();
	arch_host_become(0);
	assert_true(HOST_ASSERTS(sched_start(&m.s, CURR, 0, m.now)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(S11_1_S11_2_current),
		cmocka_unit_test(S11_3_affinity),
		cmocka_unit_test(S11_4_nobody_more_urgent_waits),
		cmocka_unit_test(S11_5_lists_and_counts),
		cmocka_unit_test(timer_and_policy),
		cmocka_unit_test(S11_1_entity),
		cmocka_unit_test(S11_1_S10_census),
		cmocka_unit_test(a_debug_build_checks_at_every_switch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
