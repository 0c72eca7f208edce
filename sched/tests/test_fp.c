/* SPDX-License-Identifier: MIT */
/*
 * Fixed priorities (rules S7): FIFO and RR, changes of class in every state, the push to the least
 * urgent CPU; then a million random operations against a model.
 */
#include "sched/tests/model.h"

#define QUANTUM 20

static struct sched_params fixed(enum sched_kind kind, unsigned priority)
{
	return (struct sched_params){
		.kind = kind, .level = SCHED_LEVEL_NORMAL, .priority = priority};
}

static struct sched_entity *launch_fixed(
	unsigned cpu, enum sched_kind kind, unsigned priority, const struct cpumask *mask)
{
	struct sched_entity *se = machine_spawn(cpu, SCHED_LEVEL_NORMAL, mask);
	struct sched_params params = fixed(kind, priority);

	assert_int_equal(machine_set_params(cpu, se, &params), 0);
	machine_launch(cpu, se);
	return se;
}

static struct sched_entity *launch_fifo(unsigned priority)
{
	return launch_fixed(0, SCHED_KIND_FIFO, priority, NULL);
}

static struct sched_entity *launch_rr(unsigned priority)
{
	return launch_fixed(0, SCHED_KIND_RR, priority, NULL);
}

static void set(struct sched_entity *se, enum sched_kind kind, unsigned priority)
{
	struct sched_params params = fixed(kind, priority);

	assert_int_equal(machine_set_params(0, se, &params), 0);
}

/* --- rule by rule ---------------------------------------------------------------------------- */

static void S1_1_fixed_priorities_before_time_sharing(void **state)
{
	struct sched_entity *shared, *least;

	(void)state;
	for (enum sched_policy_id id = 0; id < SCHED_ALGORITHM_COUNT; id++) {
		machine_start_algorithm(1, id);
		shared = launch(0, SCHED_LEVEL_CRITICAL, NULL);
		least = launch_fifo(1);
		assert_ptr_equal(m.rq[0].curr, least);
		machine_advance(10000 * MS);
		assert_ptr_equal(m.rq[0].curr, least);
		machine_leave(0, SCHED_BLOCK);
		assert_ptr_equal(m.rq[0].curr, shared);
		machine_check();
	}
}

static void S1_5_level_is_99_minus_priority(void **state)
{
	(void)state;
	machine_start(1);
	assert_int_equal(launch_fifo(99)->rank, SCHED_RANK_FP);
	assert_int_equal(launch_fifo(1)->rank, SCHED_RANK_FP + 98);
	assert_int_equal(SCHED_RANK_FP + 98, SCHED_RANK_HANDOVER - 1);
}

static void S7_most_urgent_priority_runs(void **state)
{
	struct sched_entity *a, *b, *c;

	(void)state;
	machine_start(1);
	a = launch_fifo(50);
	b = launch_fifo(49);
	assert_ptr_equal(m.rq[0].curr, a);
	c = launch_fifo(51);
	assert_ptr_equal(m.rq[0].curr, c);
	machine_leave(0, SCHED_EXIT);
	assert_ptr_equal(m.rq[0].curr, a);
	machine_leave(0, SCHED_EXIT);
	assert_ptr_equal(m.rq[0].curr, b);
}

static void S7_fifo_has_no_slice_and_no_timer(void **state)
{
	struct sched_entity *a;

	(void)state;
	machine_start(1);
	a = launch_fifo(50);
	launch_fifo(50);
	machine_advance(100000 * MS);
	assert_ptr_equal(m.rq[0].curr, a);
	assert_int_equal(m.timer[0], KTIME_MAX);
}

/* As S3.1 has it: preempted to the head, woken and yielding to the tail. */
static void S7_fifo_preempted_to_the_head_woken_to_the_tail(void **state)
{
	struct sched_entity *a, *b, *high;

	(void)state;
	machine_start(1);
	a = launch_fifo(50);
	b = launch_fifo(50);
	high = launch_fifo(60);
	assert_ptr_equal(m.rq[0].curr, high);
	machine_leave(0, SCHED_BLOCK);
	assert_ptr_equal(m.rq[0].curr, a);
	machine_leave(0, SCHED_YIELD);
	assert_ptr_equal(m.rq[0].curr, b);
	machine_leave(0, SCHED_BLOCK);
	machine_wake(0, b);
	assert_ptr_equal(m.rq[0].curr, a);
	machine_check();
}

static void S7_rr_takes_turns_with_its_equals(void **state)
{
	struct sched_entity *a, *b, *fifo;

	(void)state;
	machine_start(1);
	a = launch_rr(50);
	b = launch_rr(50);
	fifo = launch_fifo(50);
	launch_fifo(49);
	machine_advance(QUANTUM * MS + 1);
	assert_ptr_equal(m.rq[0].curr, b);
	machine_advance(2 * QUANTUM * MS + 1);
	assert_ptr_equal(m.rq[0].curr, fifo);
	machine_advance(10 * QUANTUM * MS);
	assert_ptr_equal(m.rq[0].curr, fifo);
	machine_leave(0, SCHED_BLOCK);
	assert_ptr_equal(m.rq[0].curr, a);
	assert_int_equal(a->stats.switches[SCHED_LEFT_EXPIRED], 1);
}

/* Nobody of its own level waits: no switch, and the turns go on. */
static void S7_rr_without_equals_keeps_the_cpu(void **state)
{
	struct sched_entity *a, *b;

	(void)state;
	machine_start(1);
	a = launch_rr(50);
	launch_fifo(49);
	machine_advance(25 * MS);
	assert_ptr_equal(m.rq[0].curr, a);
	assert_int_equal(m.rq[0].slice_end, 2 * QUANTUM * MS);
	b = launch_rr(50);
	machine_advance(2 * QUANTUM * MS + 1);
	assert_ptr_equal(m.rq[0].curr, b);
	machine_check();
}

static void S7_rr_preempted_keeps_the_rest(void **state)
{
	struct sched_entity *a;

	(void)state;
	machine_start(1);
	a = launch_rr(50);
	launch_rr(50);
	machine_advance(5 * MS);
	launch_fifo(60);
	assert_int_equal(a->slice, 15 * MS);
	machine_advance(100 * MS);
	machine_leave(0, SCHED_BLOCK);
	assert_ptr_equal(m.rq[0].curr, a);
	assert_int_equal(m.rq[0].slice_end, 115 * MS);
}

static void S7_class_of_a_queued_one_changes(void **state)
{
	struct sched_entity *runs, *waits;

	(void)state;
	for (enum sched_policy_id id = 0; id < SCHED_ALGORITHM_COUNT; id++) {
		machine_start_algorithm(1, id);
		runs = launch(0, SCHED_LEVEL_NORMAL, NULL);
		waits = launch(0, SCHED_LEVEL_NORMAL, NULL);
		set(waits, SCHED_KIND_FIFO, 10);
		assert_ptr_equal(m.rq[0].curr, waits);
		set(runs, SCHED_KIND_FIFO, 11); /* it waits now */
		assert_ptr_equal(m.rq[0].curr, runs);
		set(waits, SCHED_KIND_TS, 0);
		assert_int_equal(waits->rank, SCHED_RANK_TS);
		machine_check();
	}
}

static void S7_class_of_a_running_one_changes(void **state)
{
	struct sched_entity *a, *b;

	(void)state;
	for (enum sched_policy_id id = 0; id < SCHED_ALGORITHM_COUNT; id++) {
		machine_start_algorithm(1, id);
		a = launch(0, SCHED_LEVEL_NORMAL, NULL);
		b = launch(0, SCHED_LEVEL_NORMAL, NULL);
		machine_advance(1 * MS);
		set(a, SCHED_KIND_FIFO, 10);
		assert_ptr_equal(m.rq[0].curr, a);
		assert_int_equal(m.rq[0].slice_end, KTIME_MAX);
		machine_advance(100 * MS);
		assert_ptr_equal(m.rq[0].curr, a);
		set(a, SCHED_KIND_TS, 0); /* at the tail, with a fresh slice */
		assert_ptr_equal(m.rq[0].curr, b);
		machine_check();
	}
}

static void S7_class_of_one_that_sleeps_or_is_stopped_changes(void **state)
{
	struct sched_entity *sleeps, *stopped, *fresh;

	(void)state;
	machine_start(1);
	launch(0, SCHED_LEVEL_CRITICAL, NULL);
	sleeps = launch(0, SCHED_LEVEL_NORMAL, NULL);
	stopped = launch(0, SCHED_LEVEL_NORMAL, NULL);
	assert_int_equal(machine_stop(0, stopped), 0);
	assert_int_equal(machine_stop(0, sleeps), 0);
	fresh = machine_spawn(0, SCHED_LEVEL_NORMAL, NULL);
	set(sleeps, SCHED_KIND_FIFO, 10);
	set(stopped, SCHED_KIND_FIFO, 20);
	set(fresh, SCHED_KIND_RR, 30);
	machine_resume(0, sleeps);
	assert_ptr_equal(m.rq[0].curr, sleeps);
	machine_resume(0, stopped);
	assert_ptr_equal(m.rq[0].curr, stopped);
	machine_launch(0, fresh);
	assert_ptr_equal(m.rq[0].curr, fresh);
	machine_leave(0, SCHED_EXIT);
	assert_int_equal(
		sched_set_params(&m.s, fresh, &(struct sched_params){.level = 0}, 0, m.now),
		-ESRCH);
	machine_check();
}

/* The level of time sharing is kept meanwhile, and so is what MLFQ has charged. */
static void S7_back_to_time_sharing_as_it_was(void **state)
{
	struct sched_entity *a, *b;

	(void)state;
	machine_start_algorithm(1, SCHED_POLICY_mlfq);
	a = launch(0, SCHED_LEVEL_NORMAL, NULL);
	b = launch(0, SCHED_LEVEL_NORMAL, NULL);
	machine_advance(30 * MS);
	assert_true(a->rank > SCHED_RANK_TS && b->rank > SCHED_RANK_TS);
	for (unsigned i = 0; i < 5; i++) {
		set(a, SCHED_KIND_FIFO, 10);
		set(a, SCHED_KIND_TS, 0);
		assert_true(a->rank > SCHED_RANK_TS);
		assert_int_equal(a->level, SCHED_LEVEL_NORMAL);
	}
	machine_check();
}

static void S7_an_inherited_urgency_is_a_class(void **state)
{
	struct sched_entity *owner, *other;

	(void)state;
	machine_start(1);
	other = launch_fifo(40);
	owner = launch(0, SCHED_LEVEL_IDLE, NULL);
	assert_ptr_equal(m.rq[0].curr, other);
	machine_on(0);
	sched_inherit(&m.s, owner, SCHED_RANK_FP + 99 - 50, 0, m.now);
	machine_settle();
	assert_ptr_equal(m.rq[0].curr, owner);
	machine_check();
	machine_on(0);
	sched_inherit(&m.s, owner, SCHED_URGENCY_NONE, 0, m.now);
	machine_settle();
	assert_ptr_equal(m.rq[0].curr, other);
	assert_int_equal(owner->level, SCHED_LEVEL_IDLE);
	assert_int_equal(owner->rank, SCHED_RANK_TS);
	machine_check();
}

static void wrong_numbers_are_refused(void **state)
{
	static const struct sched_params cases[] = {
		{.kind = SCHED_KIND_FIFO},
		{.kind = SCHED_KIND_FIFO, .priority = 100},
		{.kind = SCHED_KIND_RR, .priority = 0},
		{.kind = SCHED_KIND_TS, .priority = 1},
		{.kind = SCHED_KIND_RR, .priority = 1, .runtime = 1},
		{.kind = SCHED_KIND_TS, .runtime = 1},
		{.kind = SCHED_KIND_COUNT, .priority = 1},
		{.kind = SCHED_KIND_FIFO, .priority = 1, .level = 40},
	};

	(void)state;
	machine_start(1);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sched_entity *se = launch(0, SCHED_LEVEL_NORMAL, NULL), other = {0};

		assert_int_equal(machine_set_params(0, se, &cases[i]), -EINVAL);
		assert_int_equal(sched_attach(&m.s, &other, &cases[i], 0), -EINVAL);
	}
}

static void params_are_read_back(void **state)
{
	struct sched_params params;
	struct sched_entity *se;

	(void)state;
	machine_start(1);
	se = launch_rr(7);
	arch_host_become(0);
	sched_get_params(&m.s, se, &params);
	assert_int_equal(params.kind, SCHED_KIND_RR);
	assert_int_equal(params.priority, 7);
	assert_int_equal(params.level, SCHED_LEVEL_NORMAL);
}

/* CPU 0 runs 60; the others run 10, 20 and 30: the one with 10 is interrupted. */
static void S7_2_a_woken_one_preempts_the_least_urgent_cpu(void **state)
{
	static const unsigned priorities[] = {60, 20, 10, 30};
	struct sched_entity *se, *runs[4];
	struct cpumask here;

	(void)state;
	machine_start(4);
	for (unsigned cpu = 0; cpu < 4; cpu++) {
		here = mask_of(1u << cpu);
		runs[cpu] = launch_fixed(0, SCHED_KIND_FIFO, priorities[cpu], &here);
	}
	se = launch_fixed(0, SCHED_KIND_FIFO, 40, NULL);
	assert_int_equal(cpu_of(se), 2);
	assert_ptr_equal(m.rq[2].curr, se);
	assert_int_equal(runs[2]->state, SCHED_QUEUED);
	machine_leave(2, SCHED_BLOCK);
	here = mask_of(0xb);
	assert_int_equal(machine_set_affinity(0, se, &here), 0);
	machine_wake(0, se);
	assert_int_equal(cpu_of(se), 1); /* the least urgent of those allowed */
	machine_check();
}

static void S7_2_time_sharing_is_less_urgent_than_any(void **state)
{
	struct cpumask first = mask_of(1), second = mask_of(2);
	struct sched_entity *se;

	(void)state;
	machine_start(2);
	launch_fixed(0, SCHED_KIND_FIFO, 60, &first);
	launch(0, SCHED_LEVEL_CRITICAL, &second);
	se = launch_fixed(0, SCHED_KIND_RR, 1, NULL);
	assert_int_equal(cpu_of(se), 1);
	assert_ptr_equal(m.rq[1].curr, se);
	machine_check();
}

/* --- the model ------------------------------------------------------------------------------- */

static int turn_ms(const struct model_task *t)
{
	if (!t->priority)
		return 40 - (int)t->level;
	return t->round_robin ? QUANTUM : 100000000;
}

static void enter(struct model_task *t, enum sched_why why)
{
	t->key = t->priority ? 1000 - t->priority : 2000;
	t->order = why == SCHED_WHY_PREEMPTED ? --model.front : ++model.back;
	if (why != SCHED_WHY_PREEMPTED && (why != SCHED_WHY_MIGRATED || t->rest <= 0))
		t->rest = turn_ms(t);
}

static bool outranks_current(const struct model_task *woken, const struct model_task *current)
{
	return woken->priority > current->priority;
}

static void begin_turn(struct model_task *t)
{
	t->rest = turn_ms(t);
}

static bool is_fifo(const struct model_task *t)
{
	return t->priority && !t->round_robin;
}

static bool no_equal_waits(const struct model_task *t)
{
	for (unsigned i = 0; t->priority && i < TASKS; i++)
		if (model.task[i].where == READY && !model.task[i].urgent &&
			model.task[i].priority == t->priority)
			return false;
	return t->priority;
}

static void S7_fp_does_what_the_model_does(void **state)
{
	static const struct rules rules = {
		.algorithm = SCHED_POLICY_rr,
		.quantum = turn_ms,
		.enter = enter,
		.preempts = outranks_current,
		.alone = begin_turn,
		.endless = is_fifo,
		.goes_on = no_equal_waits,
		.level_step = 10,
		.fixed = true,
	};

	(void)state;
	compare_random_operations(&rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(S1_1_fixed_priorities_before_time_sharing),
		cmocka_unit_test(S1_5_level_is_99_minus_priority),
		cmocka_unit_test(S7_most_urgent_priority_runs),
		cmocka_unit_test(S7_fifo_has_no_slice_and_no_timer),
		cmocka_unit_test(S7_fifo_preempted_to_the_head_woken_to_the_tail),
		cmocka_unit_test(S7_rr_takes_turns_with_its_equals),
		cmocka_unit_test(S7_rr_without_equals_keeps_the_cpu),
		cmocka_unit_test(S7_rr_preempted_keeps_the_rest),
		cmocka_unit_test(S7_class_of_a_queued_one_changes),
		cmocka_unit_test(S7_class_of_a_running_one_changes),
		cmocka_unit_test(S7_class_of_one_that_sleeps_or_is_stopped_changes),
		cmocka_unit_test(S7_back_to_time_sharing_as_it_was),
		cmocka_unit_test(S7_an_inherited_urgency_is_a_class),
		cmocka_unit_test(wrong_numbers_are_refused),
		cmocka_unit_test(params_are_read_back),
		cmocka_unit_test(S7_2_a_woken_one_preempts_the_least_urgent_cpu),
		cmocka_unit_test(S7_2_time_sharing_is_less_urgent_than_any),
		cmocka_unit_test(S7_fp_does_what_the_model_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
