/* SPDX-License-Identifier: MIT */
/* Registers of threads that run on no CPU, compared with what was put there. */
#include "kernel/tests/threads.h"
#include "kernel/semaphore.h"

#define MAGIC 0x1122334455667700ull

enum { RBX = 3, RSP = 4, RBP = 5, R12 = 12, R15 = 15 };

void thread_first_frame(void);

static int return_zero(void *arg)
{
	(void)arg;
	return 0;
}

/* One that has not begun has its entry in rbx and the argument of that in r12. */
KTEST(context_before_the_first_switch)
{
	struct thread_params params = {.name = "context", .entry = return_zero};
	struct arch_context context;
	struct thread *t;

	KTEST_EXPECT_EQ(thread_create(&t, &params), 0);
	KTEST_EXPECT_EQ(thread_get_context(t, &context), 0);
	KTEST_EXPECT_EQ(context.pc, (uintptr_t)thread_first_frame + 1);
	KTEST_EXPECT_EQ(context.reg[RBP], 0);
	KTEST_EXPECT(context.reg[RBX]);
	KTEST_EXPECT_EQ(context.reg[RSP], context.sp);
	KTEST_EXPECT_EQ(context.valid & 0xffff, 0xf038);
	thread_start(t);
	KTEST_EXPECT_EQ(test_join(t), 0);
}

/* What it has in r12 to r15 while it waits to be switched to again. */
static void switch_with_magic(struct arch_thread *from, struct arch_thread *to)
{
	register struct arch_thread *rdi __asm__("rdi") = from;
	register struct arch_thread *rsi __asm__("rsi") = to;

	__asm__ volatile("movabsq %2, %%r12\n\tlea 1(%%r12), %%r13\n\tlea 2(%%r12), %%r14\n\t"
			 "lea 3(%%r12), %%r15\n\tcall arch_thread_switch"
			 : "+r"(rdi), "+r"(rsi)
			 : "i"(MAGIC)
			 : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
			 "r15", "memory", "cc");
}

static struct arch_thread here, there;

static __noreturn void come_back(void *arg)
{
	arch_thread_get_context(&here, arg);
	arch_thread_switch(&there, &here);
	for (;;)
		arch_cpu_relax();
}

/* By a switch of the machine's alone, that the scheduler knows nothing of, interrupts off. */
KTEST(context_after_a_switch)
{
	static char stack[4096] __aligned(16);
	struct arch_context context;
	arch_irqflags_t irqs;

	arch_thread_init(&there, stack, sizeof(stack), come_back, &context);
	irqs = arch_irq_save();
	switch_with_magic(&here, &there);
	arch_irq_restore(irqs);
	for (unsigned i = R12; i <= R15; i++)
		KTEST_EXPECT_EQ(context.reg[i], MAGIC + i - R12);
}
