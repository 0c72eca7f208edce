/* SPDX-License-Identifier: MIT */
/*
 * Mutexes (rules S9.1, S9.2, S11.8): who gets them, what an owner inherits and when it is given
 * back, owners that end, and misuse. The threads do one thing each, so that what each inherits is
 * known at every point.
 */
#include "kernel/mutex_private.h"
#include "kernel/recursive_mutex.h"
#include "kernel/tests/threads.h"
#include "kernel/thread_policy.h"
#include "sched/policy.h"

#define CHAIN 4u

static struct mutex mutexes[CHAIN];
static struct order order;

/* What a thread of these tests is told to do. */
struct part {
	struct mutex *first, *second; /* taken in this order; second may be NULL */
	ktime_t deadline;             /* of the second one */
	unsigned level;
	char name;
};

static void set_scene(void)
{
	for (unsigned i = 0; i < CHAIN; i++)
		mutex_init(&mutexes[i], "chain");
	order_clear(&order);
}

static int play(void *arg)
{
	const struct part *part = arg;
	int err = 0;

	mutex_lock(part->first);
	order_note(&order, part->name);
	if (part->second) {
		err = part->deadline ? mutex_lock_until(part->second, part->deadline)
				     : mutex_lock_killable(part->second);
		if (!err)
			mutex_unlock(part->second);
	}
	mutex_unlock(part->first);
	return err;
}

static struct thread *start(struct part *part)
{
	struct thread_params params = {.name = "part", .entry = play, .arg = part};
	struct thread *t;

	if (thread_create(&t, &params) || thread_set_level(t, part->level))
		return NULL;
	thread_start(t);
	test_await_wait(t);
	return t;
}

static unsigned level_of(struct thread *t)
{
	struct thread_stats stats;

	thread_get_stats(t, &stats);
	return stats.level;
}

/* Every thread there is, rule S11.8. */
static const char *find_wrong(void)
{
	struct thread *t = NULL;
	const char *wrong = NULL;

	while ((t = thread_next(t))) {
		arch_irqflags_t irqs = spin_lock_irqsave(&mutex_wait_lock);

		if (!wrong)
			wrong = mutex_check(t);
		spin_unlock_irqrestore(&mutex_wait_lock, irqs);
	}
	return wrong;
}

#define EXPECT_NOTHING_WRONG()                                                                     \
	do {                                                                                       \
		const char *wrong = find_wrong();                                                  \
		if (wrong) {                                                                       \
			ktest_fail(__FILE__, __LINE__, "%s", wrong);                               \
			return;                                                                    \
		}                                                                                  \
	} while (0)

/* --- S9.1: order ----------------------------------------------------------------------------- */

KTEST(mutex_S9_1_serves_by_urgency_then_in_order)
{
	struct part part[] = {
		{.level = 20, .name = 'c'},
		{.level = 30, .name = 'e'},
		{.level = 5, .name = 'a'},
		{.level = 20, .name = 'd'},
		{.level = 5, .name = 'b'},
	};
	struct thread *t[ARRAY_SIZE(part)];

	set_scene();
	mutex_lock(&mutexes[0]);
	for (unsigned i = 0; i < ARRAY_SIZE(part); i++) {
		part[i].first = &mutexes[0];
		KTEST_EXPECT((t[i] = start(&part[i])));
	}
	EXPECT_NOTHING_WRONG();
	mutex_unlock(&mutexes[0]);
	for (unsigned i = 0; i < ARRAY_SIZE(part); i++)
		KTEST_EXPECT_EQ(test_join(t[i]), 0);
	KTEST_EXPECT_ORDER(&order, "abcde");
}

/* --- S9.2: inheritance ----------------------------------------------------------------------- */

/* The test owns mutexes[0]; thread i owns mutexes[i] and waits for the one before. */
static bool start_chain(struct part *part, struct thread **t)
{
	for (unsigned i = 1; i < CHAIN; i++) {
		part[i] = (struct part){
			.first = &mutexes[i], .second = &mutexes[i - 1], .level = 20 - i};
		t[i] = start(&part[i]);
		if (!t[i])
			return false;
	}
	return true;
}

KTEST(mutex_S9_2_inherits_through_a_chain)
{
	struct part part[CHAIN], late = {.first = &mutexes[CHAIN - 1], .level = 2};
	struct thread *t[CHAIN], *urgent;

	set_scene();
	mutex_lock(&mutexes[0]);
	KTEST_EXPECT(start_chain(part, t));
	KTEST_EXPECT_EQ(level_of(thread_current()), 20 - CHAIN + 1);
	KTEST_EXPECT((urgent = start(&late)));
	KTEST_EXPECT_EQ(level_of(thread_current()), 2);
	for (unsigned i = 1; i < CHAIN; i++)
		KTEST_EXPECT_EQ(level_of(t[i]), 2);
	EXPECT_NOTHING_WRONG();
	mutex_unlock(&mutexes[0]);
	KTEST_EXPECT_EQ(level_of(thread_current()), SCHED_LEVEL_NORMAL);
	KTEST_EXPECT_EQ(test_join(urgent), 0);
	for (unsigned i = 1; i < CHAIN; i++)
		KTEST_EXPECT_EQ(test_join(t[i]), 0);
	EXPECT_NOTHING_WRONG();
}

/* A timeout, a kill and a change of level in the middle of a chain. */
KTEST(mutex_S9_2_gives_back_exactly)
{
	struct part part[CHAIN];
	struct thread *t[CHAIN];
	ktime_t deadline = test_in(50 * NSEC_PER_MSEC);
	struct part hasty = {
		.first = &mutexes[3], .second = &mutexes[0], .deadline = deadline, .level = 1};
	struct thread *h;
	unsigned level;

	set_scene();
	mutex_lock(&mutexes[0]);
	KTEST_EXPECT((h = start(&hasty)));
	level = level_of(thread_current());
	if (thread_get_state(h) == THREAD_WAITING)
		KTEST_EXPECT_EQ(level, 1);
	KTEST_EXPECT_EQ(test_join(h), -ETIMEDOUT);
	KTEST_EXPECT_EQ(level_of(thread_current()), SCHED_LEVEL_NORMAL);
	KTEST_EXPECT(start_chain(part, t));
	KTEST_EXPECT_EQ(thread_set_level(t[2], 7), 0);
	KTEST_EXPECT_EQ(level_of(thread_current()), 7);
	KTEST_EXPECT_EQ(level_of(t[1]), 7);
	KTEST_EXPECT_EQ(thread_set_level(t[3], 39), 0);
	KTEST_EXPECT_EQ(thread_set_level(t[2], 38), 0);
	KTEST_EXPECT_EQ(level_of(t[2]), 38);
	KTEST_EXPECT_EQ(level_of(thread_current()), 19);
	KTEST_EXPECT_EQ(thread_set_level(t[3], 3), 0);
	KTEST_EXPECT_EQ(level_of(thread_current()), 3);
	EXPECT_NOTHING_WRONG();
	KTEST_EXPECT_EQ(thread_kill(t[2]), 0);
	KTEST_EXPECT_EQ(test_join(t[2]), -EINTR);
	KTEST_EXPECT_EQ(test_join(t[3]), 0);
	KTEST_EXPECT_EQ(level_of(thread_current()), 19);
	EXPECT_NOTHING_WRONG();
	mutex_unlock(&mutexes[0]);
	KTEST_EXPECT_EQ(test_join(t[1]), 0);
	KTEST_EXPECT_EQ(level_of(thread_current()), SCHED_LEVEL_NORMAL);
}

static int lock_as_fixed(void *mutex)
{
	int err = thread_set_fixed(thread_current(), SCHED_KIND_FIFO, 42);

	if (err)
		return err;
	mutex_lock(mutex);
	mutex_unlock(mutex);
	return 0;
}

/* An owner of the time-sharing class runs in the class of its waiter, and comes back from there. */
KTEST(mutex_S9_2_across_classes)
{
	const struct sched_entity *se = &thread_current()->se;
	const struct sched_policy *own = se->policy;
	struct thread *t;

	set_scene();
	mutex_lock(&mutexes[0]);
	t = test_thread(lock_as_fixed, &mutexes[0], 0);
	test_await_wait(t);
	KTEST_EXPECT_EQ(se->urgency, t->se.own_urgency);
	KTEST_EXPECT_EQ(se->rank, t->se.rank);
	KTEST_EXPECT(se->policy == t->se.policy);
	EXPECT_NOTHING_WRONG();
	mutex_unlock(&mutexes[0]);
	KTEST_EXPECT_EQ(se->urgency, SCHED_URGENCY_TS + SCHED_LEVEL_NORMAL);
	KTEST_EXPECT(se->policy == own);
	KTEST_EXPECT_EQ(test_join(t), 0);
}

/* What one mutex lends goes with that one; the other goes on lending. */
KTEST(mutex_S9_2_of_two_mutexes)
{
	struct part a = {.first = &mutexes[0], .level = 4};
	struct part b = {.first = &mutexes[1], .level = 9};
	struct thread *ta, *tb;

	set_scene();
	mutex_lock(&mutexes[0]);
	mutex_lock(&mutexes[1]);
	KTEST_EXPECT((ta = start(&a)));
	KTEST_EXPECT((tb = start(&b)));
	KTEST_EXPECT_EQ(level_of(thread_current()), 4);
	mutex_unlock(&mutexes[0]); /* not the one that was taken last */
	KTEST_EXPECT_EQ(level_of(thread_current()), 9);
	KTEST_EXPECT(thread_current()->held == &mutexes[1]);
	mutex_unlock(&mutexes[1]);
	KTEST_EXPECT(!thread_current()->held);
	KTEST_EXPECT_EQ(level_of(thread_current()), SCHED_LEVEL_NORMAL);
	KTEST_EXPECT_EQ(test_join(ta), 0);
	KTEST_EXPECT_EQ(test_join(tb), 0);
}

/* A change of the owner's own level while it inherits, better and worse. */
KTEST(mutex_S9_2_owner_is_at_least_itself)
{
	struct part a = {.first = &mutexes[0], .level = 10};
	struct thread *t;

	set_scene();
	mutex_lock(&mutexes[0]);
	KTEST_EXPECT((t = start(&a)));
	KTEST_EXPECT_EQ(level_of(thread_current()), 10);
	KTEST_EXPECT_EQ(thread_set_level(thread_current(), 5), 0);
	KTEST_EXPECT_EQ(level_of(thread_current()), 5);
	KTEST_EXPECT_EQ(thread_set_level(thread_current(), 30), 0);
	KTEST_EXPECT_EQ(level_of(thread_current()), 10);
	EXPECT_NOTHING_WRONG();
	KTEST_EXPECT_EQ(thread_set_level(thread_current(), SCHED_LEVEL_NORMAL), 0);
	mutex_unlock(&mutexes[0]);
	KTEST_EXPECT_EQ(test_join(t), 0);
	KTEST_EXPECT_EQ(level_of(thread_current()), SCHED_LEVEL_NORMAL);
}

KTEST(mutex_S9_2_cycle)
{
	struct part part[CHAIN];
	struct thread *t[CHAIN];

	set_scene();
	mutex_lock(&mutexes[0]);
	KTEST_EXPECT(start_chain(part, t));
	KTEST_EXPECT_EQ(mutex_lock_checked(&mutexes[CHAIN - 1]), -EDEADLK);
	KTEST_EXPECT_EQ(mutex_lock_killable(&mutexes[1]), -EDEADLK);
	EXPECT_NOTHING_WRONG();
	mutex_unlock(&mutexes[0]);
	for (unsigned i = 1; i < CHAIN; i++)
		KTEST_EXPECT_EQ(test_join(t[i]), 0);
}

/* Who cannot be told waits all the same, and is served when another of the cycle gives way. */
KTEST(mutex_S9_2_cycle_that_is_waited_in)
{
	struct part part = {.first = &mutexes[1],
		.second = &mutexes[0],
		.deadline = test_in(30 * NSEC_PER_MSEC),
		.level = 8};
	struct thread *t;

	set_scene();
	mutex_lock(&mutexes[0]);
	KTEST_EXPECT((t = start(&part)));
	mutex_lock(&mutexes[1]);
	KTEST_EXPECT_EQ(level_of(thread_current()), SCHED_LEVEL_NORMAL);
	mutex_unlock(&mutexes[1]);
	mutex_unlock(&mutexes[0]);
	KTEST_EXPECT_EQ(test_join(t), -ETIMEDOUT);
	EXPECT_NOTHING_WRONG();
}

#define LONG_CHAIN (MUTEX_CHAIN_MAX + 8u)

/* The first of a long chain lends to 32 owners; the rest keep what they have. */
KTEST(mutex_S9_2_chain_has_a_limit)
{
	static struct mutex link[LONG_CHAIN];
	static struct part part[LONG_CHAIN];
	static struct thread *t[LONG_CHAIN];

	for (unsigned i = 0; i < LONG_CHAIN; i++)
		mutex_init(&link[i], "long chain");
	mutex_lock(&link[0]);
	for (unsigned i = 1; i < LONG_CHAIN; i++) {
		part[i] = (struct part){.first = &link[i], .second = &link[i - 1], .level = 20};
		KTEST_EXPECT((t[i] = start(&part[i])));
	}
	KTEST_EXPECT_EQ(thread_set_level(t[LONG_CHAIN - 1], 0), 0);
	KTEST_EXPECT_EQ(level_of(t[LONG_CHAIN - 1 - MUTEX_CHAIN_MAX]), 0);
	KTEST_EXPECT_EQ(level_of(t[LONG_CHAIN - 2 - MUTEX_CHAIN_MAX]), 20);
	KTEST_EXPECT_EQ(level_of(thread_current()), 20);
	mutex_unlock(&link[0]);
	for (unsigned i = 1; i < LONG_CHAIN; i++)
		KTEST_EXPECT_EQ(test_join(t[i]), 0);
	KTEST_EXPECT_EQ(level_of(thread_current()), 20);
}

/* --- owners that end ------------------------------------------------------------------------- */

static ktime_t life;

/* A kill ends it early, with the mutex. */
static int end_as_owner(void *mutex)
{
	mutex_lock(mutex);
	return thread_sleep(life);
}

static struct thread *start_mortal(struct mutex *m, ktime_t ns)
{
	struct thread *t;

	life = ns;
	t = test_thread(end_as_owner, m, 0);
	while (!mutex_owner(m) && m->health == MUTEX_HEALTHY)
		thread_sleep(NSEC_PER_MSEC / 10);
	return t;
}

KTEST(mutex_S9_1_owner_ends_and_the_next_repairs)
{
	struct thread *t;

	set_scene();
	t = start_mortal(&mutexes[0], 20 * NSEC_PER_MSEC);
	KTEST_EXPECT_EQ(mutex_lock_checked(&mutexes[0]), -EOWNERDEAD);
	KTEST_EXPECT(mutex_held(&mutexes[0]));
	KTEST_EXPECT_EQ(mutex_consistent(&mutexes[0]), 0);
	KTEST_EXPECT_EQ(mutex_consistent(&mutexes[0]), -EINVAL);
	mutex_unlock(&mutexes[0]);
	KTEST_EXPECT_EQ(mutex_consistent(&mutexes[0]), -EPERM);
	KTEST_EXPECT(mutex_trylock(&mutexes[0]));
	mutex_unlock(&mutexes[0]);
	KTEST_EXPECT_EQ(test_join(t), 0);
}

KTEST(mutex_S9_1_owner_is_killed_with_nobody_waiting)
{
	struct thread *t;

	set_scene();
	t = start_mortal(&mutexes[0], 3600 * NSEC_PER_SEC);
	KTEST_EXPECT_EQ(thread_kill(t), 0);
	KTEST_EXPECT_EQ(test_join(t), -EINTR);
	KTEST_EXPECT(!mutex_trylock(&mutexes[0]));
	KTEST_EXPECT_EQ(mutex_lock_until(&mutexes[0], 0), -EOWNERDEAD);
	KTEST_EXPECT_EQ(mutex_consistent(&mutexes[0]), 0);
	mutex_unlock(&mutexes[0]);
}

static int lock_checked(void *mutex)
{
	return mutex_lock_checked(mutex);
}

KTEST(mutex_S9_1_unusable_when_nobody_repairs)
{
	struct thread *t, *waiter;

	set_scene();
	t = start_mortal(&mutexes[0], 20 * NSEC_PER_MSEC);
	KTEST_EXPECT_EQ(mutex_lock_checked(&mutexes[0]), -EOWNERDEAD);
	waiter = test_thread(lock_checked, &mutexes[0], 0);
	test_await_wait(waiter);
	mutex_unlock(&mutexes[0]);
	KTEST_EXPECT_EQ(test_join(waiter), -ENOTRECOVERABLE);
	KTEST_EXPECT_EQ(mutex_lock_killable(&mutexes[0]), -ENOTRECOVERABLE);
	KTEST_EXPECT(!mutex_trylock(&mutexes[0]));
	KTEST_EXPECT_EQ(test_join(t), 0);
}

/* --- recursive ------------------------------------------------------------------------------- */

static int try_recursive(void *r)
{
	return recursive_mutex_lock_until(r, 0);
}

KTEST(mutex_S9_1_recursive)
{
	static struct recursive_mutex r = RECURSIVE_MUTEX_INIT(r);

	recursive_mutex_lock(&r);
	recursive_mutex_lock(&r);
	KTEST_EXPECT_EQ(recursive_mutex_lock_killable(&r), 0);
	KTEST_EXPECT(recursive_mutex_trylock(&r));
	for (unsigned i = 0; i < 3; i++) {
		KTEST_EXPECT_EQ(recursive_mutex_unlock(&r), 0);
		KTEST_EXPECT_EQ(test_join(test_thread(try_recursive, &r, 0)), -ETIMEDOUT);
	}
	r.depth = RECURSIVE_MUTEX_MAX;
	KTEST_EXPECT_EQ(recursive_mutex_lock_until(&r, 0), -EAGAIN);
	KTEST_EXPECT(!recursive_mutex_trylock(&r));
	r.depth = 0;
	KTEST_EXPECT_EQ(recursive_mutex_unlock(&r), 0);
	KTEST_EXPECT(!mutex_owner(&r.mutex));
}

/* --- misuse ---------------------------------------------------------------------------------- */

#ifdef CONFIG_DEBUG
#define MISUSE_ENDS true
#else
#define MISUSE_ENDS false
#endif

static bool is_alone(const char *name)
{
	if (!strcmp(kernel_params.test, name))
		return true;
	ktest_skip("ends the kernel, hence only alone");
	return false;
}

static int take_and_sleep(void *mutex)
{
	mutex_lock(mutex);
	thread_sleep(3600 * NSEC_PER_SEC);
	return mutex_unlock(mutex);
}

/* A release build answers with an error, and nothing has changed. */
KTEST(mutex_dies_unlocked_by_another)
{
	struct thread *t;

	if (MISUSE_ENDS && !is_alone("mutex_dies_unlocked_by_another"))
		return;
	set_scene();
	t = test_thread(take_and_sleep, &mutexes[0], 0);
	while (!mutex_owner(&mutexes[0]))
		thread_sleep(NSEC_PER_MSEC / 10);
	KTEST_EXPECT_EQ(mutex_unlock(&mutexes[0]), -EPERM);
	KTEST_EXPECT(mutex_owner(&mutexes[0]) == t);
	KTEST_EXPECT(thread_wake(t));
	KTEST_EXPECT_EQ(test_join(t), 0);
}

KTEST(mutex_dies_locked_again)
{
	if (!is_alone("mutex_dies_locked_again"))
		return;
	set_scene();
	mutex_lock(&mutexes[0]);
	mutex_lock(&mutexes[0]);
	ktest_fail(__FILE__, __LINE__, "locked again");
}

KTEST(mutex_dies_after_its_owner)
{
	if (!is_alone("mutex_dies_after_its_owner"))
		return;
	set_scene();
	start_mortal(&mutexes[0], 20 * NSEC_PER_MSEC);
	mutex_lock(&mutexes[0]);
	ktest_fail(__FILE__, __LINE__, "locked after the owner's death");
}

KTEST(mutex_dies_under_a_spinlock)
{
	static struct spinlock gate = SPINLOCK_INIT("gate", LOCK_RANK_SYNC);
	arch_irqflags_t irqs;

	if (!KASSERT_ON || !is_alone("mutex_dies_under_a_spinlock"))
		return;
	set_scene();
	irqs = spin_lock_irqsave(&gate);
	mutex_lock(&mutexes[0]);
	spin_unlock_irqrestore(&gate, irqs);
}

static void lock_in_interrupt(struct timer *timer __unused)
{
	mutex_lock(&mutexes[0]);
	ktest_fail(__FILE__, __LINE__, "locked in an interrupt");
}

KTEST(mutex_dies_in_an_interrupt)
{
	static struct timer timer;

	if (!KASSERT_ON || !is_alone("mutex_dies_in_an_interrupt"))
		return;
	set_scene();
	timer_init(&timer, lock_in_interrupt);
	timer_start(&timer, test_in(0));
	thread_sleep(NSEC_PER_SEC);
}
