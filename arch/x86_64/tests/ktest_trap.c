/* SPDX-License-Identifier: MIT */
/* Stubs, exceptions and what is said about them. */
#include "arch/x86_64/gdt.h"
#include "arch/x86_64/trap.h"
#include "kernel/ktest.h"
#include "kernel/string.h"
#include "mm/kstack.h"
#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/memory.h>

extern const uint8_t trap_stubs[];

#define STUB_SIZE 16
#define PUSH_BYTE 0x6a
#define PUSH_WORD 0x68

/* The value that a push instruction pushes; *code moves behind it. -1: another instruction. */
static int64_t pushed_value(const uint8_t **code)
{
	int32_t word;

	if (**code == PUSH_BYTE) {
		*code += 2;
		return (int8_t)(*code)[-1];
	}
	if (**code != PUSH_WORD)
		return -1;
	memcpy(&word, *code + 1, sizeof(word));
	*code += 5;
	return word;
}

static bool cpu_pushes_error(unsigned vector)
{
	return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 ||
		vector == 29 || vector == 30;
}

KTEST(trap_stubs_push_their_vector)
{
	for (unsigned vector = 0; vector < TRAP_VECTORS; vector++) {
		const uint8_t *code = trap_stubs + vector * STUB_SIZE;

		if (!cpu_pushes_error(vector))
			KTEST_EXPECT_EQ(pushed_value(&code), 0);
		KTEST_EXPECT_EQ(pushed_value(&code), vector);
	}
}

static void divide_by_zero(void *arg)
{
	(void)arg;
	__asm__ volatile("xorl %%edx, %%edx; movl $1, %%eax; divl %%edx" ::: "eax", "edx", "cc");
}

static void undefined_instruction(void *arg)
{
	(void)arg;
	__asm__ volatile("ud2");
}

static void breakpoint(void *arg)
{
	(void)arg;
	__asm__ volatile("int3");
}

static void load_bad_segment(void *arg)
{
	(void)arg;
	__asm__ volatile("movl %0, %%es" : : "r"(0x1230));
}

static void read_address(void *address)
{
	(void)*(volatile uint8_t *)address;
}

static void do_nothing(void *arg)
{
	(void)arg;
}

/* The vector in which a call ends, 256 for none; its description begins with `what`. */
static unsigned ends_in(void (*fn)(void *arg), void *arg, const char *what)
{
	struct trap_fault fault;

	if (!trap_expect_fault(fn, arg, &fault))
		return TRAP_VECTORS;
	if (strncmp(fault.what, what, strlen(what)))
		ktest_fail(__FILE__, __LINE__, "said \"%s\", expected \"%s\"", fault.what, what);
	return fault.vector;
}

KTEST(trap_exceptions_are_named)
{
	void *wild = (void *)0xdead000000000000ul;

	KTEST_EXPECT_EQ(ends_in(do_nothing, NULL, ""), TRAP_VECTORS);
	KTEST_EXPECT_EQ(ends_in(divide_by_zero, NULL, "divide error"), 0);
	KTEST_EXPECT_EQ(ends_in(breakpoint, NULL, "breakpoint"), TRAP_BREAKPOINT);
	KTEST_EXPECT_EQ(ends_in(undefined_instruction, NULL, "invalid opcode"), 6);
	KTEST_EXPECT_EQ(ends_in(load_bad_segment, NULL,
				"general protection fault: entry 582 of the global"),
		TRAP_PROTECTION);
	KTEST_EXPECT_EQ(ends_in(read_address, wild, "general protection fault: instruction"),
		TRAP_PROTECTION);
}

KTEST(trap_page_faults_are_described)
{
	KTEST_EXPECT_EQ(
		ends_in(read_address, (void *)16, "page fault: read of a null pointer at 0x10"),
		TRAP_PAGE_FAULT);
	KTEST_EXPECT_EQ(ends_in(read_address, (void *)ARCH_DEVICE_END,
				"page fault: read of an unmapped address"),
		TRAP_PAGE_FAULT);
}

/* Ends in an expected fault inside one that is expected. */
static void fault_twice(void *arg)
{
	struct trap_fault inner;

	if (trap_expect_fault(breakpoint, NULL, &inner) && inner.vector == TRAP_BREAKPOINT)
		undefined_instruction(arg);
}

KTEST(trap_expectations_nest)
{
	KTEST_EXPECT_EQ(ends_in(fault_twice, NULL, "invalid opcode"), TRAP_INVALID_OPCODE);
}

KTEST(trap_counts)
{
	arch_irqflags_t flags = arch_irq_save();
	unsigned cpu = arch_cpu_id();
	uint64_t before = trap_count(TRAP_BREAKPOINT, cpu), after;
	struct trap_fault fault;

	(void)trap_expect_fault(breakpoint, NULL, &fault);
	after = trap_count(TRAP_BREAKPOINT, cpu);
	arch_irq_restore(flags);
	KTEST_EXPECT_EQ(after - before, 1);
}

/* The array is alive across the call, so that this is a recursion and not turned into a loop. */
static __noinline unsigned long recurse(volatile unsigned long *depth)
{
	unsigned long here[] = {*depth}, deepest;

	*depth = here[0] + 1;
	deepest = here[0] == ULONG_MAX ? here[0] : recurse(depth);
	__asm__ volatile("" : : "r"(here) : "memory");
	return deepest;
}

static void overflow_stack(void *arg)
{
	*(volatile unsigned long *)arg = recurse(arg);
}

KTEST(trap_stack_overflow_is_told)
{
	unsigned long depth = 0;

	if ((uintptr_t)&depth < ARCH_VMAP_BASE || (uintptr_t)&depth >= ARCH_VMAP_END) {
		ktest_skip("this stack has no guard page");
		return;
	}
	KTEST_EXPECT_EQ(
		ends_in(overflow_stack, &depth, "kernel stack overflow"), TRAP_DOUBLE_FAULT);
	KTEST_EXPECT(depth > KSTACK_MIN / 256);
}
