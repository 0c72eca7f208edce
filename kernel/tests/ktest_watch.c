/* SPDX-License-Identifier: MIT */
/* Watchdogs: who is reported, when, how often, with what; and who is not. */
#include "kernel/format.h"
#include "kernel/log_private.h"
#include "kernel/mutex.h"
#include "kernel/semaphore.h"

#include "kernel/tests/threads.h"
#include "kernel/watch.h"

#define LIMIT (NSEC_PER_SEC / 2)
#define AFTER (LIMIT + LIMIT / 4 + 100 * NSEC_PER_MSEC) /* a report is there by now */

static bool contains(const char *text, const char *what)
{
	size_t length = strlen(what);

	for (; *text; text++)
		if (!strncmp(text, what, length))
			return true;
	return false;
}

/* Lines of the log since `position` that contain a text. */
static unsigned count_lines(uint64_t position, const char *what)
{
	char line[LOG_LINE_MAX];
	unsigned count = 0;

	while (log_read_line(&position, LOG_WARN, line, sizeof(line)))
		count += contains(line, what);
	return count;
}

/* Elsewhere a busy host may let a report come late. */
static bool has_virtual_time(void)
{
	if (kernel_params.turns)
		return true;
	ktest_skip("only with turns=on, where time is virtual");
	return false;
}

/* Where reports begin from now on, with a short limit. */
static uint64_t begin_watch(void)
{
	watch_threads_set_limit(LIMIT);
	thread_sleep(NSEC_PER_MSEC);
	return log_last(0);
}

static void end_watch(void)
{
	watch_threads_set_limit(kernel_params.hung * NSEC_PER_SEC);
}

/* --- threads --------------------------------------------------------------------------------- */

static __noinline int hang_in_here(void *arg)
{
	semaphore_take(arg);
	return 0;
}

static int take_twice(void *arg)
{
	return hang_in_here(arg) + hang_in_here(arg);
}

static int take_killable(void *arg)
{
	return semaphore_take_killable(arg);
}

static int take_in_time(void *arg)
{
	return semaphore_take_until(arg, test_in(3 * LIMIT));
}

static int lock_and_unlock(void *arg)
{
	mutex_lock(arg);
	mutex_unlock(arg);
	return 0;
}

/* Once for each wait: not before the limit, and not again. */
KTEST(watch_hung_thread_is_reported_once_per_wait)
{
	struct semaphore never, ever;
	struct thread *t, *other;
	uint64_t position;

	if (!has_virtual_time())
		return;
	position = begin_watch();
	semaphore_init(&never, "never", 0);
	semaphore_init(&ever, "ever", 0);
	t = test_thread(take_twice, &never, 0);
	thread_sleep(LIMIT - 100 * NSEC_PER_MSEC);
	KTEST_EXPECT_EQ(count_lines(position, "hangs"), 0);
	thread_sleep(AFTER - LIMIT + 100 * NSEC_PER_MSEC);
	KTEST_EXPECT_EQ(count_lines(position, "(test) hangs: since "), 1);
	KTEST_EXPECT_EQ(count_lines(position, "uninterruptibly for semaphore never; last on"), 1);
	KTEST_EXPECT_EQ(count_lines(position, "    hang_in_here+"), 1);
	KTEST_EXPECT_EQ(count_lines(position, "    take_twice+"), 1);
	other = test_thread(hang_in_here, &ever, 0); /* so that there are more looks */
	thread_sleep(AFTER);
	KTEST_EXPECT_EQ(count_lines(position, "for semaphore ever;"), 1);
	KTEST_EXPECT_EQ(count_lines(position, "for semaphore never;"), 1);
	semaphore_give(&never);
	thread_sleep(AFTER);
	KTEST_EXPECT_EQ(count_lines(position, "for semaphore never;"), 2);
	semaphore_give(&never);
	semaphore_give(&ever);
	KTEST_EXPECT_EQ(test_join(t), 0);
	KTEST_EXPECT_EQ(test_join(other), 0);
	end_watch();
}

/* The owner is named. */
KTEST(watch_hung_thread_waits_for_an_owner)
{
	char owner[48];
	struct mutex m;
	struct thread *t;
	uint64_t position;

	if (!has_virtual_time())
		return;
	position = begin_watch();
	mutex_init(&m, "treasure");
	mutex_lock(&m);
	t = test_thread(lock_and_unlock, &m, 0);
	thread_sleep(AFTER);
	format_string(owner, sizeof(owner), "for mutex treasure of %llu (%s);",
		(unsigned long long)thread_current()->thread_id, thread_current()->name);
	KTEST_EXPECT_EQ(count_lines(position, owner), 1);
	KTEST_EXPECT_EQ(count_lines(position, "    lock_and_unlock+"), 1);
	mutex_unlock(&m);
	KTEST_EXPECT_EQ(test_join(t), 0);
	end_watch();
}

/* Neither a wait that a kill ends, nor one with a limit, nor none for so long; nor with hung=0. */
KTEST(watch_passes_over_threads_that_do_not_hang)
{
	struct semaphore killable, timed, never;
	struct thread *t[3];
	uint64_t position;

	if (!has_virtual_time())
		return;
	position = begin_watch();
	semaphore_init(&killable, "killable", 0);
	semaphore_init(&timed, "timed", 0);
	semaphore_init(&never, "never", 0);
	t[0] = test_thread(take_killable, &killable, 0);
	t[1] = test_thread(take_in_time, &timed, 0);
	thread_sleep(2 * AFTER);
	KTEST_EXPECT_EQ(count_lines(position, "hangs"), 0);
	watch_threads_set_limit(0);
	t[2] = test_thread(hang_in_here, &never, 0);
	thread_sleep(2 * AFTER);
	KTEST_EXPECT_EQ(count_lines(position, "hangs"), 0);
	KTEST_EXPECT_EQ(thread_kill(t[0]), 0);
	KTEST_EXPECT_EQ(test_join(t[0]), -EINTR);
	KTEST_EXPECT_EQ(test_join(t[1]), -ETIMEDOUT);
	semaphore_give(&never);
	KTEST_EXPECT_EQ(test_join(t[2]), 0);
	end_watch();
}

/* It rests, and takes no interrupt, when nobody waits for ever or all who do are reported. */
KTEST(watch_rests_while_there_is_nothing_to_watch)
{
	struct semaphore never;
	struct thread *t;

	if (!has_virtual_time())
		return;
	begin_watch();
	KTEST_EXPECT(watch_threads_rest());
	semaphore_init(&never, "never", 0);
	t = test_thread(hang_in_here, &never, 0);
	thread_sleep(LIMIT / 2);
	KTEST_EXPECT(!watch_threads_rest());
	thread_sleep(AFTER);
	KTEST_EXPECT(watch_threads_rest());
	semaphore_give(&never);
	KTEST_EXPECT_EQ(test_join(t), 0);
	end_watch();
}

/* --- CPUs ------------------------------------------------------------------------------------ */

/* How a CPU gets stuck. */
enum stuck_way { STUCK_INTERRUPTS_OFF, STUCK_PREEMPTION_OFF, STUCK_NOT_AT_ALL };

static struct spinlock trap = SPINLOCK_INIT("trap", LOCK_RANK_PROCESS);
static _Atomic bool let_go;

/* Few pauses: an emulator takes long for each, and this lasts for seconds. */
static void spin_until_let_go(void)
{
	while (!atomic_load(&let_go)) {
		for (unsigned i = 0; i < 2000; i++)
			barrier();
		arch_cpu_relax();
	}
}

static __noinline int stick_in_here(void *way)
{
	arch_irqflags_t irqs;

	switch ((uintptr_t)way) {
	case STUCK_INTERRUPTS_OFF:
		irqs = spin_lock_irqsave(&trap);
		spin_until_let_go();
		spin_unlock_irqrestore(&trap, irqs);
		break;
	case STUCK_PREEMPTION_OFF:
		preempt_disable();
		spin_until_let_go();
		preempt_enable();
		break;
	default:
		spin_until_let_go();
	}
	return 0;
}

static int spin_too(void *arg __unused)
{
	spin_until_let_go();
	return 0;
}

static int return_zero(void *arg __unused)
{
	return 0;
}

static int be_on(unsigned cpu)
{
	struct cpumask mask = {0};

	cpumask_set(&mask, cpu);
	return thread_set_affinity(thread_current(), &mask);
}

/*
 * Two threads on a CPU: the first does this, the second, if any, comes afterwards and is something
 * to do; it is created before, because memory may have to be mapped, which other CPUs have to hear.
 * The test goes to the next CPU.
 */
static bool begin_stuck(struct thread *t[2], unsigned cpu, enum stuck_way way, thread_entry work)
{
	unsigned end = atomic_load(&scheduler.cpu_end);
	struct cpumask mask = {0};
	struct thread_params params = {.name = "work", .entry = work, .affinity = &mask};

	cpumask_set(&mask, cpu);
	atomic_store(&let_go, false);
	t[1] = NULL;
	if (be_on(cpu) || (work && thread_create(&t[1], &params)))
		return false;
	t[0] = test_thread(stick_in_here, (void *)(uintptr_t)way, 0);
	if (be_on((cpu + 1) % end))
		return false;
	thread_sleep(10 * NSEC_PER_MSEC);
	if (work)
		thread_start(t[1]);
	return true;
}

static bool end_stuck(struct thread *t[2])
{
	atomic_store(&let_go, true);
	return !test_join(t[0]) && (!t[1] || !test_join(t[1]));
}

/* Time is the same for all CPUs there, and nobody is held up by a busy host. */
static bool is_exact(void)
{
	if (kernel_params.turns && atomic_load(&scheduler.nr_online) > 1)
		return true;
	ktest_skip("only with turns=on, and several CPUs");
	return false;
}

/*
 * Each CPU in its turn, so that each is found by another. Times are loose: a CPU with interrupts
 * off keeps its turn for long.
 */
KTEST(watch_stuck_cpu_shows_where_it_is)
{
	unsigned end = MIN(atomic_load(&scheduler.cpu_end), 3u);
	struct thread *t[2];
	char words[64];

	if (!is_exact())
		return;
	for (unsigned cpu = 0; cpu < end; cpu++) {
		uint64_t position = log_last(0);

		watch_cpus_set_limit(LIMIT, false);
		KTEST_EXPECT(begin_stuck(t, cpu, STUCK_INTERRUPTS_OFF, return_zero));
		thread_sleep(LIMIT / 2);
		KTEST_EXPECT_EQ(count_lines(position, "is stuck"), 0);
		thread_sleep(2 * LIMIT);
		format_string(words, sizeof(words), "CPU %u is stuck: for ", cpu);
		KTEST_EXPECT_EQ(count_lines(position, words), 1);
		KTEST_EXPECT_EQ(count_lines(position, "is stuck"), 1);
		format_string(words, sizeof(words), "; in thread %llu (test), in",
			(unsigned long long)t[0]->thread_id);
		KTEST_EXPECT_EQ(count_lines(position, words), 1);
		KTEST_EXPECT_EQ(count_lines(position, "    stick_in_here+"), 1);
		KTEST_EXPECT_EQ(count_lines(position, "    it holds trap, taken in stick_in_here+"),
			KASSERT_ON);
		KTEST_EXPECT(end_stuck(t));
	}
	test_unpin();
	watch_cpus_set_limit(kernel_params.stuck * NSEC_PER_SEC, false);
}

/* It takes its interrupts and does not switch: neither does what it was asked. */
KTEST(watch_stuck_cpu_without_preemption)
{
	uint64_t position = log_last(0);
	struct thread *t[2];

	if (!is_exact())
		return;
	watch_cpus_set_limit(LIMIT, false);
	KTEST_EXPECT(begin_stuck(t, 1, STUCK_PREEMPTION_OFF, return_zero));
	thread_sleep(2 * LIMIT);
	KTEST_EXPECT_EQ(count_lines(position, "it has not switched, though asked to; in"), 1);
	KTEST_EXPECT_EQ(count_lines(position, "    stick_in_here+"), 1);
	KTEST_EXPECT(end_stuck(t));
	test_unpin();
	watch_cpus_set_limit(kernel_params.stuck * NSEC_PER_SEC, false);
}

KTEST(watch_stuck_cpu_does_not_answer)
{
	uint64_t position = log_last(0);
	struct thread *t[2];

	if (!is_exact())
		return;
	watch_cpus_set_limit(LIMIT, true);
	KTEST_EXPECT(begin_stuck(t, 1, STUCK_INTERRUPTS_OFF, return_zero));
	thread_sleep(LIMIT);
	KTEST_EXPECT_EQ(count_lines(position, "is stuck"), 0);
	thread_sleep(3 * LIMIT);
	KTEST_EXPECT_EQ(count_lines(position, "and it does not answer an NMI"), 1);
	KTEST_EXPECT_EQ(count_lines(position, "is stuck"), 1);
	KTEST_EXPECT(end_stuck(t));
	test_unpin();
	watch_cpus_set_limit(kernel_params.stuck * NSEC_PER_SEC, false);
}

static bool is_reported_while(enum stuck_way way, thread_entry work)
{
	uint64_t position = log_last(0);
	struct thread *t[2];

	if (!begin_stuck(t, 1, way, work))
		return true;
	thread_sleep(3 * LIMIT);
	return !end_stuck(t) || count_lines(position, "is stuck");
}

/* One that has nothing else to do, and one that shares its time between two threads. */
KTEST(watch_passes_over_cpus_that_do_their_work)
{
	if (!is_exact())
		return;
	watch_cpus_set_limit(LIMIT, false);
	KTEST_EXPECT(!is_reported_while(STUCK_PREEMPTION_OFF, NULL));
	KTEST_EXPECT(!is_reported_while(STUCK_NOT_AT_ALL, NULL));
	KTEST_EXPECT(!is_reported_while(STUCK_NOT_AT_ALL, spin_too));
	test_unpin();
	watch_cpus_set_limit(kernel_params.stuck * NSEC_PER_SEC, false);
}

/* All idle: each of the two that look finds it so once, and then there are no more interrupts. */
KTEST(watch_rests_while_all_cpus_idle)
{
	ktime_t when;

	if (!is_exact())
		return;
	watch_cpus_set_limit(LIMIT, false);
	KTEST_EXPECT_EQ(be_on(0), 0);
	KTEST_EXPECT(!atomic_load(&watch_cpus_resting));
	thread_sleep(NSEC_PER_MSEC);
	KTEST_EXPECT_EQ(timer_list(1, &when, 1), 1);
	thread_sleep(LIMIT);
	/* This thread's own wake-up has called them again. */
	KTEST_EXPECT(!atomic_load(&watch_cpus_resting));
	KTEST_EXPECT_EQ(timer_list(1, &when, 1), 1);
	KTEST_EXPECT(when > arch_time_now() + LIMIT / 4 - NSEC_PER_MSEC);
	test_unpin();
	watch_cpus_set_limit(kernel_params.stuck * NSEC_PER_SEC, false);
}
