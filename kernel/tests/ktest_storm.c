/* SPDX-License-Identifier: MIT */
/* Storms: many threads doing one thing as often as they can, bounded by counts. Races live here. */
#include "kernel/mutex.h"
#include "kernel/semaphore.h"
#include "kernel/tests/threads.h"

#define CREATORS  8u
#define CREATIONS 60u
#define PAIRS     6u
#define EXCHANGES 400u
#define MOVERS    6u
#define MOVES     150u
#define VICTIMS   40u
#define JOINS     400u

static void run_all(struct thread **t, unsigned count, thread_entry entry, void *arg)
{
	for (unsigned i = 0; i < count; i++)
		if (thread_run(&t[i], "storm", entry, arg))
			ktest_fail(__FILE__, __LINE__, "thread %u cannot be created", i);
}

static void join_all(struct thread **t, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		int status, err = thread_join(t[i], &status);

		if (err || (status && status != -EINTR)) /* -EINTR: killed before it began */
			ktest_fail(__FILE__, __LINE__, "thread %u: join %d, status %d", i, err,
				status);
	}
}

static int end_at_once(void *arg)
{
	return arg ? 1 : 0;
}

/* Its timeouts meet the thread's end. */
static int join_impatiently(struct thread *t)
{
	int err;

	do
		err = thread_join_until(t, NULL, arch_time_now() + 200000);
	while (err == -ETIMEDOUT);
	return err;
}

static int create_and_join(void *arg __unused)
{
	for (unsigned i = 0; i < ktest_rounds(CREATIONS); i++) {
		struct thread *t;
		int status = 0;

		if (thread_run(&t, "brief", end_at_once, NULL) || thread_join(t, &status) || status)
			return 1;
		if (thread_run(NULL, "detached", end_at_once, NULL))
			return 1;
	}
	return 0;
}

KTEST(storm_of_creations)
{
	struct thread *t[CREATORS];
	unsigned before = thread_count();

	run_all(t, CREATORS, create_and_join, NULL);
	join_all(t, CREATORS);
	while (thread_count() > before)
		thread_sleep(NSEC_PER_MSEC);
	KTEST_EXPECT_EQ(thread_count(), before);
}

/* On every CPU in turn, so that most ends are seen from elsewhere: gone is gone at once. */
KTEST(storm_of_joins)
{
	unsigned before = thread_count(), end = atomic_load(&scheduler.cpu_end);

	for (unsigned i = 0; i < ktest_rounds(JOINS); i++) {
		struct cpumask mask = {0};
		struct thread_params params = {.entry = end_at_once, .affinity = &mask};
		struct thread *t;
		uint64_t id;

		cpumask_set(&mask, i % end);
		KTEST_EXPECT_EQ(thread_create(&t, &params), 0);
		id = t->thread_id;
		thread_start(t);
		KTEST_EXPECT_EQ(i % 3 ? thread_join(t, NULL) : join_impatiently(t), 0);
		KTEST_EXPECT(!thread_find(id));
		KTEST_EXPECT_EQ(thread_count(), before);
	}
}

struct table {
	struct semaphore ping, pong;
	_Atomic unsigned sum;
};

static int play_ping(void *arg)
{
	struct table *table = arg;

	for (unsigned i = 0; i < ktest_rounds(EXCHANGES); i++) {
		semaphore_give(&table->ping);
		semaphore_take(&table->pong);
		atomic_fetch_add(&table->sum, 1);
	}
	return 0;
}

static int play_pong(void *arg)
{
	struct table *table = arg;

	for (unsigned i = 0; i < ktest_rounds(EXCHANGES); i++) {
		semaphore_take(&table->ping);
		semaphore_give(&table->pong);
	}
	return 0;
}

KTEST(storm_of_ping_pong)
{
	static struct table table[PAIRS];
	struct thread *t[2 * PAIRS];

	for (unsigned i = 0; i < PAIRS; i++) {
		semaphore_init(&table[i].ping, "ping", 0);
		semaphore_init(&table[i].pong, "pong", 0);
		atomic_store(&table[i].sum, 0);
		run_all(&t[2 * i], 1, play_ping, &table[i]);
		run_all(&t[2 * i + 1], 1, play_pong, &table[i]);
	}
	join_all(t, 2 * PAIRS);
	for (unsigned i = 0; i < PAIRS; i++)
		KTEST_EXPECT_EQ(atomic_load(&table[i].sum), ktest_rounds(EXCHANGES));
}

static int move_about(void *arg __unused)
{
	unsigned end = atomic_load(&scheduler.cpu_end);

	for (unsigned i = 0; i < ktest_rounds(MOVES); i++) {
		struct cpumask mask = {0};
		unsigned cpu = (i * 7 + (unsigned)thread_current()->thread_id) % end;

		cpumask_set(&mask, cpu);
		if (thread_set_affinity(thread_current(), &mask) || arch_cpu_id() != cpu)
			return 1;
		thread_yield();
	}
	return 0;
}

KTEST(storm_of_migrations)
{
	struct thread *t[MOVERS];

	run_all(t, MOVERS, move_about, NULL);
	join_all(t, MOVERS);
}

struct crowd {
	struct mutex mutex;
	unsigned inside, entries;
	bool broken;
};

static int crowd_in(void *arg)
{
	struct crowd *c = arg;

	for (unsigned i = 0; i < ktest_rounds(EXCHANGES); i++) {
		mutex_lock(&c->mutex);
		c->broken |= c->inside++;
		if (!(i % 16))
			thread_yield();
		c->inside--;
		c->entries++;
		mutex_unlock(&c->mutex);
	}
	return 0;
}

KTEST(storm_on_a_mutex)
{
	static struct crowd c;
	struct thread *t[CREATORS];

	c = (struct crowd){0};
	mutex_init(&c.mutex, "crowd");
	run_all(t, CREATORS, crowd_in, &c);
	join_all(t, CREATORS);
	KTEST_EXPECT(!c.broken);
	KTEST_EXPECT_EQ(c.entries, CREATORS * ktest_rounds(EXCHANGES));
}

/* Waits with timeouts that are as short as the other side's pause: both ends of each race. */
static int wait_briefly(void *arg)
{
	unsigned taken = 0;

	for (unsigned i = 0; i < ktest_rounds(EXCHANGES); i++)
		taken += !semaphore_take_until(arg, arch_time_now() + 20000);
	atomic_fetch_add(&((struct table *)arg)->sum, taken);
	return 0;
}

static unsigned gifts(void)
{
	return ktest_rounds(EXCHANGES) / 2;
}

static int give_slowly(void *arg)
{
	for (unsigned i = 0; i < gifts(); i++) {
		semaphore_give(arg);
		thread_sleep(20000);
	}
	return 0;
}

KTEST(storm_of_timeouts)
{
	static struct table table;
	struct thread *t[4];

	static_assert(!offsetof(struct table, ping), "a table's address is its first semaphore's");
	semaphore_init(&table.ping, "brief", 0);
	atomic_store(&table.sum, 0);
	run_all(t, 2, wait_briefly, &table);
	run_all(t + 2, 2, give_slowly, &table);
	join_all(t, 4);
	KTEST_EXPECT_EQ(atomic_load(&table.sum) + semaphore_units(&table.ping), 2 * gifts());
}

static int run_until_killed(void *arg)
{
	struct semaphore *s = arg;

	while (!thread_check_stop())
		if (semaphore_take_until(s, arch_time_now() + 50000) != -ETIMEDOUT)
			thread_yield();
	return 0;
}

KTEST(storm_of_kills)
{
	static struct semaphore never;
	static struct thread *t[VICTIMS];

	semaphore_init(&never, "never", 0);
	run_all(t, VICTIMS, run_until_killed, &never);
	for (unsigned i = 0; i < VICTIMS; i++) {
		if (!(i % 3))
			KTEST_EXPECT_EQ(thread_suspend(t[i], KTIME_MAX), 0);
		if (!(i % 6))
			KTEST_EXPECT_EQ(thread_resume(t[i]), 0);
		KTEST_EXPECT_EQ(thread_kill(t[i]), 0);
	}
	join_all(t, VICTIMS);
}
