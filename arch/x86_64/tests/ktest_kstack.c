/* SPDX-License-Identifier: MIT */
/* The guard page below a kernel stack is one: a write to it faults there and nowhere else. */
#include "arch/x86_64/trap.h"
#include "kernel/ktest.h"
#include "mm/kstack.h"

static void write_byte(void *at)
{
	*(volatile char *)at = 1;
}

KTEST(mm_kstack_guard)
{
	char *stack = kstack_alloc(KSTACK_DEFAULT);
	struct trap_fault fault;

	KTEST_EXPECT(stack);
	KTEST_EXPECT(!trap_expect_fault(write_byte, stack, &fault));
	KTEST_EXPECT(trap_expect_fault(write_byte, stack - 1, &fault));
	KTEST_EXPECT_EQ(fault.vector, TRAP_PAGE_FAULT);
	KTEST_EXPECT_EQ(fault.address, (uintptr_t)stack - 1);
	KTEST_EXPECT(kstack_guard_hit(fault.address));
	kstack_free(stack, KSTACK_DEFAULT);
}
