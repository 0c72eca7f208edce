/* SPDX-License-Identifier: MIT */
/*
 * The scheduler library under real concurrency, for ThreadSanitizer: host threads play CPUs and
 * drive tasks that block, wake each other, yield, change affinities and levels, stop, resume and
 * exit, all at once and with the real spinlocks. Another host thread that is no CPU wakes tasks, as
 * a device would.
 *
 * A wake-up is a token: a task that blocks has looked for one under its run queue's lock. A task
 * that stays BLOCKED with a token, or queued while all CPUs halt, is a lost wake-up or a lost kick;
 * then nobody moves any more and the watchdog says who hangs.
 *
 * MOS_SEED, MOS_ROUNDS as in the property tests; STRESS_CPUS (4), STRESS_TASKS (24).
 */
#include "kernel/errno.h"
#include "sched/queue.h"
#include <arch/host_test.h>
#include <pthread.h>
#include <unistd.h>

#define CPUS_MAX     16
#define TASKS_MAX    256
#define HANG_SECONDS 20

struct task {
	struct sched_entity se;
	_Atomic unsigned tokens; /* wake-ups it has not used up */
	_Atomic unsigned steps;  /* how much it has still to do */
	_Atomic bool suspended;  /* somebody owes it a resume */
	_Atomic bool on_cpu;     /* S11.2: its "stack" is in use */
};

struct cpu {
	struct sched_rq rq;
	struct sched_entity idle;
	_Atomic bool kicked;
	_Atomic ktime_t timer;
	struct host_random random;
	pthread_t thread;
};

static struct sched s;
static struct cpu cpus[CPUS_MAX];
static struct task tasks[TASKS_MAX];
static unsigned cpu_count, task_count, steps_each;
static _Atomic unsigned alive;
static _Atomic unsigned long progress;

void sched_env_kick(struct sched_rq *rq)
{
	atomic_store(&container_of(rq, struct cpu, rq)->kicked, true);
}

void sched_env_set_timer(struct sched_rq *rq, ktime_t when)
{
	BUG_ON(arch_cpu_id() != rq->cpu);
	atomic_store(&container_of(rq, struct cpu, rq)->timer, when);
}

void sched_env_trace_switch(struct sched_rq *rq, struct sched_entity *prev,
	struct sched_entity *next, enum sched_reason reason)
{
	BUG_ON(!spin_held(&rq->lock) || rq->cpu != arch_cpu_id() || next != rq->curr);
	BUG_ON(prev == next || reason >= SCHED_REASON_COUNT);
}

void sched_env_trace_wake(struct sched_rq *rq, struct sched_entity *se, unsigned from)
{
	BUG_ON(!spin_held(&rq->lock));
	BUG_ON(atomic_load(&se->rq) != rq);
	BUG_ON(from > SCHED_NO_CPU); /* a device is no CPU */
}

void sched_env_trace_event(
	struct sched_rq *rq, struct sched_entity *se, enum sched_event_kind kind, unsigned from)
{
	BUG_ON(!spin_held(&rq->lock) || atomic_load(&se->rq) != rq);
	BUG_ON(kind >= SCHED_EVENT_COUNT || from > SCHED_NO_CPU);
}

static ktime_t clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

static struct task *task_of(struct sched_entity *se)
{
	return container_of(se, struct task, se);
}

/* --- what a CPU does ------------------------------------------------------------------------- */

/* The dispatcher. A task's "stack" is in use from its pick to the tail of the next switch. */
static void switch_locked(struct cpu *c, enum sched_reason reason)
{
	struct sched_entity *prev = c->rq.curr, *next;

	next = sched_switch(&c->rq, reason, clock_now());
	if (prev != next && prev != &c->idle)
		BUG_ON(!atomic_exchange(&task_of(prev)->on_cpu, false));
	if (prev != next && next != &c->idle)
		BUG_ON(atomic_exchange(&task_of(next)->on_cpu, true));
	sched_switch_tail(&c->rq);
	atomic_fetch_add(&progress, 1);
}

static void switch_now(struct cpu *c, enum sched_reason reason)
{
	spin_lock(&c->rq.lock);
	switch_locked(c, reason);
}

/* The token is looked for under the lock that the waker needs: no wake-up falls in between. */
static void block(struct cpu *c, struct task *t, enum sched_reason reason)
{
	unsigned tokens;

	spin_lock(&c->rq.lock);
	tokens = atomic_load(&t->tokens);
	if (tokens) {
		atomic_fetch_sub(&t->tokens, 1);
		spin_unlock(&c->rq.lock);
		return;
	}
	switch_locked(c, reason);
}

static void wake(struct task *t, unsigned from)
{
	unsigned none = 0;

	/* One token at most, so that a task that misses its wake-up stays stuck and is seen. */
	if (atomic_compare_exchange_strong(&t->tokens, &none, 1))
		sched_wake(&s, &t->se, from, clock_now());
}

static void change_affinity(struct cpu *c, struct task *t)
{
	struct cpumask mask;
	int error;

	cpumask_clear_all(&mask);
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		if (host_random_next(&c->random) & 1)
			cpumask_set(&mask, cpu);
	if (cpumask_empty(&mask))
		cpumask_set(&mask, host_random_below(&c->random, cpu_count));
	error = sched_set_affinity(&s, &t->se, &mask, c->rq.cpu, clock_now());
	BUG_ON(error && error != -ESRCH);
}

static void change_level(struct cpu *c, struct task *t)
{
	struct sched_params params = {.level = host_random_below(&c->random, SCHED_LEVEL_COUNT)};
	int error = sched_set_params(&s, &t->se, &params, c->rq.cpu, clock_now());

	BUG_ON(error && error != -ESRCH);
}

/* Suspends another task and leaves it so for others to resume. */
static void suspend(struct task *t)
{
	if (!sched_stop(&s, &t->se, clock_now()))
		atomic_store(&t->suspended, true);
}

static void resume(struct task *t, unsigned from)
{
	if (atomic_exchange(&t->suspended, false))
		BUG_ON(!sched_resume(&s, &t->se, from, clock_now()));
}

/* One step of the task whose turn it is. */
static void step(struct cpu *c, struct task *t)
{
	struct task *other = &tasks[host_random_below(&c->random, task_count)];

	BUG_ON(!atomic_load(&t->on_cpu));
	if (!atomic_load(&t->steps)) {
		atomic_fetch_sub(&alive, 1);
		switch_now(c, SCHED_EXIT);
		return;
	}
	atomic_fetch_sub(&t->steps, 1);
	switch (host_random_below(&c->random, 12)) {
	case 0:
	case 1:
		block(c, t, SCHED_BLOCK);
		break;
	case 2:
		block(c, t, SCHED_SLEEP);
		break;
	case 3:
	case 4:
	case 5:
		wake(other, c->rq.cpu);
		break;
	case 6:
		change_affinity(c, other);
		break;
	case 7:
		change_level(c, other);
		break;
	case 8:
		if (other != t)
			suspend(other);
		break;
	case 9:
		resume(other, c->rq.cpu);
		break;
	default:
		switch_now(c, SCHED_YIELD);
	}
}

static void look_at_timer(struct cpu *c)
{
	ktime_t now = clock_now();

	if (atomic_load(&c->timer) <= now) {
		atomic_store(&c->timer, KTIME_MAX);
		sched_timer(&c->rq, now);
	}
}

static void idle_loop(struct cpu *c)
{
	sched_idle_enter(&c->rq);
	if (!sched_need_resched(&c->rq) && !sched_steal(&s, &c->rq, clock_now()))
		while (!atomic_load(&c->kicked) && atomic_load(&alive))
			usleep(20);
	sched_idle_exit(&c->rq);
	atomic_store(&c->kicked, false);
	if (sched_need_resched(&c->rq))
		switch_now(c, SCHED_PREEMPT);
}

static void *cpu_main(void *arg)
{
	struct cpu *c = arg;

	arch_host_become((unsigned)(c - cpus));
	while (atomic_load(&alive)) {
		if (c->rq.curr == &c->idle) {
			idle_loop(c);
			continue;
		}
		look_at_timer(c);
		if (atomic_exchange(&c->kicked, false) || sched_need_resched(&c->rq))
			switch_now(c, SCHED_PREEMPT);
		if (c->rq.curr != &c->idle)
			step(c, task_of(c->rq.curr));
	}
	return NULL;
}

/* S1.3: one change at a time, step by step, now and then left half-way for a moment. */
static void change_algorithm(struct host_random *random)
{
	if (s.changing != SCHED_NO_CPU) {
		sched_change_cpus(&s, SCHED_NO_CPU, clock_now());
	} else if (host_random_below(random, 20) == 0) {
		struct sched_config config = s.config;

		config.algorithm = host_random_below(random, SCHED_ALGORITHM_COUNT);
		config.quantum = (1 + host_random_below(random, 5)) * NSEC_PER_MSEC;
		BUG_ON(sched_set_config(&s, &config));
	}
}

/* Wakes and resumes who else would wait for ever; a task with a token is never woken again. */
static void *device_main(void *arg)
{
	struct host_random *random = arg;

	arch_host_become(cpu_count);
	while (atomic_load(&alive)) {
		struct task *t = &tasks[host_random_below(random, task_count)];

		wake(t, SCHED_NO_CPU);
		resume(t, SCHED_NO_CPU);
		change_algorithm(random);
		usleep(10);
	}
	while (s.changing != SCHED_NO_CPU)
		sched_change_cpus(&s, SCHED_NO_CPU, clock_now());
	return NULL;
}

/* --- the run --------------------------------------------------------------------------------- */

static void report_hang(void)
{
	static const char *const states[] = {
		"NEW", "QUEUED", "RUNNING", "BLOCKED", "WAKING", "STOPPED", "DEAD"};

	printf("nothing moves for %d s\n", HANG_SECONDS);
	for (unsigned i = 0; i < task_count; i++)
		if (tasks[i].se.state != SCHED_DEAD)
			printf("task %u: %s on CPU %u, %u tokens\n", i, states[tasks[i].se.state],
				entity_rq(&tasks[i].se)->cpu, atomic_load(&tasks[i].tokens));
	for (unsigned i = 0; i < cpu_count; i++)
		printf("CPU %u: %s, %u runnable, need_resched %d, kicked %d\n", i,
			cpus[i].rq.curr == &cpus[i].idle ? "idle" : "busy",
			rq_runnable(&cpus[i].rq), sched_need_resched(&cpus[i].rq),
			atomic_load(&cpus[i].kicked));
	fflush(stdout);
	_exit(1);
}

static void watch(void)
{
	unsigned long seen = 0;

	for (unsigned still = 0; atomic_load(&alive); usleep(100000)) {
		unsigned long now = atomic_load(&progress);

		still = now == seen ? still + 1 : 0;
		seen = now;
		if (still > HANG_SECONDS * 10)
			report_hang();
	}
}

static void set_up(struct host_random *random)
{
	struct sched_params params = {.level = SCHED_LEVEL_NORMAL};
	struct sched_config config;

	arch_host_init(cpu_count + 1);
	arch_host_become(cpu_count);
	sched_config_default(&config);
	config.quantum = NSEC_PER_MSEC;
	config.algorithm = (enum sched_policy_id)host_setting(
		"STRESS_ALGORITHM", host_random_below(random, SCHED_ALGORITHM_COUNT));
	BUG_ON(sched_init(&s, &config));
	for (unsigned i = 0; i < cpu_count; i++) {
		cpus[i].timer = KTIME_MAX;
		cpus[i].random.state = host_random_next(random);
		sched_add_cpu(&s, &cpus[i].rq, i, &cpus[i].idle, clock_now());
		cpus[i].rq.trace = true;
	}
	atomic_store(&alive, task_count);
	for (unsigned i = 0; i < task_count; i++) {
		tasks[i].steps = steps_each;
		BUG_ON(sched_attach(&s, &tasks[i].se, &params, clock_now()));
		sched_start(&s, &tasks[i].se, i % cpu_count, clock_now());
	}
}

static void check_end(void)
{
	struct sched_census census = {0};
	const char *wrong = NULL;
	uint64_t switches = 0, steals = 0, migrations = 0;

	for (unsigned i = 0; i < task_count && !wrong; i++) {
		wrong = sched_check_entity(&tasks[i].se);
		sched_census_add(&census, &tasks[i].se);
		migrations += tasks[i].se.stats.migrations;
	}
	for (unsigned i = 0; i < cpu_count && !wrong; i++) {
		wrong = sched_check_rq(&cpus[i].rq);
		steals += cpus[i].rq.stats.steals;
		for (unsigned reason = 0; reason < SCHED_REASON_COUNT; reason++)
			switches += cpus[i].rq.stats.switches[reason];
	}
	if (!wrong)
		wrong = sched_census_check(&census, &s);
	if (!wrong && census.count[SCHED_DEAD] != task_count)
		wrong = "not every task has ended";
	printf("%u tasks on %u CPUs: %llu switches, %llu migrations, %llu steals: %s\n", task_count,
		cpu_count, (unsigned long long)switches, (unsigned long long)migrations,
		(unsigned long long)steals, wrong ? wrong : "ok");
	exit(wrong ? 1 : 0);
}

int main(void)
{
	struct host_random random = host_random_start("stress");
	pthread_t device;

	cpu_count = (unsigned)MIN(host_setting("STRESS_CPUS", 4), (uint64_t)CPUS_MAX);
	task_count = (unsigned)MIN(host_setting("STRESS_TASKS", 24), (uint64_t)TASKS_MAX);
	steps_each = (unsigned)host_rounds(2000);
	set_up(&random);
	for (unsigned i = 0; i < cpu_count; i++)
		BUG_ON(pthread_create(&cpus[i].thread, NULL, cpu_main, &cpus[i]));
	BUG_ON(pthread_create(&device, NULL, device_main, &random));
	watch();
	for (unsigned i = 0; i < cpu_count; i++)
		pthread_join(cpus[i].thread, NULL);
	pthread_join(device, NULL);
	check_end();
}
