/* SPDX-License-Identifier: MIT */
/*
 * The built-in workloads. Threads that own nothing are killable anywhere; those that share a
 * struct team stop at calls made for it and give their reference back themselves.
 */
#include "kernel/workload.h"
#include "kernel/errno.h"
#include "kernel/format.h"
#include "kernel/mutex.h"
#include "kernel/semaphore.h"
#include "kernel/thread_policy.h"
#include "mm/slab.h"
#include <arch/cpu.h>
#include <arch/time.h>

#define SPIN_CHUNK      2000u /* rounds between two pauses */
#define SLEEPER_PERIOD  (20 * NSEC_PER_MSEC)
#define SLEEPER_WORK    (1 * NSEC_PER_MSEC)
#define FIGHT_WORK      (100 * NSEC_PER_USEC)
#define PERIODIC_PERIOD (10 * NSEC_PER_MSEC)
#define PERIODIC_WORK   (2 * NSEC_PER_MSEC)
#define STORM_CHILDREN  8u
#define STORM_PAUSE     (5 * NSEC_PER_MSEC)
#define BOMB_CHILDREN   2u
#define BOMB_PAUSE      (100 * NSEC_PER_MSEC)
#define PAIR            2u
#define END_POLL        (20 * NSEC_PER_MSEC)

/* What threads started by one command share. The last one to leave frees it. */
struct team {
	_Atomic unsigned refs; /* (a) */
	struct mutex mutex;
	struct mutex both[PAIR]; /* deadlock: each member needs the two */
	struct semaphore turn[PAIR];
	_Atomic unsigned next_side; /* (a) each member takes a number */
};

struct workload {
	const char *name;
	const char *text;
	thread_entry entry;
	unsigned team_size; /* threads that share a team; 0: none, UINT_MAX: all */
	unsigned flags;
};

/* Uses the CPU. One pause a chunk ends this CPU's turn where CPUs take turns (icount). */
static void spin_chunk(void)
{
	for (unsigned i = 0; i < SPIN_CHUNK; i++)
		barrier();
	arch_cpu_relax();
}

/* Uses the CPU for a while, by the clock: time when others run counts too. */
static void spin_for(ktime_t ns)
{
	ktime_t end = arch_time_now() + ns;

	while (arch_time_now() < end)
		spin_chunk();
}

/* Uses the CPU for so much of the thread's own time. */
static void spin_own(ktime_t ns)
{
	struct thread_stats stats;
	ktime_t end;

	thread_get_stats(thread_current(), &stats);
	end = stats.cpu_time + ns;
	while (stats.cpu_time < end) {
		spin_chunk();
		thread_get_stats(thread_current(), &stats);
	}
}

static void team_put(struct team *team)
{
	if (atomic_fetch_sub(&team->refs, 1) == 1)
		kfree(team);
}

static int run_spinner(void *arg __unused)
{
	while (!thread_killed())
		spin_chunk();
	return 0;
}

static int run_sleeper(void *arg __unused)
{
	while (thread_sleep(SLEEPER_PERIOD) == 0)
		spin_for(SLEEPER_WORK);
	return 0;
}

/* A job every period, due at its end; what was set from outside meanwhile holds. */
static int run_periodic(void *arg __unused)
{
	int err = thread_set_deadline(thread_current(), PERIODIC_PERIOD, PERIODIC_PERIOD);

	while (!err && !thread_killed()) {
		spin_own(PERIODIC_WORK);
		err = thread_end_job();
	}
	return err;
}

/* Takes its own side's turn and gives the other's. */
static int run_ping_pong(void *arg)
{
	struct team *team = arg;
	unsigned side = atomic_fetch_add(&team->next_side, 1) % PAIR;

	while (semaphore_take_killable(&team->turn[side]) == 0)
		semaphore_give(&team->turn[!side]);
	team_put(team);
	return 0;
}

static int run_lock_fight(void *arg)
{
	struct team *team = arg;

	while (!thread_check_stop() && mutex_lock_killable(&team->mutex) == 0) {
		spin_for(FIGHT_WORK);
		mutex_unlock(&team->mutex);
		spin_chunk();
	}
	team_put(team);
	return 0;
}

/* Takes its own mutex, waits until the other has done so too, and wants the other's. */
static int run_deadlock(void *arg)
{
	struct team *team = arg;
	unsigned side = atomic_fetch_add(&team->next_side, 1) % PAIR;

	if (mutex_lock_killable(&team->both[side]) == 0) {
		semaphore_give(&team->turn[!side]);
		if (semaphore_take_killable(&team->turn[side]) == 0 &&
			mutex_lock_in_cycle(&team->both[!side]) == 0)
			mutex_unlock(&team->both[!side]);
		mutex_unlock(&team->both[side]);
	}
	team_put(team);
	return 0;
}

static int run_storm_child(void *arg __unused)
{
	spin_chunk();
	return 0;
}

/* A kill leaves the handles of children that have not been waited for: let them go. */
static int storm_join(struct thread **child, unsigned count)
{
	int err = 0;

	for (unsigned i = 0; i < count; i++) {
		if (!err)
			err = thread_join(child[i], NULL);
		if (err && thread_detach(child[i]))
			err = -EINTR;
	}
	return err;
}

/* Children are born and die all the time. */
static int run_storm(void *arg __unused)
{
	struct thread *child[STORM_CHILDREN];
	unsigned count;

	do {
		count = 0;
		while (count < STORM_CHILDREN &&
			!thread_run(&child[count], "storm-child", run_storm_child, NULL))
			count++;
		if (storm_join(child, count) || thread_sleep(STORM_PAUSE))
			return 0;
	} while (!thread_check_stop());
	return 0;
}

/* A refusal does not stop it: it tries again. */
static int run_bomb(void *arg __unused)
{
	while (!thread_check_stop()) {
		for (unsigned i = 0; i < BOMB_CHILDREN; i++)
			(void)!thread_run(NULL, "bomb", run_bomb, NULL);
		if (thread_sleep(BOMB_PAUSE))
			break;
	}
	return 0;
}

static const struct workload workloads[] = {
	{"spinner", "computes without end", run_spinner, 0, THREAD_KILLABLE_ANYWHERE},
	{"sleeper", "works 1 ms, sleeps 20 ms", run_sleeper, 0, THREAD_KILLABLE_ANYWHERE},
	{"periodic", "works 2 ms every 10 ms, which is its deadline", run_periodic, 0,
		THREAD_KILLABLE_ANYWHERE},
	{"ping-pong", "pairs wake each other through semaphores", run_ping_pong, PAIR, 0},
	{"lock-fight", "all want one mutex and hold it for 0.1 ms", run_lock_fight, UINT_MAX, 0},
	{"deadlock", "pairs take two mutexes in opposite order, and stay so", run_deadlock, PAIR,
		0},
	{"thread-storm", "each creates and joins 8 threads every 5 ms", run_storm, 0, 0},
	{"bomb", "each starts two more every 100 ms, until a limit stops them", run_bomb, 0, 0},
};

bool workload_wants_process(unsigned index)
{
	return index < ARRAY_SIZE(workloads) && workloads[index].entry == run_bomb;
}

const char *workload_name(unsigned index)
{
	return index < ARRAY_SIZE(workloads) ? workloads[index].name : NULL;
}

const char *workload_text(unsigned index)
{
	return index < ARRAY_SIZE(workloads) ? workloads[index].text : NULL;
}

/* A team for `members`, who each hold a reference. NULL when out of memory. */
static struct team *team_create(const struct workload *w, unsigned members)
{
	struct team *team = kzalloc(sizeof(*team));

	if (!team)
		return NULL;
	atomic_store(&team->refs, members);
	mutex_init(&team->mutex, "lock-fight");
	mutex_init(&team->both[0], "left");
	mutex_init(&team->both[1], "right");
	semaphore_init(&team->turn[0], "ping", w->entry == run_ping_pong);
	semaphore_init(&team->turn[1], "pong", 0);
	return team;
}

/* Starts one thread; its reference to the team is given back when that fails. */
static int start_member(const struct workload *w, const struct workload_params *params,
	struct team *team, unsigned number)
{
	char name[THREAD_NAME_SIZE];
	struct thread_params thread = {
		.name = name,
		.entry = w->entry,
		.arg = team,
		.flags = THREAD_DETACHED | w->flags,
		.affinity = params->affinity,
		.process = params->process,
	};
	struct thread *t;
	int err;

	format_string(name, sizeof(name), "%s.%u", w->name, number);
	err = thread_create(&t, &thread);
	if (!err) {
		err = params->has_level ? thread_set_level(t, params->level) : 0;
		KASSERT(!err);
		thread_start(t);
	} else if (team) {
		team_put(team);
	}
	return err;
}

/* Members that could not start have given their reference back: the others just miss them. */
static int start_team(const struct workload *w, const struct workload_params *params,
	unsigned members, unsigned *started)
{
	struct team *team = NULL;
	int err = 0;

	if (w->team_size && !(team = team_create(w, members)))
		return -ETHREAD_MEMORY;
	for (unsigned i = 0; i < members; i++) {
		if (err && team)
			team_put(team);
		if (err)
			continue;
		err = start_member(w, params, team, *started + 1);
		*started += !err;
	}
	return err;
}

int workload_spawn(unsigned index, const struct workload_params *params, unsigned *started)
{
	const struct workload *w = &workloads[index];
	unsigned team_size = w->team_size ? MIN(w->team_size, params->threads) : 1;
	unsigned teams;
	int err = 0;

	KASSERT(index < ARRAY_SIZE(workloads));
	if (w->team_size == PAIR)
		team_size = PAIR;
	teams = DIV_ROUND_UP(params->threads, team_size);
	*started = 0;
	for (unsigned i = 0; i < teams && !err; i++)
		err = start_team(w, params, team_size, started);
	return err;
}

static bool is_workload(const struct thread *t)
{
	for (unsigned i = 0; i < ARRAY_SIZE(workloads); i++)
		if (t->entry_point == workloads[i].entry)
			return true;
	return t->entry_point == run_storm_child;
}

/* Asks all to end; how many there still were. */
static unsigned kill_all(void)
{
	struct thread *t = NULL;
	unsigned left = 0;

	while ((t = thread_next(t))) {
		if (!is_workload(t))
			continue;
		left++;
		(void)!thread_kill(t); /* one that has ended is about to be freed */
	}
	return left;
}

bool workload_end_all(ktime_t patience)
{
	ktime_t deadline = arch_time_now() + patience;

	while (kill_all()) {
		if (arch_time_now() >= deadline || thread_sleep(END_POLL))
			return false;
	}
	/* One that is in no list any more may still be on its way back to the allocator. */
	return thread_sleep(END_POLL) == 0;
}
