/* SPDX-License-Identifier: MIT */
/*
 * One test per rule of the scheduler's design: what it promises, on the smallest machine that shows
 * it.
 */
#include "sched/tests/machine.h"

/* --- S1: levels and quanta ------------------------------------------------------------------- */

static void S1_6_quanta_by_level(void **state)
{
	static const struct {
		unsigned level;
		ktime_t ns;
	} want[] = {{SCHED_LEVEL_CRITICAL, 40 * MS}, {5, 35 * MS}, {SCHED_LEVEL_HIGH, 30 * MS},
		{SCHED_LEVEL_NORMAL, 20 * MS}, {29, 11 * MS}, {SCHED_LEVEL_LOW, 10 * MS},
		{31, 85 * MS / 9}, {38, 50 * MS / 9}, {SCHED_LEVEL_IDLE, 5 * MS}};
	struct sched_config config;

	(void)state;
	for (unsigned scale = 1; scale <= 3; scale++) {
		sched_config_default(&config);
		config.quantum = 20 * MS * scale;
		machine_start_with(1, &config);
		for (unsigned i = 0; i < ARRAY_SIZE(want); i++)
			assert_in_range(m.s.quantum[want[i].level], want[i].ns * scale,
				want[i].ns * scale + 2);
		for (unsigned level = 1; level < SCHED_LEVEL_COUNT; level++)
			assert_true(m.s.quantum[level] < m.s.quantum[level - 1]);
	}
}

static void S1_7_arrivals_come_before_the_end_of_a_slice(void **state)
{
	struct sched_entity *a, *b, *c;

	(void)state;
	machine_start(1);
	a = launch(0, SCHED_LEVEL_NORMAL, NULL);
	b = launch(0, SCHED_LEVEL_NORMAL, NULL);
	machine_advance(20 * MS);
	c = launch(0, SCHED_LEVEL_NORMAL, NULL); /* a's slice ends in this instant */
	assert_ptr_equal(m.rq[0].curr, a);
	machine_advance(20 * MS + 1);
	assert_ptr_equal(m.rq[0].curr, b);
	assert_ptr_equal(list_first(&m.rq[0].level[SCHED_RANK_TS]), &c->node);
	assert_ptr_equal(list_last(&m.rq[0].level[SCHED_RANK_TS]), &a->node);
}

/* --- S3: round robin ------------------------------------------------------------------------- */

static void S3_1_slice_used_up_goes_to_the_tail(void **state)
{
	struct sched_entity *se[3];

	(void)state;
	machine_start(1);
	for (unsigned i = 0; i < 3; i++)
		se[i] = launch(0, SCHED_LEVEL_NORMAL, NULL);
	for (unsigned turn = 0; turn < 9; turn++) {
		machine_advance(turn * 20 * MS + 1);
		assert_ptr_equal(m.rq[0].curr, se[turn % 3]);
		machine_check();
	}
	assert_int_equal(se[0]->stats.switches[SCHED_LEFT_EXPIRED], 3);
	assert_int_equal(se[0]->stats.switches[SCHED_LEFT_FORCED], 0);
}

static void S3_1_preempted_keeps_rest_and_head(void **state)
{
	struct sched_entity *a, *b, *urgent;

	(void)state;
	machine_start(1);
	a = launch(0, SCHED_LEVEL_NORMAL, NULL);
	b = launch(0, SCHED_LEVEL_NORMAL, NULL);
	machine_advance(12 * MS);
	urgent = launch_urgent(0, NULL);
	assert_ptr_equal(m.rq[0].curr, urgent);
	assert_int_equal(a->slice, 8 * MS);
	assert_int_equal(a->stats.switches[SCHED_LEFT_FORCED], 1);
	machine_advance(100 * MS);
	machine_leave(0, SCHED_BLOCK);
	assert_ptr_equal(m.rq[0].curr, a);
	machine_advance(108 * MS + 1);
	assert_ptr_equal(m.rq[0].curr, b);
}

static void S3_1_yield_drops_the_rest(void **state)
{
	struct sched_entity *a, *b;

	(void)state;
	machine_start(1);
	a = launch(0, SCHED_LEVEL_NORMAL, NULL);
	b = launch(0, SCHED_LEVEL_NORMAL, NULL);
	machine_advance(5 * MS);
	machine_leave(0, SCHED_YIELD);
	assert_ptr_equal(m.rq[0].curr, b);
	machine_leave(0, SCHED_YIELD);
	assert_ptr_equal(m.rq[0].curr, a);
	machine_advance(25 * MS);
	assert_ptr_equal(m.rq[0].curr, a);
	machine_advance(25 * MS + 1);
	assert_ptr_equal(m.rq[0].curr, b);
	assert_int_equal(a->stats.switches[SCHED_LEFT_ITSELF], 1);
}

static void S3_1_migrated_keeps_rest_at_the_tail(void **state)
{
	struct cpumask first = mask_of(1), second = mask_of(2);
	struct sched_entity *mover, *stays;

	(void)state;
	machine_start(2);
	mover = launch(0, SCHED_LEVEL_NORMAL, &first);
	stays = launch(0, SCHED_LEVEL_NORMAL, &second);
	machine_advance(7 * MS);
	assert_int_equal(machine_set_affinity(1, mover, &second), 0);
	assert_int_equal(cpu_of(mover), 1);
	assert_ptr_equal(m.rq[1].curr, stays);
	assert_int_equal(mover->slice, 13 * MS);
	assert_int_equal(mover->stats.switches[SCHED_LEFT_FORCED], 1);
	assert_int_equal(mover->stats.migrations, 1);
	machine_check();
}

/* --- tickless -------------------------------------------------------------------------------- */

static void S8_2_alone_on_a_cpu_needs_no_timer(void **state)
{
	struct sched_entity *a, *b;

	(void)state;
	machine_start(1);
	assert_int_equal(m.timer[0], KTIME_MAX);
	a = launch(0, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(m.timer[0], KTIME_MAX);
	machine_advance(47 * MS);
	b = launch(0, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(m.timer[0], 60 * MS); /* the third slice of 20 ms ends there */
	machine_advance(60 * MS + 1);
	assert_ptr_equal(m.rq[0].curr, b);
	machine_leave(0, SCHED_BLOCK);
	assert_ptr_equal(m.rq[0].curr, a);
	machine_advance(500 * MS);
	assert_int_equal(m.timer[0], KTIME_MAX); /* fired once more, was not armed again */
}

static void timer_is_lazy(void **state)
{
	(void)state;
	machine_start(1);
	launch(0, SCHED_LEVEL_NORMAL, NULL);
	launch(0, SCHED_LEVEL_NORMAL, NULL);
	for (ktime_t t = MS; t < 20 * MS; t += MS) {
		machine_advance(t);
		machine_leave(0, SCHED_YIELD);
		assert_int_equal(m.timer[0], 20 * MS);
	}
	machine_advance(20 * MS + 1); /* early for the slice that began at 19 ms */
	assert_int_equal(m.timer[0], 39 * MS);
	assert_int_equal(m.rq[0].stats.switches[SCHED_EXPIRED], 0);
}

static void timer_of_another_cpu_is_armed_by_that_cpu(void **state)
{
	struct cpumask second = mask_of(2);
	uint64_t kicks;

	(void)state;
	machine_start(2);
	launch(1, SCHED_LEVEL_NORMAL, &second);
	kicks = m.rq[1].stats.kicks;
	launch(0, SCHED_LEVEL_NORMAL, &second);
	assert_int_equal(m.rq[1].stats.kicks, kicks + 1);
	assert_int_equal(m.timer[1], 20 * MS);
	assert_int_equal(m.timer[0], KTIME_MAX);
	assert_int_equal(m.events[SCHED_EVENT_SWITCH], 1);
}

/* --- life ------------------------------------------------------------------------------------ */

static void S11_7_of_several_wakers_one_wins(void **state)
{
	struct sched_entity *se;

	(void)state;
	machine_start(2);
	se = launch(0, SCHED_LEVEL_NORMAL, NULL);
	assert_false(machine_wake(0, se));
	machine_leave(0, SCHED_SLEEP);
	assert_true(machine_wake(0, se));
	assert_false(machine_wake(1, se));
	machine_leave(cpu_of(se), SCHED_EXIT);
	assert_false(machine_wake(0, se));
	assert_int_equal(se->stats.wakeups, 2);
}

static void stop_remembers_one_wake_up(void **state)
{
	struct sched_entity *se;

	(void)state;
	machine_start(1);
	se = launch(0, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(machine_stop(0, se), -EAGAIN);
	assert_false(machine_resume(0, se));
	machine_leave(0, SCHED_BLOCK);
	assert_int_equal(machine_stop(0, se), 0);
	assert_int_equal(machine_stop(0, se), -EALREADY);
	assert_true(machine_resume(0, se));
	assert_int_equal(se->state, SCHED_BLOCKED);
	assert_int_equal(machine_stop(0, se), 0);
	assert_true(machine_wake(0, se));
	assert_false(machine_wake(0, se));
	assert_int_equal(se->state, SCHED_STOPPED);
	assert_true(machine_resume(0, se));
	assert_int_equal(se->state, SCHED_RUNNING);
	machine_leave(0, SCHED_STOP);
	assert_true(machine_resume(0, se));
	assert_int_equal(se->state, SCHED_RUNNING);
	machine_leave(0, SCHED_EXIT);
	assert_int_equal(machine_stop(0, se), -ESRCH);
}

static void stopped_before_it_started(void **state)
{
	struct sched_entity *a, *b;

	(void)state;
	machine_start(1);
	a = machine_spawn(0, SCHED_LEVEL_NORMAL, NULL);
	b = machine_spawn(0, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(machine_stop(0, a), 0);
	machine_launch(0, a);
	assert_int_equal(a->state, SCHED_STOPPED);
	assert_true(machine_resume(0, a));
	assert_int_equal(a->state, SCHED_RUNNING);
	assert_int_equal(machine_stop(0, b), 0);
	assert_true(machine_resume(0, b));
	assert_int_equal(b->state, SCHED_BLOCKED);
	machine_launch(0, b);
	assert_int_equal(b->state, SCHED_QUEUED);
}

static void hand_over_runs_the_woken_one_next(void **state)
{
	struct cpumask second = mask_of(2);
	struct sched_entity *a, *b, *c;

	(void)state;
	machine_start(2);
	a = launch(0, SCHED_LEVEL_NORMAL, NULL);
	machine_leave(0, SCHED_BLOCK);
	b = launch(0, SCHED_LEVEL_NORMAL, NULL);
	machine_hand_over(0, SCHED_EXIT, a);
	assert_ptr_equal(m.rq[0].curr, a);
	assert_int_equal(b->state, SCHED_DEAD);
	c = launch(1, SCHED_LEVEL_NORMAL, &second);
	machine_leave(1, SCHED_BLOCK);
	machine_hand_over(0, SCHED_BLOCK, c); /* it may not run here: the tail wakes it */
	assert_ptr_equal(m.rq[1].curr, c);
	assert_true(m.halted[0]);
	machine_check();
}

/* The woken one is ready for the switch, but not before those who wait already (rule S3.1). */
static void hand_over_is_no_overtaking(void **state)
{
	struct sched_entity *a, *b, *c;

	(void)state;
	machine_start(1);
	a = launch(0, SCHED_LEVEL_NORMAL, NULL);
	machine_leave(0, SCHED_BLOCK);
	b = launch(0, SCHED_LEVEL_NORMAL, NULL);
	c = launch(0, SCHED_LEVEL_NORMAL, NULL);
	machine_hand_over(0, SCHED_EXIT, a);
	assert_int_equal(b->state, SCHED_DEAD);
	assert_ptr_equal(m.rq[0].curr, c);
	assert_int_equal(a->state, SCHED_QUEUED);
	assert_int_equal(atomic_load(&m.rq[0].nr_runnable), 2);
	machine_leave(0, SCHED_BLOCK);
	assert_ptr_equal(m.rq[0].curr, a);
	assert_int_equal(a->stats.wakeups, 2);
	machine_check();
}

static void set_params_changes_the_quantum(void **state)
{
	struct sched_params bad = {.level = SCHED_LEVEL_COUNT};
	struct sched_entity *a, *b, other;

	(void)state;
	machine_start(1);
	a = launch(0, SCHED_LEVEL_NORMAL, NULL);
	b = launch(0, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(sched_set_params(&m.s, a, &bad, 0, 0), -EINVAL);
	assert_int_equal(sched_attach(&m.s, &other, &bad, 0), -EINVAL);
	machine_advance(2 * MS);
	assert_int_equal(machine_set_level(0, b, SCHED_LEVEL_LOW), 0);
	assert_int_equal(b->slice, 10 * MS);
	assert_int_equal(machine_set_level(0, a, SCHED_LEVEL_IDLE), 0);
	machine_advance(7 * MS + 1);
	assert_ptr_equal(m.rq[0].curr, b);
	machine_leave(0, SCHED_EXIT);
	assert_int_equal(machine_set_level(0, b, SCHED_LEVEL_LOW), -ESRCH);
}

/* A clock that is behind on another CPU neither goes back here nor loses time. */
static void clocks_may_differ_a_little(void **state)
{
	struct sched_entity *a;

	(void)state;
	machine_start(2);
	m.now = 10 * MS;
	a = launch(0, SCHED_LEVEL_NORMAL, NULL);
	machine_leave(0, SCHED_BLOCK);
	m.now = 9 * MS;
	assert_true(machine_wake(1, a));
	assert_int_equal(m.rq[0].clock, 10 * MS);
	machine_leave(cpu_of(a), SCHED_YIELD);
	machine_check();
	m.now = 12 * MS;
	assert_int_equal(sched_runtime(&m.s, a, m.now), 2 * MS);
}

/* --- S10: statistics ------------------------------------------------------------------------- */

static void S10_times_are_exact(void **state)
{
	struct sched_entity *a, *b;

	(void)state;
	machine_start(1);
	machine_advance(3 * MS);
	a = launch(0, SCHED_LEVEL_NORMAL, NULL);
	b = launch(0, SCHED_LEVEL_NORMAL, NULL);
	machine_advance(23 * MS + 1);
	machine_advance(30 * MS);
	machine_leave(0, SCHED_BLOCK);
	machine_advance(34 * MS);
	assert_int_equal(sched_runtime(&m.s, a, m.now), 24 * MS);
	assert_int_equal(sched_time_in(&m.s, a, SCHED_QUEUED, m.now), 7 * MS);
	assert_int_equal(sched_runtime(&m.s, b, m.now), 7 * MS);
	assert_int_equal(sched_time_in(&m.s, b, SCHED_QUEUED, m.now), 20 * MS);
	assert_int_equal(sched_time_in(&m.s, b, SCHED_BLOCKED, m.now), 4 * MS);
	assert_int_equal(m.idle[0].stats.time[SCHED_RUNNING], 3 * MS);
	machine_check();
}

static void S10_switches_are_counted_by_reason(void **state)
{
	(void)state;
	machine_start(1);
	launch(0, SCHED_LEVEL_NORMAL, NULL);
	machine_leave(0, SCHED_YIELD); /* to itself: no switch */
	assert_int_equal(m.rq[0].stats.switches[SCHED_YIELD], 0);
	launch(0, SCHED_LEVEL_NORMAL, NULL);
	machine_leave(0, SCHED_YIELD);
	assert_int_equal(m.rq[0].stats.switches[SCHED_YIELD], 1);
	assert_int_equal(m.rq[0].stats.wakeups, 2);
	assert_int_equal(sched_leaving(SCHED_YIELD), SCHED_LEFT_ITSELF);
	assert_int_equal(sched_leaving(SCHED_SLEEP), SCHED_LEFT_ITSELF);
	assert_int_equal(sched_leaving(SCHED_EXPIRED), SCHED_LEFT_EXPIRED);
	assert_int_equal(sched_leaving(SCHED_MOVE), SCHED_LEFT_FORCED);
}

static unsigned latency(unsigned cpu, ktime_t ns)
{
	unsigned bucket = 0;

	while (ns >> (bucket + 1))
		bucket++;
	return m.rq[cpu].stats.latency[bucket];
}

static unsigned latencies(unsigned cpu)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < SCHED_LATENCY_BUCKETS; i++)
		sum += m.rq[cpu].stats.latency[i];
	return sum;
}

/* Woken behind two others it waits for their slices; who goes on after a slice was not woken. */
static void S10_latency_from_wake_up_to_run(void **state)
{
	struct sched_entity *a;

	(void)state;
	machine_start(1);
	machine_advance(3 * MS);
	a = launch(0, SCHED_LEVEL_NORMAL, NULL);
	machine_leave(0, SCHED_BLOCK);
	assert_int_equal(latency(0, 0), 1);
	launch(0, SCHED_LEVEL_NORMAL, NULL);
	launch(0, SCHED_LEVEL_NORMAL, NULL);
	sched_wake(&m.s, a, 0, m.now);
	machine_advance(3 * MS + 20 * MS + 1);
	assert_int_equal(latency(0, 20 * MS), 1);
	assert_int_equal(latencies(0), 3);
	machine_advance(3 * MS + 40 * MS + 1);
	assert_int_equal(latency(0, 40 * MS), 1);
	machine_advance(3 * MS + 200 * MS);
	assert_int_equal(latencies(0), 4);
	assert_int_equal(m.rq[0].stats.wakeups, 4);
	machine_check();
}

/* Who goes to another CPU meanwhile has been ready since it was woken. */
static void S10_latency_of_one_that_is_taken(void **state)
{
	struct cpumask first = {0};
	struct sched_entity *a;

	(void)state;
	cpumask_set(&first, 0);
	machine_start(2);
	machine_advance(3 * MS);
	launch(0, SCHED_LEVEL_NORMAL, &first);
	a = launch(0, SCHED_LEVEL_NORMAL, &first);
	machine_advance(8 * MS);
	assert_int_equal(latencies(0), 1);
	cpumask_clear(&first, 0);
	cpumask_set(&first, 1);
	assert_int_equal(sched_set_affinity(&m.s, a, &first, 0, m.now), 0);
	machine_settle();
	assert_int_equal(latency(1, 5 * MS), 1);
	assert_int_equal(latencies(0), 1);
	assert_int_equal(latencies(1), 1);
	assert_ptr_equal(m.rq[1].curr, a);
	machine_check();
}

/* --- configuration --------------------------------------------------------------------------- */

static void configuration_defaults_and_refusals(void **state)
{
	struct sched_config config, bad;
	struct sched *s = &m.s;

	(void)state;
	sched_config_default(&config);
	assert_int_equal(config.algorithm, SCHED_POLICY_rr);
	assert_int_equal(config.quantum, 20 * MS);
	assert_int_equal(config.balance_interval, 50 * MS);
	assert_true(config.affinity && config.balancing);
	assert_string_equal(sched_policy_name(SCHED_POLICY_rr), "rr");
	bad = config;
	bad.algorithm = SCHED_POLICY_idle;
	assert_int_equal(sched_init(s, &bad), -EINVAL);
	bad.algorithm = SCHED_POLICY_COUNT;
	assert_int_equal(sched_init(s, &bad), -EINVAL);
	bad = config;
	bad.quantum = 0;
	assert_int_equal(sched_init(s, &bad), -EINVAL);
	bad = config;
	bad.balance_interval = -1;
	assert_int_equal(sched_init(s, &bad), -EINVAL);
	assert_int_equal(sched_init(s, &config), 0);
}

/* Classes do not overlap; inside time sharing there is one algorithm at a time. */
static void policies_have_names_and_the_ranks_of_their_class(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SCHED_POLICY_COUNT; i++) {
		const struct sched_policy *p = sched_policies[i];

		assert_string_equal(p->name, sched_policy_name(i));
		if (i == SCHED_POLICY_idle) {
			assert_int_equal(p->first_rank, SCHED_RANK_IDLE);
		} else if (i < SCHED_ALGORITHM_COUNT) {
			assert_in_range(p->ranks, 1, p->kind == SCHED_TREE ? 1 : 8);
			assert_int_equal(p->first_rank, SCHED_RANK_TS);
		} else {
			assert_true(p->first_rank + p->ranks <= SCHED_RANK_HANDOVER);
		}
		assert_true(SCHED_RANK_TS + 8 <= SCHED_RANK_IDLE);
	}
	assert_false(sched_policy_idle.expired(&m.rq[0], &m.idle[0], 0));
}

/* --- the policy seam ------------------------------------------------------------------------- */

static unsigned blocked_calls, detached_calls, expired_calls;

static void count_block(
	struct sched_rq *rq, struct sched_entity *se, enum sched_reason why, ktime_t now)
{
	assert_ptr_equal(rq->curr, se);
	assert_int_equal(rq->clock, now);
	assert_int_not_equal(why, SCHED_MOVE);
	blocked_calls++;
}

static void count_detach(struct sched_entity *se)
{
	assert_int_equal(se->state, SCHED_DEAD);
	detached_calls++;
}

/* Its turns of 1 ms go on twice, then they are over. */
static bool expires_at_the_third(struct sched_rq *rq, struct sched_entity *se, ktime_t now)
{
	assert_true(rq->curr == se && now >= rq->slice_end);
	return ++expired_calls % 3 == 0;
}

static ktime_t one_ms(struct sched_rq *rq, struct sched_entity *se)
{
	(void)rq;
	(void)se;
	return MS;
}

static bool never_leaves(const struct sched_entity *se)
{
	(void)se;
	return false;
}

static struct sched_entity *launch_asking(
	const struct sched_policy *policy, unsigned level, const struct cpumask *mask)
{
	struct sched_entity *se = machine_spawn(0, level, mask);

	machine_make_urgent(se);
	se->policy = policy;
	machine_launch(0, se);
	return se;
}

static void seam_asks_what_it_promises(void **state)
{
	struct sched_policy asking = sched_policy_fp;
	struct cpumask first = mask_of(1), both = mask_of(3);
	struct sched_entity *a, *b;

	(void)state;
	asking.slice = one_ms;
	asking.expired = expires_at_the_third;
	asking.block = count_block;
	asking.detach = count_detach;
	asking.may_leave = never_leaves;
	machine_start(2);
	a = launch_asking(&asking, 8, &first);
	b = launch_asking(&asking, 16, &first); /* the same rank, and less */
	assert_ptr_equal(m.rq[0].curr, a);
	machine_advance(3 * MS + 1);
	assert_ptr_equal(m.rq[0].curr, b);
	assert_int_equal(expired_calls, 3);
	assert_int_equal(machine_set_affinity(0, a, &both), 0);
	assert_true(m.halted[1]); /* it may not leave */
	machine_leave(0, SCHED_SLEEP);
	assert_ptr_equal(m.rq[0].curr, a);
	assert_true(machine_wake(0, b));
	assert_ptr_equal(m.rq[0].curr, a);
	machine_leave(0, SCHED_YIELD);
	assert_ptr_equal(m.rq[0].curr, b);
	machine_leave(0, SCHED_EXIT);
	assert_int_equal(blocked_calls, 2);
	assert_int_equal(detached_calls, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(S1_6_quanta_by_level),
		cmocka_unit_test(S1_7_arrivals_come_before_the_end_of_a_slice),
		cmocka_unit_test(S3_1_slice_used_up_goes_to_the_tail),
		cmocka_unit_test(S3_1_preempted_keeps_rest_and_head),
		cmocka_unit_test(S3_1_yield_drops_the_rest),
		cmocka_unit_test(S3_1_migrated_keeps_rest_at_the_tail),
		cmocka_unit_test(S8_2_alone_on_a_cpu_needs_no_timer),
		cmocka_unit_test(timer_is_lazy),
		cmocka_unit_test(timer_of_another_cpu_is_armed_by_that_cpu),
		cmocka_unit_test(S11_7_of_several_wakers_one_wins),
		cmocka_unit_test(stop_remembers_one_wake_up),
		cmocka_unit_test(stopped_before_it_started),
		cmocka_unit_test(hand_over_runs_the_woken_one_next),
		cmocka_unit_test(hand_over_is_no_overtaking),
		cmocka_unit_test(set_params_changes_the_quantum),
		cmocka_unit_test(clocks_may_differ_a_little),
		cmocka_unit_test(S10_times_are_exact),
		cmocka_unit_test(S10_switches_are_counted_by_reason),
		cmocka_unit_test(S10_latency_from_wake_up_to_run),
		cmocka_unit_test(S10_latency_of_one_that_is_taken),
		cmocka_unit_test(configuration_defaults_and_refusals),
		cmocka_unit_test(policies_have_names_and_the_ranks_of_their_class),
		cmocka_unit_test(seam_asks_what_it_promises),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
