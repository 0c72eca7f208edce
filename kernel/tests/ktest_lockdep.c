/* SPDX-License-Identifier: MIT */
/* Each report of the lock-dependency checker, provoked; and what must not be reported. */
#include "kernel/lockdep.h"
#include "kernel/mutex.h"
#include "kernel/tests/threads.h"
#include "kernel/timer.h"

static bool has_checker(void)
{
	if (!KASSERT_ON)
		ktest_skip("lock dependencies are checked in debug builds");
	return KASSERT_ON;
}

static void take_both(struct mutex *first, struct mutex *then)
{
	mutex_lock(first);
	mutex_lock(then);
	mutex_unlock(then);
	mutex_unlock(first);
}

/* Nothing deadlocks here, one thread does it all: that it could is enough. Said once. */
KTEST(lockdep_two_mutexes)
{
	static struct mutex a = {.name = "lockdep-a"}, b = {.name = "lockdep-b"};

	if (!has_checker())
		return;
	take_both(&a, &b);
	KTEST_EXPECT_EQ(lockdep_take_reports(), 0);
	take_both(&b, &a);
	KTEST_EXPECT_EQ(lockdep_take_reports(), 1);
	take_both(&b, &a);
	take_both(&a, &b);
	KTEST_EXPECT_EQ(lockdep_take_reports(), 0);
}

/* A cycle of three, of which no two are in a wrong order. */
KTEST(lockdep_three_mutexes)
{
	static struct mutex c = {.name = "lockdep-c"}, d = {.name = "lockdep-d"},
			    e = {.name = "lockdep-e"};

	if (!has_checker())
		return;
	take_both(&c, &d);
	take_both(&d, &e);
	take_both(&c, &e);
	KTEST_EXPECT_EQ(lockdep_take_reports(), 0);
	take_both(&e, &c);
	KTEST_EXPECT_EQ(lockdep_take_reports(), 1);
}

/* A class is a name: two of them are one, and what is known of one is known of the other. */
KTEST(lockdep_classes)
{
	struct mutex f[2], g;
	char name[] = "lockdep-f"; /* the same text at another address */

	if (!has_checker())
		return;
	mutex_init(&f[0], "lockdep-f");
	mutex_init(&f[1], name);
	mutex_init(&g, "lockdep-g");
	take_both(&f[0], &f[1]);
	take_both(&f[1], &f[0]);
	take_both(&f[0], &g);
	KTEST_EXPECT_EQ(lockdep_take_reports(), 0);
	take_both(&g, &f[1]);
	KTEST_EXPECT_EQ(lockdep_take_reports(), 1);
}

/* Who only tries cannot wait, but what it has got is held. */
KTEST(lockdep_trylock)
{
	static struct mutex h = {.name = "lockdep-h"}, i = {.name = "lockdep-i"};

	if (!has_checker())
		return;
	take_both(&h, &i);
	mutex_lock(&i);
	KTEST_EXPECT(mutex_trylock(&h));
	mutex_unlock(&h);
	mutex_unlock(&i);
	KTEST_EXPECT_EQ(lockdep_take_reports(), 0);
	KTEST_EXPECT(mutex_trylock(&i));
	mutex_lock(&h);
	mutex_unlock(&h);
	mutex_unlock(&i);
	KTEST_EXPECT_EQ(lockdep_take_reports(), 1);
}

/* --- spinlocks in interrupts ----------------------------------------------------------------- */

static struct spinlock used = SPINLOCK_INIT("lockdep-used", LOCK_RANK_SYNC);
static struct spinlock unused = SPINLOCK_INIT("lockdep-unused", LOCK_RANK_SYNC);
static _Atomic unsigned taken;

static void take_in_interrupt(struct timer *timer __unused)
{
	spin_lock(&used);
	spin_unlock(&used);
	if (spin_trylock(&unused))
		spin_unlock(&unused);
	atomic_fetch_add(&taken, 1);
}

/* While its CPU is idle: the boot CPU's idle thread has the stack that the CPU came with. */
static void interrupt_once(void)
{
	unsigned before = atomic_load(&taken);
	struct timer timer;

	timer_init(&timer, take_in_interrupt);
	timer_start(&timer, test_in(NSEC_PER_MSEC));
	while (atomic_load(&taken) == before)
		thread_sleep(5 * NSEC_PER_MSEC);
	timer_cancel_sync(&timer);
}

static void take_with_interrupts_on(struct spinlock *l)
{
	preempt_disable();
	spin_lock(l);
	spin_unlock(l);
	preempt_enable();
}

KTEST(lockdep_interrupts)
{
	struct cpumask boot_cpu = {0};
	arch_irqflags_t irqs;

	if (!has_checker())
		return;
	cpumask_set(&boot_cpu, 0);
	KTEST_EXPECT_EQ(thread_set_affinity(thread_current(), &boot_cpu), 0);
	interrupt_once();
	irqs = spin_lock_irqsave(&used);
	spin_unlock_irqrestore(&used, irqs);
	take_with_interrupts_on(&unused);
	interrupt_once();
	KTEST_EXPECT_EQ(lockdep_take_reports(), 0);
	take_with_interrupts_on(&used);
	KTEST_EXPECT_EQ(lockdep_take_reports(), 1);
	take_with_interrupts_on(&used);
	interrupt_once();
	test_unpin();
	KTEST_EXPECT_EQ(lockdep_take_reports(), 0);
}

/* A test that leaves a report behind fails; this one is its own proof, alone. */
KTEST(lockdep_fails_a_test)
{
	static struct mutex j = {.name = "lockdep-j"}, k = {.name = "lockdep-k"};

	if (strcmp(kernel_params.test, "lockdep_fails_a_test")) {
		ktest_skip("fails, hence only alone");
		return;
	}
	take_both(&j, &k);
	take_both(&k, &j);
}
