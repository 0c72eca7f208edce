/* SPDX-License-Identifier: MIT */
/* The scheduler's calls by a thread's id, and what it counts. */
#include "kernel/scheduler.h"
#include "kernel/tests/threads.h"

static int sleep_for_ever(void *arg __unused)
{
	return thread_sleep(KTIME_MAX);
}

KTEST(scheduler_calls_by_id)
{
	struct thread *t = test_thread(sleep_for_ever, NULL, 0);
	struct thread_stats stats;
	struct cpumask first = {0};
	uint64_t id = t->thread_id;

	cpumask_set(&first, 0);
	while (thread_get_state(t) != THREAD_WAITING)
		thread_sleep(NSEC_PER_MSEC / 10);
	KTEST_EXPECT_EQ(scheduler_get_thread_stats(id, &stats), 0);
	KTEST_EXPECT(!strcmp(stats.name, "test") && stats.process_id == 0);
	KTEST_EXPECT(stats.cpu_time > 0);
	KTEST_EXPECT_EQ(scheduler_set_thread_affinity(id, &first), 0);
	KTEST_EXPECT_EQ(scheduler_sleep_thread(id, 1), 0);
	KTEST_EXPECT_EQ(scheduler_wake_thread(thread_current()->thread_id), 0);
	while (thread_get_state(t) != THREAD_TERMINATED) {
		KTEST_EXPECT_EQ(scheduler_wake_thread(id), 0);
		thread_sleep(NSEC_PER_MSEC / 10);
	}
	KTEST_EXPECT_EQ(test_join(t), 0);
	KTEST_EXPECT_EQ(scheduler_get_thread_stats(id, &stats), -ESCHED_THREAD);
	KTEST_EXPECT_EQ(scheduler_set_thread_affinity(id, &first), -ESCHED_THREAD);
	KTEST_EXPECT_EQ(scheduler_sleep_thread(id, 1), -ESCHED_THREAD);
	KTEST_EXPECT_EQ(scheduler_wake_thread(id), -ESCHED_THREAD);
}

KTEST(scheduler_counts)
{
	struct scheduler_stats before, after, one;

	KTEST_EXPECT(scheduler_is_ready());
	KTEST_EXPECT_EQ(scheduler_get_cpu_count(), atomic_load(&scheduler.nr_online));
	KTEST_EXPECT_EQ(scheduler_get_stats(&before), 0);
	KTEST_EXPECT_EQ(thread_sleep(NSEC_PER_MSEC), 0);
	KTEST_EXPECT_EQ(scheduler_get_stats(&after), 0);
	KTEST_EXPECT(after.context_switches > before.context_switches);
	KTEST_EXPECT(after.threads_scheduled > before.threads_scheduled);
	KTEST_EXPECT(after.running >= 1);
	KTEST_EXPECT_EQ(scheduler_get_cpu_stats(0, &one), 0);
	KTEST_EXPECT(one.context_switches <= after.context_switches + 1000);
	KTEST_EXPECT_EQ(scheduler_get_cpu_stats(CONFIG_MAX_CPUS, &one), -ESCHED_CPU);
	KTEST_EXPECT_EQ(scheduler_balance_load(), 0);
}
