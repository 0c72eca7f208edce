/* SPDX-License-Identifier: MIT */
/*
 * Explores interleavings of virtual CPUs that run the real scheduler (explore_atomics.h says where
 * one may go on instead of another). Every CPU is a fibre: it does what the protocol wants of it,
 * then it is a CPU that switches when it is told to and halts when it is idle. When all of them
 * wait for a kick, everything must be at rest and the invariants hold.
 *
 * Without preemptions the CPUs run in a given order, each until it waits or spins. A plan adds
 * preemptions: at which point, for which CPU. All plans with up to two are tried, in every order;
 * then random ones with more, some of which push the CPU that is preempted to the end of the order
 * (probabilistic concurrency testing, Burckhardt et al. 2010). Then all plans with up to one and
 * random ones with stores that wait. A failure prints the plan, which MOS_SCHEDULE=… repeats.
 */
#ifndef SCHED_TESTS_EXPLORE_H
#define SCHED_TESTS_EXPLORE_H

#include "sched/tests/machine.h"
#include <signal.h>
#include <unistd.h>

#define EXPLORE_CPUS   3
#define EXPLORE_PLAN   8
#define EXPLORE_STACK  (64 * 1024)
#define EXPLORE_STORES 64
#define NO_STOP        (~0ul)
#define SPINS_MAX      100000 /* in a row, all CPUs together */

struct protocol {
	const char *name;
	void (*set_up)(void); /* with machine.h; at rest when it returns */
	void (*on_cpu[EXPLORE_CPUS])(unsigned cpu);
	void (*check)(void); /* at rest again; machine_check() has been called */
};

struct preemption {
	unsigned long at;
	unsigned to;
};

struct plan {
	unsigned order[EXPLORE_CPUS];
	bool demote; /* who is preempted goes to the end of the order */
	unsigned count;
	struct preemption preemption[EXPLORE_PLAN];
};

struct store {
	volatile void *to;
	uint64_t value;
	size_t size;
};

struct explore_cpu {
	void *stack_pointer;
	bool waits; /* for a kick; it is at rest */
	unsigned stores;
	struct store store[EXPLORE_STORES];
	_Alignas(64) char stack[EXPLORE_STACK];
};

static struct {
	const struct protocol *protocol;
	struct plan plan;
	unsigned order[EXPLORE_CPUS]; /* as it is now */
	unsigned next;                /* preemption of the plan */
	unsigned current;
	unsigned spins;
	bool changed; /* the last preemption of the plan was one */
	void *main_stack;
	struct machine start; /* the machine as set_up() left it */
	struct explore_cpu cpu[EXPLORE_CPUS];
	unsigned long runs;
} x;

bool explore_buffered;
unsigned long explore_points, explore_stop = NO_STOP;

/* --- stores that wait ------------------------------------------------------------------------ */

static void drain(struct explore_cpu *c)
{
	for (unsigned i = 0; i < c->stores; i++)
		memcpy((void *)(uintptr_t)c->store[i].to, &c->store[i].value, c->store[i].size);
	c->stores = 0;
}

static void drain_all(void)
{
	for (unsigned cpu = 0; cpu < EXPLORE_CPUS; cpu++)
		drain(&x.cpu[cpu]);
}

void explore_flush(void)
{
	drain(&x.cpu[x.current]);
}

void explore_store(volatile void *to, const void *value, size_t size)
{
	struct explore_cpu *c = &x.cpu[x.current];

	if (c->stores == EXPLORE_STORES)
		drain(c);
	c->store[c->stores] = (struct store){.to = to, .size = size};
	memcpy(&c->store[c->stores++].value, value, size);
}

bool explore_own_store(const volatile void *from, void *value, size_t size)
{
	const struct explore_cpu *c = &x.cpu[x.current];

	for (unsigned i = c->stores; i-- > 0;) {
		if (c->store[i].to != from)
			continue;
		memcpy(value, &c->store[i].value, size);
		return true;
	}
	return false;
}

/* --- fibres ---------------------------------------------------------------------------------- */

/* Saves the registers that a call preserves, and goes on where `to` was saved. */
__attribute__((naked, noinline)) static void jump(void **save __unused, void *to __unused)
{
	__asm__("push %rbp\n push %rbx\n push %r12\n push %r13\n push %r14\n push %r15\n"
		"mov %rsp, (%rdi)\n mov %rsi, %rsp\n"
		"pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbx\n pop %rbp\n ret\n");
}

static void go_to(unsigned cpu)
{
	unsigned from = x.current;

	if (cpu == from)
		return;
	x.current = cpu;
	arch_host_become(cpu);
	jump(&x.cpu[from].stack_pointer, x.cpu[cpu].stack_pointer);
}

static bool runnable(unsigned cpu)
{
	return !x.cpu[cpu].waits || m.kicked[cpu];
}

/* The next in the order that can go on, other than the current one; EXPLORE_CPUS: nobody. */
static unsigned next_runnable(void)
{
	for (unsigned i = 0; i < EXPLORE_CPUS; i++)
		if (x.order[i] != x.current && runnable(x.order[i]))
			return x.order[i];
	return EXPLORE_CPUS;
}

static void push_back(unsigned cpu)
{
	unsigned i = 0;

	while (x.order[i] != cpu)
		i++;
	for (; i + 1 < EXPLORE_CPUS; i++)
		x.order[i] = x.order[i + 1];
	x.order[EXPLORE_CPUS - 1] = cpu;
}

static void set_stop(void)
{
	explore_stop = x.next < x.plan.count ? x.plan.preemption[x.next].at : NO_STOP;
}

void explore_preempt(void)
{
	unsigned to = x.plan.preemption[x.next++].to;

	set_stop();
	x.spins = 0;
	if (x.plan.demote) {
		push_back(x.current);
		to = next_runnable();
	}
	x.changed = to < EXPLORE_CPUS && to != x.current && runnable(to);
	if (x.changed)
		go_to(to);
}

/* A lock is taken: its owner goes on. Nobody's stores wait for ever. */
void explore_relax(void)
{
	unsigned to;

	if (++x.spins > SPINS_MAX)
		MACHINE_FAIL("nobody gets on: every CPU spins");
	drain_all();
	to = x.order[x.spins % EXPLORE_CPUS];
	if (to != x.current && runnable(to))
		go_to(to);
}

static void wait_for_kick(unsigned cpu)
{
	x.spins = 0;
	drain(&x.cpu[cpu]);
	x.cpu[cpu].waits = true;
	if (!m.kicked[cpu]) {
		unsigned to = next_runnable();

		if (to < EXPLORE_CPUS)
			go_to(to);
		else
			jump(&x.cpu[cpu].stack_pointer, x.main_stack);
	}
	x.cpu[cpu].waits = false;
}

/* A CPU: the protocol's part, then whatever it is told, for ever. */
static __noreturn void body(void)
{
	unsigned cpu = x.current;

	if (x.protocol->on_cpu[cpu])
		x.protocol->on_cpu[cpu](cpu);
	m.attentive[cpu] = true;
	for (;;) {
		while (cpu_react(cpu))
			;
		wait_for_kick(cpu);
	}
}

static void begin_fibre(struct explore_cpu *c)
{
	void **top = (void **)(c->stack + EXPLORE_STACK) - 1; /* as a call leaves it */

	*--top = (void *)body;
	c->stack_pointer = top - 6;
	c->waits = false;
	c->stores = 0;
}

/* --- one run --------------------------------------------------------------------------------- */

/* Only what is used: the rest never changes. */
static void restore(void)
{
	m.s = x.start.s;
	memcpy(m.rq, x.start.rq, sizeof(m.rq[0]) * EXPLORE_CPUS);
	memcpy(m.idle, x.start.idle, sizeof(m.idle[0]) * EXPLORE_CPUS);
	memcpy(m.task, x.start.task, sizeof(m.task[0]) * x.start.tasks);
	memcpy(m.kicked, x.start.kicked, sizeof(m) - offsetof(struct machine, kicked));
}

/* Answers how many points there were. */
static unsigned long run_plan(const struct plan *plan)
{
	x.plan = *plan;
	memcpy(x.order, plan->order, sizeof(x.order));
	restore();
	for (unsigned cpu = 0; cpu < EXPLORE_CPUS; cpu++)
		begin_fibre(&x.cpu[cpu]);
	x.next = x.spins = 0;
	x.changed = true;
	x.current = x.order[0];
	x.runs++;
	explore_points = 0;
	set_stop();
	arch_host_become(x.current);
	jump(&x.main_stack, x.cpu[x.current].stack_pointer);
	explore_stop = NO_STOP;
	drain_all();
	machine_check();
	if (x.protocol->check)
		x.protocol->check();
	return explore_points;
}

static void print_plan(int signal)
{
	char text[256];
	int length = snprintf(text, sizeof(text), "MOS_SCHEDULE=%s,%d%d,%u%u%u", x.protocol->name,
		explore_buffered, x.plan.demote, x.plan.order[0], x.plan.order[1], x.plan.order[2]);

	for (unsigned i = 0; i < x.plan.count; i++)
		length += snprintf(text + length, sizeof(text) - (size_t)length, ",%lu>%u",
			x.plan.preemption[i].at, x.plan.preemption[i].to);
	text[length++] = '\n';
	(void)!write(1, text, (size_t)length);
	(void)signal; /* abort() goes on */
}

/* --- plans ----------------------------------------------------------------------------------- */

static const unsigned orders[6][EXPLORE_CPUS] = {
	{0, 1, 2},
	{0, 2, 1},
	{1, 0, 2},
	{1, 2, 0},
	{2, 0, 1},
	{2, 1, 0},
};

/*
 * All plans that go on as this one does and have up to `more` preemptions after `from`. One whose
 * last preemption is for a CPU that runs already or cannot is the same as without it.
 */
static void run_all(struct plan *plan, unsigned long from, unsigned more)
{
	unsigned long points = run_plan(plan);

	if (!more || !x.changed)
		return;
	plan->count++;
	for (unsigned long at = from + 1; at <= points; at++) {
		for (unsigned to = 0; to < EXPLORE_CPUS; to++) {
			plan->preemption[plan->count - 1] = (struct preemption){at, to};
			run_all(plan, at, more - 1);
		}
	}
	plan->count--;
}

static void run_exhaustive(unsigned preemptions)
{
	for (unsigned i = 0; i < ARRAY_SIZE(orders); i++) {
		struct plan plan = {0};

		memcpy(plan.order, orders[i], sizeof(plan.order));
		run_all(&plan, 0, preemptions);
	}
}

/* Rising points, so that each of them comes. */
static void run_random(struct host_random *r, unsigned long runs, unsigned long points)
{
	for (unsigned long i = 0; i < runs; i++) {
		struct plan plan = {.count = 3 + host_random_below(r, EXPLORE_PLAN - 2)};
		unsigned long at = 0;

		memcpy(plan.order, orders[host_random_below(r, ARRAY_SIZE(orders))],
			sizeof(plan.order));
		plan.demote = host_random_below(r, 2);
		for (unsigned k = 0; k < plan.count; k++) {
			at += 1 + host_random_below(r, (unsigned)(2 * points / plan.count));
			plan.preemption[k] =
				(struct preemption){at, host_random_below(r, EXPLORE_CPUS)};
		}
		run_plan(&plan);
	}
}

static void begin_protocol(const struct protocol *protocol, bool buffered)
{
	x.protocol = protocol;
	explore_buffered = false;
	protocol->set_up();
	machine_check();
	for (unsigned cpu = 0; cpu < EXPLORE_CPUS; cpu++)
		atomic_init(&m.rq[cpu].trace, false);
	memcpy(&x.start, &m, sizeof(m));
	explore_buffered = buffered;
}

/* --- a plan from MOS_SCHEDULE ---------------------------------------------------------------- */

static bool read_plan(const char *text, const char *name, struct plan *plan, bool *buffered)
{
	size_t length = strlen(name);

	*plan = (struct plan){0};
	if (strncmp(text, name, length) || text[length] != ',' || strlen(text) < length + 7)
		return false;
	text += length + 1;
	*buffered = text[0] == '1';
	plan->demote = text[1] == '1';
	for (unsigned i = 0; i < EXPLORE_CPUS; i++)
		plan->order[i] = (unsigned)(text[3 + i] - '0') % EXPLORE_CPUS;
	for (text += 3 + EXPLORE_CPUS; *text == ',' && plan->count < EXPLORE_PLAN;) {
		struct preemption *p = &plan->preemption[plan->count++];

		p->at = strtoul(text + 1, (char **)&text, 10);
		p->to = *text == '>' ? (unsigned)strtoul(text + 1, (char **)&text, 10) : 0;
	}
	return true;
}

static void explore(const struct protocol *protocol)
{
	const char *text = getenv("MOS_SCHEDULE");
	struct plan plan = {.order = {0, 1, 2}};
	struct host_random r;
	bool buffered = false;

	signal(SIGABRT, print_plan);
	if (text) {
		if (!read_plan(text, protocol->name, &plan, &buffered))
			skip();
		begin_protocol(protocol, buffered);
		run_plan(&plan);
		return;
	}
	r = host_random_start(protocol->name);
	x.runs = 0;
	for (unsigned mode = 0; mode < 2; mode++) {
		unsigned long points;

		begin_protocol(protocol, mode == 1);
		run_exhaustive(mode ? 1 : 2);
		points = run_plan(&plan);
		run_random(&r, host_rounds(RANDOM_RUNS), points);
	}
	printf("# %s: %lu interleavings\n", protocol->name, x.runs);
}

#endif
