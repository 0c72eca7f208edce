/* SPDX-License-Identifier: MIT */
/*
 * The one-shot timer. Never periodic: a CPU with nothing to do takes no timer interrupts at all.
 * Arming is on the path of every switch between threads that share a CPU, hence few instructions:
 * a subtraction, a multiplication, a store.
 */
#include "arch/x86_64/apic_timer.h"

#include "arch/x86_64/apic.h"
#include "arch/x86_64/clock.h"
#include "arch/x86_64/trap.h"
#include "kernel/assert.h"
#include "kernel/entry.h"
#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/time.h>

#define CPUID_ECX_TSC_DEADLINE (1u << 24)
#define MSR_TSC_DEADLINE       0x6e0u
#define LVT_ONE_SHOT           0u
#define LVT_TSC_DEADLINE       (2u << 17)

struct apic_timer {
	uint64_t counts_per_ns; /* (c) 32.32 fixed point */
	ktime_t longest;        /* (c) ns that the counter can count */
	bool deadline;          /* (c) TSC deadline, not a count */
};

static struct apic_timer apic_timer;

static void timer_interrupt(struct arch_frame *frame, void *arg)
{
	(void)frame;
	(void)arg;
	apic_eoi();
	entry_timer();
}

/* The interrupt is all that is wanted of it. */
static void wake_interrupt(struct arch_frame *frame, void *arg)
{
	(void)frame;
	(void)arg;
	apic_eoi();
}

void apic_timer_init(void)
{
	apic_timer.deadline = cpuid(1, 0).ecx & CPUID_ECX_TSC_DEADLINE;
	apic_timer.counts_per_ns = (clock_apic_frequency() << 32) / NSEC_PER_SEC;
	if (!apic_timer.deadline)
		apic_timer.longest =
			(ktime_t)(((uint64_t)UINT32_MAX << 32) / (apic_timer.counts_per_ns + 1)) -
			1;
	trap_set_handler(VECTOR_TIMER, timer_interrupt, NULL);
	trap_set_handler(VECTOR_WAKE, wake_interrupt, NULL);
}

const char *apic_timer_name(void)
{
	return apic_timer.deadline ? "TSC deadline" : "APIC count";
}

/* The fence orders the change of mode before the first deadline (SDM volume 3, 11.5.4.1). */
static void set_vector(unsigned vector)
{
	apic_write(
		APIC_LVT_TIMER, (apic_timer.deadline ? LVT_TSC_DEADLINE : LVT_ONE_SHOT) | vector);
	__asm__ volatile("mfence" ::: "memory");
}

void apic_timer_init_cpu(void)
{
	apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
	set_vector(VECTOR_TIMER);
}

/* What is not within the counter's reach. A count of 0 disarms. */
static __noinline uint32_t count_for_odd(ktime_t when, ktime_t ns)
{
	if (when == KTIME_MAX)
		return 0;
	return ns < 0 ? 1 : UINT32_MAX;
}

/* Rounded up, so that it does not fire before its time. */
static void arm_count(ktime_t when)
{
	ktime_t ns = when - arch_time_now();
	uint32_t count;

	if (likely((uint64_t)ns <= (uint64_t)apic_timer.longest))
		count = (uint32_t)((uint64_t)ns * apic_timer.counts_per_ns >> 32) + 1;
	else
		count = count_for_odd(when, ns);
	apic_write(APIC_TIMER_INITIAL, count);
}

/* A deadline of 0 disarms; one that is past fires at once. */
static __noinline void arm_deadline(ktime_t when)
{
	uint64_t tsc = clock_tsc_at(when);

	msr_write(MSR_TSC_DEADLINE, when == KTIME_MAX ? 0 : MAX(tsc, 1ull));
}

void arch_timer_arm(ktime_t when)
{
	KASSERT(arch_irqs_off());
	if (unlikely(apic_timer.deadline))
		arm_deadline(when);
	else
		arm_count(when);
}

void apic_timer_halt_until(ktime_t when)
{
	KASSERT(arch_irqs_off());
	set_vector(VECTOR_WAKE);
	while (arch_time_now() < when) {
		arch_timer_arm(when);
		arch_cpu_wait();
	}
	set_vector(VECTOR_TIMER);
}
