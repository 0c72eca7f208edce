/* SPDX-License-Identifier: MIT */
/* The life of a thread: create, start, exit, join, detach, find; every error of these calls. */
#include "kernel/limits.h"
#include "kernel/process.h"
#include "kernel/semaphore.h"
#include "kernel/tests/threads.h"
#include "mm/inject.h"

static int return_argument(void *arg)
{
	return *(int *)arg;
}

static int return_zero(void *arg __unused)
{
	return 0;
}

static int exit_with_seven(void *arg __unused)
{
	thread_exit(7);
}

KTEST(thread_status)
{
	struct thread *t;
	int value = 42;

	KTEST_EXPECT_EQ(thread_run(&t, "status", return_argument, &value), 0);
	KTEST_EXPECT_EQ(test_join(t), 42);
	KTEST_EXPECT_EQ(thread_run(&t, "status", exit_with_seven, NULL), 0);
	KTEST_EXPECT_EQ(test_join(t), 7);
}

static int create_with(size_t stack_size, unsigned priority, thread_entry entry)
{
	struct thread_params params = {
		.name = "bad",
		.entry = entry,
		.stack_size = stack_size,
		.has_priority = true,
		.priority = priority,
	};
	struct thread *t;
	int err = thread_create(&t, &params);

	if (err)
		return err;
	thread_start(t);
	return test_join(t);
}

KTEST(thread_create_errors)
{
	unsigned before = thread_count();

	KTEST_EXPECT_EQ(create_with(KSTACK_MIN - 1, 0, return_zero), -ETHREAD_STACK);
	KTEST_EXPECT_EQ(create_with(KSTACK_MIN + 1, 0, return_zero), -ETHREAD_STACK);
	KTEST_EXPECT_EQ(create_with(KSTACK_MAX + ARCH_PAGE_SIZE, 0, return_zero), -ETHREAD_STACK);
	KTEST_EXPECT_EQ(create_with(0, THREAD_PRIORITY_COUNT, return_zero), -ETHREAD_PRIORITY);
	KTEST_EXPECT_EQ(create_with(0, 0, NULL), -EINVAL);
	KTEST_EXPECT_EQ(create_with(KSTACK_MAX, THREAD_PRIORITY_CRITICAL, return_zero), 0);
	KTEST_EXPECT_EQ(thread_count(), before);
}

KTEST(thread_create_bad_affinity)
{
	struct cpumask none = {0};
	struct thread_params params = {.entry = return_zero, .affinity = &none};
	struct thread *t;

	KTEST_EXPECT_EQ(thread_create(&t, &params), -ESCHED_CPU);
	cpumask_set(&none, CONFIG_MAX_CPUS - 1);
	if (!cpumask_test_atomic(&scheduler.online, CONFIG_MAX_CPUS - 1))
		KTEST_EXPECT_EQ(thread_create(&t, &params), -ESCHED_CPU);
}

KTEST(thread_create_out_of_memory)
{
	struct thread_params params = {.entry = return_zero, .stack_size = 3 * ARCH_PAGE_SIZE};
	unsigned before = thread_count(), failures = 0;
	struct thread *t;
	int err = -ETHREAD_MEMORY;

	for (unsigned nth = 1; nth < 20 && err; nth++) {
		mm_inject_failure(nth);
		err = thread_create(&t, &params);
		failures += mm_inject_happened();
		KTEST_EXPECT(!err || err == -ETHREAD_MEMORY);
		mm_inject_failure(0);
	}
	KTEST_EXPECT_EQ(err, 0);
	KTEST_EXPECT(failures >= 1);
	thread_start(t);
	KTEST_EXPECT_EQ(test_join(t), 0);
	KTEST_EXPECT_EQ(thread_count(), before);
}

KTEST(thread_limit)
{
	uint64_t limit = limit_get(LIMIT_THREADS), before = thread_count();
	struct thread *t[3];
	struct thread *refused;

	limit_set(LIMIT_THREADS, before + ARRAY_SIZE(t));
	for (unsigned i = 0; i < ARRAY_SIZE(t); i++)
		KTEST_EXPECT_EQ(thread_run(&t[i], "limit", return_zero, NULL), 0);
	KTEST_EXPECT_EQ(thread_run(&refused, "limit", return_zero, NULL), -ETHREAD_LIMIT);
	for (unsigned i = 0; i < ARRAY_SIZE(t); i++)
		KTEST_EXPECT_EQ(test_join(t[i]), 0);
	KTEST_EXPECT_EQ(thread_run(&refused, "limit", return_zero, NULL), 0);
	KTEST_EXPECT_EQ(test_join(refused), 0);
	limit_set(LIMIT_THREADS, limit);
}

static int sleep_for_ever(void *arg __unused)
{
	return thread_sleep(KTIME_MAX);
}

static int join_argument(void *arg)
{
	return thread_join(arg, NULL);
}

KTEST(thread_join_errors)
{
	struct thread *t, *joiner;

	KTEST_EXPECT_EQ(thread_join(thread_current(), NULL), -EDEADLK);
	t = test_thread(return_zero, NULL, 0);
	thread_get(t);
	KTEST_EXPECT_EQ(thread_detach(t), 0);
	KTEST_EXPECT_EQ(thread_detach(t), -ETHREAD_STATE);
	KTEST_EXPECT_EQ(thread_join(t, NULL), -ETHREAD_STATE);
	thread_put(t);
	t = test_thread(sleep_for_ever, NULL, 0);
	KTEST_EXPECT_EQ(thread_join_until(t, NULL, arch_time_now()), -ETIMEDOUT);
	joiner = test_thread(join_argument, t, 0);
	KTEST_EXPECT_EQ(thread_kill(joiner), 0);
	KTEST_EXPECT_EQ(test_join(joiner), -EINTR);
	while (!thread_wake(t))
		thread_yield();
	KTEST_EXPECT_EQ(test_join(t), 0);
}

KTEST(thread_join_twice)
{
	struct thread *t, *joiner;

	KTEST_EXPECT_EQ(test_pin(), 0);
	t = thread_get(test_thread(return_zero, NULL, THREAD_SYSTEM));
	joiner = test_thread(join_argument, t, 0);
	thread_yield();
	KTEST_EXPECT_EQ(thread_join(t, NULL), -ETHREAD_STATE);
	KTEST_EXPECT_EQ(test_join(joiner), 0);
	KTEST_EXPECT_EQ(thread_get_state(t), THREAD_TERMINATED);
	thread_put(t);
	test_unpin();
}

KTEST(thread_detached_is_freed)
{
	unsigned before = thread_count();

	for (unsigned i = 0; i < 20; i++)
		KTEST_EXPECT_EQ(thread_run(NULL, "detached", return_zero, NULL), 0);
	for (unsigned i = 0; i < 1000 && thread_count() != before; i++)
		thread_sleep(NSEC_PER_MSEC);
	KTEST_EXPECT_EQ(thread_count(), before);
}

KTEST(thread_ids)
{
	struct thread *t, *found;
	uint64_t id, last = 0;

	for (unsigned i = 0; i < 300; i++) {
		KTEST_EXPECT_EQ(thread_run(&t, "id", return_zero, NULL), 0);
		id = t->thread_id;
		KTEST_EXPECT(id > last);
		last = id;
		found = thread_find(id);
		KTEST_EXPECT(found == t);
		thread_put(found);
		KTEST_EXPECT_EQ(test_join(t), 0);
		KTEST_EXPECT(!thread_find(id));
	}
	KTEST_EXPECT(!thread_find(UINT64_MAX));
}

/* Another's reference keeps the memory, but what was joined is not found. */
KTEST(thread_joined_is_not_found)
{
	unsigned before = thread_count();
	struct thread *t, *kept, *other = NULL;

	KTEST_EXPECT_EQ(thread_run(&t, "kept", return_zero, NULL), 0);
	kept = thread_get(t);
	KTEST_EXPECT_EQ(test_join(t), 0);
	KTEST_EXPECT(!thread_find(kept->thread_id));
	while ((other = thread_next(other)))
		KTEST_EXPECT(other != kept);
	KTEST_EXPECT_EQ(thread_count(), before + 1);
	thread_put(kept);
	KTEST_EXPECT_EQ(thread_count(), before);
}

KTEST(thread_ended_then_detached)
{
	unsigned before = thread_count();
	struct thread *t;

	for (unsigned i = 0; i < 200; i++) {
		KTEST_EXPECT_EQ(thread_run(&t, "ended", return_zero, NULL), 0);
		while (thread_get_state(t) != THREAD_TERMINATED)
			thread_yield();
		KTEST_EXPECT_EQ(thread_detach(t), 0);
		KTEST_EXPECT_EQ(thread_count(), before);
	}
}

KTEST(thread_lookup_errors)
{
	struct thread *t = test_thread(return_zero, NULL, 0), *found;
	uint64_t id = t->thread_id;

	KTEST_EXPECT_EQ(thread_lookup(id, &found), 0);
	KTEST_EXPECT(found == t);
	KTEST_EXPECT_EQ(test_join(t), 0);
	thread_put(found);
	KTEST_EXPECT_EQ(thread_lookup(id, &found), -ETHREAD_NOT_FOUND);
	KTEST_EXPECT(!found);
	KTEST_EXPECT_EQ(thread_lookup(UINT64_MAX, &found), -ETHREAD_ID);
}

KTEST(thread_list)
{
	struct thread *t = NULL, *mine = test_thread(return_zero, NULL, 0);
	unsigned idle = 0, found = 0, self = 0;
	uint64_t last = 0;

	while ((t = thread_next(t))) {
		KTEST_EXPECT(t->thread_id >= last);
		last = t->thread_id;
		idle += !!(atomic_load(&t->flags) & THREAD_IDLE);
		found += t == mine;
		self += t == thread_current();
	}
	KTEST_EXPECT_EQ(idle, atomic_load(&scheduler.nr_online));
	KTEST_EXPECT_EQ(found, 1);
	KTEST_EXPECT_EQ(self, 1);
	KTEST_EXPECT_EQ(test_join(mine), 0);
}

KTEST(thread_process)
{
	struct process *p = process_find(0), *next;

	KTEST_EXPECT(p == &kernel_process);
	KTEST_EXPECT_EQ(process_get_state(p), PROCESS_RUNNING);
	KTEST_EXPECT(process_cpu_time(p) > 0);
	KTEST_EXPECT(!process_find(12345));
	next = process_next(NULL);
	KTEST_EXPECT(next == p);
	KTEST_EXPECT(!process_next(next));
	process_put(p);
}

/* --- yield and sleep ------------------------------------------------------------------------- */

struct player {
	struct order *order;
	char name;
	ktime_t time;
};

static int yield_twice(void *arg)
{
	struct player *p = arg;

	for (unsigned i = 0; i < 3; i++) {
		order_note(p->order, p->name);
		thread_yield();
	}
	return 0;
}

/* All are there before the first has a turn, also when this thread's slice is about to end. */
static void play(struct player *players, unsigned count, thread_entry entry)
{
	struct thread *t[8];

	preempt_disable();
	for (unsigned i = 0; i < count; i++)
		t[i] = test_thread(entry, &players[i], 0);
	preempt_enable();
	for (unsigned i = 0; i < count; i++)
		if (!t[i] || test_join(t[i]))
			ktest_fail(__FILE__, __LINE__, "player %u did not end", i);
}

KTEST(thread_yield_order)
{
	struct order order;
	struct player players[] = {{&order, 'A', 0}, {&order, 'B', 0}, {&order, 'C', 0}};

	if (!test_is_round_robin())
		return;
	order_clear(&order);
	KTEST_EXPECT_EQ(test_pin(), 0);
	play(players, ARRAY_SIZE(players), yield_twice);
	test_unpin();
	KTEST_EXPECT_ORDER(&order, "ABCABCABC");
}

static int sleep_then_note(void *arg)
{
	struct player *p = arg;

	thread_sleep_until(p->time);
	order_note(p->order, p->name);
	return 0;
}

KTEST(thread_sleep_order)
{
	ktime_t base = test_in(100 * NSEC_PER_MSEC);
	struct order order;
	struct player players[] = {
		{&order, '3', base + 3 * NSEC_PER_MSEC},
		{&order, '1', base + 1 * NSEC_PER_MSEC},
		{&order, '2', base + 2 * NSEC_PER_MSEC},
		{&order, '4', base + 3 * NSEC_PER_MSEC},
	};

	order_clear(&order);
	KTEST_EXPECT_EQ(test_pin(), 0);
	play(players, ARRAY_SIZE(players), sleep_then_note);
	test_unpin();
	KTEST_EXPECT_ORDER(&order, "1234");
}

KTEST(thread_sleep_is_long_enough)
{
	ktime_t start = arch_time_now();

	KTEST_EXPECT_EQ(thread_sleep(5 * NSEC_PER_MSEC), 0);
	KTEST_EXPECT(arch_time_now() - start >= 5 * NSEC_PER_MSEC);
	KTEST_EXPECT_EQ(thread_sleep(0), 0);
	KTEST_EXPECT_EQ(thread_sleep(-1), 0);
	KTEST_EXPECT_EQ(thread_sleep_until(0), 0);
}

KTEST(thread_wake_ends_sleep)
{
	struct thread *t = test_thread(sleep_for_ever, NULL, 0);

	while (!thread_wake(t))
		thread_yield();
	KTEST_EXPECT_EQ(test_join(t), 0);
	KTEST_EXPECT(!thread_wake(thread_current()));
}

/* Three turns each: two whole quanta of 20 ms and the rest. Exact only where time is virtual. */
static int spin_in_turns(void *arg)
{
	struct player *p = arg;
	struct thread_stats stats;

	do {
		unsigned n = atomic_load(&p->order->length);

		if (!n || p->order->text[n - 1] != p->name)
			order_note(p->order, p->name);
		arch_cpu_relax();
		thread_get_stats(thread_current(), &stats);
	} while (stats.cpu_time < 50 * NSEC_PER_MSEC);
	return 0;
}

KTEST(thread_round_robin_slices)
{
	struct order order;
	struct player players[] = {{&order, 'A', 0}, {&order, 'B', 0}, {&order, 'C', 0}};

	if (!kernel_params.turns || scheduler.config.algorithm != SCHED_POLICY_rr) {
		ktest_skip("exact only under icount (turns=on), with sched=rr");
		return;
	}
	order_clear(&order);
	KTEST_EXPECT_EQ(test_pin(), 0);
	play(players, ARRAY_SIZE(players), spin_in_turns);
	test_unpin();
	KTEST_EXPECT_ORDER(&order, "ABCABCABC");
}

/* A joiner, more urgent than all, that ends up on the CPU of the thread it joins. */
struct late_joiner {
	struct thread *ends;
	struct semaphore go;
	_Atomic bool joined;
	ktime_t late;
};

/* It comes back from its wait while the joiner is being woken, and then never looks. */
static int run_without_looking(void *arg)
{
	struct late_joiner *l = arg;
	ktime_t start;

	semaphore_take(&l->go);
	start = arch_time_now();
	while (!atomic_load(&l->joined))
		arch_cpu_relax();
	l->late = arch_time_now() - start;
	return 0;
}

static int let_go_and_end(void *arg)
{
	struct late_joiner *l = arg;

	(void)thread_sleep(5 * NSEC_PER_MSEC);
	semaphore_give(&l->go);
	return 0;
}

static int join_late(void *arg)
{
	struct late_joiner *l = arg;

	(void)test_join(l->ends);
	atomic_store(&l->joined, true);
	return 0;
}

static struct thread *create_at(
	struct late_joiner *l, thread_entry entry, unsigned priority, unsigned cpu)
{
	struct cpumask mask = {0};
	struct thread_params params = {.name = "late",
		.entry = entry,
		.arg = l,
		.has_priority = true,
		.priority = priority,
		.affinity = &mask};
	struct thread *t;

	cpumask_set(&mask, cpu);
	return thread_create(&t, &params) ? NULL : t;
}

/*
 * The joiner blocked on CPU 0 and may only run on CPU 1 when it is woken. It is not left to the
 * next timer interrupt, which is most of a turn away.
 */
KTEST(thread_joiner_preempts_where_the_thread_ended)
{
	static struct late_joiner l;
	struct cpumask second = {0};
	struct thread *runs, *joins;

	if (scheduler.config.algorithm != SCHED_POLICY_priority || !scheduler.rq[1] ||
		!kernel_params.turns) {
		ktest_skip("needs sched=priority, two CPUs and icount (turns=on)");
		return;
	}
	l = (struct late_joiner){0};
	semaphore_init(&l.go, "go", 0);
	runs = create_at(&l, run_without_looking, THREAD_PRIORITY_LOW, 1);
	l.ends = create_at(&l, let_go_and_end, THREAD_PRIORITY_NORMAL, 1);
	joins = create_at(&l, join_late, THREAD_PRIORITY_CRITICAL, 0);
	KTEST_EXPECT(runs && l.ends && joins);
	thread_start(runs);
	thread_start(joins);
	(void)thread_sleep(2 * NSEC_PER_MSEC);
	cpumask_set(&second, 1);
	KTEST_EXPECT_EQ(thread_set_affinity(joins, &second), 0);
	thread_start(l.ends);
	KTEST_EXPECT_EQ(test_join(joins), 0);
	KTEST_EXPECT_EQ(test_join(runs), 0);
	KTEST_EXPECT_EQ(l.late / (NSEC_PER_MSEC / 2), 0);
}
