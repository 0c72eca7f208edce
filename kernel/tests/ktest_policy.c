/* SPDX-License-Identifier: MIT */
/*
 * Scheduling policies in the kernel: who runs when, noted at each change of who runs. Exact only
 * where time is virtual and all threads are on one CPU.
 */
#include "kernel/tests/threads.h"
#include "kernel/thread_policy.h"

#define JOBS_MAX 8u
#define MS       NSEC_PER_MSEC
#define UNIT     (20 * MS) /* of exact tests: long beside a switch under icount */

/* A periodic task. */
struct periodic {
	char name;
	struct sched_params params;
	ktime_t work;
	ktime_t period; /* unless it is one of the parameters */
	unsigned jobs;
	struct order *order;
	ktime_t base;               /* the first release */
	ktime_t response[JOBS_MAX]; /* by job: end minus release */
	uint64_t misses, overruns;
};

static ktime_t own_time(void)
{
	struct thread_stats stats;

	thread_get_stats(thread_current(), &stats);
	return stats.cpu_time;
}

/* Uses so much CPU time of its own, and notes its name whenever somebody else ran before. */
static void work(struct periodic *p)
{
	ktime_t end = own_time() + p->work;

	do {
		unsigned n = atomic_load(&p->order->length);

		if (!n || p->order->text[n - 1] != p->name)
			order_note(p->order, p->name);
		arch_cpu_relax();
	} while (own_time() < end);
}

/* Those without a period of their own know their releases themselves. */
static int end_job(const struct periodic *p, unsigned job)
{
	if (p->params.period)
		return thread_end_job();
	return thread_sleep_until(p->base + (job + 1) * p->period);
}

static int run_periodic(void *arg)
{
	struct periodic *p = arg;
	struct thread_stats stats;

	p->period = MAX(p->period, p->params.period);
	if (thread_sleep_until(p->base))
		return -EINTR;
	for (unsigned job = 0; job < p->jobs; job++) {
		work(p);
		p->response[job] = arch_time_now() - p->base - (ktime_t)job * p->period;
		if (job + 1 < p->jobs && end_job(p, job))
			return -EINTR;
	}
	thread_get_stats(thread_current(), &stats);
	p->misses = stats.misses;
	p->overruns = stats.overruns;
	return 0;
}

/* Their parameters are set while they sleep, so that their first job is released at the base. */
static int play(struct periodic *p, unsigned n, struct order *order)
{
	struct thread *t[8];
	ktime_t base = test_in(500 * MS);
	int err = 0;

	order_clear(order);
	for (unsigned i = 0; i < n && !err; i++) {
		p[i].order = order;
		p[i].base = base;
		t[i] = test_thread(run_periodic, &p[i], 0);
		err = t[i] ? 0 : -ENOMEM;
	}
	if (!err)
		err = thread_sleep(1 * MS);
	for (unsigned i = 0; i < n && !err; i++)
		err = thread_set_params(t[i], &p[i].params);
	for (unsigned i = 0; i < n && !err; i++)
		err = test_join(t[i]);
	return err;
}

static int sleep_for_ever(void *arg)
{
	(void)arg;
	return thread_sleep_until(KTIME_MAX);
}

static bool is_exact(enum sched_policy_id algorithm)
{
	if (kernel_params.turns && scheduler.config.algorithm == algorithm)
		return true;
	ktest_skip(
		"exact only under icount (turns=on), with sched=%s", sched_policy_name(algorithm));
	return false;
}

/* Worked out by hand: no two deadlines and no end and release coincide where it matters. */
KTEST(policy_edf_order)
{
	struct order order;
	struct periodic p[] = {
		{.name = 'A', .work = 1 * UNIT, .jobs = 5, .params = {.period = 4 * UNIT}},
		{.name = 'B', .work = 15 * UNIT / 10, .jobs = 3, .params = {.period = 6 * UNIT}},
		{.name = 'C', .work = 28 * UNIT / 10, .jobs = 2, .params = {.period = 13 * UNIT}},
	};

	if (!is_exact(SCHED_POLICY_edf))
		return;
	KTEST_EXPECT_EQ(test_pin(), 0);
	KTEST_EXPECT_EQ(play(p, ARRAY_SIZE(p), &order), 0);
	test_unpin();
	KTEST_EXPECT_ORDER(&order, "ABCACBCABCAC");
	for (unsigned i = 0; i < ARRAY_SIZE(p); i++)
		KTEST_EXPECT_EQ(p[i].misses, 0);
}

/* Too much for one CPU: everybody is late, job after job, and says so. */
KTEST(policy_edf_overload)
{
	struct order order;
	struct periodic p[] = {
		{.name = 'A', .work = 4 * UNIT, .jobs = 6, .params = {.period = 5 * UNIT}},
		{.name = 'B', .work = 4 * UNIT, .jobs = 6, .params = {.period = 7 * UNIT}},
	};

	if (!is_exact(SCHED_POLICY_edf))
		return;
	KTEST_EXPECT_EQ(test_pin(), 0);
	KTEST_EXPECT_EQ(play(p, ARRAY_SIZE(p), &order), 0);
	test_unpin();
	KTEST_EXPECT_ORDER(&order, "ABABABABAB");
	KTEST_EXPECT_EQ(p[0].misses, 5);
	KTEST_EXPECT_EQ(p[1].misses, 6);
}

/*
 * Fixed priorities by period: worked out by hand. C, the least urgent, runs in what A and B leave,
 * from 2.5 to 4 and from 6.5 to 7.8 units.
 */
KTEST(policy_fifo_order)
{
	struct order order;
	struct periodic p[] = {
		{.name = 'A',
			.work = 1 * UNIT,
			.jobs = 4,
			.period = 4 * UNIT,
			.params = {.kind = SCHED_KIND_FIFO, .priority = 30}},
		{.name = 'B',
			.work = 15 * UNIT / 10,
			.jobs = 3,
			.period = 5 * UNIT,
			.params = {.kind = SCHED_KIND_FIFO, .priority = 20}},
		{.name = 'C',
			.work = 28 * UNIT / 10,
			.jobs = 1,
			.period = 20 * UNIT,
			.params = {.kind = SCHED_KIND_FIFO, .priority = 10}},
	};

	if (!is_exact(scheduler.config.algorithm))
		return;
	KTEST_EXPECT_EQ(test_pin(), 0);
	KTEST_EXPECT_EQ(play(p, ARRAY_SIZE(p), &order), 0);
	test_unpin();
	KTEST_EXPECT_ORDER(&order, "ABCABCABA");
}

/* The same tasks as in policy_fifo_order with priorities by their periods. */
KTEST(policy_rm_order)
{
	struct order order;
	struct periodic p[] = {
		{.name = 'A',
			.work = 1 * UNIT,
			.jobs = 4,
			.params = {.kind = SCHED_KIND_RM,
				.runtime = 11 * UNIT / 10,
				.period = 4 * UNIT}},
		{.name = 'B',
			.work = 15 * UNIT / 10,
			.jobs = 3,
			.params = {.kind = SCHED_KIND_RM,
				.runtime = 16 * UNIT / 10,
				.period = 5 * UNIT}},
		{.name = 'C',
			.work = 28 * UNIT / 10,
			.jobs = 1,
			.params = {.kind = SCHED_KIND_RM,
				.runtime = 29 * UNIT / 10,
				.period = 20 * UNIT}},
	};

	if (!is_exact(scheduler.config.algorithm))
		return;
	KTEST_EXPECT_EQ(test_pin(), 0);
	KTEST_EXPECT_EQ(play(p, ARRAY_SIZE(p), &order), 0);
	test_unpin();
	KTEST_EXPECT_ORDER(&order, "ABCABCABA");
	for (unsigned i = 0; i < ARRAY_SIZE(p); i++)
		KTEST_EXPECT_EQ(p[i].misses, 0);
}

/* Turns of 20 ms among equals; nobody less urgent runs before they have ended. */
KTEST(policy_rr_order)
{
	struct order order;
	struct periodic p[] = {
		{.name = 'A',
			.work = 50 * MS,
			.jobs = 1,
			.period = 1000 * MS,
			.params = {.kind = SCHED_KIND_RR, .priority = 30}},
		{.name = 'B',
			.work = 50 * MS,
			.jobs = 1,
			.period = 1000 * MS,
			.params = {.kind = SCHED_KIND_RR, .priority = 30}},
		{.name = 'C',
			.work = 50 * MS,
			.jobs = 1,
			.period = 1000 * MS,
			.params = {.kind = SCHED_KIND_RR, .priority = 29}},
		{.name = 'D', .work = 50 * MS, .jobs = 1, .period = 1000 * MS},
	};

	if (!is_exact(scheduler.config.algorithm))
		return;
	KTEST_EXPECT_EQ(test_pin(), 0);
	KTEST_EXPECT_EQ(play(p, ARRAY_SIZE(p), &order), 0);
	test_unpin();
	KTEST_EXPECT_ORDER(&order, "ABABABCD");
}

/*
 * Worked out by hand, in units: G would run for ever, but is held after 1 of every 5; S has what is
 * left. A at 0, 4, 8; G from 1 to 2, 5 to 6, 10 to 10.5.
 */
KTEST(policy_dl_order)
{
	struct order order;
	struct periodic p[] = {
		{.name = 'A',
			.work = 1 * UNIT,
			.jobs = 3,
			.params = {.kind = SCHED_KIND_DL,
				.runtime = 12 * UNIT / 10,
				.period = 4 * UNIT}},
		{.name = 'G',
			.work = 25 * UNIT / 10,
			.jobs = 1,
			.params = {.kind = SCHED_KIND_DL, .runtime = 1 * UNIT, .period = 5 * UNIT}},
		{.name = 'S', .work = 6 * UNIT, .jobs = 1, .period = 20 * UNIT},
	};

	if (!is_exact(scheduler.config.algorithm))
		return;
	KTEST_EXPECT_EQ(test_pin(), 0);
	KTEST_EXPECT_EQ(play(p, ARRAY_SIZE(p), &order), 0);
	test_unpin();
	KTEST_EXPECT_ORDER(&order, "AGSAGSASGS");
	for (unsigned i = 0; i < ARRAY_SIZE(p); i++)
		KTEST_EXPECT_EQ(p[i].misses, 0);
	KTEST_EXPECT_EQ(p[0].overruns, 0);
	KTEST_EXPECT_EQ(p[1].overruns, 2);
}

/* One CPU promises less than the whole of it, and what a thread leaves comes back. */
KTEST(policy_dl_admission)
{
	struct thread *a, *b;

	KTEST_EXPECT_EQ(test_pin(), 0);
	a = test_thread(sleep_for_ever, NULL, 0);
	b = test_thread(sleep_for_ever, NULL, 0);
	KTEST_EXPECT(a && b);
	/* What an earlier test's threads had comes back at the end of their last periods. */
	KTEST_EXPECT_EQ(thread_sleep(200 * MS), 0);
	KTEST_EXPECT_EQ(thread_free_bandwidth(a), 949999);
	KTEST_EXPECT_EQ(thread_set_reservation(a, 6 * MS, 0, 10 * MS), 0);
	KTEST_EXPECT_EQ(thread_set_level(a, 3), 0);
	KTEST_EXPECT_EQ(a->se.kind, SCHED_KIND_DL);
	KTEST_EXPECT(thread_free_bandwidth(a) < 350000);
	KTEST_EXPECT_EQ(thread_set_reservation(b, 6 * MS, 0, 10 * MS), -EBUSY);
	KTEST_EXPECT_EQ(thread_set_reservation(b, 6 * MS, 5 * MS, 10 * MS), -EINVAL);
	KTEST_EXPECT_EQ(thread_set_reservation(b, 3 * MS, 0, 10 * MS), 0);
	while (!thread_wake(b))
		thread_yield();
	KTEST_EXPECT_EQ(test_join(b), 0);
	while (!thread_wake(a))
		thread_yield();
	KTEST_EXPECT_EQ(test_join(a), 0);
	KTEST_EXPECT_EQ(thread_sleep(20 * MS), 0);
	KTEST_EXPECT_EQ(thread_free_bandwidth(thread_current()), 949999);
	test_unpin();
}

KTEST(policy_deadline_is_kept_and_checked)
{
	struct sched_params params;
	struct thread *t = test_thread(sleep_for_ever, NULL, 0);

	KTEST_EXPECT(t);
	KTEST_EXPECT_EQ(thread_set_deadline(t, 11 * MS, 10 * MS), -EINVAL);
	KTEST_EXPECT_EQ(thread_set_deadline(t, -1, 0), -EINVAL);
	KTEST_EXPECT_EQ(thread_set_deadline(t, 0, -1), -EINVAL);
	KTEST_EXPECT_EQ(thread_set_deadline(t, 7 * MS, 10 * MS), 0);
	KTEST_EXPECT_EQ(thread_set_level(t, 5), 0);
	thread_get_params(t, &params);
	KTEST_EXPECT_EQ(params.level, 5);
	KTEST_EXPECT_EQ(params.deadline, 7 * MS);
	KTEST_EXPECT_EQ(params.period, 10 * MS);
	KTEST_EXPECT_EQ(
		thread_set_deadline(this_cpu_ptr(cpu_schedulers)->idle, 0, 0), -ETHREAD_ACCESS);
	KTEST_EXPECT_EQ(thread_end_job(), -EINVAL);
	while (!thread_wake(t))
		thread_yield();
	KTEST_EXPECT_EQ(test_join(t), 0);
}
