/* SPDX-License-Identifier: MIT */
/*
 * The demonstrations: what their threads do. Rounds are counted in a thread's own CPU time, so that
 * what delays one is the others only. All that blocks here can be killed, and gives back what it
 * holds.
 */
#include "kernel/demo_private.h"
#include "kernel/thread_policy.h"
#include <arch/time.h>

#define MS        NSEC_PER_MSEC
#define CHUNK     2000u
#define PERIOD    (100 * MS) /* of inversion: everything happens once in it */
#define HIGH_WANT (4 * MS)   /* after the low one has taken the lock */
#define MIDDLE    (6 * MS)   /* after that one too */
#define FOREVER   (50 * MS)  /* a round of those who never stop */

static ktime_t own_time(void)
{
	struct thread_stats stats;

	thread_get_stats(thread_current(), &stats);
	return stats.cpu_time;
}

/* Computes for so much of its own time, or until it is to end. */
static void compute(ktime_t ns)
{
	ktime_t end = own_time() + ns;

	do {
		for (unsigned i = 0; i < CHUNK; i++)
			barrier();
		arch_cpu_relax();
	} while (own_time() < end && !thread_killed());
}

/* The round that could have begun at `wanted` is done. */
static void note_round(struct demo_member *m, ktime_t wanted)
{
	ktime_t took = arch_time_now() - wanted;

	if (thread_killed())
		return;
	atomic_fetch_add(&m->total, took);
	if (took > atomic_load(&m->worst))
		atomic_store(&m->worst, took);
	atomic_fetch_add(&m->rounds, 1);
}

/* Works without a pause. */
static int run_busy(struct demo_member *m)
{
	while (!thread_killed()) {
		ktime_t wanted = arch_time_now();

		compute(m->role->work);
		note_round(m, wanted);
	}
	return 0;
}

/* Works, and pauses for a tenth of that, so that it never uses a whole turn. */
static int run_gamer(struct demo_member *m)
{
	do {
		ktime_t wanted = arch_time_now();

		compute(m->role->work);
		note_round(m, wanted);
	} while (thread_sleep(m->role->work / 10) == 0);
	return 0;
}

/* Pauses for 10 ms and works, for long or briefly. */
static int run_customer(struct demo_member *m)
{
	ktime_t wanted = arch_time_now();

	while (thread_sleep_until(wanted + 10 * MS) == 0) {
		wanted += 10 * MS;
		compute(m->role->work);
		note_round(m, wanted);
		wanted = arch_time_now();
	}
	return 0;
}

/* Its deadline is its period; the library counts what is missed. */
static int run_periodic(struct demo_member *m)
{
	const struct sched_entity *se = &thread_current()->se;
	int err = 0;

	while (!err && !thread_killed()) {
		ktime_t released = se->release;

		compute(m->role->work);
		note_round(m, released == SCHED_NO_JOB ? arch_time_now() : released);
		err = thread_end_job();
	}
	return err;
}

/* One round a period, `offset` after its begin; a round that is late begins at once. */
static bool await_round(ktime_t *wanted, ktime_t offset)
{
	ktime_t since = arch_time_now() - demo_scene.base - offset;

	*wanted = demo_scene.base + offset + (MAX(since, 0) / PERIOD + 1) * PERIOD;
	return thread_sleep_until(*wanted) == 0;
}

static int run_middle(struct demo_member *m)
{
	ktime_t wanted;

	while (await_round(&wanted, MIDDLE)) {
		compute(m->role->work);
		note_round(m, wanted);
	}
	return 0;
}

static int use_unlent(struct demo_member *m, ktime_t offset)
{
	ktime_t wanted;

	while (await_round(&wanted, offset)) {
		if (semaphore_take_killable(&demo_scene.unlent))
			break;
		compute(m->role->work);
		semaphore_give(&demo_scene.unlent);
		note_round(m, wanted);
	}
	return 0;
}

static int use_lent(struct demo_member *m, ktime_t offset)
{
	ktime_t wanted;

	while (await_round(&wanted, offset)) {
		if (mutex_lock_killable(&demo_scene.lent))
			break;
		compute(m->role->work);
		mutex_unlock(&demo_scene.lent);
		note_round(m, wanted);
	}
	return 0;
}

static int run_low_unlent(struct demo_member *m)
{
	return use_unlent(m, 0);
}

static int run_high_unlent(struct demo_member *m)
{
	return use_unlent(m, HIGH_WANT);
}

static int run_low_lent(struct demo_member *m)
{
	return use_lent(m, 0);
}

static int run_high_lent(struct demo_member *m)
{
	return use_lent(m, HIGH_WANT);
}

/* Takes its own fork, waits until everybody has one, and wants its neighbour's. */
static int run_philosopher(struct demo_member *m)
{
	struct mutex *own = &demo_scene.fork[m->number];
	struct mutex *other = &demo_scene.fork[(m->number + 1) % DEMO_FORKS];

	if (mutex_lock_killable(own))
		return 0;
	atomic_fetch_add(&demo_scene.have_one, 1);
	while (atomic_load(&demo_scene.have_one) < DEMO_FORKS)
		if (thread_sleep(MS))
			break;
	if (!thread_killed() && mutex_lock_in_cycle(other) == 0)
		mutex_unlock(other);
	mutex_unlock(own);
	return 0;
}

#define FIXED(number)                                                                              \
	{                                                                                          \
		.kind = SCHED_KIND_FIFO, .level = SCHED_LEVEL_NORMAL, .priority = number           \
	}
#define SHARED                                                                                     \
	{                                                                                          \
		.level = SCHED_LEVEL_NORMAL                                                        \
	}
#define EVERY(ms)                                                                                  \
	{                                                                                          \
		.level = SCHED_LEVEL_NORMAL, .deadline = (ms)*MS, .period = (ms)*MS                \
	}

const struct demo demos[] = {
	{.name = "convoy",
		.text = "brief threads queue behind a long one: first come, first served",
		.advice =
			"look  gantt 200, threads; in gdb mos runq, mos sched latency\n"
			"see   the brief ones need 1 ms and get it after 40: all wait for `long`\n"
			"try   policy TID rr 10 for all four, or policy TID fifo 11 for a brief one",
		.role = {{"long", run_customer, FIXED(10), 40 * MS},
			{"brief.1", run_customer, FIXED(10), 1 * MS},
			{"brief.2", run_customer, FIXED(10), 1 * MS},
			{"brief.3", run_customer, FIXED(10), 1 * MS}}},
	{.name = "starvation",
		.text = "a thread that is always ready never runs beside a more urgent one",
		.advice = "look  threads, gantt 200, latency; in gdb mos why TID\n"
			  "see   `starved` stays READY with 0 rounds; `greedy` has all of its CPU\n"
			  "try   policy TID ts for `greedy`, or affinity TID all for `starved`",
		.role = {{"greedy", run_busy, FIXED(10), FOREVER},
			{"starved", run_busy, SHARED, 1 * MS}}},
	{.name = "gaming",
		.text = "a thread that pauses before its turn is over gains nothing by it",
		.advice =
			"look  top, sched; in gdb mos runq (rank), mos why-switch\n"
			"see   allotments count what was used in all turns: `gamer` goes down too,\n"
			"      and its share of the CPU is not above that of the honest ones\n"
			"try   sched set boost 20: often at the top again, everybody plays alike",
		.has_algorithm = true,
		.algorithm = SCHED_POLICY_mlfq,
		.role = {{"gamer", run_gamer, SHARED, 1800 * NSEC_PER_USEC},
			{"honest.1", run_busy, SHARED, FOREVER},
			{"honest.2", run_busy, SHARED, FOREVER}}},
	{.name = "overload",
		.text = "under EDF a little too much work makes everybody late, not only the last",
		.advice =
			"look  policy TID for each (misses), gantt 200; in gdb mos trace, mos threads\n"
			"see   8/20 + 12/30 + 20/50 is 1.2: all three miss more and more deadlines\n"
			"try   policy TID dl C T T, C and T in us: two fit, the third is refused",
		.has_algorithm = true,
		.algorithm = SCHED_POLICY_edf,
		.role = {{"each-20", run_periodic, EVERY(20), 8 * MS},
			{"each-30", run_periodic, EVERY(30), 12 * MS},
			{"each-50", run_periodic, EVERY(50), 20 * MS}}},
	{.name = "inversion",
		.text = "the most urgent waits for the least, which a third keeps from running",
		.advice =
			"look  locks, gantt 200; in gdb mos why TID of `high`, mos timeline\n"
			"see   `high` needs 1 ms and gets it after 47: `middle` runs meanwhile,\n"
			"      for the lock is a semaphore, which has no owner to be made urgent\n"
			"try   demo stop, demo inheritance",
		.role = {{"low", run_low_unlent, FIXED(10), 10 * MS},
			{"middle", run_middle, FIXED(20), 40 * MS},
			{"high", run_high_unlent, FIXED(30), 1 * MS}}},
	{.name = "inheritance",
		.text = "the same with a mutex: its owner is as urgent as who waits for it",
		.advice =
			"look  locks, gantt 200; in gdb mos locks, mos why TID of `high` or `middle`\n"
			"see   `high` waits for the rest of what `low` does with the lock, 7 ms",
		.role = {{"low", run_low_lent, FIXED(10), 10 * MS},
			{"middle", run_middle, FIXED(20), 40 * MS},
			{"high", run_high_lent, FIXED(30), 1 * MS}}},
	{.name = "deadlock",
		.text = "three philosophers, three forks: each has one and wants the next",
		.advice =
			"look  log, threads; in gdb mos deadlock, mos why TID, mos waitgraph\n"
			"see   the cycle, where each fork was taken and where the next is wanted\n"
			"try   kill one of them: the others go on",
		.role = {{"philosopher.1", run_philosopher, SHARED, 0},
			{"philosopher.2", run_philosopher, SHARED, 0},
			{"philosopher.3", run_philosopher, SHARED, 0}}},
	{.name = NULL},
};
