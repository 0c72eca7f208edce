/* SPDX-License-Identifier: MIT */
/*
 * What the tests of threads share: an order of events as text, threads on the test's own CPU, and
 * spinning by a thread's own CPU time. A test that compares an order pins itself and its threads to
 * one CPU, so that the order does not depend on how many there are.
 */
#ifndef KERNEL_TESTS_THREADS_H
#define KERNEL_TESTS_THREADS_H

#include "kernel/errno.h"
#include "kernel/ktest.h"
#include "kernel/params.h"
#include "kernel/preempt.h"
#include "kernel/string.h"
#include "kernel/thread.h"
#include <arch/time.h>

/* For a test whose exact order is round robin's. False: it is skipped; return. */
static inline bool test_is_round_robin(void)
{
	if (kernel_params.sched == SCHED_POLICY_rr)
		return true;
	ktest_skip("the order is that of sched=rr");
	return false;
}

#define ORDER_MAX 128u

struct order {
	_Atomic unsigned length;
	char text[ORDER_MAX];
};

static inline void order_clear(struct order *o)
{
	memset(o, 0, sizeof(*o));
}

static inline void order_note(struct order *o, char event)
{
	unsigned at = atomic_fetch_add(&o->length, 1);

	if (at < ORDER_MAX - 1)
		o->text[at] = event;
}

#define KTEST_EXPECT_ORDER(o, want)                                                                \
	do {                                                                                       \
		if (strcmp((o)->text, want)) {                                                     \
			ktest_fail(                                                                \
				__FILE__, __LINE__, "order is %s, expected %s", (o)->text, want);  \
			return;                                                                    \
		}                                                                                  \
	} while (0)

/* Keeps the test on the CPU where it is; test_unpin() undoes it. */
static inline int test_pin(void)
{
	struct cpumask mask = {0};

	cpumask_set(&mask, thread_get_cpu(thread_current()));
	return thread_set_affinity(thread_current(), &mask);
}

static inline void test_unpin(void)
{
	struct cpumask all;

	cpumask_set_all(&all);
	if (thread_set_affinity(thread_current(), &all))
		ktest_fail(__FILE__, __LINE__, "the test cannot be unpinned");
}

/* A started thread on the CPU where the test is, with flags; NULL when it cannot be created. */
static inline struct thread *test_thread(thread_entry entry, void *arg, unsigned flags)
{
	struct cpumask here = {0};
	struct thread_params params = {
		.name = "test", .entry = entry, .arg = arg, .flags = flags, .affinity = &here};
	struct thread *t;

	cpumask_set(&here, thread_get_cpu(thread_current()));
	if (thread_create(&t, &params))
		return NULL;
	thread_start(t);
	return t;
}

/* Until `t` waits for something, or has come back from that already. */
static inline void test_await_wait(struct thread *t)
{
	enum thread_state state;

	do {
		thread_sleep(NSEC_PER_MSEC / 10);
		state = thread_get_state(t);
	} while (state != THREAD_WAITING && state != THREAD_TERMINATED);
}

/* Exit status of a thread that is expected to end, or -1000 - the error of the join. */
static inline int test_join(struct thread *t)
{
	int status = 0, err = thread_join_until(t, &status, arch_time_now() + 60 * NSEC_PER_SEC);

	return err ? -1000 + err : status;
}

static inline ktime_t test_in(ktime_t ns)
{
	return arch_time_now() + ns;
}

/* Runs until the calling thread has used this much CPU time in all. */
static inline void test_spin_until(ktime_t cpu_time)
{
	struct thread_stats stats;

	do {
		arch_cpu_relax();
		thread_get_stats(thread_current(), &stats);
	} while (stats.cpu_time < cpu_time);
}

#endif
