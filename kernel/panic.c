/* SPDX-License-Identifier: MIT */
/*
 * The end of the machine when an invariant is broken. The first CPU to panic stops the others and
 * reports in numbered steps. A fault inside a step starts panic() again, which goes on with the
 * next step: the report is as complete as the damage allows, and always ends.
 */
#include "kernel/assert.h"
#include "kernel/console.h"
#include "kernel/entry.h"
#include "kernel/format.h"
#include "kernel/log_private.h"
#include "kernel/spinlock.h"
#include "kernel/symbols.h"
#include "kernel/thread.h"
#include "kernel/trace_newest.h"
#include <arch/debug.h>
#include <arch/smp.h>
#include <arch/time.h>

#define PANIC_TEXT_MAX      256
#define PANIC_DEPTH_MAX     6 /* panics inside the report, before it is given up */
#define PANIC_FRAMES_MAX    32
#define PANIC_LOG_RECORDS   20
#define PANIC_TRACE_RECORDS 20

enum step {
	STEP_SELF,
	STEP_STOP_OTHERS,
	STEP_OTHERS, /* one per CPU */
	STEP_LOG = STEP_OTHERS + CONFIG_MAX_CPUS,
	STEP_TRACE,
	STEP_COUNT,
};

/* (a) Where each CPU was when it was told to stop; NULL: it runs, or there is none. */
static const struct arch_frame *_Atomic stop_frame[CONFIG_MAX_CPUS];

/* (a) CPU number + 1 of the CPU that reports, 0: none. */
static _Atomic unsigned panic_cpu;

/* The reporting CPU's only. */
static unsigned panic_depth, next_step;
static const struct arch_frame *panic_frame;

void entry_stop(const struct arch_frame *frame)
{
	atomic_store_explicit(&stop_frame[arch_cpu_id()], frame, memory_order_release);
}

/* A return address belongs to the call before it, which may be a function's last instruction. */
static bool print_frame(uintptr_t pc, bool interrupted, void *arg)
{
	unsigned *count = arg;
	size_t offset = 0;
	const char *name = symbols_lookup(interrupted ? pc : pc - 1, &offset);

	panic_printf("  #%-2u %016zx  %s", *count, (size_t)pc, name ? name : "?");
	if (name)
		panic_printf("+0x%zx", interrupted ? offset : offset + 1);
	panic_printf("%s\n", interrupted ? "  (interrupted here)" : "");
	return ++*count < PANIC_FRAMES_MAX;
}

static void print_backtrace(const struct arch_frame *frame)
{
	unsigned count = 0;

	panic_printf("backtrace:\n");
	arch_backtrace(frame, print_frame, &count);
	if (count == PANIC_FRAMES_MAX)
		panic_printf("  ...\n");
}

static void print_held_locks(unsigned cpu)
{
	const struct held_locks *held = cpu_ptr(percpu_held_locks, cpu);
	unsigned count = MIN(held->count, (unsigned)HELD_LOCKS_MAX);

	if (!count)
		return;
	panic_printf("locks held, outermost first:");
	for (unsigned i = 0; i < count; i++)
		panic_printf(" %s", spin_name(held->lock[i]));
	panic_printf("\n");
	for (unsigned i = 0; i < count; i++)
		panic_printf(
			"  %s was taken in %pS\n", spin_name(held->lock[i]), (void *)held->site[i]);
}

/* None runs before the scheduler does. */
static void print_thread(unsigned cpu)
{
	const struct thread *t = *cpu_ptr(current_thread, cpu);

	if (t)
		panic_printf("thread %llu %s\n", (unsigned long long)t->thread_id, t->name);
}

/* `frame` NULL: this CPU, which came here by a call. */
static void print_cpu(unsigned cpu, const struct arch_frame *frame)
{
	panic_printf("--- CPU %u ---\n", cpu);
	print_thread(cpu);
	print_held_locks(cpu);
	arch_frame_print(frame ? frame : arch_frame_here(), panic_printf);
	print_backtrace(frame);
}

static void report_other(unsigned cpu)
{
	const struct arch_frame *frame =
		atomic_load_explicit(&stop_frame[cpu], memory_order_acquire);

	if (frame)
		print_cpu(cpu, frame);
	else if (cpumask_test_atomic(&scheduler.online, cpu) && cpu != arch_cpu_id())
		panic_printf("--- CPU %u ---\ndid not stop\n", cpu);
}

static void report_log(void)
{
	panic_printf("--- last log records ---\n");
	log_panic_dump(PANIC_LOG_RECORDS);
}

/* The CPUs stand still, so their rings do. */
static void report_trace(void)
{
	static struct trace_record record[PANIC_TRACE_RECORDS], of_cpu[PANIC_TRACE_RECORDS];
	struct trace_newest all = {record, of_cpu, 0, PANIC_TRACE_RECORDS};
	char text[128];
	unsigned cpu;

	panic_printf("--- last trace records ---\n");
	for (cpu = 0; cpu < atomic_load(&scheduler.cpu_end); cpu++)
		trace_newest_add(&all, cpu);
	for (unsigned i = 0; i < all.count; i++) {
		trace_newest_format(&record[i], text, sizeof(text));
		panic_printf("%s\n", text);
	}
}

static void report_step(unsigned step)
{
	if (step == STEP_SELF)
		print_cpu(arch_cpu_id(), panic_frame);
	else if (step == STEP_STOP_OTHERS)
		arch_smp_stop_others();
	else if (step < STEP_LOG)
		report_other(step - STEP_OTHERS);
	else if (step == STEP_LOG)
		report_log();
	else
		report_trace();
}

/*
 * Only one CPU reports. One that comes second is shown by it: with the frame of its exception, or
 * where the first one's NMI finds it.
 */
static void become_reporter(const struct arch_frame *frame)
{
	unsigned self = arch_cpu_id() + 1, none = 0;

	if (atomic_compare_exchange_strong(&panic_cpu, &none, self) || none == self)
		return;
	if (frame)
		arch_smp_stop_here(frame);
	for (;;)
		arch_cpu_relax();
}

static __noreturn void report(const struct arch_frame *frame, const char *text)
{
	arch_irq_disable();
	become_reporter(frame);
	/* Counted before anything is printed: printing itself may be what faults. */
	if (panic_depth++ > PANIC_DEPTH_MAX)
		arch_exit(ARCH_EXIT_PANIC);
	console_take_for_panic();
	panic_printf("%s: %s\n", panic_depth > 1 ? "PANIC in the report" : "PANIC", text);
	if (panic_depth == 1)
		panic_frame = frame;
	if (panic_depth <= PANIC_DEPTH_MAX)
		while (next_step < STEP_COUNT)
			report_step(next_step++);
	panic_printf("--- end of the report ---\n");
	arch_exit(ARCH_EXIT_PANIC);
}

void panic(const char *fmt, ...)
{
	char text[PANIC_TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	format_string_va(text, sizeof(text), fmt, args);
	va_end(args);
	report(NULL, text);
}

void assert_fail(const char *expr, const char *file, int line, const char *func)
{
	panic("%s:%d: %s: not true: %s", file, line, func, expr);
}

void entry_fault(const struct arch_frame *frame, const char *what)
{
	report(frame, what);
}
