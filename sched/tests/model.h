/* SPDX-License-Identifier: MIT */
/*
 * One CPU against a model that is slow and obviously right: an array of tasks, one millisecond at a
 * time, the next one found by looking at all. What a policy's rules say stands in a struct rules,
 * written as the design states them. A class above preempts.
 */
#ifndef SCHED_TESTS_MODEL_H
#define SCHED_TESTS_MODEL_H

#include "sched/tests/machine.h"

#define TASKS      12
#define NOBODY     TASKS
#define NO_RELEASE (-1)

enum where {
	NEW,
	READY,
	RUNS,
	BLOCKED,
	STOPPED,
	ENDED,
};

struct model_task {
	enum where where;
	bool urgent, runnable;
	unsigned level;
	int rest;              /* ms of its turn */
	long key, order;       /* smallest first; then smallest first */
	long ages_from;        /* priority */
	int used;              /* mlfq: ms of its allotment */
	bool fresh;            /* mlfq: its turn begins when it is picked, whatever its rest */
	long deadline, period; /* edf: ms, 0 is none */
	long release;          /* edf: of its present job, or NO_RELEASE */
	bool late;             /* edf: that job was not done at its deadline */
	unsigned misses;       /* edf */
	unsigned priority;     /* fixed: 1 .. 99, 0 is time sharing */
	bool round_robin;      /* fixed: takes turns with its equals */
};

/* Of time sharing; the class above is the model's own. */
struct rules {
	enum sched_policy_id algorithm;
	int (*quantum)(const struct model_task *t);
	void (*enter)(struct model_task *t, enum sched_why why); /* sets key, order and rest */
	bool (*preempts)(const struct model_task *woken, const struct model_task *current);
	void (*alone)(struct model_task *t);  /* its turn ended and another begins: nobody waits */
	void (*millisecond)(void);            /* before a millisecond passes, when not NULL */
	void (*charge)(struct model_task *t); /* one has passed, when not NULL */
	bool (*over)(const struct model_task *t);    /* is its turn over before its rest? or NULL */
	bool (*endless)(const struct model_task *t); /* has its turn no end? or NULL */
	void (*left)(struct model_task *t);          /* blocks or stops, when not NULL */
	void (*picked)(struct model_task *t);        /* its turn begins, when not NULL */
	unsigned level_step;                         /* levels are its multiples */
	bool deadlines;                              /* tasks have some */
	bool fixed;                                  /* tasks may have fixed priorities */
	bool (*goes_on)(const struct model_task *t); /* keeps the CPU after a turn, or NULL */
};

static struct {
	const struct rules *rules;
	struct model_task task[TASKS];
	unsigned current;
	long now;         /* ms */
	long front, back; /* orders given out */
} model;

static bool goes_before(const struct model_task *a, const struct model_task *b)
{
	if (a->urgent != b->urgent)
		return a->urgent;
	return a->key != b->key ? a->key < b->key : a->order < b->order;
}

static unsigned first_ready(void)
{
	unsigned first = NOBODY;

	for (unsigned i = 0; i < TASKS; i++)
		if (model.task[i].where == READY &&
			(first == NOBODY || goes_before(&model.task[i], &model.task[first])))
			first = i;
	return first;
}

static void put(unsigned i, enum sched_why why)
{
	struct model_task *t = &model.task[i];

	t->where = READY;
	if (t->urgent) {
		t->key = t->level % URGENT_RANKS;
		t->order = why == SCHED_WHY_PREEMPTED ? --model.front : ++model.back;
	} else {
		model.rules->enter(t, why);
	}
}

static void pick(void)
{
	struct model_task *t;

	model.current = first_ready();
	if (model.current == NOBODY)
		return;
	t = &model.task[model.current];
	t->where = RUNS;
	if (model.rules->picked && !t->urgent)
		model.rules->picked(t);
}

static bool endless(const struct model_task *t)
{
	return t->urgent || (model.rules->endless && model.rules->endless(t));
}

static bool turn_over(const struct model_task *t)
{
	return !endless(t) && (t->rest <= 0 || (model.rules->over && model.rules->over(t)));
}

/* Nothing is left of its turn: as if it had ended. */
static void interrupt_current(bool over)
{
	if (model.current != NOBODY)
		put(model.current, over ? SCHED_WHY_EXPIRED : SCHED_WHY_PREEMPTED);
	pick();
}

static void preempt_current(void)
{
	interrupt_current(model.current != NOBODY && turn_over(&model.task[model.current]));
}

static bool outranks(const struct model_task *woken, const struct model_task *current)
{
	if (woken->urgent != current->urgent)
		return woken->urgent;
	return woken->urgent ? woken->key < current->level % URGENT_RANKS
			     : model.rules->preempts(woken, current);
}

static void arrive(unsigned i, enum sched_why why)
{
	put(i, why);
	if (model.current == NOBODY || outranks(&model.task[i], &model.task[model.current]))
		preempt_current();
}

/* S1.7: called for an instant after everything else that happens in it. */
static void end_turn_if_due(void)
{
	unsigned i = model.current;

	if (i == NOBODY || !turn_over(&model.task[i]))
		return;
	if (first_ready() == NOBODY ||
		(model.rules->goes_on && model.rules->goes_on(&model.task[i]))) {
		model.rules->alone(&model.task[i]);
	} else {
		put(i, SCHED_WHY_EXPIRED);
		pick();
	}
}

static void pass_ms(unsigned ms)
{
	for (; ms; ms--, model.now++) {
		if (model.rules->millisecond)
			model.rules->millisecond();
		end_turn_if_due();
		if (model.current == NOBODY || model.task[model.current].urgent)
			continue;
		model.task[model.current].rest--;
		if (model.rules->charge)
			model.rules->charge(&model.task[model.current]);
	}
	if (model.rules->millisecond)
		model.rules->millisecond();
}

/* --- the same operation on both -------------------------------------------------------------- */

static void do_start_or_wake(unsigned i)
{
	struct model_task *t = &model.task[i];
	bool blocked = t->where == BLOCKED, first = t->where == STOPPED && !t->runnable;

	if (t->where == NEW) {
		machine_launch(0, &m.task[i].se);
		arrive(i, SCHED_WHY_WAKEUP);
		return;
	}
	assert_int_equal(machine_wake(0, &m.task[i].se), blocked || first);
	if (first)
		t->runnable = true;
	if (blocked)
		arrive(i, SCHED_WHY_WAKEUP);
}

static void note_leaving(struct model_task *t)
{
	if (t->where != READY && !t->urgent && model.rules->left)
		model.rules->left(t);
}

static void do_leave(enum sched_reason reason)
{
	unsigned i = model.current;
	struct model_task *t = &model.task[i];

	if (i == NOBODY)
		return;
	machine_leave(0, reason);
	t->where = reason == SCHED_EXIT ? ENDED : reason == SCHED_STOP ? STOPPED : BLOCKED;
	t->runnable = reason == SCHED_STOP;
	note_leaving(t);
	if (reason == SCHED_YIELD)
		put(i, SCHED_WHY_YIELDED);
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
	note_leaving(&model.task[i]);
	put(to, SCHED_WHY_WAKEUP);
	pick();
}

/* A suspension or another deadline spares a task the miss that nobody has found yet. */
static void forget_miss(unsigned i)
{
	struct model_task *t = &model.task[i];

	if (t->misses == m.task[i].se.stats.misses)
		return;
	t->misses--;
	t->late = false;
}

/* Few different ones, so that equal deadlines are frequent. */
static void choose_deadline(struct model_task *t, unsigned r)
{
	long deadline = r % 4 ? 5 * (r >> 2) % 40 : 0;
	long period = r & 0x80 ? deadline + 5 * (r >> 8) % 20 : 0;

	if (!deadline)
		deadline = period;
	if (deadline == t->deadline && period == t->period)
		return;
	t->deadline = deadline;
	t->period = period;
	t->release = NO_RELEASE;
	t->late = false;
}

/* True: it is in another class than before. */
static bool choose_priority(struct model_task *t, unsigned r)
{
	bool was_fixed = t->priority;

	t->priority = r % 3 ? 5 + r / 3 % 4 : 0;
	t->round_robin = t->priority && r & 0x100;
	return was_fixed != (t->priority > 0);
}

static struct sched_params params_of(const struct model_task *t)
{
	struct sched_params params = {.level = t->level,
		.deadline = t->deadline * MS,
		.period = t->period * MS,
		.priority = t->priority};

	if (t->urgent)
		return urgent_params(t->level);
	if (t->priority)
		params.kind = t->round_robin ? SCHED_KIND_RR : SCHED_KIND_FIFO;
	return params;
}

static void do_set_params(unsigned i, unsigned level, unsigned r)
{
	struct sched_entity *se = &m.task[i].se;
	struct model_task *t = &model.task[i];
	struct sched_params params;
	bool over = turn_over(t), fresh = t->where == RUNS && endless(t);

	if (t->where == ENDED)
		return;
	if (model.rules->deadlines && !t->urgent) {
		forget_miss(i); /* which the old job was about to have */
		choose_deadline(t, r);
	}
	t->level = level;
	params = params_of(t);
	assert_int_equal(machine_set_params(0, se, &params), 0);
	if (!t->urgent)
		t->rest = MIN(fresh ? INT_MAX : t->rest, model.rules->quantum(t));
	if (t->where == RUNS)
		interrupt_current(over);
	else if (t->where == READY)
		arrive(i, SCHED_WHY_MIGRATED);
}

/* A change of class ends the turn; a level of time sharing moves nobody in one queue. */
static void do_set_priority(unsigned i, unsigned r)
{
	struct model_task *t = &model.task[i];
	bool over = turn_over(t), fresh = endless(t);
	bool other_class, shared = !t->priority;
	struct sched_params params;

	if (t->where == ENDED || t->urgent)
		return;
	other_class = choose_priority(t, r);
	params = params_of(t);
	assert_int_equal(machine_set_params(0, &m.task[i].se, &params), 0);
	t->rest = other_class ? 0 : MIN(fresh ? INT_MAX : t->rest, model.rules->quantum(t));
	if (t->where == RUNS)
		interrupt_current(other_class || (over && !endless(t)));
	else if (t->where == READY && !(shared && !t->priority))
		arrive(i, SCHED_WHY_MIGRATED);
}

static void do_stop(unsigned i)
{
	static const int results[] = {[NEW] = 0,
		[READY] = 0,
		[RUNS] = -EAGAIN,
		[BLOCKED] = 0,
		[STOPPED] = -EALREADY,
		[ENDED] = -ESRCH};
	struct model_task *t = &model.task[i];

	assert_int_equal(machine_stop(0, &m.task[i].se), results[t->where]);
	if (results[t->where])
		return;
	t->runnable = t->where == READY;
	forget_miss(i);
	t->where = STOPPED;
}

static void do_resume(unsigned i)
{
	struct model_task *t = &model.task[i];
	bool stopped = t->where == STOPPED;

	assert_int_equal(machine_resume(0, &m.task[i].se), stopped);
	if (!stopped)
		return;
	t->where = BLOCKED;
	if (t->runnable)
		arrive(i, SCHED_WHY_WAKEUP);
}

static unsigned random_level(unsigned r)
{
	return r % DIV_ROUND_UP(SCHED_LEVEL_COUNT, model.rules->level_step) *
		model.rules->level_step;
}

static void do_operation(uint64_t r)
{
	unsigned i = (unsigned)(r % TASKS), what = (unsigned)(r >> 8 & 0xff) % 16;
	unsigned more = (unsigned)(r >> 16 & 0xffff), ms = more % (more & 0x8000 ? 120 : 7);

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
	} else if (what == 14 && model.rules->fixed) {
		do_set_priority(i, (unsigned)(r >> 32));
	} else if (what == 14) {
		do_set_params(i, random_level(more), (unsigned)(r >> 32));
	} else if (more & 1) {
		do_stop(i);
	} else {
		do_resume(i);
	}
}

/* --- comparison ------------------------------------------------------------------------------ */

static unsigned task_number(const struct sched_entity *se)
{
	return (unsigned)(container_of(se, struct task, se) - m.task);
}

/* Takes them out of a copy of the model, one by one. */
static void compare_next(const struct sched_entity *se)
{
	unsigned first = first_ready(), i = task_number(se);

	if (first != i)
		MACHINE_FAIL("task %u is next in the queue, model says %u", i, first);
	if (!endless(&model.task[i]) && !model.task[i].fresh &&
		se->slice != model.task[i].rest * MS)
		MACHINE_FAIL("task %u: slice %lld, model %d ms", i, (long long)se->slice,
			model.task[i].rest);
	model.task[i].where = NEW;
}

static void compare_queue(void)
{
	struct model_task saved[TASKS];
	const struct sched_entity *se;

	memcpy(saved, model.task, sizeof(saved));
	for (unsigned rank = 0; rank < SCHED_RANK_IDLE; rank++)
		list_for_each_entry (se, &m.rq[0].level[rank], node)
			compare_next(se);
	for (struct rb_node *n = rb_first(&m.rq[0].tree); n; n = rb_next(n))
		compare_next(rb_entry(n, struct sched_entity, tree_node));
	if (first_ready() != NOBODY)
		MACHINE_FAIL("task %u is not in the queue, the model has it", first_ready());
	memcpy(model.task, saved, sizeof(saved));
}

/* The library finds a miss at the latest when the task leaves its CPU. */
static void compare_misses(unsigned i)
{
	const struct model_task *t = &model.task[i];
	uint64_t misses = m.task[i].se.stats.misses;

	if (misses != t->misses &&
		!((t->where == READY || t->where == RUNS) && t->late && misses + 1 == t->misses))
		MACHINE_FAIL(
			"task %u: %llu misses, model %u", i, (unsigned long long)misses, t->misses);
}

static void compare(void)
{
	const struct sched_entity *curr = m.rq[0].curr;
	unsigned runs = curr == &m.idle[0] ? NOBODY : task_number(curr);

	if (runs != model.current)
		MACHINE_FAIL("task %u runs, model says %u", runs, model.current);
	compare_queue();
	for (unsigned i = 0; model.rules->deadlines && i < TASKS; i++)
		compare_misses(i);
}

static void restart(struct host_random *r, const struct rules *rules)
{
	memset(&model, 0, sizeof(model));
	model.current = NOBODY;
	model.rules = rules;
	machine_start_algorithm(1, rules->algorithm);
	for (unsigned i = 0; i < TASKS; i++) {
		struct model_task *t = &model.task[i];
		struct sched_entity *se;

		t->level = random_level(host_random_below(r, 4000));
		t->urgent = host_random_below(r, 4) == 0;
		se = machine_spawn(0, t->level, NULL);
		if (t->urgent)
			machine_make_urgent(se);
	}
}

static void compare_random_operations(const struct rules *rules)
{
	struct host_random r = host_random_start("model");

	for (unsigned long i = 0; i < host_rounds(1000000); i++) {
		if (i % 4096 == 0)
			restart(&r, rules);
		do_operation(host_random_next(&r));
		compare();
		if (i % 16 == 0)
			machine_check();
	}
}

#endif
