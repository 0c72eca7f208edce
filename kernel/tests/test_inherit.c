/* SPDX-License-Identifier: MIT */
/*
 * Priority inheritance (rules S9.2, S11.8) against a model that is slow and obviously right, on the
 * kernel's own threads and mutexes, run by fibres in virtual time: random locks, unlocks, timeouts,
 * kills and changes of level. After every step each thread's urgency, each owner and each result is
 * what the model says.
 */
#include "kernel/types.h"
#include <arch/host_test.h>
#include "kernel/errno.h"
#include "kernel/idle.h"
#include "kernel/mutex_private.h"
#include "kernel/semaphore.h"
#include "mm/tests/mm_machine.h"
#include <arch/time.h>

#define ACTORS  12u
#define MUTEXES 7u
#define NOBODY  UINT_MAX
#define LATER   (3600 * NSEC_PER_SEC)

enum command { LOCK, LOCK_BRIEFLY, UNLOCK, END };

/* A thread that does as it is told, one command at a time; it waits for the next on `go`. */
struct actor {
	struct thread *thread;
	struct semaphore go;
	enum command command;
	unsigned mutex;
	ktime_t deadline;
	int result;
	bool busy; /* the command is not done yet */
};

/* The same in the model. */
struct model {
	unsigned level[ACTORS];
	unsigned waits_for[ACTORS]; /* a mutex */
	unsigned arrival[ACTORS];
	unsigned owner[MUTEXES];
	unsigned arrivals;
};

static struct actor actors[ACTORS];
static struct mutex mutexes[MUTEXES];
static struct model model;

static int obey(struct actor *a)
{
	struct mutex *m = &mutexes[a->mutex];

	if (a->command == UNLOCK)
		return mutex_unlock(m);
	return mutex_lock_until(m, a->deadline);
}

static int act(void *arg)
{
	struct actor *a = arg;

	for (;;) {
		semaphore_take(&a->go);
		if (a->command == END)
			return 0;
		a->result = obey(a);
		a->busy = false;
	}
}

/* --- the model ------------------------------------------------------------------------------- */

/* The least fixed point: as urgent as itself or whoever waits for what it owns. */
static void urgencies(unsigned *urgency)
{
	bool changed = true;

	for (unsigned i = 0; i < ACTORS; i++)
		urgency[i] = SCHED_URGENCY_TS + model.level[i];
	while (changed) {
		changed = false;
		for (unsigned i = 0; i < ACTORS; i++) {
			unsigned m = model.waits_for[i];
			unsigned owner = m == NOBODY ? NOBODY : model.owner[m];

			if (owner == NOBODY || urgency[owner] <= urgency[i])
				continue;
			urgency[owner] = urgency[i];
			changed = true;
		}
	}
}

static bool would_deadlock(unsigned who, unsigned mutex)
{
	while (mutex != NOBODY && model.owner[mutex] != NOBODY) {
		if (model.owner[mutex] == who)
			return true;
		mutex = model.waits_for[model.owner[mutex]];
	}
	return false;
}

/* The most urgent of those who wait; the first of equals. */
static unsigned first_waiter(unsigned mutex)
{
	unsigned urgency[ACTORS], best = NOBODY;

	urgencies(urgency);
	for (unsigned i = 0; i < ACTORS; i++) {
		if (model.waits_for[i] != mutex)
			continue;
		if (best == NOBODY || urgency[i] < urgency[best] ||
			(urgency[i] == urgency[best] && model.arrival[i] < model.arrival[best]))
			best = i;
	}
	return best;
}

static int model_lock(unsigned who, unsigned mutex)
{
	if (model.owner[mutex] == NOBODY) {
		model.owner[mutex] = who;
		return 0;
	}
	if (would_deadlock(who, mutex))
		return -EDEADLK;
	model.waits_for[who] = mutex;
	model.arrival[who] = model.arrivals++;
	return -EBUSY;
}

static void model_unlock(unsigned mutex)
{
	unsigned next = first_waiter(mutex);

	model.owner[mutex] = next;
	if (next != NOBODY)
		model.waits_for[next] = NOBODY;
}

/* --- comparison ------------------------------------------------------------------------------ */

static void compare(void)
{
	unsigned urgency[ACTORS];

	urgencies(urgency);
	for (unsigned i = 0; i < ACTORS; i++) {
		const struct thread *t = actors[i].thread;
		const struct mutex *m =
			model.waits_for[i] == NOBODY ? NULL : &mutexes[model.waits_for[i]];
		const char *wrong;

		assert_int_equal(t->se.urgency, urgency[i]);
		assert_ptr_equal(t->mutex_waited, m);
		assert_int_equal(actors[i].busy, m != NULL);
		arch_irq_disable();
		spin_lock(&mutex_wait_lock);
		wrong = mutex_check(t);
		spin_unlock(&mutex_wait_lock);
		arch_irq_enable();
		if (wrong)
			fail_msg("thread %u: %s", i, wrong);
	}
	for (unsigned i = 0; i < MUTEXES; i++) {
		const struct thread *owner =
			model.owner[i] == NOBODY ? NULL : actors[model.owner[i]].thread;

		assert_ptr_equal(mutex_owner(&mutexes[i]), owner);
	}
}

/* --- steps ----------------------------------------------------------------------------------- */

/* Until all others wait: virtual time only passes when nobody runs. */
static void settle(void)
{
	thread_sleep(NSEC_PER_MSEC);
}

static void tell(unsigned who, enum command command, unsigned mutex, ktime_t deadline)
{
	struct actor *a = &actors[who];

	a->command = command;
	a->mutex = mutex;
	a->deadline = deadline;
	a->busy = true;
	semaphore_give(&a->go);
	settle();
}

static void step_lock(struct host_random *random, unsigned who)
{
	unsigned mutex = host_random_below(random, MUTEXES);
	bool briefly = host_random_below(random, 4) == 0;
	ktime_t deadline = arch_time_now() + (briefly ? 5 * NSEC_PER_MSEC : LATER);
	int want = model_lock(who, mutex);

	tell(who, briefly ? LOCK_BRIEFLY : LOCK, mutex, deadline);
	compare();
	if (want != -EBUSY) {
		assert_int_equal(actors[who].result, want);
		return;
	}
	if (!briefly)
		return;
	thread_sleep_until(deadline + NSEC_PER_MSEC);
	model.waits_for[who] = NOBODY;
	compare();
	assert_int_equal(actors[who].result, -ETIMEDOUT);
}

/* One that it owns, any of them: not only the last one taken. */
static void step_unlock(struct host_random *random, unsigned who)
{
	unsigned start = host_random_below(random, MUTEXES);

	for (unsigned i = 0; i < MUTEXES; i++) {
		unsigned mutex = (start + i) % MUTEXES;

		if (model.owner[mutex] != who)
			continue;
		model_unlock(mutex);
		tell(who, UNLOCK, mutex, 0);
		assert_int_equal(actors[who].result, 0);
		compare();
		return;
	}
}

static void step_level(struct host_random *random, unsigned who)
{
	model.level[who] = host_random_below(random, SCHED_LEVEL_COUNT);
	assert_int_equal(thread_set_level(actors[who].thread, model.level[who]), 0);
	compare();
}

static void step(struct host_random *random)
{
	unsigned who = host_random_below(random, ACTORS), what = host_random_below(random, 8);

	if (what == 0 || actors[who].busy)
		step_level(random, who);
	else if (what < 5)
		step_lock(random, who);
	else
		step_unlock(random, who);
}

static void raise_curtain(void)
{
	char name[16];

	model = (struct model){0};
	for (unsigned i = 0; i < MUTEXES; i++) {
		mutex_init(&mutexes[i], "mutex");
		model.owner[i] = NOBODY;
	}
	for (unsigned i = 0; i < ACTORS; i++) {
		snprintf(name, sizeof(name), "actor %u", i);
		actors[i] = (struct actor){0};
		semaphore_init(&actors[i].go, "go", 0);
		model.level[i] = SCHED_LEVEL_NORMAL;
		model.waits_for[i] = NOBODY;
		assert_int_equal(thread_run(&actors[i].thread, name, act, &actors[i]), 0);
	}
	settle();
}

/* Owners that nobody waits for let go until all are idle, then all end. */
static void lower_curtain(void)
{
	for (unsigned round = 0; round < MUTEXES * ACTORS; round++) {
		unsigned mutex = round % MUTEXES, who = model.owner[mutex];

		if (who == NOBODY || actors[who].busy)
			continue;
		model_unlock(mutex);
		tell(who, UNLOCK, mutex, 0);
		compare();
	}
	for (unsigned i = 0; i < ACTORS; i++) {
		assert_false(actors[i].busy);
		tell(i, END, 0, 0);
		assert_int_equal(thread_join(actors[i].thread, NULL), 0);
	}
}

static void S9_2_as_the_model_says(void **state)
{
	struct host_random random = host_random_start("inherit");
	unsigned long rounds = host_rounds(200);

	(void)state;
	for (unsigned long round = 0; round < rounds; round++) {
		raise_curtain();
		for (unsigned i = 0; i < 100; i++)
			step(&random);
		lower_curtain();
	}
}

static int all_tests(void *arg)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(S9_2_as_the_model_says),
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
