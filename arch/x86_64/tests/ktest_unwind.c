/* SPDX-License-Identifier: MIT */
/*
 * Backtraces: through nested calls, through an interrupt's frame, of a thread that does not run,
 * and over stacks full of nonsense.
 */
#include "arch/x86_64/control.h"
#include "arch/x86_64/trap.h"
#include "kernel/format.h"
#include "kernel/ktest.h"
#include "kernel/log.h"
#include "kernel/string.h"
#include "kernel/symbols.h"
#include <arch/debug.h>
#include <arch/irq.h>
#include <arch/thread.h>

#define FRAMES_MAX  48
/* The last vector that is given to interrupt lines: no machine has so many. */
#define TEST_VECTOR 0xef
#define STACK_SIZE  4096

/* The functions of one backtrace, innermost first. */
struct names {
	unsigned count, interrupted;
	const char *name[FRAMES_MAX];
};

static struct names seen;

static bool keep_name(uintptr_t pc, bool interrupted, void *arg)
{
	struct names *names = arg;
	size_t offset;
	const char *name = symbols_lookup(interrupted ? pc : pc - 1, &offset);

	names->name[names->count++] = name ? name : "?";
	names->interrupted += interrupted;
	return names->count < FRAMES_MAX;
}

static void print_names(const struct names *names)
{
	console_printf("#");
	for (unsigned i = 0; i < names->count; i++)
		console_printf(" %s", names->name[i]);
	console_printf("\n");
}

/* True when the functions from `first` on are these, without gaps, the list ended by NULL. */
static bool has_chain(const struct names *names, const char *const *chain)
{
	for (unsigned first = 0; first < names->count; first++) {
		unsigned i = 0;

		while (chain[i] && first + i < names->count &&
			!strcmp(names->name[first + i], chain[i]))
			i++;
		if (!chain[i])
			return true;
	}
	print_names(names);
	return false;
}

static void look_back(void)
{
	memset(&seen, 0, sizeof(seen));
	arch_backtrace(NULL, keep_name, &seen);
}

/* Calls through a variable are neither inlined nor turned into jumps: something follows them. */
static void (*volatile unwind_innermost)(void);
static volatile unsigned unwind_calls;

void unwind_test_inner(void);
void unwind_test_middle(void);
void unwind_test_outer(void);

__noinline void unwind_test_inner(void)
{
	unwind_innermost();
	unwind_calls++;
}

__noinline void unwind_test_middle(void)
{
	unwind_test_inner();
	unwind_calls++;
}

__noinline void unwind_test_outer(void)
{
	unwind_test_middle();
	unwind_calls++;
}

static const char *last_name(const struct names *names)
{
	return names->count ? names->name[names->count - 1] : "nothing";
}

/* Every stack ends in one of the functions that have no caller. */
static bool ends_cleanly(const struct names *names)
{
	return !strcmp(last_name(names), "thread_first_frame") ||
		!strcmp(last_name(names), "start64") || !strcmp(last_name(names), "smp_ap_entry");
}

KTEST(unwind_nested_calls)
{
	static const char *const chain[] = {"unwind_test_inner", "unwind_test_middle",
		"unwind_test_outer", "ktest_run_unwind_nested_calls", NULL};

	unwind_innermost = look_back;
	unwind_test_outer();
	unwind_calls++;
	KTEST_EXPECT(has_chain(&seen, chain));
	KTEST_EXPECT_EQ(seen.interrupted, 0);
	KTEST_EXPECT(ends_cleanly(&seen));
}

static void test_interrupt(struct arch_frame *frame, void *arg)
{
	(void)frame;
	(void)arg;
	look_back();
	unwind_calls++;
}

static void interrupt_myself(void)
{
	__asm__ volatile("int %0" : : "i"(TEST_VECTOR) : "memory");
	unwind_calls++;
}

KTEST(unwind_through_an_interrupt)
{
	static const char *const chain[] = {"test_interrupt", "trap_interrupt",
		"trap_interrupt_entry", "interrupt_myself", "unwind_test_inner",
		"unwind_test_middle", "unwind_test_outer", NULL};
	arch_irqflags_t flags = arch_irq_save();

	if (!trap_has_handler(TEST_VECTOR))
		trap_set_handler(TEST_VECTOR, test_interrupt, NULL);
	unwind_innermost = interrupt_myself;
	unwind_test_outer();
	arch_irq_restore(flags);
	KTEST_EXPECT(has_chain(&seen, chain));
	KTEST_EXPECT_EQ(seen.interrupted, 1);
	KTEST_EXPECT(ends_cleanly(&seen));
}

/* Every instruction of a function, its prologue and epilogue too, must have right rules. */
static unsigned steps, bad_steps;
static struct names first_bad;

static void single_step(struct arch_frame *frame, void *arg)
{
	static struct names names;

	(void)arg;
	memset(&names, 0, sizeof(names));
	arch_backtrace(frame, keep_name, &names);
	steps++;
	/* Printed later: the interrupted code may hold the console's lock. */
	if (!ends_cleanly(&names) && !bad_steps++)
		first_bad = names;
}

static void set_trap_flag(bool on)
{
	unsigned long flags = arch_flags_read();

	flags = on ? flags | RFLAGS_TRAP : flags & ~RFLAGS_TRAP;
	__asm__ volatile("pushq %0\n\t" ARCH_CFI_PUSHED "popfq\n\t" ARCH_CFI_POPPED
			 :
			 : "r"(flags)
			 : "memory", "cc");
}

static void do_something(void)
{
	char text[32];

	format_string(text, sizeof(text), "%s %d", "some", 4711);
}

KTEST(unwind_at_every_instruction)
{
	arch_irqflags_t flags = arch_irq_save();

	if (!trap_has_handler(TRAP_DEBUG))
		trap_set_handler(TRAP_DEBUG, single_step, NULL);
	steps = 0;
	bad_steps = 0;
	unwind_innermost = do_something;
	set_trap_flag(true);
	unwind_test_outer();
	set_trap_flag(false);
	arch_irq_restore(flags);
	console_printf("# %u instructions\n", steps);
	if (bad_steps)
		print_names(&first_bad);
	KTEST_EXPECT(steps > 50);
	KTEST_EXPECT_EQ(bad_steps, 0);
}

/* A thread made by hand: the switch alone, without the scheduler. */
static struct arch_thread test_here, test_there;

static void switch_back(void)
{
	arch_thread_switch(&test_there, &test_here);
	unwind_calls++;
}

static __noreturn void fibre(void *arg)
{
	*(unsigned *)arg += 1;
	unwind_innermost = switch_back;
	for (;;)
		unwind_test_outer();
}

KTEST(unwind_thread_that_does_not_run)
{
	static const char *const chain[] = {"switch_back", "unwind_test_inner",
		"unwind_test_middle", "unwind_test_outer", "fibre", "thread_first_frame", NULL};
	static uint8_t stack[STACK_SIZE] __aligned(16);
	struct names names = {0}, first = {0};
	unsigned starts = 0;
	arch_irqflags_t flags = arch_irq_save();

	arch_thread_init(&test_there, stack, sizeof(stack), fibre, &starts);
	arch_backtrace_thread(&test_there, keep_name, &first);
	arch_thread_switch(&test_here, &test_there);
	arch_thread_switch(&test_here, &test_there);
	arch_backtrace_thread(&test_there, keep_name, &names);
	arch_irq_restore(flags);
	KTEST_EXPECT_EQ(starts, 1);
	KTEST_EXPECT_EQ(first.count, 1);
	KTEST_EXPECT(!strcmp(first.name[0], "thread_first_frame"));
	KTEST_EXPECT(has_chain(&names, chain));
	KTEST_EXPECT(!strcmp(last_name(&names), "thread_first_frame"));
}

/* Numbers without pattern (xorshift), the same every time. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

KTEST(unwind_survives_nonsense)
{
	static uint64_t stack[64];
	uint64_t random = 88172645463325252ull;
	uintptr_t text = (uintptr_t)unwind_test_outer;

	for (unsigned round = 0; round < 2000; round++) {
		struct names names = {0};
		struct arch_frame frame = {.rip = text + next_random(&random) % 65536};

		for (unsigned i = 0; i < ARRAY_SIZE(stack); i++)
			stack[i] = i & 1 ? text + next_random(&random) % 65536
					 : (uintptr_t)&stack[next_random(&random) % 64];
		frame.rsp = round & 1 ? next_random(&random) : (uintptr_t)stack;
		frame.rbp = round & 2 ? next_random(&random) : (uintptr_t)&stack[8];
		arch_backtrace(&frame, keep_name, &names);
		KTEST_EXPECT(names.count >= 1 && names.count <= FRAMES_MAX);
	}
}
