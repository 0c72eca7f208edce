/* SPDX-License-Identifier: MIT */
/*
 * Wake-ups: of a more urgent thread by a semaphore, from the give until it runs; from the end of an
 * interrupt's handler until the thread runs that it has woken; of a thread on another CPU that
 * idles, what it costs the one who wakes.
 */
#include "bench/bench.h"
#include "kernel/semaphore.h"
#include "kernel/thread_policy.h"
#include "kernel/timer.h"

#define DELAY (20 * NSEC_PER_USEC)

static struct semaphore wanted = SEMAPHORE_INIT(wanted, 0);
static _Atomic bool done;
static _Atomic unsigned waits; /* how often the waiter has come to its wait */
static ktime_t ran_at;

static int wait_in_turns(void *arg __unused)
{
	while (!atomic_load_explicit(&done, memory_order_relaxed)) {
		atomic_fetch_add(&waits, 1);
		semaphore_take(&wanted);
		ran_at = arch_time_now();
	}
	return 0;
}

/* A waiter of this priority, on this CPU or any. False: the benchmark has failed. */
static bool start_waiter(struct thread **thread, unsigned priority, const struct cpumask *mask)
{
	struct thread_params params = {
		.name = "waiter",
		.entry = wait_in_turns,
		.has_priority = true,
		.priority = priority,
		.affinity = mask,
	};
	int err = thread_create(thread, &params);

	atomic_store(&done, false);
	atomic_store(&waits, 0);
	if (err)
		ktest_fail(__FILE__, __LINE__, "waiter: error %d", err);
	else
		thread_start(*thread);
	return !err;
}

static void end_waiter(struct thread *thread)
{
	atomic_store(&done, true);
	semaphore_give(&wanted);
	bench_join(thread);
}

KBENCH(sem_give_wakes_higher, "sem-give-wakes-higher", 1000)
{
	struct thread *waiter;

	if (!start_waiter(&waiter, THREAD_PRIORITY_NORMAL, NULL))
		return;
	if (thread_set_fixed(waiter, SCHED_KIND_FIFO, 50))
		ktest_fail(__FILE__, __LINE__, "no fixed priority");
	thread_yield();
	for (unsigned i = 0; i < samples; i++) {
		ktime_t began = arch_time_now();

		semaphore_give(&wanted);
		sample[i] = (uint32_t)(ran_at - began);
	}
	end_waiter(waiter);
}

/* --- out of an interrupt --------------------------------------------------------------------- */

static ktime_t handled_at;

static void wake_waiter(struct timer *timer __unused)
{
	semaphore_give(&wanted);
	handled_at = arch_time_now();
}

KBENCH(irq_wakes_thread, "irq-wakes-thread", 500)
{
	struct thread *waiter;
	struct timer timer;

	if (!start_waiter(&waiter, THREAD_PRIORITY_NORMAL, NULL))
		return;
	if (thread_set_fixed(waiter, SCHED_KIND_FIFO, 50))
		ktest_fail(__FILE__, __LINE__, "no fixed priority");
	thread_yield();
	timer_init(&timer, wake_waiter);
	for (unsigned i = 0; i < samples; i++) {
		unsigned before = atomic_load(&waits);

		timer_start(&timer, arch_time_now() + DELAY);
		while (atomic_load_explicit(&waits, memory_order_relaxed) == before)
			;
		sample[i] = (uint32_t)(ran_at - handled_at);
	}
	end_waiter(waiter);
}

/* --- to another CPU -------------------------------------------------------------------------- */

/* The waiter waits on its CPU, and that CPU has nothing else to do. */
static void wait_for_rest(struct thread *waiter, unsigned times)
{
	while (atomic_load(&waits) < times || thread_get_state(waiter) != THREAD_WAITING)
		arch_cpu_relax();
	while (!atomic_load(&scheduler.nr_idle))
		arch_cpu_relax();
}

KBENCH(wakeup_remote, "wakeup-remote", 500)
{
	struct cpumask second = {0};
	struct thread *waiter;

	if (atomic_load(&scheduler.nr_online) != 2) {
		ktest_skip("for two CPUs");
		return;
	}
	cpumask_set(&second, 1 - arch_cpu_id());
	if (!start_waiter(&waiter, THREAD_PRIORITY_NORMAL, &second))
		return;
	for (unsigned i = 0; i < samples; i++) {
		ktime_t began;

		wait_for_rest(waiter, i + 1);
		began = arch_time_now();
		semaphore_give(&wanted);
		sample[i] = bench_per(began, 1);
	}
	end_waiter(waiter);
}
