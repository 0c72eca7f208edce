/* SPDX-License-Identifier: MIT */
/*
 * Processes: their life, states and transitions, priorities and flags, memory, limits, enumeration;
 * every error of these calls. What only an unprivileged process meets is done inside one.
 */
#include "kernel/limits.h"
#include "kernel/log_private.h"
#include "kernel/process.h"
#include "kernel/semaphore.h"
#include "kernel/tests/threads.h"
#include "mm/inject.h"

#define PATIENCE (60 * NSEC_PER_SEC)

static int return_argument(void *arg)
{
	return (int)(uintptr_t)arg;
}

static int sleep_for_ever(void *arg __unused)
{
	return thread_sleep(KTIME_MAX);
}

/* -EINTR is also what a thread returns that is killed before it begins. */
static int spin_until_stopped(void *arg __unused)
{
	while (!thread_check_stop())
		arch_cpu_relax();
	return -EINTR;
}

static struct process *start(int (*entry)(void *arg), void *arg, unsigned flags)
{
	struct process_create_params params = {
		.name = "tested",
		.priority = PROCESS_NORMAL,
		.flags = flags,
		.entry_point = entry,
		.arg = arg,
	};
	struct process *p;

	return process_create(&p, &params) ? NULL : p;
}

static int wait_for(struct process *p)
{
	int status = 0, err = process_wait(p, &status, arch_time_now() + PATIENCE);

	return err ? -1000 + err : status;
}

static int terminate_and_wait(struct process *p)
{
	int err = process_terminate(p, 9);

	return err ? -1000 + err : wait_for(p);
}

/* A thread in `p`, started; with its handle. */
static struct thread *start_in(struct process *p, thread_entry entry, void *arg, unsigned flags)
{
	struct thread_params params = {
		.name = "inside", .entry = entry, .arg = arg, .flags = flags, .process = p};
	struct thread *t;

	if (thread_create(&t, &params))
		return NULL;
	thread_start(t);
	return t;
}

static void wait_for_state(struct process *p, enum process_state state)
{
	while (process_get_state(p) != state)
		thread_sleep(NSEC_PER_MSEC / 10);
}

/*
 * How many there are when those that are on their way out have gone: whoever ended one gives its
 * memory back after it has woken who waits for it.
 */
static unsigned count_at_rest(void)
{
	ktime_t end = test_in(10 * NSEC_PER_SEC);

	while (process_count() > 1 && arch_time_now() < end)
		thread_sleep(NSEC_PER_MSEC);
	return process_count();
}

/* --- life ------------------------------------------------------------------------------------ */

KTEST(process_status)
{
	unsigned processes = count_at_rest(), threads = thread_count();
	struct process *p = start(return_argument, (void *)42, 0);
	uint64_t id;

	KTEST_EXPECT(p);
	id = p->process_id;
	KTEST_EXPECT(id > 0);
	KTEST_EXPECT_EQ(p->parent_id, 0);
	KTEST_EXPECT_EQ(wait_for(p), 42);
	KTEST_EXPECT(!process_find(id));
	KTEST_EXPECT_EQ(count_at_rest(), processes);
	KTEST_EXPECT_EQ(thread_count(), threads);
}

/* Without an entry point it has no thread, and lives until it is terminated or its first ends. */
KTEST(process_without_a_thread)
{
	struct process *p = start(NULL, NULL, 0);
	struct thread *t;

	KTEST_EXPECT_EQ(process_get_state(p), PROCESS_WAITING);
	KTEST_EXPECT_EQ(process_wait(p, NULL, arch_time_now()), -ETIMEDOUT);
	KTEST_EXPECT_EQ(terminate_and_wait(p), 9);
	p = start(NULL, NULL, 0);
	t = start_in(p, return_argument, (void *)5, 0);
	KTEST_EXPECT_EQ(test_join(t), 5);
	KTEST_EXPECT_EQ(wait_for(p), 0); /* it had no main thread */
}

static int leave_in_the_middle(void *arg __unused)
{
	struct thread *t;

	if (thread_run(&t, "left", sleep_for_ever, NULL))
		return 1;
	process_exit(17);
}

KTEST(process_exit_ends_all_threads)
{
	KTEST_EXPECT_EQ(wait_for(start(leave_in_the_middle, NULL, 0)), 17);
}

/* Threads that are never started, never joined, detached: all go with their process. */
static int leave_things_about(void *arg __unused)
{
	struct thread_params params = {.name = "unborn", .entry = sleep_for_ever};
	struct thread *t;
	int err = thread_create(&t, &params);

	params.flags = THREAD_DETACHED;
	err |= thread_create(&t, &params);
	err |= thread_run(&t, "ended", return_argument, NULL);
	err |= thread_run(NULL, "detached", sleep_for_ever, NULL);
	err |= thread_run(&t, "sleeping", sleep_for_ever, NULL);
	thread_sleep(NSEC_PER_MSEC);
	return err;
}

KTEST(process_end_reaps_its_threads)
{
	unsigned before = thread_count();

	for (unsigned i = 0; i < 20; i++) {
		struct process *p = start(leave_things_about, NULL, 0);

		while (thread_get_state(p->main_thread) != THREAD_TERMINATED)
			thread_sleep(NSEC_PER_MSEC / 10);
		KTEST_EXPECT_EQ(p->exit_status, 0);
		KTEST_EXPECT_EQ(process_terminate(p, 4), 0);
		KTEST_EXPECT_EQ(wait_for(p), 4);
		KTEST_EXPECT(thread_count() <= before); /* the tests before may have left some */
	}
}

KTEST(process_terminated_twice)
{
	struct process *p = start(sleep_for_ever, NULL, 0);

	KTEST_EXPECT_EQ(process_terminate(p, 9), 0);
	KTEST_EXPECT_EQ(process_terminate(p, 10), 0);
	wait_for_state(p, PROCESS_TERMINATED);
	KTEST_EXPECT_EQ(process_terminate(p, 11), 0);
	KTEST_EXPECT_EQ(wait_for(p), 9);
}

/* The handle of somebody outside keeps the control block, and the process from being gone. */
KTEST(process_waits_for_handles)
{
	struct process *p = start(NULL, NULL, 0);
	struct thread *t = start_in(p, return_argument, (void *)1, 0);

	wait_for_state(p, PROCESS_TERMINATED);
	KTEST_EXPECT_EQ(process_wait(p, NULL, arch_time_now()), -ETIMEDOUT);
	KTEST_EXPECT_EQ(test_join(t), 1);
	KTEST_EXPECT_EQ(wait_for(p), 0);
}

static int wait_for_own(void *arg __unused)
{
	return process_wait(thread_current()->process, NULL, KTIME_MAX);
}

static int wait_for_argument(void *arg)
{
	return process_wait(arg, NULL, KTIME_MAX);
}

KTEST(process_wait_errors)
{
	struct process *p = start(sleep_for_ever, NULL, 0);
	struct thread *waiter = test_thread(wait_for_argument, p, 0);

	while (thread_get_state(waiter) != THREAD_WAITING)
		thread_sleep(NSEC_PER_MSEC / 10);
	KTEST_EXPECT_EQ(process_wait(p, NULL, 0), -EPROCESS_STATE);
	KTEST_EXPECT_EQ(process_detach(p), -EPROCESS_STATE);
	KTEST_EXPECT_EQ(thread_kill(waiter), 0);
	KTEST_EXPECT_EQ(test_join(waiter), -EINTR);
	process_get(p);
	KTEST_EXPECT_EQ(process_detach(p), 0);
	KTEST_EXPECT_EQ(process_wait(p, NULL, 0), -EPROCESS_STATE);
	KTEST_EXPECT_EQ(process_terminate(p, 0), 0);
	process_put(p);
	KTEST_EXPECT_EQ(wait_for(start(wait_for_own, NULL, 0)), -EDEADLK);
}

KTEST(process_lookup_errors)
{
	struct process *p = start(return_argument, NULL, 0), *found;
	uint64_t id = p->process_id;

	KTEST_EXPECT_EQ(process_lookup(id, &found), 0);
	KTEST_EXPECT(found == p);
	KTEST_EXPECT_EQ(wait_for(p), 0);
	process_put(found);
	KTEST_EXPECT_EQ(process_lookup(id, &found), -EPROCESS_NOT_FOUND);
	KTEST_EXPECT(!found);
	KTEST_EXPECT_EQ(process_lookup(UINT64_MAX, &found), -EPROCESS_ID);
	p = start(return_argument, NULL, 0);
	KTEST_EXPECT(p->process_id > id);
	KTEST_EXPECT_EQ(wait_for(p), 0);
}

static int create_with(unsigned priority, unsigned flags, size_t stack_size)
{
	struct thread_params thread = {.stack_size = stack_size};
	struct process_create_params params = {
		.name = "bad",
		.priority = priority,
		.flags = flags,
		.entry_point = return_argument,
		.thread_params = &thread,
	};
	struct process *p;
	int err = process_create(&p, &params);

	return err ? err : wait_for(p);
}

KTEST(process_create_errors)
{
	unsigned before = count_at_rest();

	KTEST_EXPECT_EQ(create_with(PROCESS_PRIORITY_COUNT, 0, 0), -EPROCESS_PRIORITY);
	KTEST_EXPECT_EQ(create_with(PROCESS_LOW, 1u << 20, 0), -EINVAL);
	KTEST_EXPECT_EQ(
		create_with(PROCESS_LOW, PROCESS_FOREGROUND | PROCESS_BACKGROUND, 0), -EINVAL);
	KTEST_EXPECT_EQ(create_with(PROCESS_LOW, 0, 5), -EPROCESS_THREAD);
	KTEST_EXPECT_EQ(create_with(PROCESS_LOW, PROCESS_DETACHED, 5), -EPROCESS_THREAD);
	KTEST_EXPECT_EQ(create_with(PROCESS_LOW, 0, KSTACK_MAX), 0);
	KTEST_EXPECT_EQ(count_at_rest(), before);
}

KTEST(process_create_out_of_memory)
{
	unsigned before = count_at_rest(), failures = 0;
	int err = -EPROCESS_MEMORY;

	for (unsigned nth = 1; nth < 20 && err; nth++) {
		mm_inject_failure(nth);
		err = create_with(PROCESS_NORMAL, 0, 3 * ARCH_PAGE_SIZE);
		failures += mm_inject_happened();
		mm_inject_failure(0);
		KTEST_EXPECT_EQ(err, nth == 1 ? -EPROCESS_MEMORY : err ? -EPROCESS_THREAD : 0);
	}
	KTEST_EXPECT_EQ(err, 0);
	KTEST_EXPECT(failures >= 2);
	KTEST_EXPECT_EQ(count_at_rest(), before);
}

/* --- states ---------------------------------------------------------------------------------- */

KTEST(process_states)
{
	struct process *p = start(sleep_for_ever, NULL, 0);
	struct thread *t;

	wait_for_state(p, PROCESS_WAITING);
	t = start_in(p, spin_until_stopped, NULL, 0);
	KTEST_EXPECT_EQ(process_get_state(p), PROCESS_RUNNING);
	KTEST_EXPECT_EQ(process_suspend(p, test_in(PATIENCE)), 0);
	KTEST_EXPECT_EQ(process_get_state(p), PROCESS_STOPPED);
	KTEST_EXPECT_EQ(thread_get_state(t), THREAD_STOPPED);
	KTEST_EXPECT_EQ(thread_get_state(p->main_thread), THREAD_STOPPED);
	KTEST_EXPECT_EQ(process_resume(p), 0);
	wait_for_state(p, PROCESS_RUNNING);
	KTEST_EXPECT_EQ(thread_kill(t), 0);
	KTEST_EXPECT_EQ(test_join(t), -EINTR);
	wait_for_state(p, PROCESS_WAITING);
	KTEST_EXPECT_EQ(process_terminate(p, 9), 0);
	wait_for_state(p, PROCESS_TERMINATED);
	KTEST_EXPECT_EQ(wait_for(p), 9);
}

KTEST(process_illegal_transitions)
{
	struct process *p = start(sleep_for_ever, NULL, 0);

	KTEST_EXPECT_EQ(process_resume(p), -EPROCESS_STATE);
	KTEST_EXPECT_EQ(process_suspend(p, test_in(PATIENCE)), 0);
	KTEST_EXPECT_EQ(process_suspend(p, 0), -EPROCESS_STATE);
	KTEST_EXPECT_EQ(process_terminate(p, 9), 0); /* any state may end */
	wait_for_state(p, PROCESS_TERMINATED);
	KTEST_EXPECT_EQ(process_resume(p), -EPROCESS_STATE);
	KTEST_EXPECT_EQ(process_suspend(p, 0), -EPROCESS_STATE);
	KTEST_EXPECT_EQ(process_set_priority(p, PROCESS_LOW), -EPROCESS_STATE);
	KTEST_EXPECT_EQ(process_set_ground(p, 0), -EPROCESS_STATE);
	KTEST_EXPECT(!start_in(p, return_argument, NULL, 0));
	KTEST_EXPECT_EQ(wait_for(p), 9);
}

/* Each suspension is taken back by whoever asked for it. */
KTEST(process_and_thread_suspended)
{
	struct process *p = start(NULL, NULL, 0);
	struct thread *t = start_in(p, spin_until_stopped, NULL, 0), *late;

	KTEST_EXPECT_EQ(thread_suspend(t, test_in(PATIENCE)), 0);
	KTEST_EXPECT_EQ(process_suspend(p, test_in(PATIENCE)), 0);
	KTEST_EXPECT_EQ(thread_resume(t), 0);
	KTEST_EXPECT_EQ(thread_get_state(t), THREAD_STOPPED);
	late = start_in(p, return_argument, (void *)6, 0);
	thread_sleep(NSEC_PER_MSEC);
	KTEST_EXPECT(thread_get_state(late) != THREAD_TERMINATED);
	KTEST_EXPECT_EQ(thread_suspend(t, test_in(PATIENCE)), 0);
	KTEST_EXPECT_EQ(process_resume(p), 0);
	KTEST_EXPECT_EQ(test_join(late), 6);
	KTEST_EXPECT_EQ(thread_get_state(t), THREAD_STOPPED);
	KTEST_EXPECT_EQ(thread_resume(t), 0);
	KTEST_EXPECT_EQ(thread_kill(t), 0);
	KTEST_EXPECT_EQ(test_join(t), -EINTR);
	KTEST_EXPECT_EQ(wait_for(p), 0);
}

static int suspend_own(void *arg)
{
	int err = process_suspend(thread_current()->process, KTIME_MAX);

	return err ? err : return_argument(arg);
}

KTEST(process_suspends_itself)
{
	struct process *p = start(suspend_own, (void *)8, 0);

	wait_for_state(p, PROCESS_STOPPED);
	while (thread_get_state(p->main_thread) != THREAD_STOPPED)
		thread_yield();
	KTEST_EXPECT_EQ(process_resume(p), 0);
	KTEST_EXPECT_EQ(wait_for(p), 8);
}

/* --- the tree -------------------------------------------------------------------------------- */

struct family {
	struct process *child[3];
	struct semaphore go;
};

static int have_children(void *arg)
{
	struct family *f = arg;

	for (unsigned i = 0; i < ARRAY_SIZE(f->child); i++)
		f->child[i] =
			process_get(start(i == 2 ? return_argument : sleep_for_ever, NULL, 0));
	semaphore_give(&f->go);
	return thread_sleep(KTIME_MAX) ? 0 : 1;
}

static struct process *start_family(struct family *f)
{
	struct process *p;

	semaphore_init(&f->go, "go", 0);
	p = start(have_children, f, 0);
	semaphore_take(&f->go);
	return p;
}

/* They become process 0's, which asks for no status: the ended one is reaped at once. */
KTEST(process_children_of_one_that_ends)
{
	unsigned before = count_at_rest();
	struct family f;
	struct process *p = start_family(&f);

	KTEST_EXPECT_EQ(f.child[0]->parent_id, p->process_id);
	wait_for_state(f.child[2], PROCESS_TERMINATED);
	KTEST_EXPECT_EQ(terminate_and_wait(p), 9);
	KTEST_EXPECT_EQ(f.child[0]->parent_id, 0);
	KTEST_EXPECT_EQ(f.child[1]->parent_id, 0);
	wait_for_state(f.child[0], PROCESS_WAITING);
	while (atomic_load(&f.child[2]->phase) != PROCESS_REAPED)
		thread_sleep(NSEC_PER_MSEC / 10);
	KTEST_EXPECT(!process_find(f.child[2]->process_id));
	for (unsigned i = 0; i < 2; i++) {
		uint64_t id = f.child[i]->process_id;

		KTEST_EXPECT_EQ(process_wait(f.child[i], NULL, 0), -EPROCESS_STATE);
		KTEST_EXPECT_EQ(process_terminate(f.child[i], 0), 0);
		wait_for_state(f.child[i], PROCESS_TERMINATED);
		while (atomic_load(&f.child[i]->phase) != PROCESS_REAPED)
			thread_sleep(NSEC_PER_MSEC / 10);
		KTEST_EXPECT(!process_find(id));
	}
	/* The creating thread's handles, and those of have_children(). */
	for (unsigned i = 0; i < ARRAY_SIZE(f.child); i++) {
		process_put(f.child[i]);
		process_put(f.child[i]);
	}
	KTEST_EXPECT_EQ(count_at_rest(), before);
}

static int have_grandchildren(void *arg)
{
	struct family *f = arg;

	if (!start_family(f))
		return 1;
	semaphore_give(&f[1].go);
	return thread_sleep(KTIME_MAX) ? 0 : 1;
}

KTEST(process_terminate_tree_ends_all)
{
	unsigned before = count_at_rest();
	static struct family f[2];
	struct process *p, *parent;

	semaphore_init(&f[1].go, "go", 0);
	p = start(have_grandchildren, f, 0);
	semaphore_take(&f[1].go);
	parent = process_find(f[0].child[0]->parent_id);
	KTEST_EXPECT_EQ(parent->parent_id, p->process_id);
	KTEST_EXPECT_EQ(process_terminate_tree(p, 12), 0);
	KTEST_EXPECT_EQ(wait_for(p), 12);
	wait_for_state(parent, PROCESS_TERMINATED);
	KTEST_EXPECT_EQ(parent->exit_status, 12);
	process_put(parent);
	process_put(parent);
	for (unsigned i = 0; i < 3; i++) {
		wait_for_state(f[0].child[i], PROCESS_TERMINATED);
		process_put(f[0].child[i]);
		process_put(f[0].child[i]);
	}
	while (process_count() != before)
		thread_sleep(NSEC_PER_MSEC);
	KTEST_EXPECT_EQ(process_count(), before);
}

/* --- priority -------------------------------------------------------------------------------- */

KTEST(process_priority_of_its_threads)
{
	static const unsigned wanted[] = {
		THREAD_PRIORITY_CRITICAL,
		THREAD_PRIORITY_HIGH,
		THREAD_PRIORITY_NORMAL,
		THREAD_PRIORITY_LOW,
		THREAD_PRIORITY_IDLE,
	};
	struct process *p = start(NULL, NULL, 0);
	struct thread_params own = {
		.name = "own",
		.entry = sleep_for_ever,
		.process = p,
		.has_priority = true,
		.priority = THREAD_PRIORITY_LOW,
	};
	struct thread *follows = start_in(p, sleep_for_ever, NULL, 0), *stays;

	KTEST_EXPECT_EQ(thread_create(&stays, &own), 0);
	thread_start(stays);
	for (unsigned i = 0; i < PROCESS_PRIORITY_COUNT; i++) {
		KTEST_EXPECT_EQ(process_set_priority(p, i), 0);
		KTEST_EXPECT_EQ(follows->se.level, thread_priority_level(wanted[i]));
		KTEST_EXPECT_EQ(atomic_load(&follows->priority), wanted[i]);
		KTEST_EXPECT_EQ(stays->se.level, SCHED_LEVEL_LOW);
	}
	KTEST_EXPECT_EQ(process_set_priority(p, PROCESS_PRIORITY_COUNT), -EPROCESS_PRIORITY);
	KTEST_EXPECT_EQ(thread_set_priority(follows, THREAD_PRIORITY_HIGH), 0);
	KTEST_EXPECT_EQ(process_set_priority(p, PROCESS_LOW), 0);
	KTEST_EXPECT_EQ(follows->se.level, SCHED_LEVEL_HIGH);
	KTEST_EXPECT_EQ(process_terminate(p, 0), 0);
	KTEST_EXPECT_EQ(test_join(follows), -EINTR);
	KTEST_EXPECT_EQ(test_join(stays), -EINTR);
	KTEST_EXPECT_EQ(wait_for(p), 0);
}

KTEST(process_flag_ground)
{
	struct process *p = start(sleep_for_ever, NULL, PROCESS_FOREGROUND);
	const struct sched_entity *se = &p->main_thread->se;

	KTEST_EXPECT_EQ(se->level, SCHED_LEVEL_NORMAL - PROCESS_GROUND_LEVELS);
	KTEST_EXPECT_EQ(process_set_ground(p, PROCESS_BACKGROUND), 0);
	KTEST_EXPECT_EQ(se->level, SCHED_LEVEL_NORMAL + PROCESS_GROUND_LEVELS);
	KTEST_EXPECT_EQ(process_set_priority(p, PROCESS_IDLE), 0);
	KTEST_EXPECT_EQ(se->level, SCHED_LEVEL_IDLE);
	KTEST_EXPECT_EQ(process_set_ground(p, 0), 0);
	KTEST_EXPECT_EQ(process_set_priority(p, PROCESS_HIGH), 0);
	KTEST_EXPECT_EQ(se->level, SCHED_LEVEL_HIGH);
	KTEST_EXPECT_EQ(process_set_ground(p, PROCESS_CRITICAL), -EINVAL);
	KTEST_EXPECT_EQ(terminate_and_wait(p), 9);
}

/* --- flags and access ------------------------------------------------------------------------ */

KTEST(process_flag_suspended)
{
	struct process *p = start(return_argument, (void *)2, PROCESS_SUSPENDED);

	KTEST_EXPECT_EQ(process_get_state(p), PROCESS_STOPPED);
	thread_sleep(NSEC_PER_MSEC);
	KTEST_EXPECT_EQ(process_get_state(p), PROCESS_STOPPED);
	KTEST_EXPECT_EQ(process_resume(p), 0);
	KTEST_EXPECT_EQ(wait_for(p), 2);
}

KTEST(process_flag_detached)
{
	unsigned before = count_at_rest();
	struct process_create_params params = {.entry_point = return_argument};
	struct process *p = start(return_argument, NULL, PROCESS_DETACHED);

	while (atomic_load(&p->phase) != PROCESS_REAPED)
		thread_sleep(NSEC_PER_MSEC / 10);
	process_put(p);
	KTEST_EXPECT_EQ(process_create(NULL, &params), 0);
	params.flags = PROCESS_DETACHED;
	KTEST_EXPECT_EQ(process_create(NULL, &params), 0);
	while (process_count() != before)
		thread_sleep(NSEC_PER_MSEC / 10);
}

KTEST(process_flag_system_process)
{
	struct process *p = start(NULL, NULL, PROCESS_SYSTEM_PROCESS);
	struct thread *t = start_in(p, sleep_for_ever, NULL, THREAD_SYSTEM);

	KTEST_EXPECT(t);
	KTEST_EXPECT_EQ(process_terminate(p, 0), -EPROCESS_ACCESS);
	KTEST_EXPECT_EQ(process_terminate_tree(p, 0), -EPROCESS_ACCESS);
	KTEST_EXPECT_EQ(process_suspend(p, 0), -EPROCESS_ACCESS);
	KTEST_EXPECT_EQ(process_terminate(&kernel_process, 0), -EPROCESS_ACCESS);
	while (!thread_wake(t))
		thread_yield();
	KTEST_EXPECT_EQ(test_join(t), 0);
	KTEST_EXPECT_EQ(wait_for(p), 0);
}

/* The first thing that goes wrong, as a line of this file; 0: nothing. */
#define CHECK(got, want)                                                                           \
	do {                                                                                       \
		if ((got) != (want))                                                               \
			return __LINE__;                                                           \
	} while (0)

/* Runs in a process that is not privileged; `arg` is neither it nor its child. */
static int try_without_privilege(void *arg)
{
	struct process_create_params params = {.priority = PROCESS_SYSTEM};
	struct thread_params thread = {.entry = return_argument, .process = arg};
	struct process *other = arg, *child;
	struct thread *t;

	CHECK(process_terminate(other, 0), -EPROCESS_ACCESS);
	CHECK(process_terminate_tree(other, 0), -EPROCESS_ACCESS);
	CHECK(process_suspend(other, 0), -EPROCESS_ACCESS);
	CHECK(process_resume(other), -EPROCESS_ACCESS);
	CHECK(process_set_priority(other, PROCESS_LOW), -EPROCESS_ACCESS);
	CHECK(process_set_ground(other, 0), -EPROCESS_ACCESS);
	CHECK(process_set_limits(other, 1, 1), -EPROCESS_ACCESS);
	CHECK(process_wait(other, NULL, 0), -EPROCESS_ACCESS);
	CHECK(thread_create(&t, &thread), -ETHREAD_ACCESS);
	CHECK(process_create(&child, &params), -EPROCESS_ACCESS);
	params.priority = PROCESS_NORMAL;
	for (unsigned flag = PROCESS_PRIVILEGED; flag <= PROCESS_CRITICAL; flag <<= 1) {
		params.flags = flag;
		CHECK(process_create(&child, &params), -EPROCESS_ACCESS);
	}
	params.flags = 0;
	CHECK(process_create(&child, &params), 0);
	CHECK(process_set_priority(child, PROCESS_SYSTEM), -EPROCESS_ACCESS);
	CHECK(process_set_priority(child, PROCESS_LOW), 0);
	CHECK(process_terminate(child, 3), 0);
	CHECK(process_wait(child, NULL, KTIME_MAX), 0);
	thread.process = NULL;
	thread.flags = THREAD_SYSTEM;
	CHECK(thread_create(&t, &thread), -ETHREAD_ACCESS);
	return 0;
}

static int terminate_argument(void *arg)
{
	return process_terminate(arg, 5);
}

KTEST(process_access)
{
	struct process *other = start(sleep_for_ever, NULL, 0);

	KTEST_EXPECT_EQ(wait_for(start(try_without_privilege, other, 0)), 0);
	KTEST_EXPECT_EQ(wait_for(start(terminate_argument, other, 0)), -EPROCESS_ACCESS);
	KTEST_EXPECT_EQ(wait_for(start(terminate_argument, other, PROCESS_PRIVILEGED)), 0);
	KTEST_EXPECT_EQ(wait_for(other), 5);
}

/* --- memory ---------------------------------------------------------------------------------- */

static int allocate_and_leave(void *arg)
{
	struct process_memory_stats before, after;
	struct process *p = thread_current()->process;
	void *freed, *left;

	process_get_memory_stats(p, &before);
	freed = process_alloc(1000);
	left = process_alloc(100);
	CHECK(freed && left && IS_ALIGNED((uintptr_t)freed, 16), true);
	process_get_memory_stats(p, &after);
	CHECK(after.data >= before.data + 1100 && after.total > before.total, true);
	process_free(freed);
	process_free(arg ? left : NULL);
	process_get_memory_stats(p, &after);
	CHECK(after.data >= before.data + (arg ? 0 : 100) && after.data < before.data + 300, true);
	return 0;
}

KTEST(process_memory_stats)
{
	struct process *p = start(sleep_for_ever, NULL, 0);
	struct process_memory_stats stats;
	struct thread *t;

	process_get_memory_stats(p, &stats);
	KTEST_EXPECT_EQ(stats.stack, KSTACK_DEFAULT);
	KTEST_EXPECT_EQ(stats.data, sizeof(struct thread));
	KTEST_EXPECT_EQ(stats.code + stats.shared, 0);
	t = start_in(p, sleep_for_ever, NULL, 0);
	process_get_memory_stats(p, &stats);
	KTEST_EXPECT_EQ(stats.stack, 2 * KSTACK_DEFAULT);
	KTEST_EXPECT_EQ(stats.total, 2 * (KSTACK_DEFAULT + sizeof(struct thread)));
	KTEST_EXPECT_EQ(process_terminate(p, 0), 0);
	KTEST_EXPECT_EQ(test_join(t), -EINTR);
	KTEST_EXPECT_EQ(wait_for(p), 0);
	KTEST_EXPECT_EQ(wait_for(start(allocate_and_leave, (void *)1, 0)), 0);
}

static bool log_says(uint64_t position, const char *words)
{
	char line[LOG_LINE_MAX];

	while (log_read_line(&position, LOG_WARN, line, sizeof(line)))
		for (const char *text = line; *text; text++)
			if (string_starts(text, words))
				return true;
	return false;
}

KTEST(process_leaks_are_told)
{
	uint64_t position = log_last(0);

	KTEST_EXPECT_EQ(wait_for(start(allocate_and_leave, NULL, 0)), 0);
	KTEST_EXPECT(
		log_says(position, "(tested): leak of 100 bytes allocated in allocate_and_leave+"));
	KTEST_EXPECT(log_says(position, "(tested) ended: 1 leaks, 100 bytes, freed"));
}

/* --- limits ---------------------------------------------------------------------------------- */

KTEST(process_limit)
{
	uint64_t limit = limit_get(LIMIT_PROCESSES);
	struct process_create_params params = {.priority = PROCESS_NORMAL};
	struct process *p, *refused;

	limit_set(LIMIT_PROCESSES, process_count() + 1);
	p = start(sleep_for_ever, NULL, 0);
	KTEST_EXPECT(p);
	KTEST_EXPECT_EQ(process_create(&refused, &params), -EPROCESS_LIMIT);
	KTEST_EXPECT_EQ(terminate_and_wait(p), 9);
	p = start(NULL, NULL, 0);
	KTEST_EXPECT(p);
	KTEST_EXPECT_EQ(terminate_and_wait(p), 9);
	limit_set(LIMIT_PROCESSES, limit);
}

/* As many as it may have, and not one more; then again when one has gone. */
static int fill_up(void *arg)
{
	unsigned limit = *(unsigned *)arg;
	struct thread *t[8];

	for (unsigned i = 1; i < limit; i++)
		CHECK(thread_run(&t[i], "filler", sleep_for_ever, NULL), 0);
	CHECK(thread_run(&t[0], "filler", sleep_for_ever, NULL), -ETHREAD_LIMIT);
	CHECK(thread_kill(t[1]), 0);
	CHECK(test_join(t[1]), -EINTR);
	CHECK(thread_run(&t[1], "filler", sleep_for_ever, NULL), 0);
	return 0;
}

KTEST(process_limit_of_threads)
{
	static unsigned limit = 5;
	uint64_t position = log_last(0), old = limit_get(LIMIT_PROCESS_THREADS);
	struct process *p;

	limit_set(LIMIT_PROCESS_THREADS, limit);
	p = start(fill_up, &limit, 0);
	limit_set(LIMIT_PROCESS_THREADS, old);
	while (p->main_thread && thread_get_state(p->main_thread) != THREAD_TERMINATED)
		thread_sleep(NSEC_PER_MSEC);
	KTEST_EXPECT_EQ(p->exit_status, 0);
	KTEST_EXPECT(log_says(position, "(tested): limit of 5 threads reached, creation refused"));
	KTEST_EXPECT_EQ(terminate_and_wait(p), 9);
}

static int use_up_memory(void *arg __unused)
{
	struct thread *t;
	void *memory;

	if (process_set_limits(thread_current()->process, UINT64_MAX, 64 * 1024))
		return __LINE__;
	CHECK(process_alloc(64 * 1024) == NULL, true);
	memory = process_alloc(48 * 1024);
	CHECK(memory != NULL, true);
	CHECK(thread_run(&t, "too much", sleep_for_ever, NULL), -ETHREAD_MEMORY);
	process_free(memory);
	CHECK(thread_run(&t, "enough", return_argument, NULL), 0);
	return test_join(t);
}

KTEST(process_limit_of_memory)
{
	KTEST_EXPECT_EQ(wait_for(start(use_up_memory, NULL, 0)), 0);
}

static int create_one(void *arg __unused)
{
	struct thread *t;
	int err = thread_run(&t, "one", return_argument, NULL);

	return err ? err : test_join(t);
}

/* The last threads of the system are the kernel's. */
KTEST(process_limit_leaves_a_reserve)
{
	uint64_t limit = limit_get(LIMIT_THREADS);
	struct thread *t;
	struct process *p = start(create_one, NULL, PROCESS_SUSPENDED);

	limit_set(LIMIT_THREADS, 16 * LIMIT_RESERVE_MAX);
	KTEST_EXPECT_EQ(process_resume(p), 0);
	KTEST_EXPECT_EQ(wait_for(p), 0);
	p = start(create_one, NULL, PROCESS_SUSPENDED);
	limit_set(LIMIT_THREADS, thread_count() + 1);
	KTEST_EXPECT_EQ(process_resume(p), 0);
	KTEST_EXPECT_EQ(wait_for(p), -ETHREAD_LIMIT);
	KTEST_EXPECT_EQ(thread_run(&t, "kernel's", return_argument, NULL), 0);
	KTEST_EXPECT_EQ(test_join(t), 0);
	limit_set(LIMIT_THREADS, limit);
}

static int ask_for_memory(void *arg __unused)
{
	struct thread *t;

	CHECK(process_alloc(100) == NULL, true);
	return thread_run(&t, "one", return_argument, NULL);
}

/* The same of memory, and once told. */
KTEST(process_limit_of_the_systems_memory)
{
	uint64_t limit = limit_get(LIMIT_MEMORY), position = log_last(0);
	struct process *p = start(ask_for_memory, NULL, PROCESS_SUSPENDED);
	struct thread *t;
	void *memory;

	limit_set(LIMIT_MEMORY, 0);
	KTEST_EXPECT_EQ(process_resume(p), 0);
	KTEST_EXPECT_EQ(wait_for(p), -ETHREAD_MEMORY);
	KTEST_EXPECT(log_says(position, "memory: limit of 0 MiB reached, refused to process"));
	KTEST_EXPECT(log_says(position, "memory: limit of 0 MiB reached, creation refused"));
	memory = process_alloc(100);
	KTEST_EXPECT(memory);
	process_free(memory);
	KTEST_EXPECT_EQ(thread_run(&t, "kernel's", return_argument, NULL), 0);
	KTEST_EXPECT_EQ(test_join(t), 0);
	limit_set(LIMIT_MEMORY, limit);
	KTEST_EXPECT_EQ(wait_for(start(create_one, NULL, 0)), 0);
}

/* --- flags of threads ------------------------------------------------------------------------ */

/* The process ends with its main thread, whatever the daemon does. */
static int start_daemon(void *arg)
{
	struct thread_params params = {
		.name = "daemon", .entry = sleep_for_ever, .flags = THREAD_DAEMON};
	struct thread *t;
	int err = thread_create(&t, &params);

	if (!err)
		thread_start(t);
	return err ? err : return_argument(arg);
}

KTEST(thread_flag_daemon)
{
	unsigned before = thread_count();

	KTEST_EXPECT_EQ(wait_for(start(start_daemon, (void *)31, 0)), 31);
	KTEST_EXPECT_EQ(thread_count(), before);
}

KTEST(thread_flag_suspended)
{
	struct thread *t = test_thread(return_argument, (void *)4, THREAD_SUSPENDED);

	while (thread_get_state(t) != THREAD_STOPPED)
		thread_sleep(NSEC_PER_MSEC / 10);
	KTEST_EXPECT_EQ(thread_join_until(t, NULL, arch_time_now()), -ETIMEDOUT);
	KTEST_EXPECT_EQ(thread_resume(t), 0);
	KTEST_EXPECT_EQ(test_join(t), 4);
}

static int take_killable(void *arg)
{
	return semaphore_take_killable(arg);
}

/* A kill does not end its wait, only the semaphore does. */
KTEST(thread_flag_uninterruptible)
{
	struct semaphore s;
	struct thread *t;

	semaphore_init(&s, "patient", 0);
	t = test_thread(take_killable, &s, THREAD_UNINTERRUPTIBLE);
	while (thread_get_state(t) != THREAD_WAITING)
		thread_sleep(NSEC_PER_MSEC / 10);
	KTEST_EXPECT_EQ(thread_kill(t), 0);
	KTEST_EXPECT_EQ(thread_join_until(t, NULL, test_in(5 * NSEC_PER_MSEC)), -ETIMEDOUT);
	semaphore_give(&s);
	KTEST_EXPECT_EQ(test_join(t), 0);
	KTEST_EXPECT(!test_thread(
		return_argument, NULL, THREAD_UNINTERRUPTIBLE | THREAD_KILLABLE_ANYWHERE));
	KTEST_EXPECT(!test_thread(return_argument, NULL, 1u << 20));
}

/* --- enumeration ----------------------------------------------------------------------------- */

static _Atomic bool enough;

static int come_and_go(void *arg __unused)
{
	while (!atomic_load(&enough)) {
		struct process *p = start(return_argument, NULL, 0);

		if (!p || wait_for(p))
			return 1;
	}
	return 0;
}

/* Those that stay are seen each time, once, in order; whatever comes and goes meanwhile. */
KTEST(process_list_while_they_come_and_go)
{
	struct process *stays[3], *p;
	struct thread *t[2];

	atomic_store(&enough, false);
	for (unsigned i = 0; i < ARRAY_SIZE(stays); i++)
		stays[i] = start(sleep_for_ever, NULL, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(t); i++)
		KTEST_EXPECT_EQ(thread_run(&t[i], "comes", come_and_go, NULL), 0);
	for (unsigned round = 0; round < 200; round++) {
		unsigned seen = 0;
		uint64_t last = 0;

		for (p = process_next(NULL); p; p = process_next(p)) {
			KTEST_EXPECT(p->process_id >= last);
			last = p->process_id;
			for (unsigned i = 0; i < ARRAY_SIZE(stays); i++)
				seen += p == stays[i];
			(void)process_cpu_time(p);
			(void)process_get_state(p);
		}
		KTEST_EXPECT_EQ(seen, ARRAY_SIZE(stays));
		thread_yield();
	}
	atomic_store(&enough, true);
	for (unsigned i = 0; i < ARRAY_SIZE(t); i++)
		KTEST_EXPECT_EQ(test_join(t[i]), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(stays); i++)
		KTEST_EXPECT_EQ(terminate_and_wait(stays[i]), 9);
}

/* --- sleep ----------------------------------------------------------------------------------- */

KTEST(thread_sleep_of_another)
{
	struct thread *t = test_thread(spin_until_stopped, NULL, 0);
	ktime_t start_of_sleep;

	KTEST_EXPECT_EQ(thread_sleep_other(t, PATIENCE), 0);
	while (thread_get_state(t) != THREAD_WAITING)
		thread_sleep(NSEC_PER_MSEC / 10);
	KTEST_EXPECT(thread_wake(t));
	while (thread_get_state(t) == THREAD_WAITING)
		thread_sleep(NSEC_PER_MSEC / 10);
	start_of_sleep = arch_time_now();
	KTEST_EXPECT_EQ(thread_sleep_other(t, 20 * NSEC_PER_MSEC), 0);
	while (thread_get_state(t) != THREAD_WAITING && arch_time_now() < test_in(PATIENCE))
		thread_sleep(NSEC_PER_MSEC / 10);
	while (thread_get_state(t) == THREAD_WAITING)
		thread_sleep(NSEC_PER_MSEC / 10);
	KTEST_EXPECT(arch_time_now() - start_of_sleep >= 20 * NSEC_PER_MSEC);
	KTEST_EXPECT_EQ(thread_sleep_other(t, PATIENCE), 0);
	KTEST_EXPECT_EQ(thread_kill(t), 0);
	KTEST_EXPECT_EQ(test_join(t), -EINTR);
	KTEST_EXPECT_EQ(thread_sleep_other(this_cpu(cpu_schedulers.idle), 1), -ETHREAD_ACCESS);
}
