/* SPDX-License-Identifier: MIT */
/*
 * What is built on wait queues (rule S9.1): who is let go and in which order, timeouts, kills and
 * misuse, each with what it leaves behind.
 */
#include "kernel/barrier.h"
#include "kernel/completion.h"
#include "kernel/condvar.h"
#include "kernel/event_flags.h"
#include "kernel/format.h"
#include "kernel/futex.h"
#include "kernel/message_queue.h"
#include "kernel/rwlock.h"
#include "kernel/semaphore.h"
#include "kernel/tests/threads.h"

#define SOON (5 * NSEC_PER_MSEC)

static struct order order;
static struct semaphore semaphore;
static struct completion completion;
static struct mutex mutex;
static struct condvar condvar;
static struct rwlock rwlock;
static struct barrier barrier;
static struct event_flags events;
static struct message_queue messages;
static _Atomic uint32_t words[2];

/* One who waits: how, for how long, as whom. What it got is its exit status. */
struct waiter {
	int (*wait)(struct waiter *w);
	unsigned level;
	char name;
	ktime_t deadline; /* 0: KTIME_MAX */
	unsigned what;    /* bits, a message, which word */
	unsigned mode;
	bool quiet; /* does not note its name */
	struct thread *thread;
};

static ktime_t deadline_of(const struct waiter *w)
{
	return w->deadline ? w->deadline : KTIME_MAX;
}

static int run(void *arg)
{
	struct waiter *w = arg;
	int result = w->wait(w);

	if (!w->quiet)
		order_note(&order, w->name);
	return result;
}

/* Starts it on the test's CPU and lets it come to its wait. */
static bool start(struct waiter *w)
{
	struct cpumask here = {0};
	struct thread_params params = {.name = "waiter", .entry = run, .arg = w, .affinity = &here};

	cpumask_set(&here, thread_get_cpu(thread_current()));
	if (thread_create(&w->thread, &params) || thread_set_level(w->thread, w->level))
		return false;
	thread_start(w->thread);
	test_await_wait(w->thread);
	return true;
}

static bool start_all(struct waiter *w, unsigned count)
{
	order_clear(&order);
	if (test_pin())
		return false;
	for (unsigned i = 0; i < count; i++)
		if (!start(&w[i]))
			return false;
	return true;
}

static void finish(struct waiter *w, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		test_join(w[i].thread);
	test_unpin();
}

/* --- S9.1: by urgency, FIFO inside ----------------------------------------------------------- */

/* Come in this order, go as a b c d e. */
#define FIVE(how)                                                                                  \
	{                                                                                          \
		{.wait = how, .level = 20, .name = 'c'}, {.wait = how, .level = 30, .name = 'e'},  \
			{.wait = how, .level = 5, .name = 'a'},                                    \
			{.wait = how, .level = 20, .name = 'd'},                                   \
			{.wait = how, .level = 5, .name = 'b'},                                    \
	}

static int take(struct waiter *w)
{
	return semaphore_take_until(&semaphore, deadline_of(w));
}

static int complete(struct waiter *w)
{
	return completion_wait_until(&completion, deadline_of(w));
}

static int await_signal(struct waiter *w)
{
	int err;

	mutex_lock(&mutex);
	err = condvar_wait_until(&condvar, &mutex, deadline_of(w));
	mutex_unlock(&mutex);
	return err;
}

KTEST(wait_S9_1_semaphore_by_urgency)
{
	struct waiter w[] = FIVE(take);

	if (!test_is_round_robin())
		return;
	semaphore_init(&semaphore, "semaphore", 0);
	KTEST_EXPECT(start_all(w, ARRAY_SIZE(w)));
	for (unsigned i = 0; i < ARRAY_SIZE(w); i++)
		semaphore_give(&semaphore);
	finish(w, ARRAY_SIZE(w));
	KTEST_EXPECT_ORDER(&order, "abcde");
}

KTEST(wait_S9_1_completion_by_urgency)
{
	struct waiter w[] = FIVE(complete);

	if (!test_is_round_robin())
		return;
	completion_init(&completion, "completion");
	KTEST_EXPECT(start_all(w, ARRAY_SIZE(w)));
	completion_complete(&completion);
	completion_complete(&completion);
	completion_complete_all(&completion);
	finish(w, ARRAY_SIZE(w));
	KTEST_EXPECT_ORDER(&order, "abcde");
}

KTEST(wait_S9_1_condvar_by_urgency)
{
	struct waiter w[] = FIVE(await_signal);

	if (!test_is_round_robin())
		return;
	mutex_init(&mutex, "mutex");
	condvar_init(&condvar, "condvar");
	KTEST_EXPECT(start_all(w, ARRAY_SIZE(w)));
	condvar_signal(&condvar);
	KTEST_EXPECT_EQ(condvar_broadcast(&condvar), ARRAY_SIZE(w) - 1);
	finish(w, ARRAY_SIZE(w));
	KTEST_EXPECT_ORDER(&order, "abcde");
}

/* One whose level changes while it waits goes behind its new equals. */
KTEST(wait_S9_1_change_of_level)
{
	struct waiter w[] = FIVE(take);

	if (!test_is_round_robin())
		return;
	semaphore_init(&semaphore, "semaphore", 0);
	KTEST_EXPECT(start_all(w, ARRAY_SIZE(w)));
	KTEST_EXPECT_EQ(thread_set_level(w[1].thread, 0), 0);  /* e */
	KTEST_EXPECT_EQ(thread_set_level(w[2].thread, 20), 0); /* a */
	for (unsigned i = 0; i < ARRAY_SIZE(w); i++)
		semaphore_give(&semaphore);
	finish(w, ARRAY_SIZE(w));
	KTEST_EXPECT_ORDER(&order, "ebcda");
}

/* --- read-write lock ------------------------------------------------------------------------- */

static int read_and_let_go(struct waiter *w)
{
	int err = rwlock_read_until(&rwlock, WAIT_KILLABLE, deadline_of(w));

	return err ? err : rwlock_read_unlock(&rwlock);
}

static int write_and_let_go(struct waiter *w)
{
	int err = rwlock_write_until(&rwlock, WAIT_KILLABLE, deadline_of(w));

	return err ? err : rwlock_write_unlock(&rwlock);
}

KTEST(wait_S9_1_rwlock_serves_in_order)
{
	struct waiter w[] = {
		{.wait = read_and_let_go, .level = 20, .name = 'b'},
		{.wait = write_and_let_go, .level = 20, .name = 'c'},
		{.wait = read_and_let_go, .level = 20, .name = 'd'},
		{.wait = write_and_let_go, .level = 10, .name = 'a'},
	};

	if (!test_is_round_robin())
		return;
	rwlock_init(&rwlock, "rwlock");
	rwlock_write(&rwlock);
	KTEST_EXPECT(start_all(w, ARRAY_SIZE(w)));
	KTEST_EXPECT(!rwlock_try_read(&rwlock));
	KTEST_EXPECT_EQ(rwlock_write_unlock(&rwlock), 0);
	finish(w, ARRAY_SIZE(w));
	KTEST_EXPECT_ORDER(&order, "abcd");
	KTEST_EXPECT(rwlock_try_write(&rwlock));
	KTEST_EXPECT_EQ(rwlock_write_unlock(&rwlock), 0);
}

/* Readers share; a reader does not pass a writer that waits; but a more urgent one does. */
KTEST(wait_S9_1_rwlock_does_not_starve)
{
	struct waiter w[] = {
		{.wait = write_and_let_go, .level = 20, .name = 'w'},
		{.wait = read_and_let_go, .level = 20, .name = 'r'},
	};

	rwlock_init(&rwlock, "rwlock");
	rwlock_read(&rwlock);
	rwlock_read(&rwlock);
	KTEST_EXPECT_EQ(rwlock.readers, 2);
	KTEST_EXPECT(start_all(w, ARRAY_SIZE(w)));
	KTEST_EXPECT(!rwlock_try_read(&rwlock));
	KTEST_EXPECT_EQ(thread_set_level(thread_current(), 10), 0);
	KTEST_EXPECT(rwlock_try_read(&rwlock));
	KTEST_EXPECT_EQ(thread_set_level(thread_current(), SCHED_LEVEL_NORMAL), 0);
	for (unsigned i = 0; i < 3; i++)
		KTEST_EXPECT_EQ(rwlock_read_unlock(&rwlock), 0);
	finish(w, ARRAY_SIZE(w));
	KTEST_EXPECT(!rwlock.readers && !rwlock.writer);
}

/* A writer that gives up lets those in who waited behind it. */
KTEST(wait_S9_1_rwlock_errors)
{
	struct waiter w[] = {
		{.wait = write_and_let_go, .level = 20, .name = 'w', .deadline = test_in(SOON)},
		{.wait = read_and_let_go, .level = 20, .name = 'r'},
		{.wait = write_and_let_go, .level = 20, .name = 'k'},
	};

	rwlock_init(&rwlock, "rwlock");
	rwlock_read(&rwlock);
	KTEST_EXPECT(start_all(w, ARRAY_SIZE(w)));
	KTEST_EXPECT_EQ(test_join(w[0].thread), -ETIMEDOUT);
	KTEST_EXPECT_EQ(test_join(w[1].thread), 0);
	KTEST_EXPECT_EQ(thread_kill(w[2].thread), 0);
	KTEST_EXPECT_EQ(test_join(w[2].thread), -EINTR);
	test_unpin();
	KTEST_EXPECT_EQ(rwlock_read_unlock(&rwlock), 0);
	rwlock_write(&rwlock);
	KTEST_EXPECT_EQ(rwlock_read_until(&rwlock, 0, KTIME_MAX), -EDEADLK);
	KTEST_EXPECT_EQ(rwlock_write_until(&rwlock, 0, KTIME_MAX), -EDEADLK);
	KTEST_EXPECT_EQ(rwlock_write_unlock(&rwlock), 0);
}

/* --- barrier --------------------------------------------------------------------------------- */

static int come(struct waiter *w)
{
	return barrier_wait_until(&barrier, WAIT_KILLABLE, deadline_of(w));
}

KTEST(wait_S9_1_barrier)
{
	struct waiter w[] = FIVE(come);

	if (!test_is_round_robin())
		return;
	KTEST_EXPECT_EQ(barrier_init(&barrier, "barrier", 0), -EINVAL);
	KTEST_EXPECT_EQ(barrier_init(&barrier, "barrier", ARRAY_SIZE(w) + 1), 0);
	KTEST_EXPECT(start_all(w, ARRAY_SIZE(w)));
	KTEST_EXPECT_EQ(barrier_wait(&barrier), BARRIER_LAST);
	for (unsigned i = 0; i < ARRAY_SIZE(w); i++)
		KTEST_EXPECT_EQ(test_join(w[i].thread), 0);
	test_unpin();
	KTEST_EXPECT_ORDER(&order, "abcde");
	KTEST_EXPECT_EQ(barrier.round, 1);
}

/* Who gives up has not come. */
KTEST(wait_S9_1_barrier_errors)
{
	struct waiter w[] = {
		{.wait = come, .level = 20, .name = 't', .deadline = test_in(SOON)},
		{.wait = come, .level = 20, .name = 'k'},
		{.wait = come, .level = 20, .name = 'w'},
	};

	KTEST_EXPECT_EQ(barrier_init(&barrier, "barrier", 4), 0);
	KTEST_EXPECT(start_all(w, ARRAY_SIZE(w)));
	KTEST_EXPECT_EQ(test_join(w[0].thread), -ETIMEDOUT);
	KTEST_EXPECT_EQ(thread_kill(w[1].thread), 0);
	KTEST_EXPECT_EQ(test_join(w[1].thread), -EINTR);
	KTEST_EXPECT_EQ(barrier.arrived, 1);
	KTEST_EXPECT_EQ(barrier_wait_until(&barrier, 0, test_in(SOON)), -ETIMEDOUT);
	barrier.members = 2;
	KTEST_EXPECT_EQ(barrier_wait(&barrier), BARRIER_LAST);
	KTEST_EXPECT_EQ(test_join(w[2].thread), 0);
	test_unpin();
}

#define MEETINGS 300u
#define PARTY    4u

static _Atomic unsigned met[MEETINGS];

static unsigned meetings(void)
{
	return MIN(ktest_rounds(MEETINGS), MEETINGS);
}

static int meet(void *arg __unused)
{
	for (unsigned i = 0; i < meetings(); i++) {
		atomic_fetch_add(&met[i], 1);
		barrier_wait(&barrier);
		if (atomic_load(&met[i]) != PARTY)
			return -1;
	}
	return 0;
}

/* Nobody passes before all have come, and nobody is left behind. */
KTEST(wait_S9_1_barrier_many_times)
{
	struct thread *t[PARTY];

	KTEST_EXPECT_EQ(barrier_init(&barrier, "meeting", PARTY), 0);
	for (unsigned i = 0; i < MEETINGS; i++)
		atomic_store(&met[i], 0);
	for (unsigned i = 0; i < PARTY; i++)
		KTEST_EXPECT_EQ(thread_run(&t[i], "member", meet, NULL), 0);
	for (unsigned i = 0; i < PARTY; i++)
		KTEST_EXPECT_EQ(test_join(t[i]), 0);
	KTEST_EXPECT_EQ(barrier.round, meetings());
}

/* --- event flags ----------------------------------------------------------------------------- */

/* What it got, or the error. */
static int await_events(struct waiter *w)
{
	uint32_t got = 0;
	int err = event_flags_wait(&events, w->what, w->mode, &got, WAIT_KILLABLE, deadline_of(w));

	return err ? err : (int)got;
}

KTEST(wait_S9_1_events)
{
	struct waiter w[] = {
		{.wait = await_events, .level = 20, .name = 'c', .what = 3, .mode = EVENT_ALL},
		{.wait = await_events, .level = 20, .name = 'd', .what = 6},
		{.wait = await_events, .level = 5, .name = 'b', .what = 6, .mode = EVENT_CONSUME},
		{.wait = await_events, .level = 1, .name = 'a', .what = 8},
	};

	if (!test_is_round_robin())
		return;
	event_flags_init(&events, "events");
	KTEST_EXPECT(start_all(w, ARRAY_SIZE(w)));
	KTEST_EXPECT_EQ(event_flags_set(&events, 1), 0);
	KTEST_EXPECT_EQ(event_flags_set(&events, 8 | 2), 2); /* a, and b, which consumes bit 1 */
	KTEST_EXPECT_EQ(event_flags_get(&events), 8 | 1);
	KTEST_EXPECT_EQ(event_flags_set(&events, 2), 2);
	KTEST_EXPECT_EQ(test_join(w[0].thread), 3);
	KTEST_EXPECT_EQ(test_join(w[1].thread), 2);
	KTEST_EXPECT_EQ(test_join(w[2].thread), 2);
	KTEST_EXPECT_EQ(test_join(w[3].thread), 8);
	test_unpin();
	KTEST_EXPECT_ORDER(&order, "abcd");
	KTEST_EXPECT_EQ(event_flags_clear(&events, 9), 9);
	KTEST_EXPECT_EQ(event_flags_get(&events), 2);
}

KTEST(wait_S9_1_events_errors)
{
	struct waiter w[] = {
		{.wait = await_events,
			.level = 20,
			.name = 't',
			.what = 1,
			.deadline = test_in(SOON)},
		{.wait = await_events, .level = 20, .name = 'k', .what = 1},
	};
	uint32_t got = 0;

	event_flags_init(&events, "events");
	KTEST_EXPECT_EQ(event_flags_wait(&events, 0, EVENT_ANY, NULL, 0, KTIME_MAX), -EINVAL);
	KTEST_EXPECT_EQ(event_flags_wait(&events, 1, 4, NULL, 0, KTIME_MAX), -EINVAL);
	KTEST_EXPECT_EQ(event_flags_wait(&events, 1, EVENT_ANY, NULL, 0, 0), -ETIMEDOUT);
	KTEST_EXPECT(start_all(w, ARRAY_SIZE(w)));
	KTEST_EXPECT_EQ(test_join(w[0].thread), -ETIMEDOUT);
	KTEST_EXPECT_EQ(thread_kill(w[1].thread), 0);
	KTEST_EXPECT_EQ(test_join(w[1].thread), -EINTR);
	test_unpin();
	KTEST_EXPECT_EQ(event_flags_set(&events, 5), 0);
	KTEST_EXPECT_EQ(event_flags_wait(&events, 7, EVENT_CONSUME, &got, 0, 0), 0);
	KTEST_EXPECT_EQ(got, 5);
	KTEST_EXPECT_EQ(event_flags_get(&events), 0);
}

/* --- message queue --------------------------------------------------------------------------- */

static int send(struct waiter *w)
{
	return message_queue_send(&messages, &w->what, WAIT_KILLABLE, deadline_of(w));
}

static int receive(struct waiter *w)
{
	unsigned got = 0;
	int err = message_queue_receive(&messages, &got, WAIT_KILLABLE, deadline_of(w));

	return err ? err : (int)got;
}

static unsigned received(void)
{
	unsigned got = 0;

	return message_queue_try_receive(&messages, &got) ? 0 : got;
}

KTEST(wait_S9_1_messages_senders_wait)
{
	struct waiter w[] = {
		{.wait = send, .level = 20, .name = 'c', .what = 3},
		{.wait = send, .level = 10, .name = 'b', .what = 4},
	};
	unsigned message = 1;

	KTEST_EXPECT_EQ(message_queue_init(&messages, "messages", sizeof(unsigned), 2), 0);
	for (; message <= 2; message++)
		KTEST_EXPECT_EQ(message_queue_try_send(&messages, &message), 0);
	KTEST_EXPECT_EQ(message_queue_try_send(&messages, &message), -EAGAIN);
	KTEST_EXPECT(start_all(w, ARRAY_SIZE(w)));
	KTEST_EXPECT_EQ(message_queue_destroy(&messages), -EBUSY);
	KTEST_EXPECT_EQ(received(), 1);
	KTEST_EXPECT_EQ(message_queue_count(&messages), 2);
	KTEST_EXPECT_EQ(received(), 2);
	KTEST_EXPECT_EQ(received(), 4);
	KTEST_EXPECT_EQ(received(), 3);
	KTEST_EXPECT_EQ(received(), 0);
	finish(w, ARRAY_SIZE(w));
	KTEST_EXPECT_EQ(message_queue_destroy(&messages), 0);
	KTEST_EXPECT_EQ(message_queue_try_send(&messages, &message), -EINVAL);
}

KTEST(wait_S9_1_messages_receivers_wait)
{
	struct waiter w[] = {
		{.wait = receive, .level = 20, .name = 'b'},
		{.wait = receive, .level = 20, .name = 't', .deadline = test_in(SOON)},
		{.wait = receive, .level = 20, .name = 'k'},
		{.wait = receive, .level = 10, .name = 'a'},
	};
	unsigned message = 7;

	KTEST_EXPECT_EQ(message_queue_init(&messages, "messages", 0, 1), -EINVAL);
	KTEST_EXPECT_EQ(
		message_queue_init(&messages, "messages", MESSAGE_SIZE_MAX + 1, 1), -EINVAL);
	KTEST_EXPECT_EQ(message_queue_init(&messages, "messages", 4, 0), -EINVAL);
	KTEST_EXPECT_EQ(message_queue_init(&messages, "messages", sizeof(unsigned), 1), 0);
	KTEST_EXPECT(start_all(w, ARRAY_SIZE(w)));
	KTEST_EXPECT_EQ(test_join(w[1].thread), -ETIMEDOUT);
	KTEST_EXPECT_EQ(thread_kill(w[2].thread), 0);
	KTEST_EXPECT_EQ(test_join(w[2].thread), -EINTR);
	KTEST_EXPECT_EQ(message_queue_send(&messages, &message, 0, KTIME_MAX), 0);
	KTEST_EXPECT_EQ(message_queue_count(&messages), 0);
	message++;
	KTEST_EXPECT_EQ(message_queue_send(&messages, &message, 0, KTIME_MAX), 0);
	KTEST_EXPECT_EQ(test_join(w[3].thread), 7);
	KTEST_EXPECT_EQ(test_join(w[0].thread), 8);
	test_unpin();
	KTEST_EXPECT_EQ(message_queue_destroy(&messages), 0);
}

#define MAILS 2000u

static int write_mails(void *arg __unused)
{
	for (unsigned i = 1; i <= MAILS; i++)
		if (message_queue_send(&messages, &i, 0, KTIME_MAX))
			return -1;
	return 0;
}

static int add_mails(void *sum)
{
	unsigned mail = 0;

	for (unsigned i = 0; i < MAILS; i++) {
		if (message_queue_receive(&messages, &mail, 0, KTIME_MAX))
			return -1;
		atomic_fetch_add((_Atomic uint64_t *)sum, mail);
	}
	return 0;
}

/* Nothing is lost and nothing comes twice. */
KTEST(wait_S9_1_messages_add_up)
{
	static _Atomic uint64_t sum;
	struct thread *t[4];

	atomic_store(&sum, 0);
	KTEST_EXPECT_EQ(message_queue_init(&messages, "mail", sizeof(unsigned), 3), 0);
	for (unsigned i = 0; i < 4; i++)
		KTEST_EXPECT_EQ(
			thread_run(&t[i], "mail", i % 2 ? write_mails : add_mails, &sum), 0);
	for (unsigned i = 0; i < 4; i++)
		KTEST_EXPECT_EQ(test_join(t[i]), 0);
	KTEST_EXPECT_EQ(atomic_load(&sum), 2ull * MAILS * (MAILS + 1) / 2);
	KTEST_EXPECT_EQ(message_queue_destroy(&messages), 0);
}

/* --- futex ----------------------------------------------------------------------------------- */

static int await_word(struct waiter *w)
{
	return futex_wait(&words[w->what], 0, WAIT_KILLABLE, deadline_of(w));
}

KTEST(wait_S9_1_futex)
{
	struct waiter w[] = FIVE(await_word);

	if (!test_is_round_robin())
		return;
	KTEST_EXPECT(start_all(w, ARRAY_SIZE(w)));
	KTEST_EXPECT_EQ(futex_wait(&words[0], 1, 0, KTIME_MAX), -EAGAIN);
	KTEST_EXPECT_EQ(futex_wake(&words[1], 9), 0);
	KTEST_EXPECT_EQ(futex_wake(&words[0], 2), 2);
	KTEST_EXPECT_EQ(futex_wake(&words[0], 9), 3);
	KTEST_EXPECT_EQ(futex_wake(&words[0], 9), 0);
	finish(w, ARRAY_SIZE(w));
	KTEST_EXPECT_ORDER(&order, "abcde");
}

/* Some are woken, some wait elsewhere from then on; each can still time out or be killed there. */
KTEST(wait_S9_1_futex_requeue)
{
	struct waiter w[] = FIVE(await_word);
	const _Atomic uint32_t *odd = (const _Atomic uint32_t *)((uintptr_t)&words[0] + 1);

	if (!test_is_round_robin())
		return;
	KTEST_EXPECT(start_all(w, ARRAY_SIZE(w)));
	KTEST_EXPECT_EQ(futex_requeue(&words[0], 1, 1, &words[1], 9), -EAGAIN);
	KTEST_EXPECT_EQ(futex_requeue(&words[0], 0, 1, &words[0], 9), -EINVAL);
	KTEST_EXPECT_EQ(futex_requeue(odd, 0, 1, &words[0], 9), -EINVAL);
	KTEST_EXPECT_EQ(futex_wait(odd, 0, 0, KTIME_MAX), -EINVAL);
	KTEST_EXPECT_EQ(futex_requeue(&words[0], 0, 1, &words[1], 3), 4); /* a; b c d move */
	KTEST_EXPECT_EQ(test_join(w[2].thread), 0);
	KTEST_EXPECT(
		atomic_load(&w[1].thread->wait_queue) != atomic_load(&w[4].thread->wait_queue));
	KTEST_EXPECT_EQ(thread_kill(w[4].thread), 0); /* b */
	KTEST_EXPECT_EQ(test_join(w[4].thread), -EINTR);
	KTEST_EXPECT_EQ(thread_kill(w[0].thread), 0); /* c */
	KTEST_EXPECT_EQ(test_join(w[0].thread), -EINTR);
	KTEST_EXPECT_EQ(futex_wake(&words[1], 9), 1);
	KTEST_EXPECT_EQ(test_join(w[3].thread), 0);
	KTEST_EXPECT_EQ(futex_wake(&words[0], 9), 1);
	KTEST_EXPECT_EQ(test_join(w[1].thread), 0);
	test_unpin();
}

/* Wherever its time is over. */
KTEST(wait_S9_1_futex_times_out)
{
	struct waiter w = {.wait = await_word, .level = 20, .deadline = test_in(SOON)};

	KTEST_EXPECT(start_all(&w, 1));
	KTEST_EXPECT(futex_requeue(&words[0], 0, 0, &words[1], 1) <= 1);
	KTEST_EXPECT_EQ(test_join(w.thread), -ETIMEDOUT);
	test_unpin();
	KTEST_EXPECT_EQ(futex_wake(&words[1], 1), 0);
	KTEST_EXPECT_EQ(futex_wake(&words[0], 1), 0);
}

#define DRAWS 3000u

/* The word of a lock as Drepper's "Futexes Are Tricky" has it: 0 free, 1 taken, 2 and wanted. */
static void draw_lock(_Atomic uint32_t *word)
{
	uint32_t free = 0;

	if (atomic_compare_exchange_strong(word, &free, 1))
		return;
	while (atomic_exchange(word, 2))
		(void)!futex_wait(word, 2, 0, KTIME_MAX);
}

static void draw_unlock(_Atomic uint32_t *word)
{
	if (atomic_exchange(word, 0) == 2)
		futex_wake(word, 1);
}

static int draw(void *count)
{
	for (unsigned i = 0; i < DRAWS; i++) {
		draw_lock(&words[0]);
		++*(unsigned *)count;
		draw_unlock(&words[0]);
	}
	return 0;
}

KTEST(wait_S9_1_futex_makes_a_lock)
{
	struct thread *t[4];
	unsigned count = 0;

	for (unsigned i = 0; i < 4; i++)
		KTEST_EXPECT_EQ(thread_run(&t[i], "drawer", draw, &count), 0);
	for (unsigned i = 0; i < 4; i++)
		KTEST_EXPECT_EQ(test_join(t[i]), 0);
	KTEST_EXPECT_EQ(count, 4 * DRAWS);
	KTEST_EXPECT_EQ(atomic_load(&words[0]), 0);
}

/* --- what a thread waits for, in words ------------------------------------------------------- */

static int sleep_long(struct waiter *w __unused)
{
	return thread_sleep(60 * NSEC_PER_SEC);
}

static int lock_mutex(struct waiter *w __unused)
{
	mutex_lock(&mutex);
	mutex_unlock(&mutex);
	return 0;
}

static bool describes(struct waiter *w, const char *want)
{
	char got[80];

	wait_describe(w->thread, got, sizeof(got));
	if (!strcmp(got, want))
		return true;
	ktest_fail(__FILE__, __LINE__, "it waits for %s, expected %s", got, want);
	return false;
}

KTEST(wait_is_described)
{
	struct waiter w[] = {
		{.wait = take, .level = 20},
		{.wait = lock_mutex, .level = 20},
		{.wait = sleep_long, .level = 20},
		{.wait = await_word, .level = 20},
	};
	char owner[64];

	semaphore_init(&semaphore, "ping", 0);
	mutex_init(&mutex, "door");
	mutex_lock(&mutex);
	format_string(owner, sizeof(owner), "mutex door of %llu (%s)",
		(unsigned long long)thread_current()->thread_id, thread_current()->name);
	KTEST_EXPECT(start_all(w, ARRAY_SIZE(w)));
	KTEST_EXPECT(describes(&w[0], "semaphore ping"));
	KTEST_EXPECT(describes(&w[1], owner));
	KTEST_EXPECT(describes(&w[2], "time"));
	KTEST_EXPECT(describes(&w[3], "futex word"));
	mutex_unlock(&mutex);
	semaphore_give(&semaphore);
	futex_wake(&words[0], 1);
	KTEST_EXPECT(thread_wake(w[2].thread));
	finish(w, ARRAY_SIZE(w));
}

/* --- misuse ---------------------------------------------------------------------------------- */

static bool misuse_ends(const char *name)
{
	if (!KASSERT_ON || !strcmp(kernel_params.test, name))
		return false;
	ktest_skip("ends the kernel, hence only alone");
	return true;
}

KTEST(wait_dies_rwlock_not_read)
{
	if (misuse_ends("wait_dies_rwlock_not_read"))
		return;
	rwlock_init(&rwlock, "rwlock");
	KTEST_EXPECT_EQ(rwlock_read_unlock(&rwlock), -EPERM);
}

static int write_and_sleep(struct waiter *w __unused)
{
	rwlock_write(&rwlock);
	thread_sleep(60 * NSEC_PER_SEC);
	return rwlock_write_unlock(&rwlock);
}

KTEST(wait_dies_rwlock_of_another)
{
	struct waiter w = {.wait = write_and_sleep, .level = 20};

	if (misuse_ends("wait_dies_rwlock_of_another"))
		return;
	rwlock_init(&rwlock, "rwlock");
	KTEST_EXPECT(start_all(&w, 1));
	KTEST_EXPECT_EQ(rwlock_write_unlock(&rwlock), -EPERM);
	KTEST_EXPECT(thread_wake(w.thread));
	finish(&w, 1);
}
