/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own threads, dispatch, wait queues and timers on fibres of a host process, in
 * virtual time, under the sanitizers: orders and times are exact. All tests run in one kernel
 * thread; the host thread's own stack is the idle thread's.
 */
#include "kernel/types.h"
#include <arch/host_test.h>
#include "kernel/condvar.h"
#include "kernel/errno.h"
#include "kernel/idle.h"
#include "kernel/semaphore.h"
#include "kernel/thread.h"
#include "mm/tests/mm_machine.h"
#include <arch/time.h>

static char order[64];
static unsigned noted;

static void clear(void)
{
	memset(order, 0, sizeof(order));
	noted = 0;
}

static void note(const char *what)
{
	assert_true(noted < sizeof(order) - 1);
	order[noted++] = *what;
}

static void start(struct thread **t, thread_entry entry, void *arg)
{
	assert_int_equal(thread_run(t, arg ? arg : "thread", entry, arg), 0);
}

static int join(struct thread *t)
{
	int status = 0;

	assert_int_equal(thread_join(t, &status), 0);
	return status;
}

static int yield_thrice(void *arg)
{
	for (unsigned i = 0; i < 3; i++) {
		note(arg);
		thread_yield();
	}
	return 7;
}

static void yields_go_round(void **state)
{
	struct thread *a, *b;

	(void)state;
	clear();
	start(&a, yield_thrice, "a");
	start(&b, yield_thrice, "b");
	assert_int_equal(join(a), 7);
	assert_int_equal(join(b), 7);
	assert_string_equal(order, "ababab");
}

/* Three quanta of 20 ms each, when two spin. */
static int spin(void *arg)
{
	struct thread_stats stats;

	do {
		if (!noted || order[noted - 1] != *(char *)arg)
			note(arg);
		arch_host_poll();
		thread_get_stats(thread_current(), &stats);
	} while (stats.cpu_time < 50 * NSEC_PER_MSEC);
	return 0;
}

static void slices_are_quanta(void **state)
{
	struct thread *a, *b;

	(void)state;
	clear();
	arch_host_time_step = 1000;
	start(&a, spin, "a");
	start(&b, spin, "b");
	join(a);
	join(b);
	arch_host_time_step = 10;
	assert_string_equal(order, "ababab");
}

static int sleep_long(void *arg)
{
	int err = thread_sleep(3 * NSEC_PER_SEC);

	note(arg);
	return err;
}

static int sleep_short(void *arg)
{
	int err = thread_sleep(NSEC_PER_SEC);

	note(arg);
	return err;
}

static void sleeps_end_in_order(void **state)
{
	ktime_t before = arch_time_now();
	struct thread *a, *b;

	(void)state;
	clear();
	start(&a, sleep_long, "l");
	start(&b, sleep_short, "s");
	join(a);
	join(b);
	assert_string_equal(order, "sl");
	assert_in_range(arch_time_now() - before, 3 * NSEC_PER_SEC, 3 * NSEC_PER_SEC + 100000);
}

static struct semaphore semaphore;

static int take(void *arg)
{
	int err = semaphore_take_killable(&semaphore);

	note(err ? "x" : arg);
	return err;
}

static void semaphores_serve_in_order(void **state)
{
	struct thread *a, *b, *c;

	(void)state;
	clear();
	semaphore_init(&semaphore, "semaphore", 0);
	start(&a, take, "a");
	start(&b, take, "b");
	start(&c, take, "c");
	thread_yield();
	assert_int_equal(thread_kill(b), 0);
	semaphore_give(&semaphore);
	semaphore_give(&semaphore);
	assert_int_equal(join(a), 0);
	assert_int_equal(join(b), -EINTR);
	assert_int_equal(join(c), 0);
	assert_string_equal(order, "xac");
	assert_int_equal(
		semaphore_take_until(&semaphore, arch_time_now() + NSEC_PER_MSEC), -ETIMEDOUT);
}

static struct mutex mutex;
static struct condvar condvar;
static unsigned tokens;

static int consume(void *arg)
{
	mutex_lock(&mutex);
	while (!tokens)
		condvar_wait(&condvar, &mutex);
	tokens--;
	note(arg);
	mutex_unlock(&mutex);
	return 0;
}

static void condvars_wake_in_order(void **state)
{
	struct thread *a, *b;

	(void)state;
	clear();
	mutex_init(&mutex, "mutex");
	condvar_init(&condvar, "condvar");
	start(&a, consume, "a");
	start(&b, consume, "b");
	thread_yield();
	mutex_lock(&mutex);
	tokens = 2;
	assert_int_equal(condvar_broadcast(&condvar), 2);
	mutex_unlock(&mutex);
	join(a);
	join(b);
	assert_string_equal(order, "ab");
}

static int take_in_turns(void *arg)
{
	while (!thread_check_stop()) {
		(void)!semaphore_take_until(&semaphore, arch_time_now() + 3000);
		arch_host_poll();
		thread_yield();
	}
	return *(char *)arg;
}

/* Random kills, suspensions and gives among threads that block, time out and are preempted. */
static void storm_ends_well(void **state)
{
	struct host_random random = host_random_start("storm");
	struct thread *t[20];

	(void)state;
	semaphore_init(&semaphore, "storm", 0);
	for (unsigned i = 0; i < ARRAY_SIZE(t); i++)
		start(&t[i], take_in_turns, "s");
	for (unsigned long round = 0; round < host_rounds(2000); round++) {
		struct thread *one = t[host_random_below(&random, ARRAY_SIZE(t))];
		unsigned what = host_random_below(&random, 4);

		if (what == 0)
			(void)!thread_suspend(one, 0);
		else if (what == 1)
			(void)!thread_resume(one);
		else if (what == 2)
			semaphore_give(&semaphore);
		else
			thread_sleep(host_random_below(&random, 5000));
	}
	for (unsigned i = 0; i < ARRAY_SIZE(t); i++)
		assert_int_equal(thread_kill(t[i]), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
		int status = join(t[i]);

		assert_true(status == 's' || status == -EINTR);
	}
}

static int all_tests(void *arg)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(yields_go_round),
		cmocka_unit_test(slices_are_quanta),
		cmocka_unit_test(sleeps_end_in_order),
		cmocka_unit_test(semaphores_serve_in_order),
		cmocka_unit_test(condvars_wake_in_order),
		cmocka_unit_test(storm_ends_well),
	};

	(void)arg;
	exit(cmocka_run_group_tests(tests, NULL, NULL));
}

int main(void)
{
	struct sched_config config;

	arch_host_init(1);
	arch_host_become(0);
	mm_machine_start(16 * MIB);
	arch_host_fibres_init();
	sched_config_default(&config);
	dispatch_init(&config);
	if (thread_init() || thread_run(NULL, "tests", all_tests, NULL))
		return 1;
	idle_loop();
}
