/* SPDX-License-Identifier: MIT */
/* Misuses of spinlocks that a debug kernel ends at; each only by its whole name. */
#include "kernel/ktest.h"
#include "kernel/params.h"
#include "kernel/spinlock.h"
#include "kernel/string.h"
#include "kernel/thread.h"

static struct spinlock outer = SPINLOCK_INIT("outer", LOCK_RANK_SYNC);
static struct spinlock inner = SPINLOCK_INIT("inner", LOCK_RANK_TIMER);

static bool is_alone(const char *name)
{
	if (!strcmp(kernel_params.test, name))
		return true;
	ktest_skip("ends the kernel, hence only alone");
	return false;
}

/* Interrupts stay off behind it: the kernel ends. */
static bool begin_alone(const char *name)
{
	if (!is_alone(name))
		return false;
	arch_irq_disable();
	return true;
}

KTEST(lock_dies_in_wrong_order)
{
	if (!begin_alone("lock_dies_in_wrong_order"))
		return;
	spin_lock(&inner);
	spin_lock(&outer);
}

KTEST(lock_dies_taken_twice)
{
	if (!begin_alone("lock_dies_taken_twice"))
		return;
	spin_lock(&outer);
	spin_lock(&outer);
}

/* A second lock of a rank is in order only by the call that says so. */
KTEST(lock_dies_second_of_rank)
{
	static struct spinlock other = SPINLOCK_INIT("other", LOCK_RANK_SYNC);

	if (!begin_alone("lock_dies_second_of_rank"))
		return;
	spin_lock(&outer);
	spin_lock_second(&other);
	spin_unlock(&other);
	spin_lock(&other);
}

KTEST(lock_dies_not_taken)
{
	if (begin_alone("lock_dies_not_taken"))
		spin_unlock(&outer);
}

static int take_and_keep(void *taken)
{
	arch_irq_disable();
	spin_lock(&outer);
	atomic_store((_Atomic bool *)taken, true);
	while (atomic_load((_Atomic bool *)taken))
		arch_cpu_relax();
	return 0;
}

/* The lock is another CPU's. */
KTEST(lock_dies_unlocked_by_another)
{
	static _Atomic bool taken;

	if (!is_alone("lock_dies_unlocked_by_another"))
		return;
	KTEST_EXPECT_EQ(thread_run(NULL, "owner", take_and_keep, &taken), 0);
	while (!atomic_load(&taken))
		arch_cpu_relax();
	arch_irq_disable();
	spin_unlock(&outer);
}
