/* SPDX-License-Identifier: MIT */
/*
 * Everything at once, at random: victims that lock, wait, sleep, compute, move and have children,
 * while others kill and replace them, suspend and resume them, change how they are scheduled and
 * where, switch the system algorithm, take CPUs off line and bring them back, and check every run
 * queue. torture= is for how many seconds of the kernel's time; without it the number of deeds is
 * given, see repeat=. Nothing depends on how fast the machine is: what is tested is that no call
 * answers what it must not, no rule is broken, and everything that began has ended.
 */
#include "kernel/cpu_offline.h"
#include "kernel/log.h"
#include "kernel/mutex.h"
#include "kernel/scheduler.h"
#include "kernel/semaphore.h"
#include "kernel/tests/threads.h"
#include "kernel/thread_policy.h"

#define US            NSEC_PER_USEC
#define MS            NSEC_PER_MSEC
#define VICTIMS       24u
#define TORTURERS     3u /* who do the same to whichever victim */
#define MUTEXES       5u
#define DEEDS         300u /* of a torturer without torture= */
#define VICTIM_RANK   40u  /* fixed priorities of victims are below, torturers' are above */
#define TORTURER_RANK 60u
#define REPORT        (60 * NSEC_PER_SEC)

/* What is counted. */
#define DEEDS_DONE                                                                                 \
	DEED(kills)                                                                                \
	DEED(suspensions)                                                                          \
	DEED(resumes)                                                                              \
	DEED(levels)                                                                               \
	DEED(policies)                                                                             \
	DEED(affinities)                                                                           \
	DEED(sleeps)                                                                               \
	DEED(wakes)                                                                                \
	DEED(algorithms)                                                                           \
	DEED(offlines)                                                                             \
	DEED(checks)                                                                               \
	DEED(locks)                                                                                \
	DEED(timeouts)                                                                             \
	DEED(children)

enum deed {
#define DEED(name) DEED_##name,
	DEEDS_DONE
#undef DEED
		DEED_COUNT,
};

static const char *const deed_names[DEED_COUNT] = {
#define DEED(name) #name,
	DEEDS_DONE
#undef DEED
};

static struct {
	uint64_t seed;
	ktime_t begin, end; /* end: KTIME_MAX when the deeds are counted */
	_Atomic bool over;
	_Atomic unsigned done[DEED_COUNT];
	_Atomic uint64_t next_stream;

	struct mutex table; /* of victim */
	struct thread *victim[VICTIMS];

	struct mutex mutex[MUTEXES];
	unsigned inside[MUTEXES]; /* of each mutex its own */
	struct semaphore semaphore;
} torture;

/* --- chance ---------------------------------------------------------------------------------- */

/* Its own sequence for each thread (xorshift64*, Vigna 2016), all from one seed. */
struct dice {
	uint64_t state;
};

static struct dice dice_new(void)
{
	uint64_t stream = atomic_fetch_add(&torture.next_stream, 1);
	uint64_t mixed = (torture.seed + stream) * 0x9e3779b97f4a7c15ull;

	return (struct dice){(mixed ^ mixed >> 31) | 1};
}

/* From 0 to below `end`. */
static unsigned roll(struct dice *d, unsigned end)
{
	d->state ^= d->state >> 12;
	d->state ^= d->state << 25;
	d->state ^= d->state >> 27;
	return (unsigned)((d->state * 0x2545f4914f6cdd1dull) >> 33) % end;
}

static unsigned count(enum deed deed)
{
	return atomic_fetch_add(&torture.done[deed], 1) + 1;
}

static bool is_over(void)
{
	return atomic_load(&torture.over) || arch_time_now() >= torture.end;
}

static struct cpumask some_cpus(struct dice *d)
{
	unsigned end = atomic_load(&scheduler.cpu_end);
	struct cpumask mask = {0};

	for (unsigned i = 0; i <= roll(d, end); i++)
		cpumask_set(&mask, roll(d, end));
	return mask;
}

/* --- victims --------------------------------------------------------------------------------- */

static void compute(struct dice *d)
{
	for (unsigned i = roll(d, 20000); i-- > 0;)
		barrier();
	arch_cpu_relax();
}

/* Some of the mutexes, in their order, one inside the other. True: the caller is to end. */
static bool lock_from(struct dice *d, unsigned i)
{
	bool limited = roll(d, 4) == 0;
	int err;

	if (i >= MUTEXES)
		return false;
	err = limited ? mutex_lock_until(&torture.mutex[i], test_in(roll(d, 300) * US))
		      : mutex_lock_killable(&torture.mutex[i]);
	if (err) {
		count(DEED_timeouts);
		if (err != (limited ? -ETIMEDOUT : -EINTR))
			ktest_fail(__FILE__, __LINE__, "mutex %u: %d", i, err);
		return !limited;
	}
	if (torture.inside[i]++)
		ktest_fail(__FILE__, __LINE__, "two threads in mutex %u", i);
	count(DEED_locks);
	if (roll(d, 8) == 0)
		thread_yield();
	else
		compute(d);
	if (roll(d, 2))
		lock_from(d, i + 1 + roll(d, 2));
	torture.inside[i]--;
	mutex_unlock(&torture.mutex[i]);
	return false;
}

static int be_child(void *arg)
{
	(void)arg;
	thread_yield();
	return 0;
}

static void have_child(void)
{
	struct thread *child;

	if (thread_run(&child, "torture-child", be_child, NULL))
		return;
	count(DEED_children);
	if (thread_join(child, NULL) && thread_detach(child))
		ktest_fail(__FILE__, __LINE__, "a child can be neither joined nor let go");
}

static void use_semaphore(struct dice *d)
{
	if (roll(d, 2)) {
		semaphore_give(&torture.semaphore);
	} else if (semaphore_take_until(&torture.semaphore, test_in(roll(d, 200) * US))) {
		count(DEED_timeouts);
	}
}

/* Sleeps in every fourth round at least, so that a fixed priority keeps nobody out for long. */
static int be_victim(void *arg)
{
	struct dice d = dice_new();
	struct cpumask mask;

	(void)arg;
	while (!thread_check_stop()) {
		switch (roll(&d, 8)) {
		case 0:
			compute(&d);
			break;
		case 1:
			thread_yield();
			break;
		case 2:
			use_semaphore(&d);
			break;
		case 3:
		case 4:
			if (lock_from(&d, roll(&d, MUTEXES)))
				return 0;
			break;
		case 5:
			if (roll(&d, 4) == 0)
				have_child();
			mask = some_cpus(&d);
			(void)!thread_set_affinity(thread_current(), &mask);
			break;
		default:
			thread_sleep(roll(&d, 300) * US);
		}
	}
	return 0;
}

/* --- what is done to them -------------------------------------------------------------------- */

/* A counted reference to one of them, or NULL when it is being replaced. */
static struct thread *take_victim(unsigned i)
{
	struct thread *t;

	mutex_lock(&torture.table);
	t = torture.victim[i] ? thread_get(torture.victim[i]) : NULL;
	mutex_unlock(&torture.table);
	return t;
}

static struct thread *exchange_victim(unsigned i, struct thread *t)
{
	struct thread *was;

	mutex_lock(&torture.table);
	was = torture.victim[i];
	torture.victim[i] = t;
	mutex_unlock(&torture.table);
	return was;
}

/* False: another one is at it already. */
static bool end_victim(unsigned i)
{
	struct thread *t = exchange_victim(i, NULL);
	int status, err;

	if (!t)
		return false;
	err = thread_kill(t);
	if (err && err != -ETHREAD_NOT_FOUND)
		ktest_fail(__FILE__, __LINE__, "kill: %d", err);
	err = thread_join(t, &status);
	if (err || (status && status != -EINTR))
		ktest_fail(__FILE__, __LINE__, "victim %u: join %d, status %d", i, err, status);
	return true;
}

static void begin_victim(unsigned i)
{
	struct thread *t;
	int err = thread_run(&t, "victim", be_victim, NULL);

	if (err)
		ktest_fail(__FILE__, __LINE__, "victim %u: %d", i, err);
	else if ((t = exchange_victim(i, t)))
		ktest_fail(__FILE__, __LINE__, "victim %u was there already", i);
}

static int set_policy(struct dice *d, struct thread *t)
{
	ktime_t period = (5 + roll(d, 20)) * MS;
	unsigned kind = roll(d, 12);

	count(DEED_policies);
	if (kind < 2)
		return thread_set_fixed(
			t, kind ? SCHED_KIND_FIFO : SCHED_KIND_RR, 1 + roll(d, VICTIM_RANK));
	if (kind == 2)
		return thread_set_reservation(t, (100 + roll(d, 1000)) * US, period / 2, period);
	if (kind == 3)
		return thread_set_rate_monotonic(t, (100 + roll(d, 500)) * US, period);
	if (kind == 4)
		return thread_set_deadline(t, period / 2, period);
	return thread_set_params(t, &(struct sched_params){.level = roll(d, SCHED_LEVEL_COUNT)});
}

static int do_something_to(struct dice *d, struct thread *t)
{
	struct cpumask mask;

	switch (roll(d, 8)) {
	case 0:
		count(DEED_suspensions);
		return thread_suspend(t, 0);
	case 1:
	case 2:
		count(DEED_resumes);
		return thread_resume(t);
	case 3:
		count(DEED_levels);
		return roll(d, 2) ? thread_set_level(t, roll(d, SCHED_LEVEL_COUNT))
				  : thread_set_priority(t, roll(d, THREAD_PRIORITY_COUNT));
	case 4:
		count(DEED_affinities);
		mask = some_cpus(d);
		return thread_set_affinity(t, &mask);
	case 5:
		count(DEED_sleeps);
		return thread_sleep_other(t, roll(d, 500) * US);
	case 6:
		count(DEED_wakes);
		thread_wake(t);
		return 0;
	default:
		return set_policy(d, t);
	}
}

/* What may be answered about a thread that others torment, too, on CPUs that come and go. */
static bool is_fair(int err)
{
	static const int fair[] = {
		0, -ETHREAD_NOT_FOUND, -ETHREAD_STATE, -ESCHED_CPU, -EBUSY, -EAGAIN, -ETIMEDOUT};

	for (unsigned i = 0; i < ARRAY_SIZE(fair); i++)
		if (fair[i] == err)
			return true;
	return false;
}

static void torture_one(struct dice *d, unsigned i)
{
	struct thread *t;
	int err;

	if (roll(d, 10) == 0) {
		if (end_victim(i)) {
			count(DEED_kills);
			begin_victim(i);
		}
		return;
	}
	t = take_victim(i);
	if (!t)
		return;
	err = do_something_to(d, t);
	if (!is_fair(err))
		ktest_fail(__FILE__, __LINE__, "victim %u: %d", i, err);
	thread_put(t);
}

static int be_torturer(void *arg)
{
	struct dice d = dice_new();

	(void)arg;
	for (unsigned i = 0; !is_over(); i++) {
		torture_one(&d, roll(&d, VICTIMS));
		if (torture.end == KTIME_MAX && i >= ktest_rounds(DEEDS))
			break;
		thread_sleep(roll(&d, 400) * US);
	}
	return 0;
}

/* --- what is done to the system -------------------------------------------------------------- */

static int be_governor(void *arg)
{
	struct dice d = dice_new();
	struct sched_config config;
	int err;

	(void)arg;
	while (!is_over()) {
		scheduler_get_config(&config);
		config.algorithm = roll(&d, SCHED_ALGORITHM_COUNT);
		config.quantum = (1 + roll(&d, 50)) * MS;
		config.aging = (1 + roll(&d, 50)) * MS;
		config.boost_interval = (1 + roll(&d, 200)) * MS;
		/* Of less a debug build under icount would need all for balancing. */
		config.balance_interval = (10 + roll(&d, 50)) * MS;
		config.balancing = roll(&d, 4) != 0;
		err = scheduler_set_config(&config);
		if (err)
			ktest_fail(__FILE__, __LINE__, "a configuration: %d", err);
		count(DEED_algorithms);
		thread_sleep(roll(&d, 4000) * US);
	}
	return 0;
}

static int be_engineer(void *arg)
{
	unsigned end = atomic_load(&scheduler.cpu_end), cpu;
	struct dice d = dice_new();
	bool off;
	int err;

	(void)arg;
	while (end > 1 && !is_over()) {
		cpu = 1 + roll(&d, end - 1);
		off = roll(&d, 2);
		err = off ? cpu_offline(cpu) : cpu_online(cpu);
		if (err && err != (off ? -EINVAL : -EALREADY) && !(off && err == -EBUSY))
			ktest_fail(
				__FILE__, __LINE__, "CPU %u %s: %d", cpu, off ? "off" : "on", err);
		else if (off && !err)
			count(DEED_offlines);
		thread_sleep(roll(&d, 3000) * US);
	}
	for (cpu = 1; cpu < end; cpu++)
		if ((err = cpu_online(cpu)) && err != -EALREADY)
			ktest_fail(__FILE__, __LINE__, "CPU %u does not come back: %d", cpu, err);
	return 0;
}

static void check_all(void)
{
	struct cpumask online;
	unsigned cpu;

	cpumask_snapshot(&online, &scheduler.online);
	cpumask_for_each (cpu, &online) {
		arch_irqflags_t flags = spin_lock_irqsave(&scheduler.rq[cpu]->lock);
		const char *wrong = sched_check_rq(scheduler.rq[cpu]);

		spin_unlock_irqrestore(&scheduler.rq[cpu]->lock, flags);
		if (wrong)
			ktest_fail(__FILE__, __LINE__, "CPU %u: %s", cpu, wrong);
	}
	count(DEED_checks);
}

static int be_auditor(void *arg)
{
	struct dice d = dice_new();

	(void)arg;
	while (!is_over()) {
		check_all();
		thread_sleep(roll(&d, 2000) * US);
	}
	return 0;
}

/* --- the test -------------------------------------------------------------------------------- */

static void report(void)
{
	ktime_t ran = arch_time_now() - torture.begin;

	console_printf("# torture: seed %llu, %lld.%03lld s:", (unsigned long long)torture.seed,
		ran / NSEC_PER_SEC, ran / MS % 1000);
	for (unsigned i = 0; i < DEED_COUNT; i++)
		console_printf(
			"%s %u %s", i ? "," : "", atomic_load(&torture.done[i]), deed_names[i]);
	console_printf("\n");
}

static void prepare(void)
{
	static const char *const names[MUTEXES] = {
		"torture 0", "torture 1", "torture 2", "torture 3", "torture 4"};

	torture.begin = arch_time_now();
	torture.end = kernel_params.torture ? torture.begin + kernel_params.torture * NSEC_PER_SEC
					    : KTIME_MAX;
	torture.seed = kernel_params.seed ? kernel_params.seed : (uint64_t)torture.begin | 1;
	atomic_store(&torture.over, false);
	atomic_store(&torture.next_stream, 1);
	for (unsigned i = 0; i < DEED_COUNT; i++)
		atomic_store(&torture.done[i], 0);
	mutex_init(&torture.table, "torture table");
	semaphore_init(&torture.semaphore, "torture", 0);
	for (unsigned i = 0; i < MUTEXES; i++)
		mutex_init(&torture.mutex[i], names[i]);
	console_printf("# torture: seed=%llu\n", (unsigned long long)torture.seed);
}

static struct thread *begin_official(const char *name, thread_entry entry)
{
	struct thread *t;

	if (thread_run(&t, name, entry, NULL) ||
		thread_set_fixed(t, SCHED_KIND_RR, TORTURER_RANK)) {
		ktest_fail(__FILE__, __LINE__, "%s cannot be started", name);
		return NULL;
	}
	return t;
}

/* Until all torturers are done; says now and then how far it is. */
static void await_torturers(struct thread **torturer)
{
	for (unsigned i = 0; i < TORTURERS; i++) {
		int err;

		if (!torturer[i])
			continue;
		while ((err = thread_join_until(torturer[i], NULL, test_in(REPORT))) == -ETIMEDOUT)
			report();
		if (err)
			ktest_fail(__FILE__, __LINE__, "torturer %u: %d", i, err);
	}
	atomic_store(&torture.over, true);
}

/* All CPUs are back, nothing is held, no thread is left, every rule holds. */
static void check_end(unsigned threads)
{
	check_all();
	while (thread_count() > threads)
		thread_sleep(MS); /* children that were let go */
	if (atomic_load(&scheduler.nr_online) != atomic_load(&scheduler.cpu_end))
		ktest_fail(__FILE__, __LINE__, "CPUs are missing");
	for (unsigned i = 0; i < MUTEXES; i++)
		if (mutex_owner(&torture.mutex[i]) || torture.inside[i])
			ktest_fail(__FILE__, __LINE__, "mutex %u is held", i);
}

static int direct(void *arg)
{
	static const struct {
		const char *name;
		thread_entry entry;
	} office[] = {
		{"governor", be_governor}, {"engineer", be_engineer}, {"auditor", be_auditor}};
	struct thread *torturer[TORTURERS], *official[ARRAY_SIZE(office)];
	struct sched_config config;

	(void)arg;
	scheduler_get_config(&config);
	for (unsigned i = 0; i < VICTIMS; i++)
		begin_victim(i);
	for (unsigned i = 0; i < ARRAY_SIZE(office); i++)
		official[i] = begin_official(office[i].name, office[i].entry);
	for (unsigned i = 0; i < TORTURERS; i++)
		torturer[i] = begin_official("torturer", be_torturer);
	await_torturers(torturer);
	for (unsigned i = 0; i < ARRAY_SIZE(office); i++)
		if (official[i] && test_join(official[i]))
			ktest_fail(__FILE__, __LINE__, "%s does not end", office[i].name);
	for (unsigned i = 0; i < VICTIMS; i++)
		end_victim(i);
	if (scheduler_set_config(&config))
		ktest_fail(__FILE__, __LINE__, "the configuration cannot be restored");
	return 0;
}

/* By a thread of its own, which victims cannot keep from running. */
KTEST(torture_everything)
{
	unsigned threads = thread_count();
	struct thread *director;

	prepare();
	director = begin_official("director", direct);
	KTEST_EXPECT(director);
	KTEST_EXPECT_EQ(thread_join(director, NULL), 0);
	check_end(threads);
	report();
}
