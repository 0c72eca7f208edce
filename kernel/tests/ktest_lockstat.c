/* SPDX-License-Identifier: MIT */
/* Statistics of locks (rule S9.3): counts always, times only while they are wanted. */
#include "kernel/lockstat.h"
#include "kernel/mutex.h"
#include "kernel/symbols.h"
#include "kernel/tests/threads.h"

#define WHILE (2 * NSEC_PER_MSEC)

static struct mutex mutex;

static __noinline int wait_for_mutex(void *arg __unused)
{
	mutex_lock(&mutex);
	barrier();
	mutex_unlock(&mutex);
	return 0;
}

/* Of the place in a function whose name begins so; zeros when there is none. */
static struct lockstat stat_of(const char *function)
{
	struct lockstat stat;
	size_t offset;

	for (unsigned i = 0; lockstat_get(i, &stat); i++) {
		const char *name = symbols_lookup(stat.site, &offset);

		if (name && !strncmp(name, function, strlen(function)))
			return stat;
	}
	return (struct lockstat){0};
}

/* The test holds the mutex for a while, in which another thread waits for it. */
static bool contend(void)
{
	struct thread *t;

	mutex_lock(&mutex);
	t = test_thread(wait_for_mutex, NULL, 0);
	test_await_wait(t);
	thread_sleep(WHILE);
	mutex_unlock(&mutex);
	return !test_join(t);
}

KTEST(lockstat_S9_3_mutex)
{
	struct lockstat stat, own;

	mutex_init(&mutex, "stat");
	lockstat_clear();
	lockstat_set(false);
	KTEST_EXPECT(contend());
	stat = stat_of("wait_for_mutex");
	KTEST_EXPECT(!strcmp(stat.name, "stat"));
	KTEST_EXPECT_EQ(stat.contended, 1);
	KTEST_EXPECT_EQ(stat.wait, 0);
	lockstat_set(true);
	KTEST_EXPECT(contend()); /* from here on the mutex is known to be waited for */
	KTEST_EXPECT(contend());
	KTEST_EXPECT(mutex_trylock(&mutex));
	mutex_unlock(&mutex);
	lockstat_set(false);
	stat = stat_of("wait_for_mutex");
	own = stat_of("contend");
	KTEST_EXPECT_EQ(stat.contended, 3);
	KTEST_EXPECT(stat.wait >= 2 * WHILE && stat.wait_max >= WHILE);
	KTEST_EXPECT(own.held >= WHILE && own.held_max >= WHILE && own.held >= own.held_max);
	mutex_lock(&mutex);
	mutex_unlock(&mutex);
	KTEST_EXPECT_EQ(atomic_load(&mutex.owner), 0);
	lockstat_clear();
	KTEST_EXPECT_EQ(stat_of("wait_for_mutex").contended, 0);
}

static struct spinlock spinlock = SPINLOCK_INIT("stat", LOCK_RANK_SYNC);
static _Atomic bool is_taken, about_to_spin;

static __noinline int wait_for_spinlock(void *arg __unused)
{
	arch_irqflags_t irqs;

	while (!atomic_load(&is_taken))
		arch_cpu_relax();
	irqs = arch_irq_save();
	atomic_store(&about_to_spin, true);
	spin_lock(&spinlock);
	spin_unlock(&spinlock);
	arch_irq_restore(irqs);
	return 0;
}

/* The other CPU may be late; a round in which it was counts nothing. */
static bool spin_once(void)
{
	arch_irqflags_t irqs;
	struct thread *t;

	atomic_store(&is_taken, false);
	atomic_store(&about_to_spin, false);
	if (thread_run(&t, "spins", wait_for_spinlock, NULL))
		return false;
	while (thread_get_state(t) != THREAD_RUNNING)
		thread_sleep(NSEC_PER_MSEC / 10);
	irqs = spin_lock_irqsave(&spinlock);
	atomic_store(&is_taken, true);
	while (!atomic_load(&about_to_spin))
		arch_cpu_relax();
	arch_delay(NSEC_PER_MSEC);
	spin_unlock_irqrestore(&spinlock, irqs);
	return !test_join(t);
}

KTEST(lockstat_S9_3_spinlock)
{
	struct lockstat stat = {0};

	if (atomic_load(&scheduler.nr_online) < 2) {
		ktest_skip("one CPU");
		return;
	}
	lockstat_clear();
	lockstat_set(true);
	for (unsigned i = 0; i < 100 && !stat.contended; i++) {
		KTEST_EXPECT(spin_once());
		stat = stat_of("wait_for_spinlock");
	}
	lockstat_set(false);
	KTEST_EXPECT_EQ(stat.kind, LOCKSTAT_SPINLOCK);
	KTEST_EXPECT(stat.contended > 0 && stat.wait_max > 0 && stat.wait >= stat.wait_max);
}
