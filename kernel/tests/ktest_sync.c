/* SPDX-License-Identifier: MIT */
/* Mutex, semaphore, condition variable, completion: order, timeouts, kills, misuse. */
#include "kernel/completion.h"
#include "kernel/condvar.h"
#include "kernel/semaphore.h"
#include "kernel/tests/threads.h"
#include "kernel/timer.h"

#define THREADS 3u

struct scene {
	struct mutex mutex;
	struct semaphore semaphore;
	struct condvar condvar;
	struct completion completion;
	struct order order;
	_Atomic unsigned next;
	unsigned value;
	bool ready;
};
static struct scene scene;

static void set_scene(void)
{
	mutex_init(&scene.mutex, "mutex");
	semaphore_init(&scene.semaphore, "semaphore", 0);
	condvar_init(&scene.condvar, "condvar");
	completion_init(&scene.completion, "completion");
	order_clear(&scene.order);
	atomic_store(&scene.next, 0);
	scene.value = 0;
	scene.ready = false;
}

static void start_all(struct thread **t, thread_entry entry)
{
	for (unsigned i = 0; i < THREADS; i++)
		t[i] = test_thread(entry, &scene, 0);
	for (unsigned i = 0; i < THREADS; i++)
		while (thread_get_state(t[i]) != THREAD_WAITING)
			thread_sleep(NSEC_PER_MSEC / 10);
}

static void join_all(struct thread **t)
{
	for (unsigned i = 0; i < THREADS; i++)
		if (test_join(t[i]))
			ktest_fail(__FILE__, __LINE__, "thread %u ended badly", i);
}

/* --- mutex ----------------------------------------------------------------------------------- */

/* Each thread has a letter by the order in which it came. */
static int lock_and_note(void *arg __unused)
{
	char name = (char)('a' + atomic_fetch_add(&scene.next, 1));

	mutex_lock(&scene.mutex);
	order_note(&scene.order, name);
	thread_yield();
	order_note(&scene.order, name);
	mutex_unlock(&scene.mutex);
	return 0;
}

KTEST(mutex_hands_over_in_order)
{
	struct thread *t[THREADS];

	if (!test_is_round_robin())
		return;
	set_scene();
	KTEST_EXPECT_EQ(test_pin(), 0);
	mutex_lock(&scene.mutex);
	start_all(t, lock_and_note);
	KTEST_EXPECT(mutex_held(&scene.mutex));
	mutex_unlock(&scene.mutex);
	KTEST_EXPECT(mutex_owner(&scene.mutex) == t[0]);
	KTEST_EXPECT(!mutex_trylock(&scene.mutex));
	join_all(t);
	test_unpin();
	KTEST_EXPECT_ORDER(&scene.order, "aabbcc");
	KTEST_EXPECT(mutex_trylock(&scene.mutex));
	mutex_unlock(&scene.mutex);
}

static int try_for_a_while(void *arg __unused)
{
	return mutex_lock_until(&scene.mutex, test_in(NSEC_PER_MSEC));
}

static int lock_killable(void *arg __unused)
{
	int err = mutex_lock_killable(&scene.mutex);

	if (!err)
		mutex_unlock(&scene.mutex);
	return err;
}

KTEST(mutex_errors)
{
	struct thread *t;

	set_scene();
	mutex_lock(&scene.mutex);
	KTEST_EXPECT_EQ(mutex_lock_until(&scene.mutex, KTIME_MAX), -EDEADLK);
	KTEST_EXPECT_EQ(mutex_lock_killable(&scene.mutex), -EDEADLK);
	t = test_thread(try_for_a_while, NULL, 0);
	KTEST_EXPECT_EQ(test_join(t), -ETIMEDOUT);
	t = test_thread(lock_killable, NULL, 0);
	KTEST_EXPECT_EQ(thread_kill(t), 0);
	KTEST_EXPECT_EQ(test_join(t), -EINTR);
	mutex_unlock(&scene.mutex);
	KTEST_EXPECT(!mutex_owner(&scene.mutex));
	KTEST_EXPECT_EQ(test_join(test_thread(lock_killable, NULL, 0)), 0);
}

#define INCREMENTS 2000u

static int increment(void *arg __unused)
{
	for (unsigned i = 0; i < ktest_rounds(INCREMENTS); i++) {
		mutex_lock(&scene.mutex);
		scene.value++;
		mutex_unlock(&scene.mutex);
	}
	return 0;
}

KTEST(mutex_excludes)
{
	struct thread *t[THREADS];

	set_scene();
	for (unsigned i = 0; i < THREADS; i++)
		KTEST_EXPECT_EQ(thread_run(&t[i], "increment", increment, NULL), 0);
	join_all(t);
	KTEST_EXPECT_EQ(scene.value, THREADS * ktest_rounds(INCREMENTS));
}

#define ROUNDS 40u
#define TURNS  300u

static int lock_and_unlock(void *arg __unused)
{
	for (unsigned i = 0; i < TURNS; i++) {
		mutex_lock(&scene.mutex);
		mutex_unlock(&scene.mutex);
	}
	return 0;
}

/* A waiter that finds the mutex free, and loses it again before it sleeps, must still be woken. */
KTEST(mutex_loses_no_wake_up)
{
	struct thread *t[THREADS];

	set_scene();
	for (unsigned round = 0; round < ktest_rounds(ROUNDS); round++) {
		for (unsigned i = 0; i < THREADS; i++)
			KTEST_EXPECT_EQ(thread_run(&t[i], "locker", lock_and_unlock, NULL), 0);
		for (unsigned i = 0; i < THREADS; i++)
			KTEST_EXPECT_EQ(test_join(t[i]), 0);
		KTEST_EXPECT(!mutex_owner(&scene.mutex));
	}
}

/* --- semaphore ------------------------------------------------------------------------------- */

static int take_and_note(void *arg __unused)
{
	char name = (char)('a' + atomic_fetch_add(&scene.next, 1));

	semaphore_take(&scene.semaphore);
	order_note(&scene.order, name);
	return 0;
}

KTEST(semaphore_serves_in_order)
{
	struct thread *t[THREADS];

	set_scene();
	KTEST_EXPECT_EQ(test_pin(), 0);
	start_all(t, take_and_note);
	for (unsigned i = 0; i < THREADS; i++)
		semaphore_give(&scene.semaphore);
	KTEST_EXPECT(!semaphore_try_take(&scene.semaphore));
	join_all(t);
	test_unpin();
	KTEST_EXPECT_ORDER(&scene.order, "abc");
}

KTEST(semaphore_counts)
{
	struct semaphore s;

	semaphore_init(&s, "counts", 2);
	semaphore_take(&s);
	KTEST_EXPECT_EQ(semaphore_take_killable(&s), 0);
	KTEST_EXPECT(!semaphore_try_take(&s));
	KTEST_EXPECT_EQ(semaphore_take_until(&s, test_in(NSEC_PER_MSEC)), -ETIMEDOUT);
	KTEST_EXPECT_EQ(semaphore_take_until(&s, 0), -ETIMEDOUT);
	semaphore_give(&s);
	KTEST_EXPECT_EQ(semaphore_units(&s), 1);
	KTEST_EXPECT_EQ(semaphore_take_until(&s, 0), 0);
}

struct alarm {
	struct timer timer;
	struct semaphore *semaphore;
};

static void give_in_interrupt(struct timer *timer)
{
	struct alarm *alarm = container_of(timer, struct alarm, timer);

	if (!preempt_in_interrupt())
		ktest_fail(__FILE__, __LINE__, "a timer's function must run in an interrupt");
	semaphore_give(alarm->semaphore);
}

KTEST(semaphore_given_in_an_interrupt)
{
	struct semaphore s;
	struct alarm alarm = {.semaphore = &s};

	semaphore_init(&s, "interrupt", 0);
	timer_init(&alarm.timer, give_in_interrupt);
	timer_start(&alarm.timer, test_in(NSEC_PER_MSEC));
	semaphore_take(&s);
	timer_cancel_sync(&alarm.timer);
	KTEST_EXPECT_EQ(semaphore_units(&s), 0);
}

/* --- condition variable ---------------------------------------------------------------------- */

static int wait_and_note(void *arg __unused)
{
	char name = (char)('a' + atomic_fetch_add(&scene.next, 1));

	mutex_lock(&scene.mutex);
	while (!scene.value)
		condvar_wait(&scene.condvar, &scene.mutex);
	scene.value--;
	order_note(&scene.order, name);
	mutex_unlock(&scene.mutex);
	return 0;
}

static void add_values(unsigned count, bool broadcast)
{
	mutex_lock(&scene.mutex);
	scene.value += count;
	if (broadcast)
		condvar_broadcast(&scene.condvar);
	else
		condvar_signal(&scene.condvar);
	mutex_unlock(&scene.mutex);
}

KTEST(condvar_signals_in_order)
{
	struct thread *t[THREADS];

	set_scene();
	KTEST_EXPECT_EQ(test_pin(), 0);
	start_all(t, wait_and_note);
	for (unsigned i = 0; i < THREADS; i++)
		add_values(1, false);
	join_all(t);
	start_all(t, wait_and_note);
	add_values(THREADS, true);
	join_all(t);
	test_unpin();
	KTEST_EXPECT_ORDER(&scene.order, "abcdef");
	KTEST_EXPECT_EQ(condvar_broadcast(&scene.condvar), 0);
}

static int wait_killable(void *arg __unused)
{
	int err;

	mutex_lock(&scene.mutex);
	err = condvar_wait_killable(&scene.condvar, &scene.mutex);
	if (!mutex_held(&scene.mutex))
		err = 1;
	mutex_unlock(&scene.mutex);
	return err;
}

KTEST(condvar_errors)
{
	struct thread *t;

	set_scene();
	mutex_lock(&scene.mutex);
	KTEST_EXPECT_EQ(condvar_wait_until(&scene.condvar, &scene.mutex, test_in(NSEC_PER_MSEC)),
		-ETIMEDOUT);
	KTEST_EXPECT(mutex_held(&scene.mutex));
	mutex_unlock(&scene.mutex);
	t = test_thread(wait_killable, NULL, 0);
	KTEST_EXPECT_EQ(thread_kill(t), 0);
	KTEST_EXPECT_EQ(test_join(t), -EINTR);
}

/* --- completion ------------------------------------------------------------------------------ */

static int await(void *arg __unused)
{
	char name = (char)('a' + atomic_fetch_add(&scene.next, 1));

	completion_wait(&scene.completion);
	order_note(&scene.order, name);
	return 0;
}

KTEST(completion_lets_one_or_all_pass)
{
	struct thread *t[THREADS];

	set_scene();
	KTEST_EXPECT_EQ(test_pin(), 0);
	start_all(t, await);
	completion_complete(&scene.completion);
	thread_sleep(NSEC_PER_MSEC);
	KTEST_EXPECT_ORDER(&scene.order, "a");
	completion_complete_all(&scene.completion);
	join_all(t);
	test_unpin();
	KTEST_EXPECT_ORDER(&scene.order, "abc");
	completion_wait(&scene.completion);
}

static int await_killable(void *arg __unused)
{
	return completion_wait_killable(&scene.completion);
}

KTEST(completion_errors)
{
	struct thread *t;

	set_scene();
	completion_complete(&scene.completion);
	KTEST_EXPECT_EQ(completion_wait_until(&scene.completion, 0), 0);
	KTEST_EXPECT_EQ(completion_wait_until(&scene.completion, test_in(1000)), -ETIMEDOUT);
	t = test_thread(await_killable, NULL, 0);
	KTEST_EXPECT_EQ(thread_kill(t), 0);
	KTEST_EXPECT_EQ(test_join(t), -EINTR);
}
