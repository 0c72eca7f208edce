/* SPDX-License-Identifier: MIT */
/*
 * Work goes to where there are CPUs for it (rules S8.4, S8.5). Loads are exact only where time is
 * virtual: there the CPUs get equal shares of it, and nobody is held up by a busy host.
 */
#include "kernel/tests/threads.h"

#define THREADS_MAX 32u

struct crowd {
	_Atomic bool let_go;
	struct thread *thread[THREADS_MAX];
	unsigned count;
};

static bool is_exact(void)
{
	if (3 * atomic_load(&scheduler.cpu_end) > THREADS_MAX) {
		ktest_skip("three threads for each CPU are more than 32");
		return false;
	}
	if (kernel_params.turns && atomic_load(&scheduler.nr_online) > 1)
		return true;
	ktest_skip("exact only under icount (turns=on), with several CPUs");
	return false;
}

static int spin(void *arg)
{
	struct crowd *crowd = arg;

	while (!atomic_load(&crowd->let_go))
		arch_cpu_relax();
	return 0;
}

static int move_here(unsigned cpu)
{
	struct cpumask mask = {0};

	cpumask_set(&mask, cpu);
	return thread_set_affinity(thread_current(), &mask);
}

/* `n` more, on this CPU only. */
static bool add(struct crowd *crowd, unsigned n)
{
	while (n--) {
		struct thread *t = test_thread(spin, crowd, 0);

		if (!t)
			return false;
		crowd->thread[crowd->count++] = t;
	}
	return true;
}

static int disperse(struct crowd *crowd)
{
	int err = 0;

	atomic_store(&crowd->let_go, true);
	for (unsigned i = 0; i < crowd->count; i++)
		err |= test_join(crowd->thread[i]);
	return err;
}

/*
 * One on each other CPU, the rest on CPU 0, three for each CPU there is; then all may go anywhere.
 * When they are evenly spread, the test's own thread makes a difference of one.
 */
static bool gather(struct crowd *crowd)
{
	unsigned end = atomic_load(&scheduler.cpu_end);
	struct cpumask all;
	bool good = true;

	*crowd = (struct crowd){0};
	for (unsigned cpu = end; good && cpu-- > 0;)
		good = !move_here(cpu) && add(crowd, cpu ? 1 : 2 * end + 1);
	cpumask_set_all(&all);
	for (unsigned i = 0; good && i < crowd->count; i++)
		good = !thread_set_affinity(crowd->thread[i], &all);
	return good;
}

/* The test itself runs on CPU 0. */
static unsigned load_of(unsigned cpu)
{
	return atomic_load(&scheduler.rq[cpu]->nr_runnable) - (cpu == arch_cpu_id());
}

static unsigned difference(void)
{
	unsigned least = UINT_MAX, most = 0;

	for (unsigned cpu = 0; cpu < atomic_load(&scheduler.cpu_end); cpu++) {
		least = MIN(least, load_of(cpu));
		most = MAX(most, load_of(cpu));
	}
	return most - least;
}

static uint64_t pushes(void)
{
	uint64_t sum = 0;

	for (unsigned cpu = 0; cpu < atomic_load(&scheduler.cpu_end); cpu++)
		sum += scheduler.rq[cpu]->stats.pushes;
	return sum;
}

static ktime_t longest_idle_beside(void)
{
	ktime_t longest = 0;

	for (unsigned cpu = 0; cpu < atomic_load(&scheduler.cpu_end); cpu++)
		longest = MAX(longest, scheduler.rq[cpu]->stats.idle_beside.longest);
	return longest;
}

/* S8.4: the crowd spreads at the next balance of its CPU, and then nobody moves any more. */
KTEST(balance_evens_out_the_loads)
{
	ktime_t interval = scheduler.config.balance_interval;
	struct crowd crowd;
	uint64_t moved = pushes();

	if (!is_exact())
		return;
	KTEST_EXPECT(gather(&crowd));
	KTEST_EXPECT(difference() >= 2);
	KTEST_EXPECT_EQ(thread_sleep(2 * interval), 0);
	KTEST_EXPECT_EQ(difference(), 0);
	KTEST_EXPECT(pushes() > moved);
	moved = pushes();
	KTEST_EXPECT_EQ(thread_sleep(5 * interval), 0);
	KTEST_EXPECT_EQ(pushes(), moved);
	KTEST_EXPECT_EQ(disperse(&crowd), 0);
	test_unpin();
}

/* The original's balance_load: at once. */
KTEST(balance_load_acts_at_once)
{
	struct crowd crowd;

	if (!is_exact())
		return;
	KTEST_EXPECT(gather(&crowd));
	arch_irq_disable();
	sched_balance_load(&scheduler, arch_cpu_id(), arch_time_now());
	arch_irq_enable();
	KTEST_EXPECT(difference() <= 1);
	KTEST_EXPECT_EQ(disperse(&crowd), 0);
	test_unpin();
}

static int work_and_sleep(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	ktime_t done = 0;

	for (unsigned i = 0; i < 40; i++) {
		seed = seed * 1103515245u + 12345u;
		done += (ktime_t)(seed >> 16 & 1023) * NSEC_PER_USEC;
		test_spin_until(done);
		if (thread_sleep((ktime_t)(seed >> 8 & 2047) * NSEC_PER_USEC))
			return -EINTR;
	}
	return 0;
}

/* S8.5: a mixture of threads that come and go, some tied to a CPU; nobody idles beside them. */
KTEST(balance_no_cpu_idles_beside_a_waiting_thread)
{
	struct thread *t[THREADS_MAX];

	if (!is_exact())
		return;
	for (unsigned i = 0; i < THREADS_MAX; i++) {
		KTEST_EXPECT_EQ(
			thread_run(&t[i], "mixed", work_and_sleep, (void *)(uintptr_t)i), 0);
		if (i % 4 == 0) {
			struct cpumask mask = {0};

			cpumask_set(&mask, i / 4 % atomic_load(&scheduler.cpu_end));
			KTEST_EXPECT_EQ(thread_set_affinity(t[i], &mask), 0);
		}
	}
	for (unsigned i = 0; i < THREADS_MAX; i++)
		KTEST_EXPECT_EQ(test_join(t[i]), 0);
	KTEST_EXPECT(longest_idle_beside() <= scheduler.config.balance_interval);
}
