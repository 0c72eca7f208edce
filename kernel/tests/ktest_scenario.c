/* SPDX-License-Identifier: MIT */
/*
 * The same tasks under each policy, and exactly who left the CPU why, as the trace has it. Exact
 * where time is virtual; all threads are on one CPU, so the answer is the same with any number.
 *
 * A wants 42 ms of the CPU from 0 ms on, B 42 from 1, C 15 from 32, and D from 3 on twice 5 ms,
 * with a sleep of 27 in between. What is compared: for each switch at which one of them leaves,
 * which one, and e expired, p preempted, s sleeps, x exits; any other letter would be wrong here.
 */
#include "kernel/scheduler.h"
#include "kernel/tests/threads.h"
#include "kernel/thread_policy.h"
#include "kernel/trace.h"

#define MS      NSEC_PER_MSEC
#define TASKS   4u
#define BOOST   (500 * MS) /* of mlfq, at the multiples of it: none while they play */
#define RECORDS 512u
#define STORY   256u

struct actor {
	ktime_t arrives, work, sleeps; /* it sleeps between two halves of its work, unless 0 */
	ktime_t base;
	uint64_t id;
};

/* Of its own CPU time. */
static void use(ktime_t ns)
{
	struct thread_stats stats;

	thread_get_stats(thread_current(), &stats);
	test_spin_until(stats.cpu_time + ns);
}

static int act(void *arg)
{
	const struct actor *a = arg;

	if (thread_sleep_until(a->base + a->arrives))
		return -EINTR;
	if (!a->sleeps) {
		use(a->work);
		return 0;
	}
	use(a->work / 2);
	if (thread_sleep(a->sleeps))
		return -EINTR;
	use(a->work / 2);
	return 0;
}

/* Their parameters are set while they sleep. They arrive 1 ms apart, in their order. */
static int play(struct actor *a, const struct sched_params *params)
{
	struct thread *t[TASKS];
	ktime_t base = (test_in(50 * MS) / BOOST + 1) * BOOST + 100 * MS;
	int err = 0;

	for (unsigned i = 0; i < TASKS; i++) {
		a[i].base = base + i * MS;
		t[i] = test_thread(act, &a[i], 0);
		if (!t[i])
			return -ENOMEM;
		a[i].id = t[i]->thread_id;
	}
	err = thread_sleep(5 * MS);
	for (unsigned i = 0; i < TASKS && !err; i++)
		err = thread_set_params(t[i], &params[i]);
	for (unsigned i = 0; i < TASKS && !err; i++)
		err = test_join(t[i]);
	return err;
}

static char name_of(const struct actor *a, uint64_t id)
{
	for (unsigned i = 0; i < TASKS; i++)
		if (a[i].id == id)
			return (char)('A' + i);
	return '\0';
}

/* The switches since the base in which one of them leaves. */
static void tell(const struct actor *a, char *story)
{
	static const char letters[] = {[SCHED_PREEMPT] = 'p',
		[SCHED_EXPIRED] = 'e',
		[SCHED_SLEEP] = 's',
		[SCHED_EXIT] = 'x',
		[SCHED_BLOCK] = 'b',
		[SCHED_YIELD] = 'y'};
	static struct trace_record record[RECORDS];
	unsigned count = trace_copy_last(arch_cpu_id(), record, RECORDS), length = 0;

	for (unsigned i = 0; i < count && length + 4 < STORY; i++) {
		const struct trace_record *r = &record[i];
		char who = name_of(a, r->a);

		if (r->kind != TRACE_SWITCH || !who || r->time < a[0].base)
			continue;
		if (length)
			story[length++] = ' ';
		story[length++] = who;
		story[length++] = r->reason < sizeof(letters) && letters[r->reason]
			? letters[r->reason]
			: '?';
	}
	story[length] = '\0';
}

static void expect_story(
	enum sched_policy_id algorithm, const struct sched_params *params, const char *want)
{
	struct actor a[TASKS] = {{.work = 42 * MS}, {.work = 42 * MS},
		{.work = 15 * MS, .arrives = 30 * MS}, {.work = 10 * MS, .sleeps = 27 * MS}};
	enum sched_policy_id was = scheduler.config.algorithm;
	static char story[STORY];
	int err;

	if (!kernel_params.turns || !trace_on) {
		ktest_skip("exact only under icount (turns=on), with trace=on");
		return;
	}
	KTEST_EXPECT_EQ(test_pin(), 0);
	KTEST_EXPECT_EQ(scheduler_set_algorithm(algorithm), 0);
	err = play(a, params);
	tell(a, story);
	KTEST_EXPECT_EQ(scheduler_set_algorithm(was), 0);
	test_unpin();
	KTEST_EXPECT_EQ(err, 0);
	if (strcmp(story, want))
		ktest_fail(__FILE__, __LINE__, "%s, expected %s", story, want);
}

#define LEVELS                                                                                     \
	{                                                                                          \
		{.level = 20}, {.level = 20}, {.level = 30}, {.level = 10},                        \
	}

/* Turns of 20 ms, C's of 10; who arrives stands behind who was there. */
KTEST(scenario_rr)
{
	static const struct sched_params params[TASKS] = LEVELS;

	expect_story(SCHED_POLICY_rr, params, "Ae Be Ds Ae Ce Be Ax Dx Cx Bx");
}

/* Turns of 4 ms. D goes before all, and whoever it interrupts goes on first; C is ten levels down.
 */
KTEST(scenario_priority)
{
	static const struct sched_params params[TASKS] = LEVELS;

	expect_story(SCHED_POLICY_priority, params,
		"Ap Ds Ae Be Ae Be Ae Be Ae Bp Dx Be Ae Be Ae Be Ae Be Ae Be Ae Be Ae Be Ax Bx Cx");
}

/* A and B go down by turns of 2, 4, 8 and 16 ms, two a level; D's begin with 3 and C's with 1. */
KTEST(scenario_mlfq)
{
	static const struct sched_params params[TASKS] = LEVELS;

	expect_story(SCHED_POLICY_mlfq, params,
		"Ae Be Ae De Be Ds Ae Be Ae Be Ap Ce Ap Dx Ae Be Ce Ae Be Ce Ax Bx Cx");
}

/* Deadlines at 200, 151, 92 and, for D's two jobs, 103 and 135. */
KTEST(scenario_edf)
{
	static const struct sched_params params[TASKS] = {{.level = 20, .deadline = 200 * MS},
		{.level = 20, .deadline = 150 * MS}, {.level = 20, .deadline = 60 * MS},
		{.level = 20, .deadline = 100 * MS}};

	expect_story(SCHED_POLICY_edf, params, "Ap Bp Ds Bp Cx Dx Bx Ax");
}

/* A and B take turns of 20 ms; C is more urgent, D most. */
KTEST(scenario_fp)
{
	static const struct sched_params params[TASKS] = {{.kind = SCHED_KIND_RR, .priority = 10},
		{.kind = SCHED_KIND_RR, .priority = 10}, {.kind = SCHED_KIND_FIFO, .priority = 20},
		{.kind = SCHED_KIND_FIFO, .priority = 30}};

	expect_story(SCHED_POLICY_rr, params, "Ap Ds Ae Bp Cp Dx Cx Be Ae Be Ax Bx");
}

/* A has 10 of every 40 ms, B 20 of every 60; C and D what they leave, and nobody after 96. */
KTEST(scenario_dl)
{
	static const struct sched_params params[TASKS] = {
		{.kind = SCHED_KIND_DL, .level = 20, .runtime = 10 * MS, .period = 40 * MS},
		{.kind = SCHED_KIND_DL, .level = 20, .runtime = 20 * MS, .period = 60 * MS},
		{.level = 20}, {.level = 20}};

	expect_story(SCHED_POLICY_rr, params, "Ae Be Ds Cp Ae Cx Bp Ae Be Dx Ae Bx Ax");
}
