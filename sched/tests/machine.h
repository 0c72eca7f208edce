/* SPDX-License-Identifier: MIT */
/*
 * A machine in virtual time for tests of the scheduler library: up to 8 CPUs whose "threads" are
 * told what to do, one operation after the other. It behaves as a kernel must: a CPU looks at its
 * need_resched only after something happened on it (its own call, its timer, a kick), and a halted
 * CPU wakes up for nothing else. So a kick that is forgotten is a CPU that sleeps, and is found.
 *
 * machine_check() asks for every invariant after each operation.
 */
#ifndef SCHED_TESTS_MACHINE_H
#define SCHED_TESTS_MACHINE_H

#include "kernel/errno.h"
#include "sched/queue.h"
#include <arch/host_test.h>

#define MACHINE_CPUS  8
#define MACHINE_TASKS 40
#define MS            NSEC_PER_MSEC

struct task {
	struct sched_entity se;
	ktime_t queued_at; /* for the bounds: since when it waits */
	ktime_t bound;     /* and how long it may */
	bool waits;
};

struct machine {
	struct sched s;
	struct sched_rq rq[MACHINE_CPUS];
	struct sched_entity idle[MACHINE_CPUS];
	struct task task[MACHINE_TASKS];
	bool kicked[MACHINE_CPUS];
	bool halted[MACHINE_CPUS];
	bool attentive[MACHINE_CPUS]; /* something happened here; it looks at need_resched */
	ktime_t timer[MACHINE_CPUS];
	ktime_t now;
	unsigned cpus, tasks;
	bool bounds; /* check S3.2, S4.4, S5.4: time sharing alone, levels do not change */
	uint64_t trace_hash;
	uint64_t events[SCHED_EVENT_COUNT];
};

static struct machine m;

/* Where the CPUs of the next machine sit; NULL: all are equally near. */
static const struct sched_cpu_place *machine_places;

#define MACHINE_FAIL(...)                                                                          \
	do {                                                                                       \
		printf("%s:%d: at %lld ns: ", __FILE__, __LINE__, (long long)m.now);               \
		printf(__VA_ARGS__);                                                               \
		printf("\n");                                                                      \
		fflush(stdout);                                                                    \
		abort();                                                                           \
	} while (0)

#define MACHINE_EXPECT(cond)                                                                       \
	do {                                                                                       \
		if (!(cond))                                                                       \
			MACHINE_FAIL("expected %s", #cond);                                        \
	} while (0)

/* --- somebody who preempts: FIFO at one of eight priorities ---------------------------------- */

#define URGENT_RANK  60 /* to 67: both words of the bitmap */
#define URGENT_RANKS 8

static struct sched_params urgent_params(unsigned level)
{
	unsigned rank = URGENT_RANK + level % URGENT_RANKS;

	return (struct sched_params){.kind = SCHED_KIND_FIFO,
		.level = level,
		.priority = SCHED_RANK_FP + SCHED_PRIORITY_MAX - rank};
}

/* --- the embedder's side --------------------------------------------------------------------- */

static struct task *task_of(struct sched_entity *se)
{
	struct task *t = container_of(se, struct task, se);

	return t >= m.task && t < m.task + MACHINE_TASKS ? t : NULL;
}

/* No CPU needs to interrupt itself. */
void sched_env_kick(struct sched_rq *rq)
{
	MACHINE_EXPECT(arch_cpu_id() != rq->cpu);
	m.kicked[rq->cpu] = true;
}

void sched_env_set_timer(struct sched_rq *rq, ktime_t when)
{
	MACHINE_EXPECT(arch_cpu_id() == rq->cpu);
	m.timer[rq->cpu] = when;
}

/* S3.2: from now on se waits for at most the quanta of those who are here. */
static ktime_t rr_bound(const struct sched_rq *rq, const struct sched_entity *se)
{
	const struct sched_entity *other;
	ktime_t bound = rq->curr->rank < SCHED_RANK_HANDOVER ? 0 : rq->curr->quantum;

	list_for_each_entry (other, &rq->level[SCHED_RANK_TS], node)
		if (other != se)
			bound += other->quantum;
	list_for_each_entry (other, &rq->level[SCHED_RANK_HANDOVER], node)
		if (other != se)
			bound += other->quantum;
	return bound;
}

/* S4.4, with everybody there can ever be. */
static ktime_t priority_bound(const struct sched_rq *rq, const struct sched_entity *se)
{
	(void)rq;
	return se->level * m.s.config.aging + (MACHINE_TASKS - 1) * 4 * MS;
}

/* S5.4, with everybody there can ever be, all with the longest quantum: 4 ms at the top. */
static ktime_t mlfq_bound(const struct sched_rq *rq, const struct sched_entity *se)
{
	(void)rq;
	(void)se;
	return m.s.config.boost_interval + (MACHINE_TASKS - 1) * 4 * MS;
}

/* By policy; NULL: none is stated. */
static ktime_t (*const bound_of[SCHED_POLICY_COUNT])(
	const struct sched_rq *rq, const struct sched_entity *se) = {
	[SCHED_POLICY_rr] = rr_bound,
	[SCHED_POLICY_priority] = priority_bound,
	[SCHED_POLICY_mlfq] = mlfq_bound,
};

static void note_waiting(struct sched_rq *rq, struct sched_entity *se)
{
	struct task *t = task_of(se);

	if (!t)
		return;
	t->waits = true;
	t->queued_at = rq->clock;
	t->bound = KTIME_MAX;
	if (bound_of[m.s.config.algorithm])
		t->bound = bound_of[m.s.config.algorithm](rq, se);
}

/* It has waited until `now`. */
static void check_bound(const struct task *t, ktime_t now)
{
	if (t->waits && m.bounds && now - t->queued_at > t->bound)
		MACHINE_FAIL("S1.3, S3.2, S4.4, S5.4: task %td waited %lld ns, bound %lld ns",
			t - m.task, (long long)(now - t->queued_at), (long long)t->bound);
}

static void note_turn(const struct sched_rq *rq, struct sched_entity *se)
{
	struct task *t = task_of(se);

	if (!t)
		return;
	check_bound(t, rq->clock);
	t->waits = false;
}

static void hash_in(uint64_t value)
{
	m.trace_hash = (m.trace_hash ^ value) * 0x100000001b3ull;
}

static void hash_event(const struct sched_rq *rq, struct sched_entity *se,
	enum sched_event_kind kind, unsigned detail)
{
	m.events[kind]++;
	hash_in((uint64_t)rq->clock);
	hash_in((uint64_t)kind << 48 | rq->cpu << 16 | detail);
	hash_in(task_of(se) ? (uint64_t)(task_of(se) - m.task) : 1000);
}

void sched_env_trace_switch(struct sched_rq *rq, struct sched_entity *prev,
	struct sched_entity *next, enum sched_reason reason)
{
	hash_event(rq, prev, SCHED_EVENT_SWITCH, reason);
	MACHINE_EXPECT(next == rq->curr && prev != next);
	note_turn(rq, next);
	if (prev->state == SCHED_QUEUED)
		note_waiting(rq, prev);
}

void sched_env_trace_wake(struct sched_rq *rq, struct sched_entity *se, unsigned from)
{
	hash_event(rq, se, SCHED_EVENT_WAKE, from);
	note_waiting(rq, se);
}

void sched_env_trace_event(
	struct sched_rq *rq, struct sched_entity *se, enum sched_event_kind kind, unsigned from)
{
	hash_event(rq, se, kind, from);
	if (kind == SCHED_EVENT_MIGRATE)
		note_waiting(rq, se);
}

/* --- CPUs ------------------------------------------------------------------------------------ */

static bool cpu_idle(unsigned cpu)
{
	return m.rq[cpu].curr == m.rq[cpu].idle;
}

static bool cpu_online(unsigned cpu)
{
	return cpumask_test_atomic(&m.s.online, cpu);
}

/* As the dispatcher does it. */
static void cpu_switch(unsigned cpu, enum sched_reason reason)
{
	struct sched_rq *rq = &m.rq[cpu];

	arch_host_become(cpu);
	spin_lock(&rq->lock);
	MACHINE_EXPECT(sched_switch(rq, reason, m.now) == rq->curr);
	sched_switch_tail(rq);
	m.attentive[cpu] = true;
}

/* As the idle thread does it, until the CPU halts or has something to do. */
static void cpu_idle_loop(unsigned cpu)
{
	struct sched_rq *rq = &m.rq[cpu];

	arch_host_become(cpu);
	while (cpu_idle(cpu)) {
		sched_idle_enter(rq);
		if (!sched_need_resched(rq) && !sched_steal(&m.s, rq, m.now)) {
			m.halted[cpu] = true;
			return;
		}
		sched_idle_exit(rq);
		cpu_switch(cpu, SCHED_PREEMPT);
	}
}

static bool cpu_react(unsigned cpu)
{
	bool acted = m.kicked[cpu] || m.attentive[cpu];

	if (!acted)
		return false;
	m.kicked[cpu] = m.attentive[cpu] = false;
	if (m.halted[cpu]) {
		arch_host_become(cpu);
		m.halted[cpu] = false;
		sched_idle_exit(&m.rq[cpu]);
	}
	if (sched_need_resched(&m.rq[cpu]))
		cpu_switch(cpu, SCHED_PREEMPT);
	if (cpu_idle(cpu))
		cpu_idle_loop(cpu);
	return true;
}

/* Lets every CPU that has a reason act, until none has. */
static void machine_settle(void)
{
	bool again = true;

	for (unsigned i = 0; again; i++) {
		if (i > 1000)
			MACHINE_FAIL("the CPUs do not come to rest");
		again = false;
		for (unsigned cpu = 0; cpu < m.cpus; cpu++)
			again |= cpu_react(cpu);
	}
}

static void machine_start_with(unsigned cpus, const struct sched_config *config)
{
	memset(&m, 0, sizeof(m));
	arch_host_init(cpus);
	arch_host_reset();
	m.cpus = cpus;
	MACHINE_EXPECT(!sched_init(&m.s, config));
	if (machine_places)
		sched_set_places(&m.s, machine_places, cpus);
	for (unsigned cpu = 0; cpu < cpus; cpu++) {
		m.timer[cpu] = KTIME_MAX;
		sched_add_cpu(&m.s, &m.rq[cpu], cpu, &m.idle[cpu], 0);
		m.rq[cpu].trace = true;
		m.attentive[cpu] = true;
	}
	machine_settle();
}

static __unused void machine_start_algorithm(unsigned cpus, enum sched_policy_id algorithm)
{
	struct sched_config config;

	sched_config_default(&config);
	config.algorithm = algorithm;
	machine_start_with(cpus, &config);
}

static __unused void machine_start(unsigned cpus)
{
	machine_start_algorithm(cpus, SCHED_POLICY_rr);
}

/* Fires the timers that are due before `to`. */
static void machine_fire_before(ktime_t to)
{
	for (unsigned i = 0;; i++) {
		unsigned first = 0;

		for (unsigned cpu = 1; cpu < m.cpus; cpu++)
			if (m.timer[cpu] < m.timer[first])
				first = cpu;
		if (m.timer[first] >= to)
			break;
		if (i > 100000)
			MACHINE_FAIL("the timers do not come to rest");
		m.now = MAX(m.now, m.timer[first]);
		m.timer[first] = KTIME_MAX;
		arch_host_become(first);
		sched_timer(&m.rq[first], m.now);
		m.attentive[first] = true;
		machine_settle();
	}
}

/* Those due at `to` come after what happens then. */
static void machine_advance(ktime_t to)
{
	machine_fire_before(to);
	m.now = to;
}

/* --- what threads do ------------------------------------------------------------------------- */

/* The CPU is about to make a call; a halted one is in an interrupt. */
static void machine_on(unsigned cpu)
{
	arch_host_become(cpu);
	m.attentive[cpu] = true;
}

static __unused struct sched_entity *machine_spawn(
	unsigned cpu, unsigned level, const struct cpumask *mask)
{
	struct task *t = &m.task[m.tasks++];
	struct sched_params params = {.level = level, .affinity = mask};

	MACHINE_EXPECT(m.tasks <= MACHINE_TASKS);
	machine_on(cpu);
	memset(&t->se, 0xa5, sizeof(t->se)); /* somebody's who has ended */
	t->se.node = (struct list_node){0};
	t->se.tree_node = (struct rb_node){0};
	MACHINE_EXPECT(!sched_attach(&m.s, &t->se, &params, m.now));
	return &t->se;
}

static __unused void machine_launch(unsigned cpu, struct sched_entity *se)
{
	machine_on(cpu);
	sched_start(&m.s, se, cpu, m.now);
	machine_settle();
}

static __unused bool machine_wake(unsigned cpu, struct sched_entity *se)
{
	bool woke;

	machine_on(cpu);
	woke = sched_wake(&m.s, se, cpu, m.now);
	machine_settle();
	return woke;
}

/* The CPU's current thread leaves it. */
static __unused void machine_leave(unsigned cpu, enum sched_reason reason)
{
	cpu_switch(cpu, reason);
	machine_settle();
}

/* And wakes somebody with the same stroke. */
static __unused void machine_hand_over(
	unsigned cpu, enum sched_reason reason, struct sched_entity *to)
{
	struct sched_rq *rq = &m.rq[cpu];

	machine_on(cpu);
	spin_lock(&rq->lock);
	sched_switch_waking(rq, reason, to, m.now);
	sched_switch_tail(rq);
	machine_settle();
}

static __unused int machine_set_affinity(
	unsigned cpu, struct sched_entity *se, const struct cpumask *mask)
{
	int error;

	machine_on(cpu);
	error = sched_set_affinity(&m.s, se, mask, cpu, m.now);
	machine_settle();
	return error;
}

static __unused int machine_set_params(
	unsigned cpu, struct sched_entity *se, const struct sched_params *params)
{
	int error;

	machine_on(cpu);
	error = sched_set_params(&m.s, se, params, cpu, m.now);
	machine_settle();
	return error;
}

static __unused int machine_set_level(unsigned cpu, struct sched_entity *se, unsigned level)
{
	struct sched_params params = {.level = level};

	if (se->kind == SCHED_KIND_FIFO)
		params = urgent_params(level);
	return machine_set_params(cpu, se, &params);
}

static __unused void machine_make_urgent(struct sched_entity *se)
{
	struct sched_params params = urgent_params(se->level);

	MACHINE_EXPECT(se->state == SCHED_NEW);
	MACHINE_EXPECT(!machine_set_params(arch_cpu_id(), se, &params));
}

static __unused int machine_set_deadline(
	unsigned cpu, struct sched_entity *se, ktime_t deadline, ktime_t period)
{
	struct sched_params params = {.level = se->level, .deadline = deadline, .period = period};

	return machine_set_params(cpu, se, &params);
}

static __unused int machine_stop(unsigned cpu, struct sched_entity *se)
{
	int error;

	machine_on(cpu);
	error = sched_stop(&m.s, se, m.now);
	machine_settle();
	return error;
}

static __unused bool machine_resume(unsigned cpu, struct sched_entity *se)
{
	bool resumed;

	machine_on(cpu);
	resumed = sched_resume(&m.s, se, cpu, m.now);
	machine_settle();
	return resumed;
}

/*
 * S1.3: no longer than the old bound until now, and from now on no longer than the new one: that is
 * no longer than both together.
 */
static void machine_note_change(void)
{
	for (unsigned i = 0; i < m.tasks; i++) {
		struct task *t = &m.task[i];

		if (t->se.state != SCHED_QUEUED)
			continue;
		check_bound(t, m.now);
		note_waiting(entity_rq(&t->se), &t->se);
	}
}

/* To the end, at one moment. */
static __unused void machine_finish_change(unsigned by)
{
	do
		machine_on(by);
	while (sched_change_cpus(&m.s, by, m.now));
	machine_note_change();
	machine_settle();
}

static __unused int machine_set_algorithm(unsigned by, enum sched_policy_id algorithm)
{
	struct sched_config config = m.s.config;
	int error;

	config.algorithm = algorithm;
	error = sched_set_config(&m.s, &config);
	if (!error)
		machine_finish_change(by);
	return error;
}

/* As a kernel does it when CPUs have left or come back. */
static void machine_review(unsigned by)
{
	for (unsigned i = 0; i < m.tasks; i++) {
		struct sched_entity *se = &m.task[i].se;
		struct cpumask online;

		machine_on(by);
		cpumask_snapshot(&online, &m.s.online);
		MACHINE_EXPECT(sched_review_affinity(&m.s, se, by, m.now) ==
			(se->state != SCHED_DEAD && !cpumask_intersects(&online, &se->affinity)));
		machine_settle();
	}
}

static __unused int machine_offline(unsigned by, unsigned cpu)
{
	int error;

	machine_on(by);
	error = sched_cpu_offline(&m.s, cpu, by, m.now);
	machine_settle();
	if (error)
		return error;
	MACHINE_EXPECT(sched_cpu_empty(&m.s, cpu) && m.halted[cpu]);
	machine_review(by);
	return 0;
}

static __unused void machine_online(unsigned by, unsigned cpu)
{
	machine_on(cpu);
	sched_cpu_online(&m.s, cpu, m.now);
	machine_settle();
	machine_review(by);
}

/* --- short forms for tests ------------------------------------------------------------------ */

static __unused struct sched_entity *launch(
	unsigned cpu, unsigned level, const struct cpumask *mask)
{
	struct sched_entity *se = machine_spawn(cpu, level, mask);

	machine_launch(cpu, se);
	return se;
}

static __unused struct sched_entity *launch_urgent(unsigned cpu, const struct cpumask *mask)
{
	struct sched_entity *se = machine_spawn(cpu, 0, mask);

	machine_make_urgent(se);
	machine_launch(cpu, se);
	return se;
}

static __unused struct cpumask mask_of(uint64_t bits)
{
	struct cpumask mask;

	cpumask_clear_all(&mask);
	mask.bits[0] = bits;
	return mask;
}

static __unused unsigned cpu_of(const struct sched_entity *se)
{
	return atomic_load(&se->rq)->cpu;
}

/* --- invariants ------------------------------------------------------------------------------ */

/* S8.5, at rest: nobody waits whom a halted CPU may run. */
static void check_work_conservation(void)
{
	for (unsigned i = 0; i < m.tasks; i++) {
		const struct sched_entity *se = &m.task[i].se;

		for (unsigned cpu = 0; cpu < m.cpus && m.s.config.balancing; cpu++)
			if (se->state == SCHED_QUEUED && m.halted[cpu] && cpu_online(cpu) &&
				entity_allowed(se, cpu))
				MACHINE_FAIL("S8.5: CPU %u halts while task %u waits", cpu, i);
	}
}

/* S8.5 over time: no CPU idles for an interval beside who may come; S8.2: nor has it a timer. */
static void check_idling(unsigned cpu)
{
	ktime_t longest = m.rq[cpu].stats.idle_beside.longest;

	if (longest > m.s.config.balance_interval)
		MACHINE_FAIL("S8.5: CPU %u has idled %lld ns beside one that waited", cpu,
			(long long)longest);
	if (m.halted[cpu] && m.rq[cpu].timer_at != KTIME_MAX && m.rq[cpu].timer_at != m.timer[cpu])
		MACHINE_FAIL("S8.2: CPU %u is idle and has a timer it was not given", cpu);
}

static void check_cpu(unsigned cpu)
{
	const char *wrong = sched_check_rq(&m.rq[cpu]);

	if (wrong)
		MACHINE_FAIL("CPU %u: %s", cpu, wrong);
	if (sched_need_resched(&m.rq[cpu]))
		MACHINE_FAIL("CPU %u must switch and was not told", cpu);
	if (cpu_idle(cpu) != m.halted[cpu])
		MACHINE_FAIL("CPU %u is idle and does not halt, or the other way round", cpu);
	if ((m.halted[cpu] && cpu_online(cpu)) != cpumask_test_atomic(&m.s.idle, cpu))
		MACHINE_FAIL("CPU %u's bit in the idle mask is wrong", cpu);
	check_idling(cpu);
	if (m.rq[cpu].tail)
		MACHINE_FAIL("CPU %u has a switch unfinished", cpu);
}

static __unused void machine_check(void)
{
	struct sched_census census = {0};
	unsigned idle = 0;
	const char *wrong;

	for (unsigned cpu = 0; cpu < m.cpus; cpu++) {
		check_cpu(cpu);
		idle += m.halted[cpu] && cpu_online(cpu);
	}
	MACHINE_EXPECT(idle == atomic_load(&m.s.nr_idle));
	for (unsigned i = 0; i < m.tasks; i++) {
		wrong = sched_check_entity(&m.task[i].se);
		if (wrong)
			MACHINE_FAIL("task %u: %s", i, wrong);
		sched_census_add(&census, &m.task[i].se);
	}
	wrong = sched_census_check(&census, &m.s);
	if (wrong)
		MACHINE_FAIL("%s", wrong);
	check_work_conservation();
}

/* --- random operations: the same ones for property tests and for the fuzzer ------------------ */

static unsigned first_online(void)
{
	struct cpumask online;

	cpumask_snapshot(&online, &m.s.online);
	return cpumask_first(&online);
}

static void random_mask(struct cpumask *mask, uint64_t bits)
{
	cpumask_clear_all(mask);
	for (unsigned cpu = 0; cpu < m.cpus; cpu++)
		if (bits >> cpu & 1)
			cpumask_set(mask, cpu);
	if (!sched_mask_online(&m.s, mask))
		cpumask_set(mask, first_online());
}

static void op_spawn(unsigned cpu, uint64_t r)
{
	struct sched_entity *se;
	struct cpumask mask;

	if (m.tasks == MACHINE_TASKS)
		return;
	random_mask(&mask, r >> 8);
	se = machine_spawn(cpu, r % SCHED_LEVEL_COUNT, r & 0x40 ? &mask : NULL);
	if (!m.bounds && (r >> 16) % 4 == 0)
		machine_make_urgent(se);
	if (r & 0x80)
		machine_launch(cpu, se);
}

static void op_leave(unsigned cpu, uint64_t r)
{
	static const enum sched_reason reasons[] = {
		SCHED_YIELD, SCHED_YIELD, SCHED_BLOCK, SCHED_BLOCK, SCHED_SLEEP, SCHED_STOP};

	if (cpu_idle(cpu))
		return;
	machine_leave(cpu, r % 64 == 63 ? SCHED_EXIT : reasons[r % ARRAY_SIZE(reasons)]);
}

static void op_affinity(unsigned cpu, struct sched_entity *se, uint64_t r)
{
	bool dead = se->state == SCHED_DEAD;
	struct cpumask mask;

	random_mask(&mask, r);
	if (!dead && se->bound != SCHED_NO_CPU) {
		bool keeps = cpumask_test(&mask, se->bound);

		MACHINE_EXPECT(machine_set_affinity(cpu, se, &mask) == (keeps ? 0 : -EBUSY));
		return;
	}
	MACHINE_EXPECT(machine_set_affinity(cpu, se, &mask) == (dead ? -ESRCH : 0));
	MACHINE_EXPECT(dead || cpumask_equal(&se->affinity, &mask));
}

/* Many ask for more than there is. */
static void op_reserve(unsigned cpu, struct sched_entity *se, uint64_t r)
{
	struct sched_params params = {.kind = SCHED_KIND_DL, .level = r % SCHED_LEVEL_COUNT};
	int error;

	if (r >> 25 & 1)
		params.kind = SCHED_KIND_RM;
	params.period = (1 + (ktime_t)(r >> 8 & 0x1f)) * MS;
	params.deadline = params.period - (ktime_t)(r >> 13 & 7) * params.period / 10;
	params.runtime = 1 + (ktime_t)(r >> 16 & 0xff) * (params.deadline - 1) / 400;
	error = machine_set_params(cpu, se, &params);
	MACHINE_EXPECT(!error || error == -EBUSY);
}

static void op_params(unsigned cpu, struct sched_entity *se, uint64_t r)
{
	struct sched_params params = {.level = r % SCHED_LEVEL_COUNT};

	if (r & 0x40)
		params.deadline = (ktime_t)(r >> 8 & 0xf) * MS;
	if (r & 0x80)
		params.period = params.deadline + (ktime_t)(r >> 12 & 0xf) * MS;
	if (r >> 16 & 1) {
		params.kind = r >> 17 & 1 ? SCHED_KIND_RR : SCHED_KIND_FIFO;
		params.priority = 1 + (r >> 18) % SCHED_PRIORITY_MAX;
	}
	if (r >> 24 & 1) {
		op_reserve(cpu, se, r);
		return;
	}
	MACHINE_EXPECT(!machine_set_params(cpu, se, &params));
}

static void op_start_or_wake(unsigned cpu, struct sched_entity *se)
{
	bool blocked = se->state == SCHED_BLOCKED ||
		(se->state == SCHED_STOPPED && !se->runnable_at_resume);

	if (se->state == SCHED_NEW)
		machine_launch(cpu, se);
	else
		MACHINE_EXPECT(machine_wake(cpu, se) == blocked);
}

static void op_leave_or_return(unsigned by, unsigned cpu)
{
	bool needed = atomic_load(&m.s.nr_online) == 1 || m.rq[cpu].reservations;

	if (cpu_online(cpu))
		MACHINE_EXPECT(machine_offline(by, cpu) == (needed ? -EBUSY : 0));
	else
		machine_online(by, cpu);
}

static __unused void machine_random_operation(uint64_t r)
{
	unsigned cpu = (unsigned)(r % m.cpus), what = (unsigned)(r >> 8 & 0xff) % 21;
	struct sched_entity *se = &m.task[(r >> 16 & 0xff) % MAX(m.tasks, 1u)].se;
	uint64_t more = r >> 24;

	if (!m.tasks || what == 0)
		op_spawn(cpu, more);
	else if (what <= 6)
		machine_advance(m.now + (ktime_t)(more % (15 * MS)));
	else if (what <= 11)
		op_leave(cpu, more);
	else if (what <= 14)
		op_start_or_wake(cpu, se);
	else if (what == 15 && !cpu_idle(cpu) && m.rq[cpu].curr != se && se->state != SCHED_NEW)
		machine_hand_over(cpu, more & 1 ? SCHED_BLOCK : SCHED_SLEEP, se);
	else if (what == 16)
		op_affinity(cpu, se, more);
	else if (what == 17 && !m.bounds && se->state != SCHED_DEAD)
		op_params(cpu, se, more);
	else if (what == 18 && machine_stop(cpu, se) == 0)
		MACHINE_EXPECT(se->state == SCHED_STOPPED);
	else if (what == 19)
		machine_resume(cpu, se);
	else if (what == 20 && !m.bounds)
		op_leave_or_return(cpu, (unsigned)(more % m.cpus));
}

#endif
