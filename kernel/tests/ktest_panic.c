/* SPDX-License-Identifier: MIT */
/* Ends of the kernel that a test asks for by their whole name; "all" passes them over. */
#include "kernel/dispatch.h"
#include "kernel/ktest.h"
#include "kernel/log.h"
#include "kernel/params.h"
#include "kernel/process.h"
#include "kernel/string.h"
#include "kernel/thread.h"

#define BAD_THREAD ((struct thread *)0x10) /* nothing is mapped there */

/* True if this test was asked for by its name. */
static bool is_alone(const char *name)
{
	if (!strcmp(kernel_params.test, name))
		return true;
	ktest_skip("ends the kernel, hence only alone");
	return false;
}

KTEST(panic_dies_by_assertion)
{
	if (is_alone("panic_dies_by_assertion"))
		BUG_ON(ktest_main != NULL);
}

/* The report of this CPU faults where it names the thread; the rest of the report must come. */
KTEST(panic_dies_in_report)
{
	if (!is_alone("panic_dies_in_report"))
		return;
	arch_irq_disable();
	this_cpu(current_thread) = BAD_THREAD;
	panic("with a thread that is none");
}

static int end_with_five(void *arg __unused)
{
	return 5;
}

KTEST(panic_dies_with_critical_thread)
{
	struct thread_params params = {
		.name = "heart", .entry = end_with_five, .flags = THREAD_CRITICAL};
	struct thread *t;

	if (!is_alone("panic_dies_with_critical_thread"))
		return;
	KTEST_EXPECT_EQ(thread_create(&t, &params), 0);
	thread_start(t);
	thread_sleep(10 * NSEC_PER_SEC);
}

KTEST(panic_dies_with_critical_process)
{
	struct process_create_params params = {
		.name = "heart", .flags = PROCESS_CRITICAL, .entry_point = end_with_five};

	if (!is_alone("panic_dies_with_critical_process"))
		return;
	KTEST_EXPECT_EQ(process_create(NULL, &params), 0);
	thread_sleep(10 * NSEC_PER_SEC);
}

static int panic_too(void *go)
{
	while (!atomic_load((_Atomic bool *)go))
		arch_cpu_relax();
	panic("one of several");
}

/* Several CPUs panic at once: one report. */
KTEST(panic_dies_on_all_cpus)
{
	static _Atomic bool go;
	struct thread *t;

	if (!is_alone("panic_dies_on_all_cpus"))
		return;
	for (unsigned i = 0; i < atomic_load(&scheduler.nr_online); i++)
		KTEST_EXPECT_EQ(thread_run(&t, "panicker", panic_too, &go), 0);
	thread_sleep(100 * NSEC_PER_MSEC);
	atomic_store(&go, true);
	thread_sleep(10 * NSEC_PER_SEC);
}
