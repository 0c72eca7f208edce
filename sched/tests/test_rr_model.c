/* SPDX-License-Identifier: MIT */
/*
 * Round robin on one CPU against a model that is slow and obviously right: arrays, one millisecond
 * at a time, every rule of S3 written as it is stated. A class above preempts it.
 */
#include "sched/tests/machine.h"

#define TASKS  12
#define LISTS  (1 + URGENT_RANKS) /* urgent ones by rank, then round robin */
#define RR     URGENT_RANKS
#define NOBODY TASKS

enum where {
	NEW,
	READY,
	RUNS,
	BLOCKED,
	STOPPED,
	ENDED,
};

struct model {
	unsigned list[LISTS][TASKS], n[LISTS];
	unsigned current;
	struct {
		enum where where;
		bool urgent, runnable;
		unsigned level, rest, quantum; /* ms */
	} task[TASKS];
} model;

static unsigned quantum_ms(unsigned level)
{
	return level == SCHED_LEVEL_IDLE ? 5 : 40 - level;
}

static unsigned list_of(unsigned i)
{
	return model.task[i].urgent ? model.task[i].level % URGENT_RANKS : RR;
}

static void put(unsigned i, bool head)
{
	unsigned l = list_of(i), *list = model.list[l], at = head ? 0 : model.n[l];

	memmove(&list[at + 1], &list[at], (model.n[l] - at) * sizeof(list[0]));
	list[at] = i;
	model.n[l]++;
	model.task[i].where = READY;
}

static void drop_from(unsigned l, unsigned i)
{
	unsigned *list = model.list[l], at = 0;

	while (list[at] != i)
		at++;
	model.n[l]--;
	memmove(&list[at], &list[at + 1], (model.n[l] - at) * sizeof(list[0]));
}

static void pick(void)
{
	model.current = NOBODY;
	for (unsigned l = 0; l < LISTS; l++) {
		if (!model.n[l])
			continue;
		model.current = model.list[l][0];
		drop_from(l, model.current);
		model.task[model.current].where = RUNS;
		return;
	}
}

static void put_fresh(unsigned i)
{
	model.task[i].rest = model.task[i].quantum;
	put(i, false);
}

/* S3.1: the rest of the slice and the head, unless nothing is left of it. */
static void preempt_current(void)
{
	unsigned i = model.current;

	if (i != NOBODY && (model.task[i].urgent || model.task[i].rest))
		put(i, true);
	else if (i != NOBODY)
		put_fresh(i);
	pick();
}

static void preempt_if_due(void)
{
	unsigned l = 0;

	while (l < LISTS && !model.n[l])
		l++;
	if (l < LISTS && (model.current == NOBODY || l < list_of(model.current)))
		preempt_current();
}

/* S1.7: called for an instant after everything else that happens in it. */
static void end_slice_if_due(void)
{
	unsigned i = model.current;

	if (i == NOBODY || model.task[i].urgent || model.task[i].rest)
		return;
	if (model.n[RR]) {
		put_fresh(i);
		pick();
	} else {
		model.task[i].rest = model.task[i].quantum;
	}
}

static void pass_ms(unsigned ms)
{
	while (ms--) {
		end_slice_if_due();
		if (model.current != NOBODY && !model.task[model.current].urgent)
			model.task[model.current].rest--;
	}
}

static void arrive(unsigned i)
{
	put_fresh(i);
	preempt_if_due();
}

/* --- the same operation on both -------------------------------------------------------------- */

static void do_start_or_wake(unsigned i)
{
	if (model.task[i].where == NEW) {
		machine_launch(0, &m.task[i].se);
		arrive(i);
	} else {
		bool first = model.task[i].where == STOPPED && !model.task[i].runnable;
		bool blocked = model.task[i].where == BLOCKED;

		assert_int_equal(machine_wake(0, &m.task[i].se), blocked || first);
		if (first)
			model.task[i].runnable = true;
		if (blocked)
			arrive(i);
	}
}

static void do_leave(enum sched_reason reason)
{
	unsigned i = model.current;

	if (i == NOBODY)
		return;
	machine_leave(0, reason);
	model.task[i].where = reason == SCHED_EXIT ? ENDED
		: reason == SCHED_STOP             ? STOPPED
						   : BLOCKED;
	model.task[i].runnable = reason == SCHED_STOP;
	if (reason == SCHED_YIELD)
		put_fresh(i);
	pick();
}

/* The woken one queues before the caller is gone, so it may well be next. */
static void do_hand_over(unsigned to)
{
	unsigned i = model.current;

	if (i == NOBODY || to == i || model.task[to].where != BLOCKED)
		return;
	machine_hand_over(0, SCHED_BLOCK, &m.task[to].se);
	model.task[i].where = BLOCKED;
	put_fresh(to);
	pick();
}

static void do_set_level(unsigned i, unsigned level)
{
	unsigned before = list_of(i);

	if (model.task[i].where == ENDED)
		return;
	assert_int_equal(machine_set_level(0, &m.task[i].se, level), 0);
	model.task[i].level = level;
	model.task[i].quantum = quantum_ms(level);
	model.task[i].rest = MIN(model.task[i].rest, model.task[i].quantum);
	if (model.task[i].where == RUNS) {
		preempt_current();
	} else if (model.task[i].where == READY && model.task[i].urgent) {
		drop_from(before, i);
		put(i, false);
		preempt_if_due();
	}
}

static void do_stop(unsigned i)
{
	static const int results[] = {[NEW] = 0,
		[READY] = 0,
		[RUNS] = -EAGAIN,
		[BLOCKED] = 0,
		[STOPPED] = -EALREADY,
		[ENDED] = -ESRCH};

	assert_int_equal(machine_stop(0, &m.task[i].se), results[model.task[i].where]);
	if (results[model.task[i].where])
		return;
	model.task[i].runnable = model.task[i].where == READY;
	if (model.task[i].where == READY)
		drop_from(list_of(i), i);
	model.task[i].where = STOPPED;
}

static void do_resume(unsigned i)
{
	bool stopped = model.task[i].where == STOPPED;

	assert_int_equal(machine_resume(0, &m.task[i].se), stopped);
	if (!stopped)
		return;
	if (model.task[i].runnable)
		arrive(i);
	else
		model.task[i].where = BLOCKED;
}

static void do_operation(uint64_t r)
{
	unsigned i = (unsigned)(r % TASKS), what = (unsigned)(r >> 8 & 0xff) % 16;
	unsigned more = (unsigned)(r >> 16 & 0xffff), ms = more % (more & 0x8000 ? 120 : 12);

	if (what <= 5) {
		machine_advance(m.now + ms * MS);
		pass_ms(ms);
	} else if (what <= 8) {
		do_start_or_wake(i);
	} else if (what <= 12) {
		do_leave(more % 400 == 0   ? SCHED_EXIT
				: more & 1 ? SCHED_YIELD
				: more & 2 ? SCHED_BLOCK
				: more & 4 ? SCHED_SLEEP
					   : SCHED_STOP);
	} else if (what == 13) {
		do_hand_over(i);
	} else if (what == 14) {
		do_set_level(i, more % 16 ? more % 31 : SCHED_LEVEL_IDLE);
	} else if (more & 1) {
		do_stop(i);
	} else {
		do_resume(i);
	}
}

/* --- comparison ------------------------------------------------------------------------------ */

static void compare_list(unsigned l, unsigned rank)
{
	const struct sched_entity *se;
	unsigned at = 0;

	list_for_each_entry (se, &m.rq[0].level[rank], node) {
		unsigned i = (unsigned)(container_of(se, struct task, se) - m.task);

		if (at == model.n[l] || model.list[l][at] != i)
			MACHINE_FAIL("list %u: task %u at place %u", l, i, at);
		if (l == RR && se->slice != (ktime_t)model.task[i].rest * MS)
			MACHINE_FAIL("task %u: slice %lld, model %u ms", i, (long long)se->slice,
				model.task[i].rest);
		at++;
	}
	if (at != model.n[l])
		MACHINE_FAIL("list %u has %u tasks, model %u", l, at, model.n[l]);
}

static void compare(void)
{
	const struct sched_entity *curr = m.rq[0].curr;
	const struct sched_entity *want =
		model.current == NOBODY ? &m.idle[0] : &m.task[model.current].se;

	if (curr != want)
		MACHINE_FAIL("task %td runs, model says %u",
			container_of(curr, struct task, se) - m.task, model.current);
	for (unsigned l = 0; l < LISTS; l++)
		compare_list(l, l == RR ? SCHED_RANK_TS : URGENT_RANK + l);
}

static void restart(struct host_random *r)
{
	model = (struct model){.current = NOBODY};
	machine_start(1);
	for (unsigned i = 0; i < TASKS; i++) {
		unsigned level = host_random_below(r, 31);
		struct sched_entity *se = machine_spawn(0, level, NULL);

		model.task[i].level = level;
		model.task[i].quantum = quantum_ms(level);
		model.task[i].urgent = host_random_below(r, 4) == 0;
		if (model.task[i].urgent)
			machine_make_urgent(se);
	}
}

static void S3_round_robin_does_what_the_model_does(void **state)
{
	struct host_random r = host_random_start("model");

	(void)state;
	for (unsigned long i = 0; i < host_rounds(1000000); i++) {
		if (i % 4096 == 0)
			restart(&r);
		do_operation(host_random_next(&r));
		compare();
		if (i % 16 == 0)
			machine_check();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(S3_round_robin_does_what_the_model_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
