/* SPDX-License-Identifier: MIT */
/* CPUs that leave and come back while threads run there, wait, sleep, and are tied to them. */
#include "kernel/cpu_offline.h"
#include "kernel/tests/threads.h"
#include "kernel/timer.h"

#define ROUNDS   6u
#define SLEEPERS 12u
#define LEAVERS  8u

static unsigned last_cpu(void)
{
	return atomic_load(&scheduler.cpu_end) - 1;
}

static bool has_several(void)
{
	if (last_cpu())
		return true;
	ktest_skip("needs more than one CPU");
	return false;
}

static struct cpumask only(unsigned cpu)
{
	struct cpumask mask = {0};

	cpumask_set(&mask, cpu);
	return mask;
}

static _Atomic bool let_go;
static _Atomic unsigned naps;

static int spin(void *arg __unused)
{
	while (!atomic_load(&let_go))
		arch_cpu_relax();
	return 0;
}

static int nap(void *arg __unused)
{
	while (!atomic_load(&let_go)) {
		if (thread_sleep(NSEC_PER_MSEC / 2))
			return -EINTR;
		atomic_fetch_add(&naps, 1);
	}
	return 0;
}

KTEST(offline_refuses)
{
	if (!has_several())
		return;
	KTEST_EXPECT_EQ(cpu_offline(0), -EPERM);
	KTEST_EXPECT_EQ(cpu_offline(last_cpu() + 1), -EINVAL);
	KTEST_EXPECT_EQ(cpu_online(last_cpu() + 1), -EINVAL);
	KTEST_EXPECT_EQ(cpu_online(last_cpu()), -EALREADY);
	KTEST_EXPECT_EQ(cpu_offline(last_cpu()), 0);
	KTEST_EXPECT_EQ(cpu_offline(last_cpu()), -EINVAL);
	KTEST_EXPECT_EQ(cpu_online(last_cpu()), 0);
}

/* S8.6: a spinner, a sleeper and one that waits are sent away, and come home. */
KTEST(offline_overrides_and_restores_masks)
{
	struct thread *t[3];
	struct cpumask mask;
	unsigned cpu = last_cpu();

	if (!has_several())
		return;
	mask = only(cpu);
	atomic_store(&let_go, false);
	for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
		KTEST_EXPECT_EQ(thread_run(&t[i], "tied", i == 1 ? nap : spin, NULL), 0);
		KTEST_EXPECT_EQ(thread_set_affinity(t[i], &mask), 0);
	}
	KTEST_EXPECT_EQ(thread_sleep(5 * NSEC_PER_MSEC), 0);
	KTEST_EXPECT_EQ(cpu_offline(cpu), 0);
	KTEST_EXPECT_EQ(thread_sleep(5 * NSEC_PER_MSEC), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
		KTEST_EXPECT(thread_get_cpu(t[i]) != cpu);
		KTEST_EXPECT(t[i]->se.overridden);
	}
	KTEST_EXPECT_EQ(thread_set_affinity(thread_current(), &mask), -ESCHED_CPU);
	KTEST_EXPECT_EQ(cpu_online(cpu), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(t); i++)
		while (thread_get_cpu(t[i]) != cpu)
			KTEST_EXPECT_EQ(thread_sleep(NSEC_PER_MSEC / 4), 0);
	atomic_store(&let_go, true);
	for (unsigned i = 0; i < ARRAY_SIZE(t); i++)
		KTEST_EXPECT_EQ(test_join(t[i]), 0);
}

/* Who sleeps on it wakes in time: its timers have gone elsewhere. The caller leaves it, too. */
KTEST(offline_takes_over_timers)
{
	struct cpumask mask;
	struct thread *t[SLEEPERS];
	ktime_t when[1];
	unsigned before;

	if (!has_several())
		return;
	mask = only(last_cpu());
	atomic_store(&let_go, false);
	for (unsigned i = 0; i < SLEEPERS; i++) {
		KTEST_EXPECT_EQ(thread_run(&t[i], "sleeper", nap, NULL), 0);
		KTEST_EXPECT_EQ(thread_set_affinity(t[i], &mask), 0);
	}
	KTEST_EXPECT_EQ(thread_set_affinity(thread_current(), &mask), 0);
	KTEST_EXPECT_EQ(arch_cpu_id(), last_cpu());
	KTEST_EXPECT_EQ(cpu_offline(last_cpu()), 0);
	KTEST_EXPECT(arch_cpu_id() != last_cpu());
	KTEST_EXPECT_EQ(timer_list(last_cpu(), when, 1), 0);
	before = atomic_load(&naps);
	while (atomic_load(&naps) < before + 4 * SLEEPERS)
		KTEST_EXPECT_EQ(thread_sleep(NSEC_PER_MSEC), 0);
	KTEST_EXPECT_EQ(timer_list(last_cpu(), when, 1), 0);
	KTEST_EXPECT_EQ(cpu_online(last_cpu()), 0);
	atomic_store(&let_go, true);
	for (unsigned i = 0; i < SLEEPERS; i++)
		KTEST_EXPECT_EQ(test_join(t[i]), 0);
	test_unpin();
}

/*
 * S8.7: CPUs leave and come back, again and again, under load. All but the first, or of many some:
 * each waits until the threads that are left with fewer and fewer CPUs let this one run.
 */
KTEST(offline_under_load)
{
	unsigned stride = DIV_ROUND_UP(last_cpu(), LEAVERS), left = last_cpu() / MAX(stride, 1u);
	struct thread *t[SLEEPERS];

	if (!has_several())
		return;
	atomic_store(&let_go, false);
	for (unsigned i = 0; i < SLEEPERS; i++)
		KTEST_EXPECT_EQ(thread_run(&t[i], "load", i % 3 ? nap : spin, NULL), 0);
	for (unsigned round = 0; round < ktest_rounds(ROUNDS); round++) {
		unsigned online = atomic_load(&scheduler.nr_online);

		for (unsigned cpu = stride; cpu <= last_cpu(); cpu += stride)
			KTEST_EXPECT_EQ(cpu_offline(cpu), 0);
		KTEST_EXPECT_EQ(atomic_load(&scheduler.nr_online), online - left);
		KTEST_EXPECT_EQ(thread_sleep(NSEC_PER_MSEC), 0);
		for (unsigned cpu = stride; cpu <= last_cpu(); cpu += stride)
			KTEST_EXPECT_EQ(cpu_online(cpu), 0);
	}
	atomic_store(&let_go, true);
	for (unsigned i = 0; i < SLEEPERS; i++)
		KTEST_EXPECT_EQ(test_join(t[i]), 0);
}
