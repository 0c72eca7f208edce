/* SPDX-License-Identifier: MIT */
/*
 * The end of a thread against everything that may happen to it at that moment on another CPU: a
 * kill, a suspension, a join that times out. Each test is a loop over short lives, so that the two
 * meet at many different places.
 */
#include "kernel/mutex.h"
#include "kernel/semaphore.h"
#include "kernel/tests/threads.h"

#define LIVES       200u
#define LOCKERS     3u
#define SUSPENDERS  3u
#define SLOW_REPORT (20 * NSEC_PER_MSEC)
#define SHORT_WHILE 20000 /* ns: about as long as a creation or an end takes */

static void pause_differently(unsigned i)
{
	ktime_t until = test_in((i * 7919) % SHORT_WHILE);

	while (arch_time_now() < until)
		arch_cpu_relax();
}

/* --- against a kill -------------------------------------------------------------------------- */

static int spin_until_killed(void *arg __unused)
{
	while (!thread_killed())
		arch_cpu_relax();
	return 0;
}

static int sleep_again_and_again(void *arg __unused)
{
	while (!thread_sleep(SHORT_WHILE))
		continue;
	return 0;
}

/* Kills a thread after a moment; true if it ended with no timer started. */
static bool ends_without_timers(thread_entry entry, unsigned flags, unsigned life)
{
	struct thread_params params = {.name = "brief", .entry = entry, .flags = flags};
	struct thread *t;
	int status;
	bool ended;

	if (thread_create(&t, &params))
		return false;
	thread_get(t);
	thread_start(t);
	pause_differently(life);
	ended = !thread_kill(t);
	status = test_join(t);
	ended &= !status || status == -EINTR;
	ended &= !timer_pending(&t->wait_timer) && !timer_pending(&t->stop_timer);
	thread_put(t);
	return ended;
}

/* The thread sees the kill and ends while the killer is still about it. */
KTEST(end_of_a_killed_spinner)
{
	for (unsigned i = 0; i < ktest_rounds(LIVES); i++)
		KTEST_EXPECT(ends_without_timers(spin_until_killed, 0, i));
}

KTEST(end_of_a_killed_sleeper)
{
	for (unsigned i = 0; i < ktest_rounds(LIVES); i++)
		KTEST_EXPECT(
			ends_without_timers(sleep_again_and_again, THREAD_KILLABLE_ANYWHERE, i));
}

/* The thread ends by itself, the kill comes before, meanwhile or too late. */
KTEST(end_before_a_kill)
{
	for (unsigned i = 0; i < ktest_rounds(LIVES); i++) {
		struct thread *t;
		int err;

		KTEST_EXPECT_EQ(thread_run(&t, "brief", spin_until_killed, NULL), 0);
		thread_get(t);
		KTEST_EXPECT_EQ(thread_kill(t), 0);
		pause_differently(i);
		err = thread_kill(t);
		KTEST_EXPECT(!err || err == -ETHREAD_NOT_FOUND);
		test_join(t);
		KTEST_EXPECT(!timer_pending(&t->stop_timer));
		thread_put(t);
	}
}

static int lock_until_killed(void *mutex)
{
	do {
		mutex_lock(mutex);
		mutex_unlock(mutex);
	} while (!thread_killed());
	return -EINTR;
}

/* Wherever the kill finds it, it does not end as the owner of a mutex. */
KTEST(end_strands_no_mutex)
{
	static struct mutex mutex;
	struct thread_params params = {
		.name = "locker",
		.entry = lock_until_killed,
		.arg = &mutex,
		.flags = THREAD_KILLABLE_ANYWHERE,
	};
	struct thread *t[LOCKERS];

	mutex_init(&mutex, "contended");
	for (unsigned life = 0; life < ktest_rounds(LIVES / LOCKERS); life++) {
		for (unsigned i = 0; i < LOCKERS; i++)
			KTEST_EXPECT_EQ(thread_create(&t[i], &params), 0);
		for (unsigned i = 0; i < LOCKERS; i++)
			thread_start(t[i]);
		pause_differently(life);
		for (unsigned i = 0; i < LOCKERS; i++)
			KTEST_EXPECT_EQ(thread_kill(t[i]), 0);
		for (unsigned i = 0; i < LOCKERS; i++)
			KTEST_EXPECT_EQ(test_join(t[i]), -EINTR);
		KTEST_EXPECT(!mutex_owner(&mutex));
	}
}

/* --- against a suspension -------------------------------------------------------------------- */

struct victim {
	struct thread *thread;
	_Atomic unsigned suspenders; /* who are about to wait */
	_Atomic bool begun, go;
};

static int end_when_told(void *arg)
{
	struct victim *v = arg;

	atomic_store(&v->begun, true);
	while (!atomic_load(&v->go))
		thread_yield();
	return 0;
}

static int suspend_victim(void *arg)
{
	struct victim *v = arg;

	atomic_fetch_add(&v->suspenders, 1);
	return thread_suspend(v->thread, KTIME_MAX);
}

/* Who waits for a suspension of a thread that ends hears of the end. */
KTEST(end_of_a_thread_to_suspend)
{
	for (unsigned life = 0; life < ktest_rounds(LIVES / SUSPENDERS); life++) {
		struct victim v = {0};
		struct thread *t[SUSPENDERS];

		KTEST_EXPECT_EQ(thread_run(&v.thread, "victim", end_when_told, &v), 0);
		while (!atomic_load(&v.begun))
			thread_yield();
		for (unsigned i = 0; i < SUSPENDERS; i++)
			KTEST_EXPECT_EQ(thread_run(&t[i], "suspender", suspend_victim, &v), 0);
		while (atomic_load(&v.suspenders) < SUSPENDERS)
			thread_yield();
		pause_differently(life);
		atomic_store(&v.go, true);
		for (unsigned i = 0; i < SUSPENDERS; i++)
			KTEST_EXPECT_EQ(test_join(t[i]), -ETHREAD_NOT_FOUND);
		KTEST_EXPECT_EQ(test_join(v.thread), 0);
	}
}

/* --- against a join that times out ----------------------------------------------------------- */

static int end_at(void *when)
{
	while (arch_time_now() < *(ktime_t *)when)
		arch_cpu_relax();
	return 0;
}

/* Whatever ended the wait: a thread that was joined is on no CPU. */
KTEST(end_at_the_deadline_of_a_join)
{
	for (unsigned life = 0; life < ktest_rounds(LIVES); life++) {
		ktime_t when = test_in(5 * SHORT_WHILE);
		struct thread *t;
		int err;

		KTEST_EXPECT_EQ(thread_run(&t, "punctual", end_at, &when), 0);
		thread_get(t);
		err = thread_join_until(
			t, NULL, when + (life * 7919) % SHORT_WHILE - SHORT_WHILE / 2);
		if (!err)
			KTEST_EXPECT_EQ(thread_get_state(t), THREAD_TERMINATED);
		else
			KTEST_EXPECT_EQ(test_join(t), 0);
		thread_put(t);
	}
}

/* --- against a report ------------------------------------------------------------------------ */

static int take_unkillably(void *arg)
{
	semaphore_take(arg);
	return 0;
}

/* Asks from the first CPU, whose timer will then report. */
static int suspend_from_first_cpu(void *arg)
{
	struct cpumask first = {0};
	int err;

	cpumask_set(&first, 0);
	err = thread_set_affinity(thread_current(), &first);
	return err ? err : thread_suspend(arg, 0);
}

static _Atomic bool report_begun, report_over;

/* Instead of the report: takes its time. */
static void report_slowly(struct timer *timer __unused)
{
	ktime_t until = test_in(SLOW_REPORT);

	atomic_store(&report_begun, true);
	while (arch_time_now() < until)
		arch_cpu_relax();
	atomic_store(&report_over, true);
}

static struct thread *start_reported(struct semaphore *gate)
{
	struct thread *t;

	semaphore_init(gate, "gate", 0);
	atomic_store(&report_begun, false);
	atomic_store(&report_over, false);
	if (thread_run(&t, "reported", take_unkillably, gate))
		return NULL;
	while (thread_get_state(t) != THREAD_WAITING)
		thread_yield();
	return t;
}

/* The report of a thread is over before the thread may go on and end. */
KTEST(end_after_a_report)
{
	ktime_t patience = thread_stop_patience;
	void (*report)(struct timer * timer);
	struct cpumask second = {0};
	struct semaphore gate;
	struct thread *t, *asker;
	int status;

	if (atomic_load(&scheduler.nr_online) < 2) {
		ktest_skip("needs two CPUs");
		return;
	}
	cpumask_set(&second, 1);
	KTEST_EXPECT_EQ(thread_set_affinity(thread_current(), &second), 0);
	t = start_reported(&gate);
	KTEST_EXPECT(t);
	report = t->stop_timer.fn;
	t->stop_timer.fn = report_slowly;
	thread_stop_patience = NSEC_PER_MSEC;
	KTEST_EXPECT_EQ(thread_run(&asker, "asker", suspend_from_first_cpu, t), 0);
	while (!atomic_load(&report_begun))
		arch_cpu_relax();
	KTEST_EXPECT_EQ(thread_resume(t), 0);
	KTEST_EXPECT(atomic_load(&report_over));
	thread_stop_patience = patience;
	t->stop_timer.fn = report;
	status = test_join(asker);
	KTEST_EXPECT(status == -ETIMEDOUT || status == -EAGAIN); /* when it looks late */
	semaphore_give(&gate);
	KTEST_EXPECT_EQ(test_join(t), 0);
	test_unpin();
}
