/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own threads, wait queues, semaphores and mutexes on three virtual CPUs, interleaved
 * at every atomic operation (sched/tests/explore_atomics.h). A CPU is a fibre that runs the idle
 * loop and, on stacks of their own, the threads that dispatch gives it; an interrupt reaches it
 * when it is idle, which is late, but allowed. A run is over when all CPUs wait and nobody has
 * kicked them; then whatever the protocol promises has to be so, and nobody may be left.
 *
 * Each protocol: one preemption at every point for every CPU, in three orders, and then some at
 * random. MOS_SEED=… repeats all of it, the number of a run that fails is printed.
 */
#include "kernel/types.h"
#include <arch/host_test.h>
#include "kernel/dispatch.h"
#include "kernel/entry.h"
#include "kernel/errno.h"
#include "kernel/idle.h"
#include "kernel/mutex.h"
#include "kernel/preempt.h"
#include "kernel/semaphore.h"
#include "kernel/thread.h"
#include "mm/tests/mm_machine.h"
#include "mm/tlb.h"
#include <arch/cpu.h>
#include <arch/smp.h>
#include <arch/time.h>
#include <signal.h>
#include <unistd.h>

#define CPUS        3u
#define STACK       (64 * 1024)
#define NO_STOP     (~0ul)
#define SPINS_MAX   100000u
#define PLAN        4u
#define RANDOM_RUNS 100000

struct arch_fibre {
	void *stack_pointer;
	void *stack;
	__noreturn void (*entry)(void *arg);
	void *arg;
};

struct virtual_cpu {
	void *stack_pointer;
	bool waits;
	unsigned pending; /* bit by enum arch_ipi */
	_Alignas(64) char stack[STACK];
};

static struct {
	struct virtual_cpu cpu[CPUS];
	void *main_stack;
	unsigned current, first, spins;
	ktime_t now;
	struct {
		unsigned long at[PLAN];
		unsigned to[PLAN], count, next;
	} plan;
	const char *name;
	bool finished;
	unsigned long runs, seen[2]; /* of the two ways in which it can go */
} x;

bool explore_buffered;
unsigned long explore_points, explore_stop = NO_STOP;

/* --- fibres ---------------------------------------------------------------------------------- */

/* Saves the registers that a call preserves, and goes on where `to` was saved. */
__attribute__((naked, noinline)) static void jump(void **save __unused, void *to __unused)
{
	__asm__("push %rbp\n push %rbx\n push %r12\n push %r13\n push %r14\n push %r15\n"
		"mov %rsp, (%rdi)\n mov %rsi, %rsp\n"
		"pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbx\n pop %rbp\n ret\n");
}

static void *begin_stack(void *base, size_t size, void (*body)(void))
{
	void **top = (void **)((char *)base + size) - 1; /* as a call leaves it */

	*--top = (void *)body;
	return top - 6;
}

static bool runnable(unsigned cpu)
{
	return !x.cpu[cpu].waits || x.cpu[cpu].pending;
}

/* Another CPU that can go on, or CPUS. */
static unsigned other_runnable(void)
{
	for (unsigned i = 1; i < CPUS; i++)
		if (runnable((x.current + i) % CPUS))
			return (x.current + i) % CPUS;
	return CPUS;
}

static void leave_to(void **save, unsigned cpu)
{
	bool was_off = arch_host_irqs_off;

	x.current = cpu;
	arch_host_become(cpu);
	jump(save, x.cpu[cpu].stack_pointer);
	arch_host_irqs_off = was_off;
}

static void set_stop(void)
{
	explore_stop = x.plan.next < x.plan.count ? x.plan.at[x.plan.next] : NO_STOP;
}

void explore_preempt(void)
{
	unsigned to = x.plan.to[x.plan.next++];

	set_stop();
	x.spins = 0;
	if (to != x.current && runnable(to))
		leave_to(&x.cpu[x.current].stack_pointer, to);
}

void explore_relax(void)
{
	unsigned to = other_runnable();

	if (++x.spins > SPINS_MAX) {
		fprintf(stderr, "nobody gets on: every CPU spins\n");
		abort();
	}
	if (to < CPUS)
		leave_to(&x.cpu[x.current].stack_pointer, to);
}

void explore_flush(void)
{
}

void explore_store(volatile void *to, const void *value, size_t size)
{
	memcpy((void *)(uintptr_t)to, value, size);
}

bool explore_own_store(
	const volatile void *from __unused, void *value __unused, size_t size __unused)
{
	return false;
}

/* --- the machine ----------------------------------------------------------------------------- */

static void deliver(struct virtual_cpu *c)
{
	unsigned pending = c->pending;

	c->pending = 0;
	entry_irq_enter(0);
	for (unsigned kind = 0; kind < ARCH_IPI_COUNT; kind++)
		if (pending & 1u << kind)
			entry_ipi(kind);
	entry_irq_exit(0);
}

/* The idle loop has nothing to do. Who waits last ends the run. */
static void wait_for_interrupt(void)
{
	struct virtual_cpu *c = &x.cpu[x.current];

	x.spins = 0;
	c->waits = true;
	while (!c->pending) {
		unsigned to = other_runnable();

		if (to < CPUS)
			leave_to(&c->stack_pointer, to);
		else
			jump(&c->stack_pointer, x.main_stack);
		arch_host_irqs_off = true;
	}
	c->waits = false;
	deliver(c);
}

void arch_ipi_send(unsigned cpu, enum arch_ipi kind)
{
	x.cpu[cpu].pending |= 1u << kind;
}

ktime_t arch_time_now(void)
{
	return x.now += 10;
}

/* Nothing here waits for a time, and no turn ends before its thread waits. */
void arch_timer_arm(ktime_t when)
{
	(void)when;
}

static void begin_thread(void)
{
	struct arch_fibre *f = thread_current()->arch.fibre;

	f->entry(f->arg);
}

size_t arch_boot_stack(void **base)
{
	*base = NULL;
	return 0;
}

static struct arch_fibre *new_fibre(void)
{
	struct arch_fibre *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	return f;
}

void arch_thread_init(struct arch_thread *t, void *stack_base, size_t stack_size,
	__noreturn void (*entry)(void *arg), void *arg)
{
	struct arch_fibre *f = new_fibre();

	(void)stack_base;
	(void)stack_size;
	f->stack = malloc(STACK);
	assert_non_null(f->stack);
	f->entry = entry;
	f->arg = arg;
	f->stack_pointer = begin_stack(f->stack, STACK, begin_thread);
	*t = (struct arch_thread){.fibre = f};
}

void arch_thread_fini(struct arch_thread *t)
{
	free(t->fibre->stack);
	free(t->fibre);
	t->fibre = NULL;
}

void arch_thread_switch(struct arch_thread *prev, struct arch_thread *next)
{
	bool was_off = arch_host_irqs_off;

	if (!prev->fibre)
		prev->fibre = new_fibre();
	jump(&prev->fibre->stack_pointer, next->fibre->stack_pointer);
	arch_host_irqs_off = was_off;
}

void arch_thread_get_context(const struct arch_thread *t, struct arch_context *context)
{
	(void)t;
	*context = (struct arch_context){0};
}

void arch_fpu_switch_out(struct arch_thread *prev)
{
	(void)prev;
	BUG_ON("the host saves these registers itself");
}

void *kstack_alloc(size_t size)
{
	return kmalloc(size);
}

void kstack_free(void *base, size_t size)
{
	(void)size;
	kfree(base);
}

void kstack_drain_cpu(void)
{
}

void kstack_debug_keep(const void *base)
{
	(void)base;
}

void kstack_debug_claim(const void *base)
{
	(void)base;
}

void tlb_interrupt(void)
{
}

/* --- runs ------------------------------------------------------------------------------------ */

static __noreturn void begin_cpu(void)
{
	if (x.current) {
		dispatch_add_cpu(arch_cpu_id(), this_cpu(cpu_schedulers.idle));
		idle_add_cpu();
	}
	idle_loop();
}

static void run_until_all_wait(unsigned cpu)
{
	leave_to(&x.main_stack, cpu);
	arch_host_become(0);
}

static void start_machine(void)
{
	struct sched_config config;

	arch_host_init(CPUS);
	arch_host_become(0);
	mm_machine_start(16 * MIB);
	arch_host_wait = wait_for_interrupt;
	sched_config_default(&config);
	dispatch_init(&config);
	assert_int_equal(thread_init(), 0);
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		if (cpu)
			assert_int_equal(thread_prepare_cpu(cpu), 0);
		x.cpu[cpu].waits = true;
		x.cpu[cpu].stack_pointer =
			begin_stack(x.cpu[cpu].stack, STACK, (void (*)(void))begin_cpu);
	}
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		run_until_all_wait(cpu);
}

/* A thread on one CPU, created and started as by CPU 0 in an interrupt of its idle loop. */
static struct thread *launch(unsigned cpu, thread_entry entry, unsigned level, unsigned flags)
{
	struct cpumask here = {0};
	struct thread_params params = {.entry = entry, .affinity = &here, .flags = flags};
	struct thread *t;

	cpumask_set(&here, cpu);
	assert_int_equal(thread_create(&t, &params), 0);
	assert_int_equal(thread_set_level(t, level), 0);
	thread_start(t);
	x.cpu[cpu].pending |= 1u << ARCH_IPI_RESCHED;
	return t;
}

struct protocol {
	const char *name;
	void (*set_up)(void);
	bool (*check)(void); /* answers in which of two ways it went */
};

static unsigned long run(const struct protocol *p)
{
	unsigned threads = thread_count();

	x.name = p->name;
	x.runs++;
	p->set_up();
	x.plan.next = x.spins = 0;
	explore_points = 0;
	set_stop();
	run_until_all_wait(x.first);
	explore_stop = NO_STOP;
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		assert_false(x.cpu[cpu].pending);
	x.seen[p->check()]++;
	assert_int_equal(thread_count(), threads);
	return explore_points;
}

static void print_run(int signal)
{
	char text[128];
	int length = snprintf(
		text, sizeof(text), "%s: run %lu fails, first CPU %u", x.name, x.runs, x.first);

	for (unsigned i = 0; i < x.plan.count; i++)
		length += snprintf(text + length, sizeof(text) - (size_t)length, ", %lu>%u",
			x.plan.at[i], x.plan.to[i]);
	text[length++] = '\n';
	(void)!write(1, text, (size_t)length);
	(void)signal; /* abort() goes on */
}

/* After each protocol: an expectation that failed has not come to the end of it. */
static int tell_failure(void **state)
{
	(void)state;
	if (!x.finished)
		print_run(0);
	return 0;
}

static void explore(const struct protocol *p)
{
	struct host_random r = host_random_start(p->name);
	unsigned long points = 0;

	x.finished = false;
	x.runs = x.seen[0] = x.seen[1] = 0;
	for (x.first = 0; x.first < CPUS; x.first++) {
		x.plan.count = 0;
		points = run(p);
		x.plan.count = 1;
		for (x.plan.at[0] = 1; x.plan.at[0] <= points; x.plan.at[0]++)
			for (x.plan.to[0] = 0; x.plan.to[0] < CPUS; x.plan.to[0]++)
				run(p);
	}
	for (unsigned long i = 0; i < host_rounds(RANDOM_RUNS); i++) {
		unsigned long at = 0;

		x.first = host_random_below(&r, CPUS);
		x.plan.count = 2 + host_random_below(&r, PLAN - 1);
		for (unsigned k = 0; k < x.plan.count; k++) {
			at += 1 + host_random_below(&r, (unsigned)(2 * points / x.plan.count));
			x.plan.at[k] = at;
			x.plan.to[k] = host_random_below(&r, CPUS);
		}
		run(p);
	}
	printf("# %s: %lu interleavings of about %lu points, %lu of the one kind, %lu of the other\n",
		p->name, x.runs, points, x.seen[0], x.seen[1]);
	assert_true(x.seen[0] && x.seen[1]);
	x.finished = true;
}

/* --- 1: a wake-up, a kill, and who is about to wait --------------------------------------------
 */

static struct semaphore semaphore;
static struct mutex first, second;
static struct thread *t[CPUS];
static int result[CPUS];
static unsigned inside, broken;
static bool lent; /* the owner at the end of a chain was as urgent as its beginning */

static int take(void *arg)
{
	(void)arg;
	result[1] = semaphore_take_killable(&semaphore);
	return result[1];
}

static int give(void *arg)
{
	(void)arg;
	semaphore_give(&semaphore);
	return 0;
}

static int kill_1(void *arg)
{
	(void)arg;
	result[2] = thread_kill(t[1]);
	return 0;
}

/* The handles go when it is over, by CPU 0's idle thread. */
static void let_go(unsigned count)
{
	while (count-- > 0) {
		assert_int_equal(thread_get_state(t[count]), THREAD_TERMINATED);
		assert_int_equal(thread_detach(t[count]), 0);
	}
}

static void wake_set_up(void)
{
	semaphore_init(&semaphore, "explored", 0);
	result[1] = -EINTR; /* killed before it began */
	t[1] = launch(1, take, SCHED_LEVEL_NORMAL, 0);
	t[0] = launch(0, give, SCHED_LEVEL_NORMAL, 0);
	t[2] = launch(2, kill_1, SCHED_LEVEL_NORMAL, 0);
}

/* The unit is his or nobody's. */
static bool wake_check(void)
{
	assert_true(result[1] == 0 || result[1] == -EINTR);
	assert_int_equal(semaphore_units(&semaphore), result[1] ? 1 : 0);
	assert_true(result[2] == 0 || result[2] == -ETHREAD_NOT_FOUND);
	let_go(3);
	return result[1] == -EINTR;
}

/* Nobody gives: the kill alone ends the wait, before it has begun or later. */
static void kill_wait_set_up(void)
{
	semaphore_init(&semaphore, "explored", 0);
	result[1] = 0;
	t[1] = launch(1, take, SCHED_LEVEL_NORMAL, 0);
	t[2] = launch(2, kill_1, SCHED_LEVEL_NORMAL, 0);
	t[0] = t[2];
}

static bool kill_wait_check(void)
{
	assert_int_equal(result[2], 0);
	assert_true(result[1] == 0 || result[1] == -EINTR);
	let_go(2);
	return result[1] == -EINTR;
}

/* --- 2: a join, a kill, and the end that both are about ----------------------------------------
 */

static int end_after_a_yield(void *arg)
{
	(void)arg;
	thread_yield();
	return 7;
}

static int join_1(void *arg)
{
	(void)arg;
	return thread_join(t[1], &result[0]);
}

static void join_set_up(void)
{
	t[1] = launch(1, end_after_a_yield, SCHED_LEVEL_NORMAL, 0);
	thread_get(t[1]);
	t[0] = launch(0, join_1, SCHED_LEVEL_NORMAL, 0);
	t[2] = launch(2, kill_1, SCHED_LEVEL_NORMAL, 0);
}

static bool join_check(void)
{
	assert_int_equal(t[0]->exit_status, 0);
	assert_true(result[0] == 7 || result[0] == -EINTR);
	assert_true(result[2] == 0 || result[2] == -ETHREAD_NOT_FOUND);
	assert_int_equal(thread_detach(t[1]), -ETHREAD_STATE);
	thread_put(t[1]);
	t[1] = t[2];
	let_go(2);
	return result[0] == -EINTR;
}

/* --- 3: a chain of owners whose urgency is lent and given back ---------------------------------
 */

static void enter(void)
{
	broken += inside++;
	thread_yield();
	inside--;
}

static int own_first(void *arg)
{
	(void)arg;
	mutex_lock(&first);
	enter();
	lent = thread_current()->se.level == SCHED_LEVEL_HIGH;
	mutex_unlock(&first);
	return 0;
}

static int own_second(void *arg)
{
	(void)arg;
	mutex_lock(&second);
	mutex_lock(&first);
	enter();
	mutex_unlock(&first);
	mutex_unlock(&second);
	return 0;
}

static int want_second(void *arg)
{
	(void)arg;
	result[2] = mutex_lock_killable(&second);
	if (!result[2])
		mutex_unlock(&second);
	return 0;
}

static void chain_set_up(void)
{
	mutex_init(&first, "first");
	mutex_init(&second, "second");
	broken = 0;
	lent = false;
	t[0] = launch(0, own_first, SCHED_LEVEL_LOW, 0);
	t[1] = launch(1, own_second, SCHED_LEVEL_NORMAL, 0);
	t[2] = launch(2, want_second, SCHED_LEVEL_HIGH, 0);
}

static bool chain_check(void)
{
	assert_int_equal(broken, 0);
	assert_int_equal(result[2], 0);
	assert_null(mutex_owner(&first));
	assert_null(mutex_owner(&second));
	for (unsigned i = 0; i < CPUS; i++) {
		assert_true(rb_empty(&t[i]->donors));
		assert_int_equal(t[i]->se.inherited, SCHED_URGENCY_NONE);
	}
	let_go(3);
	return lent;
}

/* --- 4: who waits for a mutex is killed while it is handed over --------------------------------
 */

static int want_first_killable(void *arg)
{
	(void)arg;
	result[1] = mutex_lock_killable(&first);
	if (!result[1]) {
		enter();
		mutex_unlock(&first);
	}
	return 0;
}

static void kill_set_up(void)
{
	mutex_init(&first, "first");
	broken = 0;
	result[1] = -EINTR;
	t[0] = launch(0, own_first, SCHED_LEVEL_LOW, 0);
	t[1] = launch(1, want_first_killable, SCHED_LEVEL_HIGH, 0);
	t[2] = launch(2, kill_1, SCHED_LEVEL_NORMAL, 0);
}

static bool kill_check(void)
{
	assert_int_equal(broken, 0);
	assert_true(result[1] == 0 || result[1] == -EINTR);
	assert_null(mutex_owner(&first));
	assert_true(rb_empty(&first.waiters) && rb_empty(&t[0]->donors));
	assert_int_equal(t[0]->se.inherited, SCHED_URGENCY_NONE);
	let_go(3);
	return result[1] == -EINTR;
}

#define PROTOCOL(id, set_up, check)                                                                \
	static void id(void **state)                                                               \
	{                                                                                          \
		static const struct protocol protocol = {#id, set_up, check};                      \
		(void)state;                                                                       \
		explore(&protocol);                                                                \
	}

PROTOCOL(wake_and_kill_against_block, wake_set_up, wake_check)
PROTOCOL(kill_against_block, kill_wait_set_up, kill_wait_check)
PROTOCOL(join_and_kill_against_end, join_set_up, join_check)
PROTOCOL(chain_of_owners, chain_set_up, chain_check)
PROTOCOL(kill_against_hand_over, kill_set_up, kill_check)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(wake_and_kill_against_block, tell_failure),
		cmocka_unit_test_teardown(kill_against_block, tell_failure),
		cmocka_unit_test_teardown(join_and_kill_against_end, tell_failure),
		cmocka_unit_test_teardown(chain_of_owners, tell_failure),
		cmocka_unit_test_teardown(kill_against_hand_over, tell_failure),
	};

	signal(SIGABRT, print_run);
	start_machine();
	cmocka_set_test_filter(getenv("MOS_TEST")); /* NULL: all */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
