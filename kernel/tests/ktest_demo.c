/* SPDX-License-Identifier: MIT */
/*
 * Each demonstration shows what it says. Its figures are exact where time is virtual; elsewhere it
 * only starts and ends.
 */
#include "kernel/demo.h"
#include "kernel/lockdep.h"
#include "kernel/scheduler.h"
#include "kernel/tests/threads.h"

#define MS      NSEC_PER_MSEC
#define RUNS    (1000 * MS)
#define MEMBERS 4u

static struct demo_figures figures[MEMBERS];

static int take_figures(int index)
{
	unsigned cpu;

	if (demo_running(&cpu) != index || cpu == thread_get_cpu(thread_current()))
		return -ESCHED_CPU;
	if (demo_start((unsigned)index) != -EBUSY)
		return -EBUSY;
	memset(figures, 0, sizeof(figures));
	for (unsigned i = 0; i < MEMBERS; i++)
		demo_get_figures(i, &figures[i]);
	return 0;
}

/* Starts and ends it; how that went. */
static int show(int index)
{
	int err = demo_start((unsigned)index);
	unsigned cpu;

	if (err)
		return err;
	thread_sleep(kernel_params.turns ? RUNS : 50 * MS);
	err = take_figures(index);
	if (demo_stop())
		return -ETIMEDOUT;
	return demo_running(&cpu) == -1 && demo_stop() == -EINVAL ? err : -EBUSY;
}

/* True when it has run and its figures mean something. */
static bool shown(const char *name)
{
	bool alone = scheduler_get_cpu_count() < 2;
	enum sched_policy_id algorithm = scheduler.config.algorithm;
	int index = demo_find(name), err;

	if (test_pin())
		return false;
	err = index < 0 ? index : show(index);
	test_unpin();
	if (err != (alone ? -ESCHED_CPU : 0) || scheduler.config.algorithm != algorithm)
		ktest_fail(__FILE__, __LINE__, "demo %s: %d", name, err);
	else if (alone || !kernel_params.turns)
		ktest_skip("its figures are exact under icount (turns=on) with two CPUs");
	return !err && !alone && kernel_params.turns;
}

/* Three brief ones in a row behind 40 ms of the long one, each time. */
KTEST(demo_convoy)
{
	if (!shown("convoy"))
		return;
	KTEST_EXPECT(figures[0].worst < 45 * MS);
	for (unsigned i = 1; i < MEMBERS; i++) {
		KTEST_EXPECT(figures[i].average > 39 * MS && figures[i].worst < 46 * MS);
		KTEST_EXPECT(figures[i].rounds > 15);
	}
}

KTEST(demo_starvation)
{
	if (!shown("starvation"))
		return;
	KTEST_EXPECT_EQ(figures[1].rounds, 0);
	KTEST_EXPECT_EQ(figures[1].permille, 0);
	KTEST_EXPECT(figures[0].permille > 990);
}

/* It gets no more than a third, and the honest ones what it does not want. */
KTEST(demo_gaming)
{
	if (!shown("gaming"))
		return;
	KTEST_EXPECT(figures[0].permille <= 334);
	KTEST_EXPECT(figures[1].permille >= 330 && figures[2].permille >= 330);
	KTEST_EXPECT(figures[0].permille + figures[1].permille + figures[2].permille > 990);
}

/* All three, whatever their periods, and by more than a period. */
KTEST(demo_overload)
{
	if (!shown("overload"))
		return;
	for (unsigned i = 0; i < 3; i++) {
		KTEST_EXPECT(figures[i].misses > 10);
		KTEST_EXPECT(figures[i].worst > 100 * MS);
	}
}

/* 6 ms of the low one, 40 of the middle one in between, and 1 of its own. */
KTEST(demo_inversion)
{
	if (!shown("inversion"))
		return;
	KTEST_EXPECT(figures[2].rounds >= 9);
	KTEST_EXPECT(figures[2].average > 46 * MS && figures[2].worst < 50 * MS);
}

/* The middle one waits instead. */
KTEST(demo_inheritance)
{
	if (!shown("inheritance"))
		return;
	KTEST_EXPECT(figures[2].rounds >= 9);
	KTEST_EXPECT(figures[2].average > 6 * MS && figures[2].worst < 9 * MS);
	KTEST_EXPECT(figures[1].average > 44 * MS && figures[1].worst < 48 * MS);
}

/*
 * Nobody has eaten. How long they ran is not looked at: the checker of debug builds says the first
 * time what it sees, in their time, and a screen of pixels is slow.
 */
KTEST(demo_deadlock)
{
	bool exact = shown("deadlock");

	lockdep_take_reports();
	for (unsigned i = 0; exact && i < 3; i++)
		KTEST_EXPECT_EQ(figures[i].rounds, 0);
}

KTEST(demo_names)
{
	KTEST_EXPECT_EQ(demo_find("nothing"), -EINVAL);
	for (unsigned i = 0; demo_name(i); i++) {
		KTEST_EXPECT_EQ(demo_find(demo_name(i)), (int)i);
		KTEST_EXPECT(demo_text(i) && demo_advice(i));
	}
}
