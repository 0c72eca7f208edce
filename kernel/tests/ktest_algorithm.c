/* SPDX-License-Identifier: MIT */
/*
 * Rule S1.3 in the kernel: the system algorithm and its figures change while threads compute,
 * sleep, wake each other and come and go on every CPU. Nobody is lost; nobody stands still.
 */
#include "kernel/scheduler.h"
#include "kernel/semaphore.h"
#include "kernel/tests/threads.h"

#define SPINNERS 6u
#define SLEEPERS 4u
#define PAIRS    3u
#define CREATORS 2u
#define THREADS  (SPINNERS + SLEEPERS + 2 * PAIRS + CREATORS)
#define ROUNDS   12u /* each direction once */

static _Atomic bool over;
static _Atomic unsigned progress[THREADS];
static struct semaphore ping[PAIRS], pong[PAIRS];

static int spin(void *arg)
{
	_Atomic unsigned *mine = arg;

	while (!atomic_load(&over)) {
		atomic_fetch_add(mine, 1);
		arch_cpu_relax();
	}
	return 0;
}

static int doze(void *arg)
{
	_Atomic unsigned *mine = arg;

	while (!atomic_load(&over)) {
		atomic_fetch_add(mine, 1);
		thread_sleep(NSEC_PER_MSEC);
	}
	return 0;
}

static int exchange(void *arg)
{
	_Atomic unsigned *mine = arg;
	unsigned i = (unsigned)(mine - progress) - SPINNERS - SLEEPERS;
	struct semaphore *give = i % 2 ? &ping[i / 2] : &pong[i / 2];
	struct semaphore *take = i % 2 ? &pong[i / 2] : &ping[i / 2];

	while (!atomic_load(&over)) {
		atomic_fetch_add(mine, 1);
		semaphore_give(give);
		semaphore_take(take);
	}
	semaphore_give(give);
	return 0;
}

static int end_at_once(void *arg __unused)
{
	return 0;
}

static int create(void *arg)
{
	_Atomic unsigned *mine = arg;
	struct thread *t;

	while (!atomic_load(&over)) {
		atomic_fetch_add(mine, 1);
		if (thread_run(&t, "brief", end_at_once, NULL) || thread_join(t, NULL))
			return 1;
	}
	return 0;
}

static thread_entry entry_of(unsigned i)
{
	if (i < SPINNERS)
		return spin;
	if (i < SPINNERS + SLEEPERS)
		return doze;
	return i < THREADS - CREATORS ? exchange : create;
}

/* Everybody goes on within the old bound and the new one; that is less than this for so few. */
static unsigned count_still(void)
{
	ktime_t end = arch_time_now() + 10 * NSEC_PER_SEC;
	unsigned still = 0;

	for (unsigned i = 0; i < THREADS; i++)
		atomic_store(&progress[i], 0);
	for (unsigned i = 0; i < THREADS; i++)
		while (!atomic_load(&progress[i]) && arch_time_now() < end)
			thread_sleep(NSEC_PER_MSEC);
	for (unsigned i = 0; i < THREADS; i++)
		still += !atomic_load(&progress[i]);
	return still;
}

static const char *check_all(void)
{
	struct cpumask online;
	const char *wrong = NULL;
	unsigned cpu;

	cpumask_snapshot(&online, &scheduler.online);
	cpumask_for_each (cpu, &online) {
		struct sched_rq *rq = scheduler.rq[cpu];
		arch_irqflags_t irqs = spin_lock_irqsave(&rq->lock);

		wrong = wrong ? wrong : sched_check_rq(rq);
		spin_unlock_irqrestore(&rq->lock, irqs);
	}
	return wrong;
}

/* By way of all the others, so that every direction occurs. */
static enum sched_policy_id algorithm_of_round(unsigned round)
{
	static const enum sched_policy_id way[] = {SCHED_POLICY_priority, SCHED_POLICY_mlfq,
		SCHED_POLICY_edf, SCHED_POLICY_priority, SCHED_POLICY_rr, SCHED_POLICY_mlfq,
		SCHED_POLICY_priority, SCHED_POLICY_edf, SCHED_POLICY_mlfq, SCHED_POLICY_rr,
		SCHED_POLICY_edf, SCHED_POLICY_rr};

	return way[round % ARRAY_SIZE(way)];
}

static void change_and_look(unsigned round)
{
	unsigned still;

	if (scheduler_set_algorithm(algorithm_of_round(round)))
		ktest_fail(__FILE__, __LINE__, "change %u is refused", round);
	if (check_all())
		ktest_fail(__FILE__, __LINE__, "change %u: %s", round, check_all());
	still = count_still();
	if (still)
		ktest_fail(__FILE__, __LINE__, "change %u: %u threads stand still", round, still);
}

static void start_load(struct thread **t)
{
	atomic_store(&over, false);
	for (unsigned i = 0; i < PAIRS; i++) {
		semaphore_init(&ping[i], "ping", 0);
		semaphore_init(&pong[i], "pong", 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		if (thread_run(&t[i], "load", entry_of(i), (void *)&progress[i]))
			ktest_fail(__FILE__, __LINE__, "thread %u cannot be created", i);
}

static void end_load(struct thread **t)
{
	atomic_store(&over, true);
	for (unsigned i = 0; i < THREADS; i++) {
		int status = 1, err = thread_join(t[i], &status);

		if (err || status)
			ktest_fail(__FILE__, __LINE__, "thread %u: join %d, status %d", i, err,
				status);
	}
}

/* With short turns, so that there are many. */
KTEST(algorithm_changes_under_load)
{
	struct sched_config before, config;
	unsigned threads = thread_count();
	struct thread *t[THREADS];

	scheduler_get_config(&before);
	config = before;
	config.quantum = 2 * NSEC_PER_MSEC;
	KTEST_EXPECT_EQ(scheduler_set_config(&config), 0);
	start_load(t);
	for (unsigned round = 0; round < ROUNDS; round++)
		change_and_look(round);
	end_load(t);
	KTEST_EXPECT_EQ(scheduler_set_config(&before), 0);
	while (thread_count() > threads)
		thread_sleep(NSEC_PER_MSEC);
	KTEST_EXPECT_EQ(thread_count(), threads);
}

KTEST(algorithm_wrong_values)
{
	struct sched_config config, before;

	scheduler_get_config(&before);
	KTEST_EXPECT_EQ(scheduler_set_algorithm(SCHED_POLICY_fp), -ESCHED_CONFIG);
	config = before;
	config.quantum = 0;
	KTEST_EXPECT_EQ(scheduler_set_config(&config), -ESCHED_CONFIG);
	scheduler_get_config(&config);
	KTEST_EXPECT_EQ(config.algorithm, before.algorithm);
	KTEST_EXPECT_EQ(config.quantum, before.quantum);
}

/* At once, also for who runs. */
KTEST(algorithm_other_quantum)
{
	struct sched_config config, before;

	scheduler_get_config(&before);
	config = before;
	config.quantum = 2 * before.quantum;
	KTEST_EXPECT_EQ(scheduler_set_config(&config), 0);
	thread_yield();
	if (before.algorithm == SCHED_POLICY_rr)
		KTEST_EXPECT_EQ(thread_current()->se.quantum, config.quantum);
	KTEST_EXPECT_EQ(scheduler_set_config(&before), 0);
}
