/* SPDX-License-Identifier: MIT */
/* Interrupts between CPUs, the clock, the one-shot timer, interrupt lines, what was probed. */
#include "arch/x86_64/acpi.h"
#include "arch/x86_64/apic.h"
#include "arch/x86_64/clock.h"
#include "arch/x86_64/smp.h"
#include "arch/x86_64/trap.h"
#include "kernel/cpumask.h"
#include "kernel/errno.h"
#include "kernel/ktest.h"
#include "kernel/params.h"
#include "kernel/percpu.h"
#include "kernel/preempt.h"
#include "kernel/thread.h"
#include "kernel/watch.h"
#include "kernel/timer.h"
#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/memory.h>
#include <arch/time.h>

#define PATIENCE   (10 * NSEC_PER_SEC) /* a virtual CPU may wait seconds for a core */
#define IPI_ROUNDS 50

static unsigned cpus_started(void)
{
	unsigned n = 0;

	for (unsigned cpu = 0; cpu < CONFIG_MAX_CPUS; cpu++)
		n += arch_smp_started(cpu);
	return n;
}

/* --- IPIs ----------------------------------------------------------------------------------- */

static bool count_passes(unsigned vector, unsigned cpu, uint64_t count)
{
	ktime_t end = arch_time_now() + PATIENCE;

	while (trap_count(vector, cpu) <= count) {
		if (arch_time_now() > end)
			return false;
		barrier();
		arch_cpu_relax();
	}
	return true;
}

/* Each is waited for before the next is sent, so none may be lost; to halted CPUs and to itself. */
KTEST(x86_ipi_arrives_on_each_cpu)
{
	for (unsigned cpu = 0; cpu < CONFIG_MAX_CPUS; cpu++) {
		for (unsigned i = 0; i < IPI_ROUNDS && arch_smp_started(cpu); i++) {
			uint64_t before = trap_count(VECTOR_CALL, cpu);

			arch_ipi_send(cpu, ARCH_IPI_CALL);
			KTEST_EXPECT(count_passes(VECTOR_CALL, cpu, before));
		}
	}
}

/* --- clock ---------------------------------------------------------------------------------- */

#define CLOCK_READINGS 2000
#define CLOCK_THREADS  16u

static _Atomic ktime_t latest_time;
static _Atomic unsigned clock_errors;

/* What another CPU has published is in the past of every later reading on this one. */
static int read_clock_in_turn(void *arg __unused)
{
	for (unsigned i = 0; i < CLOCK_READINGS; i++) {
		ktime_t seen = atomic_load(&latest_time), now = arch_time_now();

		if (now < seen)
			atomic_fetch_add(&clock_errors, 1);
		while (seen < now && !atomic_compare_exchange_weak(&latest_time, &seen, now))
			;
		if (i % 16 == 0)
			arch_cpu_relax();
	}
	return 0;
}

static int start_on(unsigned cpu, thread_entry entry, struct thread **thread)
{
	struct cpumask only = {{0}};
	struct thread_params params = {.name = "clock", .entry = entry, .affinity = &only};
	int err;

	cpumask_set(&only, cpu);
	err = thread_create(thread, &params);
	if (!err)
		thread_start(*thread);
	return err;
}

KTEST(x86_clock_is_monotonic_across_cpus)
{
	struct thread *thread[CLOCK_THREADS];
	unsigned n = 0;

	if (!kernel_params.affinity) {
		ktest_skip("affinity is off");
		return;
	}
	atomic_store(&latest_time, 0);
	atomic_store(&clock_errors, 0);
	for (unsigned cpu = 0; cpu < CONFIG_MAX_CPUS && n < CLOCK_THREADS; cpu++)
		if (arch_smp_started(cpu))
			KTEST_EXPECT_EQ(start_on(cpu, read_clock_in_turn, &thread[n++]), 0);
	for (unsigned i = 0; i < n; i++)
		KTEST_EXPECT_EQ(thread_join(thread[i], NULL), 0);
	KTEST_EXPECT_EQ(atomic_load(&clock_errors), 0);
}

KTEST(x86_clock_and_counter_agree)
{
	ktime_t now = arch_time_now();
	uint64_t then = clock_tsc_at(now + NSEC_PER_SEC), ticks = then - clock_tsc_at(now);
	uint64_t hz = clock_tsc_frequency();

	KTEST_EXPECT(ticks > hz - hz / 1000000 - 2 && ticks < hz + hz / 1000000 + 2);
	KTEST_EXPECT(clock_tsc_at(now) <= tsc_read());
	KTEST_EXPECT(clock_tsc_at(KTIME_MAX) > tsc_read());
}

/* Only then is what follows the same whenever the loader was done. */
KTEST(x86_clock_is_whole_seconds_off_the_counter)
{
	if (!kernel_params.turns)
		return ktest_skip("only with turns=on");
	KTEST_EXPECT_EQ((int64_t)arch_clock.base % (int64_t)clock_tsc_frequency(), 0);
}

KTEST(x86_delay_is_no_shorter)
{
	ktime_t before = arch_time_now();

	arch_delay(2 * NSEC_PER_MSEC);
	KTEST_EXPECT(arch_time_now() - before >= 2 * NSEC_PER_MSEC - 1);
}

/* --- timer ---------------------------------------------------------------------------------- */

#define SHOTS 8

struct shot {
	struct timer timer;
	ktime_t fired_at;
	unsigned position; /* 1 = first to fire */
};

static struct shot shots[SHOTS];
static _Atomic unsigned shots_fired;

static void note_shot(struct timer *timer)
{
	struct shot *shot = container_of(timer, struct shot, timer);

	shot->fired_at = arch_time_now();
	shot->position = atomic_fetch_add(&shots_fired, 1) + 1;
}

static void start_shots(ktime_t base)
{
	arch_irqflags_t flags = arch_irq_save();

	atomic_store(&shots_fired, 0);
	for (unsigned i = 0; i < SHOTS; i++) {
		unsigned place = i * 3 % SHOTS;

		timer_init(&shots[place].timer, note_shot);
		timer_start(&shots[place].timer, base + place * NSEC_PER_MSEC);
	}
	arch_irq_restore(flags);
}

KTEST(x86_timer_fires_in_order_and_not_early)
{
	ktime_t base = arch_time_now() + 2 * NSEC_PER_MSEC, end = base + PATIENCE;

	start_shots(base);
	while (atomic_load(&shots_fired) < SHOTS && arch_time_now() < end)
		thread_sleep(NSEC_PER_MSEC);
	KTEST_EXPECT_EQ(atomic_load(&shots_fired), SHOTS);
	for (unsigned i = 0; i < SHOTS; i++) {
		KTEST_EXPECT_EQ(shots[i].position, i + 1);
		KTEST_EXPECT(shots[i].fired_at >= base + (ktime_t)i * NSEC_PER_MSEC);
	}
}

static uint64_t timer_interrupts_elsewhere(void)
{
	uint64_t n = 0;

	for (unsigned cpu = 0; cpu < CONFIG_MAX_CPUS; cpu++)
		if (arch_smp_started(cpu) && cpu != arch_cpu_id())
			n += trap_count(VECTOR_TIMER, cpu);
	return n;
}

/* A periodic timer would count hundreds. */
KTEST(x86_idle_cpus_take_no_timer_interrupts)
{
	uint64_t before;

	if (cpus_started() < 2) {
		ktest_skip("one CPU");
		return;
	}
	thread_sleep(100 * NSEC_PER_MSEC);
	before = timer_interrupts_elsewhere();
	arch_delay(300 * NSEC_PER_MSEC);
	KTEST_EXPECT(timer_interrupts_elsewhere() - before < 4ull * cpus_started());
}

static uint64_t interrupts_elsewhere(void)
{
	uint64_t n = 0;

	for (unsigned cpu = 0; cpu < CONFIG_MAX_CPUS; cpu++)
		for (unsigned vector = VECTOR_PIC; vector < VECTOR_COUNT; vector++)
			if (arch_smp_started(cpu) && cpu != arch_cpu_id())
				n += trap_count(vector, cpu);
	return n;
}

/*
 * The same exactly, with every CPU idle for nearly as long as the timer counts at 1 GHz: the end of
 * this thread's last turn, and its wake-up. The watchdogs have gone to rest before; that of CPUs
 * begins again when this thread wakes up, and looks no sooner than 5 s later.
 */
KTEST(x86_idle_machine_takes_two_interrupts)
{
	uint64_t elsewhere, here;

	if (!kernel_params.turns)
		return ktest_skip("only with turns=on, where nothing comes from outside");
	do
		thread_sleep(6 * NSEC_PER_SEC);
	while (kernel_params.hung && !watch_threads_rest());
	elsewhere = interrupts_elsewhere();
	here = trap_count(VECTOR_TIMER, arch_cpu_id());
	thread_sleep(4 * NSEC_PER_SEC);
	KTEST_EXPECT_EQ(trap_count(VECTOR_TIMER, arch_cpu_id()) - here, 2);
	KTEST_EXPECT_EQ(interrupts_elsewhere() - elsewhere, 0);
}

/* --- lines ---------------------------------------------------------------------------------- */

static void no_interrupt(unsigned line __unused, void *arg __unused)
{
}

KTEST(x86_irq_attach_refuses)
{
	KTEST_EXPECT_EQ(arch_irq_attach(100000, 0, no_interrupt, NULL, "test"), -EINVAL);
	KTEST_EXPECT_EQ(arch_irq_attach(7, CONFIG_MAX_CPUS, no_interrupt, NULL, "test"), -EINVAL);
	KTEST_EXPECT_EQ(arch_irq_attach(7, 0, no_interrupt, NULL, "test"), 0);
	KTEST_EXPECT_EQ(arch_irq_attach(7, 0, no_interrupt, NULL, "test"), -EBUSY);
}

/* --- probe ---------------------------------------------------------------------------------- */

static bool same_place(const struct arch_cpu_place *p, const struct arch_cpu_place *q)
{
	return p->package == q->package && p->core == q->core && p->thread == q->thread;
}

KTEST(x86_every_cpu_has_a_place_of_its_own)
{
	for (unsigned a = 0; a < CONFIG_MAX_CPUS; a++) {
		for (unsigned b = 0; b < a; b++) {
			if (!arch_smp_started(a) || !arch_smp_started(b))
				continue;
			KTEST_EXPECT(!same_place(arch_cpu_place(a), arch_cpu_place(b)));
			KTEST_EXPECT(
				arch_cpu_place(a)->hardware_id != arch_cpu_place(b)->hardware_id);
		}
	}
}

KTEST(x86_percpu_areas_are_apart)
{
	KTEST_EXPECT_EQ(percpu_offset[0], 0);
	for (unsigned cpu = 0; cpu < CONFIG_MAX_CPUS; cpu++) {
		if (!arch_smp_started(cpu))
			continue;
		KTEST_EXPECT_EQ(*cpu_ptr(percpu_cpu_id, cpu), cpu);
		KTEST_EXPECT_EQ(*cpu_ptr(percpu_offset_self, cpu), percpu_offset[cpu]);
		KTEST_EXPECT(cpu == 0 || percpu_offset[cpu]);
	}
}

/* --- tables that lie outside of memory ------------------------------------------------------- */

#define FAR_PAGE     0xfed80000u /* neither memory nor a device: bytes of it may be read */
#define FAR_PAGE_TOO 0xfed81000u
#define ALTERNATIONS 100u

static bool read_far(paddr_t page)
{
	uint32_t word;

	return acpi_reader()->read(acpi_reader()->arg, page, &word, sizeof(word));
}

/* Tables that are read in turns use no more addresses than one. */
KTEST(x86_acpi_window_leaks_nothing)
{
	uintptr_t before, after;
	bool good = true;

	preempt_disable();
	good &= read_far(FAR_PAGE);
	before = (uintptr_t)arch_map_device(FAR_PAGE, sizeof(uint32_t));
	for (unsigned i = 0; i < ALTERNATIONS; i++)
		good &= read_far(FAR_PAGE_TOO) && read_far(FAR_PAGE);
	after = (uintptr_t)arch_map_device(FAR_PAGE, sizeof(uint32_t));
	preempt_enable();
	KTEST_EXPECT(good);
	KTEST_EXPECT_EQ(after - before, ARCH_PAGE_SIZE);
}
