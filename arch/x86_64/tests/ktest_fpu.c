/* SPDX-License-Identifier: MIT */
/* Vector and x87 registers belong to threads. */
#include "arch/x86_64/control.h"
#include "arch/x86_64/instructions.h"
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/tests/ktest_user.h"
#include "arch/x86_64/trap.h"
#include "kernel/errno.h"
#include "kernel/ktest.h"
#include "kernel/string.h"
#include "kernel/thread.h"
#include "mm/inject.h"

#define THREADS         4
#define ROUNDS          50
/* As in ktest_unwind.c, one below: no machine has so many interrupt lines. */
#define TEST_VECTOR     0xee
#define CPUID_1_ECX_AVX (1u << 28)

static bool has_avx(void)
{
	return cr4_read() & CR4_XSAVE && cpuid(1, 0).ecx & CPUID_1_ECX_AVX;
}

/* Fills its registers, looks at them whenever it runs again; returns how often they were lost. */
static int keep_registers(void *arg)
{
	uint64_t seed = (uint64_t)(uintptr_t)arg << 32;
	bool wide = has_avx();
	int lost = 0;

	ktest_fpu_fill(seed, wide);
	for (unsigned i = 0; i < ROUNDS; i++) {
		thread_yield();
		lost += !ktest_fpu_holds(seed, wide);
		if (i % 10 == 9) {
			seed++;
			ktest_fpu_fill(seed, wide);
		}
	}
	return lost;
}

KTEST(fpu_registers_belong_to_threads)
{
	struct thread *thread[THREADS];
	int lost;

	for (uintptr_t i = 0; i < THREADS; i++)
		KTEST_EXPECT_EQ(thread_run(&thread[i], "fpu", keep_registers, (void *)(i + 1)), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		KTEST_EXPECT_EQ(thread_join(thread[i], &lost), 0);
		KTEST_EXPECT_EQ(lost, 0);
	}
}

/* A sum that leaves registers dirty for whoever comes next. */
static int registers_are_initial(void *arg)
{
	uint64_t value = 1;
	uint32_t mxcsr = 0;

	(void)arg;
	__asm__ volatile("movq %%xmm7, %0; stmxcsr %1" : "=r"(value), "+m"(mxcsr));
	ktest_fpu_fill(99, has_avx());
	return value != 0 || mxcsr != 0x1f80;
}

KTEST(fpu_first_use_sees_no_other_threads_registers)
{
	struct thread *thread;
	int leaked;

	for (unsigned i = 0; i < 3; i++) {
		KTEST_EXPECT_EQ(thread_run(&thread, "fpu", registers_are_initial, NULL), 0);
		KTEST_EXPECT_EQ(thread_join(thread, &leaked), 0);
		KTEST_EXPECT_EQ(leaked, 0);
	}
}

static void use_fpu(void *arg)
{
	(void)arg;
	__asm__ volatile("fldz; fstp %st(0)");
}

/* In a thread that has not used the unit: trap_expect_fault() calls with interrupts off. */
static int is_refused(void *arg)
{
	struct trap_fault fault;

	(void)arg;
	return trap_expect_fault(use_fpu, NULL, &fault) && fault.vector == TRAP_NO_FPU &&
		!strcmp(fault.what, "FPU instruction with interrupts off");
}

KTEST(fpu_use_with_interrupts_off_is_refused)
{
	struct thread *thread;
	int refused;

	KTEST_EXPECT_EQ(thread_run(&thread, "fpu", is_refused, NULL), 0);
	KTEST_EXPECT_EQ(thread_join(thread, &refused), 0);
	KTEST_EXPECT(refused);
}

static bool fpu_on_in_handler;

static void look_at_fpu(struct arch_frame *frame, void *arg)
{
	(void)frame;
	(void)arg;
	fpu_on_in_handler = !(cr0_read() & CR0_TASK_SWITCHED);
}

/* The thread has the unit, the interrupt handler must not, and afterwards nothing is lost. */
static int is_off_in_handlers(void *arg)
{
	(void)arg;
	ktest_fpu_fill(5, has_avx());
	__asm__ volatile("int %0" : : "i"(TEST_VECTOR) : "memory");
	return !fpu_on_in_handler && ktest_fpu_holds(5, has_avx());
}

KTEST(fpu_is_off_in_interrupt_handlers)
{
	struct thread *thread;
	int off;

	if (!KASSERT_ON) {
		ktest_skip("only debug builds enforce it");
		return;
	}
	if (!trap_has_handler(TEST_VECTOR))
		trap_set_handler(TEST_VECTOR, look_at_fpu, NULL);
	KTEST_EXPECT_EQ(thread_run(&thread, "fpu", is_off_in_handlers, NULL), 0);
	KTEST_EXPECT_EQ(thread_join(thread, &off), 0);
	KTEST_EXPECT(off);
}

KTEST(fpu_area_can_fail)
{
	struct arch_thread t = {.sp = 0};

	mm_inject_failure(1);
	KTEST_EXPECT_EQ(arch_fpu_prepare(&t), -ENOMEM);
	KTEST_EXPECT(mm_inject_happened());
	KTEST_EXPECT(!t.fpu);
	KTEST_EXPECT_EQ(arch_fpu_prepare(&t), 0);
	KTEST_EXPECT(t.fpu);
	KTEST_EXPECT(IS_ALIGNED((uintptr_t)t.fpu, 64));
	KTEST_EXPECT_EQ(arch_fpu_prepare(&t), 0);
	arch_thread_fini(&t);
	KTEST_EXPECT(!t.fpu);
}
