/* SPDX-License-Identifier: MIT */
/* Priority, affinity, kill, suspend, resume: what they do, where they act, what they refuse. */
#include "kernel/log_private.h"
#include "kernel/mutex.h"
#include "kernel/semaphore.h"
#include "kernel/tests/threads.h"

static _Atomic bool let_go;

static int spin(void *arg __unused)
{
	while (!atomic_load(&let_go))
		arch_cpu_relax();
	return 0;
}

static int take_killable(void *arg)
{
	return semaphore_take_killable(arg);
}

static int sleep_for_ever(void *arg __unused)
{
	return thread_sleep(KTIME_MAX);
}

static int check_until_stopped(void *arg __unused)
{
	while (!thread_check_stop())
		thread_yield();
	return 3;
}

static int return_zero(void *arg __unused)
{
	return 0;
}

static void wait_for_state(struct thread *t, enum thread_state state)
{
	while (thread_get_state(t) != state)
		thread_sleep(NSEC_PER_MSEC / 10);
}

/* --- kill ------------------------------------------------------------------------------------ */

KTEST(kill_in_killable_wait)
{
	struct semaphore never;
	struct thread *t;

	semaphore_init(&never, "never", 0);
	t = test_thread(take_killable, &never, 0);
	wait_for_state(t, THREAD_WAITING);
	KTEST_EXPECT_EQ(thread_kill(t), 0);
	KTEST_EXPECT_EQ(test_join(t), -EINTR);
	KTEST_EXPECT(wait_queue_empty(&never.queue));
	semaphore_give(&never);
	KTEST_EXPECT_EQ(semaphore_units(&never), 1);
}

KTEST(kill_in_sleep)
{
	struct thread *t = test_thread(sleep_for_ever, NULL, 0);

	KTEST_EXPECT_EQ(thread_kill(t), 0);
	KTEST_EXPECT_EQ(test_join(t), -EINTR);
}

KTEST(kill_at_check)
{
	struct thread *t = test_thread(check_until_stopped, NULL, 0);

	thread_sleep(NSEC_PER_MSEC);
	KTEST_EXPECT_EQ(thread_kill(t), 0);
	KTEST_EXPECT_EQ(test_join(t), 3);
}

KTEST(kill_anywhere)
{
	struct thread *t;

	KTEST_EXPECT_EQ(thread_run(&t, "spinner", spin, NULL), 0);
	atomic_fetch_or(&t->flags, THREAD_KILLABLE_ANYWHERE);
	thread_sleep(NSEC_PER_MSEC);
	KTEST_EXPECT_EQ(thread_kill(t), 0);
	KTEST_EXPECT_EQ(test_join(t), -EINTR);
}

KTEST(kill_before_first_run)
{
	struct thread_params params = {.name = "unborn", .entry = return_zero};
	struct thread *t;

	KTEST_EXPECT_EQ(thread_create(&t, &params), 0);
	KTEST_EXPECT_EQ(thread_kill(t), 0);
	thread_start(t);
	KTEST_EXPECT_EQ(test_join(t), -EINTR);
}

KTEST(kill_errors)
{
	struct thread *t = thread_get(test_thread(return_zero, NULL, 0));
	struct thread *system = test_thread(sleep_for_ever, NULL, THREAD_SYSTEM);

	KTEST_EXPECT_EQ(test_join(t), 0);
	KTEST_EXPECT_EQ(thread_kill(t), -ETHREAD_NOT_FOUND);
	KTEST_EXPECT_EQ(thread_suspend(t, 0), -ETHREAD_NOT_FOUND);
	KTEST_EXPECT_EQ(thread_resume(t), -ETHREAD_NOT_FOUND);
	thread_put(t);
	KTEST_EXPECT_EQ(thread_kill(system), -ETHREAD_ACCESS);
	KTEST_EXPECT_EQ(thread_suspend(system, 0), -ETHREAD_ACCESS);
	while (!thread_wake(system))
		thread_yield();
	KTEST_EXPECT_EQ(test_join(system), 0);
}

struct holder {
	struct mutex mutex;
	_Atomic bool may_unlock;
	_Atomic bool has_unlocked;
};

static int hold_mutex_then_spin(void *arg)
{
	struct holder *h = arg;

	mutex_lock(&h->mutex);
	while (!atomic_load(&h->may_unlock))
		arch_cpu_relax();
	mutex_unlock(&h->mutex);
	return spin(NULL);
}

static int hold_mutex(void *arg)
{
	struct holder *h = arg;

	mutex_lock(&h->mutex);
	while (!atomic_load(&h->may_unlock))
		arch_cpu_relax();
	mutex_unlock(&h->mutex);
	atomic_store(&h->has_unlocked, true);
	while (!atomic_load(&let_go))
		thread_yield();
	return 0;
}

KTEST(kill_strands_no_mutex)
{
	struct holder h = {0};
	struct thread *t;

	mutex_init(&h.mutex, "held");
	t = test_thread(hold_mutex, &h, THREAD_KILLABLE_ANYWHERE);
	while (!mutex_owner(&h.mutex))
		thread_yield();
	KTEST_EXPECT_EQ(thread_kill(t), 0);
	thread_sleep(NSEC_PER_MSEC);
	KTEST_EXPECT(mutex_owner(&h.mutex) == t);
	atomic_store(&h.may_unlock, true);
	KTEST_EXPECT_EQ(test_join(t), -EINTR);
	KTEST_EXPECT(!mutex_owner(&h.mutex));
}

/* The kill came while the mutex was held: it acts at the unlock, no later preemption needed. */
KTEST(kill_acts_at_unlock)
{
	struct holder h = {0};
	struct thread *t;

	mutex_init(&h.mutex, "held");
	KTEST_EXPECT_EQ(thread_run(&t, "holder", hold_mutex_then_spin, &h), 0);
	atomic_fetch_or(&t->flags, THREAD_KILLABLE_ANYWHERE);
	while (!mutex_owner(&h.mutex))
		thread_sleep(NSEC_PER_MSEC / 10);
	KTEST_EXPECT_EQ(thread_kill(t), 0);
	thread_sleep(NSEC_PER_MSEC);
	atomic_store(&h.may_unlock, true);
	KTEST_EXPECT_EQ(test_join(t), -EINTR);
	KTEST_EXPECT(!mutex_owner(&h.mutex));
}

/* --- suspend --------------------------------------------------------------------------------- */

KTEST(suspend_spinner)
{
	struct thread *t = test_thread(spin, NULL, THREAD_KILLABLE_ANYWHERE);
	struct thread_stats before, after;

	KTEST_EXPECT_EQ(thread_suspend(t, test_in(30 * NSEC_PER_SEC)), 0);
	KTEST_EXPECT_EQ(thread_get_state(t), THREAD_STOPPED);
	thread_get_stats(t, &before);
	thread_sleep(2 * NSEC_PER_MSEC);
	thread_get_stats(t, &after);
	KTEST_EXPECT_EQ(after.cpu_time, before.cpu_time);
	KTEST_EXPECT_EQ(thread_resume(t), 0);
	KTEST_EXPECT_EQ(thread_resume(t), -ETHREAD_STATE);
	KTEST_EXPECT(thread_get_state(t) != THREAD_STOPPED);
	KTEST_EXPECT_EQ(thread_kill(t), 0);
	KTEST_EXPECT_EQ(test_join(t), -EINTR);
}

KTEST(suspend_in_killable_wait)
{
	struct semaphore s;
	struct thread *t;

	semaphore_init(&s, "suspended", 0);
	t = test_thread(take_killable, &s, 0);
	wait_for_state(t, THREAD_WAITING);
	KTEST_EXPECT_EQ(thread_suspend(t, test_in(30 * NSEC_PER_SEC)), 0);
	KTEST_EXPECT(wait_queue_empty(&s.queue));
	semaphore_give(&s);
	thread_sleep(NSEC_PER_MSEC);
	KTEST_EXPECT_EQ(thread_get_state(t), THREAD_STOPPED);
	KTEST_EXPECT_EQ(semaphore_units(&s), 1);
	KTEST_EXPECT_EQ(thread_resume(t), 0);
	KTEST_EXPECT_EQ(test_join(t), 0);
	KTEST_EXPECT_EQ(semaphore_units(&s), 0);
}

KTEST(suspend_times_out)
{
	struct holder h = {0};
	struct thread *t;

	mutex_init(&h.mutex, "held");
	t = test_thread(hold_mutex, &h, THREAD_KILLABLE_ANYWHERE);
	while (!mutex_owner(&h.mutex))
		thread_yield();
	KTEST_EXPECT_EQ(thread_suspend(t, 0), -ETIMEDOUT);
	KTEST_EXPECT_EQ(thread_suspend(t, test_in(NSEC_PER_MSEC)), -ETIMEDOUT);
	atomic_store(&h.may_unlock, true);
	wait_for_state(t, THREAD_STOPPED);
	KTEST_EXPECT(!mutex_owner(&h.mutex));
	KTEST_EXPECT_EQ(thread_kill(t), 0);
	KTEST_EXPECT_EQ(test_join(t), -EINTR);
}

static int take_then_check(void *arg)
{
	semaphore_take(arg);
	return thread_check_stop() ? 0 : 3;
}

static int suspend_for_ever(void *arg)
{
	return thread_suspend(arg, KTIME_MAX);
}

static struct thread *start_low(thread_entry entry, void *arg)
{
	struct thread_params params = {
		.name = "low",
		.entry = entry,
		.arg = arg,
		.has_priority = true,
		.priority = THREAD_PRIORITY_LOW,
	};
	struct thread *t;

	if (thread_create(&t, &params))
		return NULL;
	thread_start(t);
	return t;
}

/* Who waits for a suspension is told when it is taken back, even if it never saw it take effect. */
KTEST(suspend_taken_back)
{
	struct semaphore gate;
	struct thread *t, *waiter;

	semaphore_init(&gate, "gate", 0);
	t = test_thread(take_then_check, &gate, 0);
	wait_for_state(t, THREAD_WAITING);
	waiter = start_low(suspend_for_ever, t);
	while (!atomic_load(&t->stop) || thread_get_state(waiter) != THREAD_WAITING)
		thread_sleep(NSEC_PER_MSEC / 10);
	KTEST_EXPECT_EQ(thread_resume(t), 0);
	KTEST_EXPECT_EQ(test_join(waiter), -EAGAIN);
	waiter = start_low(suspend_for_ever, t);
	while (!atomic_load(&t->stop) || thread_get_state(waiter) != THREAD_WAITING)
		thread_sleep(NSEC_PER_MSEC / 10);
	semaphore_give(&gate);
	while (thread_get_state(t) != THREAD_STOPPED)
		thread_yield();
	KTEST_EXPECT_EQ(thread_resume(t), 0);
	KTEST_EXPECT(test_join(waiter) > -1000); /* by what it sees when it looks */
	KTEST_EXPECT_EQ(test_join(t), 3);
}

/* A thread that is stopped is not late; the kill that follows has its own clock. */
KTEST(kill_after_suspension_has_its_own_clock)
{
	struct semaphore gate;
	struct thread *t;
	ktime_t when;

	semaphore_init(&gate, "gate", 0);
	t = test_thread(take_then_check, &gate, 0);
	wait_for_state(t, THREAD_WAITING);
	KTEST_EXPECT_EQ(thread_suspend(t, 0), -ETIMEDOUT);
	KTEST_EXPECT(timer_pending(&t->stop_timer));
	when = t->stop_timer.when;
	thread_sleep(NSEC_PER_MSEC);
	KTEST_EXPECT_EQ(thread_kill(t), 0);
	KTEST_EXPECT(timer_pending(&t->stop_timer));
	KTEST_EXPECT(t->stop_timer.when >= when + NSEC_PER_MSEC);
	when = t->stop_timer.when;
	KTEST_EXPECT_EQ(thread_kill(t), 0);
	KTEST_EXPECT_EQ(t->stop_timer.when, when);
	semaphore_give(&gate);
	KTEST_EXPECT_EQ(test_join(t), 0);
}

/* --- priority and affinity ------------------------------------------------------------------- */

KTEST(priority_names_and_levels)
{
	for (unsigned p = 0; p < THREAD_PRIORITY_COUNT; p++)
		KTEST_EXPECT_EQ(thread_priority_of_level(thread_priority_level(p)), p);
	KTEST_EXPECT(!strcmp(thread_priority_name(THREAD_PRIORITY_CRITICAL), "CRITICAL"));
	KTEST_EXPECT_EQ(thread_priority_level(THREAD_PRIORITY_NORMAL), SCHED_LEVEL_NORMAL);
	KTEST_EXPECT(THREAD_PRIORITY_IDLE < THREAD_PRIORITY_LOW);
	KTEST_EXPECT(THREAD_PRIORITY_HIGH < THREAD_PRIORITY_CRITICAL);
}

static int own_priority(void *arg __unused)
{
	return (int)thread_current()->priority;
}

KTEST(priority_set_and_inherited)
{
	struct thread_params params = {.entry = own_priority, .inherit_priority = true};
	struct thread *t;

	KTEST_EXPECT_EQ(thread_set_priority(thread_current(), THREAD_PRIORITY_HIGH), 0);
	KTEST_EXPECT_EQ(thread_create(&t, &params), 0);
	thread_start(t);
	KTEST_EXPECT_EQ(test_join(t), THREAD_PRIORITY_HIGH);
	KTEST_EXPECT_EQ(
		thread_set_priority(thread_current(), THREAD_PRIORITY_COUNT), -ETHREAD_PRIORITY);
	KTEST_EXPECT_EQ(thread_set_level(thread_current(), SCHED_LEVEL_COUNT), -ETHREAD_PRIORITY);
	KTEST_EXPECT_EQ(thread_set_priority(thread_current(), THREAD_PRIORITY_NORMAL), 0);
	t = thread_get(test_thread(return_zero, NULL, 0));
	KTEST_EXPECT_EQ(test_join(t), 0);
	KTEST_EXPECT_EQ(thread_set_priority(t, THREAD_PRIORITY_LOW), -ETHREAD_NOT_FOUND);
	thread_put(t);
}

KTEST(priority_of_an_idle_thread)
{
	struct thread *idle = this_cpu(cpu_schedulers.idle);
	struct cpumask all;

	cpumask_set_all(&all);
	KTEST_EXPECT_EQ(thread_set_priority(idle, THREAD_PRIORITY_HIGH), -ETHREAD_ACCESS);
	KTEST_EXPECT_EQ(thread_set_level(idle, SCHED_LEVEL_NORMAL), -ETHREAD_ACCESS);
	KTEST_EXPECT_EQ(thread_set_affinity(idle, &all), -ETHREAD_ACCESS);
	KTEST_EXPECT_EQ(idle->se.rank, SCHED_RANK_IDLE);
}

KTEST(affinity_of_the_caller)
{
	unsigned end = atomic_load(&scheduler.cpu_end);

	for (unsigned cpu = 0; cpu < end; cpu++) {
		struct cpumask mask = {0};

		cpumask_set(&mask, cpu);
		KTEST_EXPECT_EQ(thread_set_affinity(thread_current(), &mask), 0);
		KTEST_EXPECT_EQ(arch_cpu_id(), cpu);
	}
	test_unpin();
}

KTEST(affinity_of_a_spinner)
{
	unsigned end = atomic_load(&scheduler.cpu_end);
	struct thread *t;

	KTEST_EXPECT_EQ(thread_run(&t, "spinner", spin, NULL), 0);
	atomic_fetch_or(&t->flags, THREAD_KILLABLE_ANYWHERE);
	for (unsigned cpu = 0; cpu < end; cpu++) {
		struct cpumask mask = {0};

		cpumask_set(&mask, cpu);
		KTEST_EXPECT_EQ(thread_set_affinity(t, &mask), 0);
		while (thread_get_cpu(t) != cpu)
			thread_sleep(NSEC_PER_MSEC / 10);
	}
	KTEST_EXPECT_EQ(thread_kill(t), 0);
	KTEST_EXPECT_EQ(test_join(t), -EINTR);
}

KTEST(affinity_errors)
{
	struct cpumask none = {0};
	struct thread *t = thread_get(test_thread(return_zero, NULL, 0));

	KTEST_EXPECT_EQ(thread_set_affinity(thread_current(), &none), -ESCHED_CPU);
	KTEST_EXPECT_EQ(test_join(t), 0);
	cpumask_set_all(&none);
	KTEST_EXPECT_EQ(thread_set_affinity(t, &none), -ETHREAD_NOT_FOUND);
	thread_put(t);
}

/* --- who does not stop ----------------------------------------------------------------------- */

static __noinline int spin_stubbornly(void *arg)
{
	atomic_fetch_add((_Atomic unsigned *)arg, 1);
	while (!atomic_load(&let_go))
		barrier();
	return 0;
}

static __noinline int wait_stubbornly(void *arg)
{
	semaphore_take(arg);
	return 0;
}

static bool contains(const char *text, const char *word)
{
	for (; *text; text++)
		if (string_starts(text, word))
			return true;
	return false;
}

/* Waits until the log says of thread "test" that it does not stop, and where. */
static bool is_reported(uint64_t position, const char *place)
{
	ktime_t end = test_in(30 * NSEC_PER_SEC);
	char line[LOG_LINE_MAX];

	while (arch_time_now() < end) {
		while (log_read_line(&position, LOG_WARN, line, sizeof(line)))
			if (contains(line, "(test) was asked to stop 20 ms ago and is "))
				return contains(line, place);
		thread_sleep(NSEC_PER_MSEC);
	}
	return false;
}

/* Kills `t`, which does not mind, and looks whether that is said. */
static bool report_of(struct thread *t, const char *place)
{
	ktime_t patience = thread_stop_patience;
	uint64_t position = log_last(0);
	bool reported;

	thread_stop_patience = 20 * NSEC_PER_MSEC;
	reported = !thread_kill(t) && is_reported(position, place);
	thread_stop_patience = patience;
	return reported;
}

/* It shares its CPU with another, so that it runs or is ready at the time. */
static bool is_reported_on(unsigned cpu)
{
	struct cpumask mask = {0};
	struct thread *t[2];
	_Atomic unsigned begun = 0;
	bool good = true;

	cpumask_set(&mask, cpu);
	for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
		t[i] = test_thread(spin_stubbornly, &begun, 0);
		good &= !thread_set_affinity(t[i], &mask);
	}
	while (atomic_load(&begun) < ARRAY_SIZE(t)) /* earlier a kill would be obeyed */
		thread_sleep(NSEC_PER_MSEC);
	good = report_of(t[0], "in spin_stubbornly+") && good;
	atomic_store(&let_go, true);
	for (unsigned i = 0; i < ARRAY_SIZE(t); i++)
		good &= !test_join(t[i]);
	atomic_store(&let_go, false);
	return good;
}

/* On the CPU of who asks, whose timer interrupts it, and on others, which have to be asked. */
KTEST(stubborn_thread_that_runs)
{
	unsigned end = atomic_load(&scheduler.cpu_end);

	KTEST_EXPECT_EQ(test_pin(), 0);
	for (unsigned round = 0; round < 2; round++)
		for (unsigned cpu = 0; cpu < MIN(end, 4); cpu++)
			KTEST_EXPECT(is_reported_on(cpu));
	test_unpin();
}

KTEST(stubborn_thread_that_waits)
{
	struct semaphore s;
	struct thread *t;

	semaphore_init(&s, "stubborn", 0);
	t = test_thread(wait_stubbornly, &s, 0);
	wait_for_state(t, THREAD_WAITING);
	KTEST_EXPECT(report_of(t, "in wait_stubbornly+"));
	semaphore_give(&s);
	KTEST_EXPECT_EQ(test_join(t), 0);
}

/* --- registers ------------------------------------------------------------------------------- */

static bool lies_on_stack(const struct thread *t, uintptr_t address)
{
	return address - (uintptr_t)t->stack_base <= t->stack_size;
}

KTEST(context_of_a_waiting_thread)
{
	struct arch_context context, again;
	struct semaphore s;
	struct thread *t;

	semaphore_init(&s, "context", 0);
	KTEST_EXPECT_EQ(thread_run(&t, "context", take_killable, &s), 0);
	wait_for_state(t, THREAD_WAITING);
	KTEST_EXPECT_EQ(thread_get_context(t, &context), 0);
	KTEST_EXPECT(context.valid & ARCH_CONTEXT_PC && context.valid & ARCH_CONTEXT_SP);
	KTEST_EXPECT(lies_on_stack(t, context.sp));
	KTEST_EXPECT(context.control[0] && context.control[1] && context.control[2]);
	KTEST_EXPECT(!(context.valid & ARCH_CONTEXT_FLAGS) && !context.flags);
	for (unsigned i = 0; i < ARCH_CONTEXT_REGISTERS; i++)
		KTEST_EXPECT(context.valid & 1u << i || !context.reg[i]);
	KTEST_EXPECT_EQ(thread_get_context(t, &again), 0);
	KTEST_EXPECT(!memcmp(&context, &again, sizeof(again)));
	semaphore_give(&s);
	KTEST_EXPECT_EQ(test_join(t), 0);
}

KTEST(context_errors)
{
	struct arch_context context;
	struct thread *t;

	KTEST_EXPECT_EQ(thread_get_context(thread_current(), &context), -ETHREAD_STATE);
	KTEST_EXPECT_EQ(thread_run(&t, "context", return_zero, NULL), 0);
	thread_get(t);
	KTEST_EXPECT_EQ(test_join(t), 0);
	KTEST_EXPECT_EQ(thread_get_context(t, &context), -ETHREAD_NOT_FOUND);
	thread_put(t);
}
