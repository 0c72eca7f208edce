/* SPDX-License-Identifier: MIT */
/* Semaphore hand-over between two threads, per direction; a mutex that nobody else wants. */
#include "bench/bench.h"
#include "kernel/mutex.h"
#include "kernel/semaphore.h"

static struct semaphore ping = SEMAPHORE_INIT(ping, 0);
static struct semaphore pong = SEMAPHORE_INIT(pong, 0);
static _Atomic bool done;

static int answer(void *arg __unused)
{
	for (;;) {
		semaphore_take(&ping);
		if (atomic_load_explicit(&done, memory_order_relaxed))
			return 0;
		semaphore_give(&pong);
	}
}

static uint32_t time_ping_pong(void)
{
	ktime_t start = arch_time_now();

	for (unsigned i = 0; i < BENCH_ROUNDS; i++) {
		semaphore_give(&ping);
		semaphore_take(&pong);
	}
	return bench_per(start, 2 * BENCH_ROUNDS);
}

KBENCH(sem_pingpong, "sem-pingpong", 2000)
{
	struct thread *partner;

	atomic_store(&done, false);
	if (!bench_start(&partner, "partner", answer, NULL))
		return;
	for (unsigned i = 0; i < samples; i++)
		sample[i] = time_ping_pong();
	atomic_store(&done, true);
	semaphore_give(&ping);
	bench_join(partner);
}

KBENCH(sem_uncontended, "sem-uncontended", 1000)
{
	struct semaphore free;

	semaphore_init(&free, "benchmark", 1);
	for (unsigned i = 0; i < samples; i++) {
		ktime_t start = arch_time_now();

		for (unsigned round = 0; round < BENCH_ROUNDS; round++) {
			semaphore_take(&free);
			semaphore_give(&free);
		}
		sample[i] = bench_per(start, BENCH_ROUNDS);
	}
}

KBENCH(mutex_uncontended, "mutex-uncontended", 4000)
{
	struct mutex mutex;

	mutex_init(&mutex, "benchmark");
	for (unsigned i = 0; i < samples; i++) {
		ktime_t start = arch_time_now();

		for (unsigned round = 0; round < BENCH_ROUNDS; round++) {
			mutex_lock(&mutex);
			mutex_unlock(&mutex);
		}
		sample[i] = bench_per(start, BENCH_ROUNDS);
	}
}

/* --- a mutex with inheritance, contended ----------------------------------------------------- */

static struct mutex wanted = MUTEX_INIT(wanted);
static struct semaphore begin_lock = SEMAPHORE_INIT(begin_lock, 0);
static ktime_t began, ended;

/* Waits for the mutex that the benchmark holds; both ways are timed by whoever runs next. */
static int want_mutex(void *arg __unused)
{
	for (;;) {
		semaphore_take(&begin_lock);
		if (atomic_load_explicit(&done, memory_order_relaxed))
			return 0;
		began = arch_time_now();
		mutex_lock(&wanted);
		ended = arch_time_now();
		mutex_unlock(&wanted);
	}
}

/* From the lock that blocks until its owner goes on, and from the unlock until the waiter does. */
static void time_contended(uint32_t *sample, unsigned samples, bool unlock)
{
	struct thread *partner;

	atomic_store(&done, false);
	if (!bench_start(&partner, "partner", want_mutex, NULL))
		return;
	for (unsigned i = 0; i < samples; i++) {
		mutex_lock(&wanted);
		semaphore_give(&begin_lock);
		thread_yield();
		sample[i] = bench_per(began, 1);
		began = arch_time_now();
		mutex_unlock(&wanted);
		thread_yield();
		if (unlock)
			sample[i] = (uint32_t)(ended - began);
	}
	atomic_store(&done, true);
	semaphore_give(&begin_lock);
	bench_join(partner);
}

KBENCH(mutex_pi_lock, "mutex-pi-lock", 2000)
{
	time_contended(sample, samples, false);
}

KBENCH(mutex_pi_unlock, "mutex-pi-unlock", 2000)
{
	time_contended(sample, samples, true);
}
