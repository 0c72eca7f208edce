/* SPDX-License-Identifier: MIT */
/*
 * The order in which the kernel comes up. What each step needs is what the steps above it made.
 * The boot CPU's stack becomes that of its idle thread; the rest of the start is the init thread's.
 */
#include "boot/boot_info.h"
#include "kernel/banner.h"
#include "kernel/cmdline.h"
#include "kernel/entry.h"
#include "kernel/errno.h"
#include "kernel/idle.h"
#include "kernel/ktest.h"
#include "kernel/lockdep.h"
#include "kernel/lockstat.h"
#include "kernel/log.h"
#include "kernel/log_private.h"
#include "kernel/monitor.h"
#include "kernel/percpu.h"
#include "kernel/scheduler.h"
#include "kernel/string.h"
#include "kernel/system.h"
#include "kernel/thread.h"
#include "kernel/timer.h"
#include "kernel/topology.h"
#include "kernel/trace.h"
#include "kernel/watch.h"
#include "mm/boot_alloc.h"
#include "mm/frame.h"
#include "mm/inject.h"
#include "mm/kstack.h"
#include "mm/leaks.h"
#include "mm/slab.h"
#include "mm/tlb.h"
#include <arch/cpu.h>
#include <arch/debug.h>
#include <arch/init.h>
#include <arch/smp.h>
#include <arch/time.h>

#define KIB_PER_PAGE  (ARCH_PAGE_SIZE / 1024)
#define ROUND_COUNTER (1000 * NSEC_PER_SEC) /* UEFI takes 70 s of virtual time to come so far */
#define ROUND_CLOCK   (10 * NSEC_PER_SEC)   /* longer than it takes to come so far */
#define ONLINE_LIMIT  (10 * NSEC_PER_SEC)   /* a virtual CPU may wait seconds for a core */

/* Of the request for tests or benchmarks. A prompt where results were asked for helps nobody. */
static bool request_refused;

static bool asks_for_results(const struct param *param)
{
	return !strcmp(param->name, "test") || !strcmp(param->name, "bench");
}

static void complain_parameter(const struct param *param, const char *text, void *arg __unused)
{
	log_warn("boot parameter %s", text);
	request_refused |= param && asks_for_results(param);
}

/*
 * Where CPUs take turns (icount) every run shall be the same from here on. How long firmware and
 * loader took is not: they read a disk, which answers when the host does. With one image the
 * machine's counter was up to 16 ms apart here between runs by a BIOS, which comes here after 5 s,
 * and 3 s by UEFI, after 64. So the machine idles, which under icount takes no time, until that
 * counter is at a value that all runs share, also because devices count along with it; and that
 * becomes a round time of our clock. It comes before the first thread: a slice that began before
 * would end, and be renewed, at times with the odd part of its beginning, and the schedules of two
 * runs would part there. For the same reason the screen is blank then: how much of it is drawn when
 * it moves up depends on the characters, and times are among them.
 */
static void start_at_round_time(void)
{
	if (!arch_time_counts_instructions()) {
		log_warn("turns=on: time is not counted in instructions here (QEMU -icount), so "
			 "CPUs take no turns");
		kernel_params.turns = false;
		return;
	}
	arch_screen_clear();
	system_note_skipped(arch_time_start_round(ROUND_COUNTER, ROUND_CLOCK));
}

static void start_memory(const struct boot_info *boot)
{
	frame_boot_init(boot);
	arch_memory_init(boot);
	frame_init();
	slab_init();
	kstack_init();
	mm_inject_failure(kernel_params.failalloc);
}

/* Every CPU takes memory; with little of it and many of them nothing is left. */
static __noreturn void fail_for_memory(unsigned cpus)
{
	struct frame_stats memory;

	frame_get_stats(&memory);
	console_printf("MultiOS cannot boot: no memory for the first thread: with %u CPU%s up "
		       "%llu of %llu KiB are free; more memory or cpus=N, fewer CPUs, helps\n",
		cpus, cpus == 1 ? "" : "s", (unsigned long long)memory.free * KIB_PER_PAGE,
		(unsigned long long)memory.total * KIB_PER_PAGE);
	arch_exit(ARCH_EXIT_BOOT);
}

static void start_scheduler(unsigned cpus)
{
	struct sched_config config;

	sched_config_default(&config);
	config.algorithm = kernel_params.sched;
	config.quantum = kernel_params.quantum * NSEC_PER_MSEC;
	config.balance_interval = kernel_params.balance * NSEC_PER_MSEC;
	config.aging = kernel_params.aging * NSEC_PER_MSEC;
	config.boost_interval = kernel_params.boost * NSEC_PER_MSEC;
	config.admission = (enum sched_admission)kernel_params.admission;
	config.overhead = kernel_params.overhead * NSEC_PER_USEC;
	config.affinity = kernel_params.affinity;
	config.balancing = kernel_params.balancing;
	lockdep_init(cpus);
	lockstat_init(cpus);
	lockstat_set(kernel_params.lockstat);
	if (scheduler_init_with_config(&config))
		panic("the scheduler refuses the configuration of the boot parameters");
	topology_init(cpus);
	if (thread_init())
		fail_for_memory(1);
	if (kernel_params.turns) {
		idle_take_turns();
		timer_take_turns();
	}
}

/*
 * The other CPUs have answered, and are about to enter the scheduler. What is set up for every CPU
 * from here on, such as the trace, must find all of them there.
 */
static void wait_until_online(unsigned cpus)
{
	ktime_t end = arch_time_now() + ONLINE_LIMIT;
	struct cpumask online;

	do {
		arch_cpu_relax();
		cpumask_snapshot(&online, &scheduler.online);
	} while (cpumask_weight(&online) < cpus && arch_time_now() < end);
	if (cpumask_weight(&online) < cpus)
		panic("%u of %u started CPUs came on line", cpumask_weight(&online), cpus);
}

static void prepare_trace(void)
{
	if (kernel_params.trace && trace_init()) {
		log_warn("trace: no memory for its rings, it stays off");
		kernel_params.trace = false;
	}
}

static void start_trace(void)
{
	const char *unknown = trace_select(kernel_params.events);

	if (unknown)
		log_warn(
			"events=: given '%s', expected names of kinds of events as the command `events` "
			"shows them; the default ones are recorded",
			unknown);
	trace_enable(true);
}

/* The first thread: tests and benchmarks if some were asked for, else the monitor. */
static int init_main(void *arg __unused)
{
	int err;

	if ((kernel_params.hung || kernel_params.test[0]) && watch_threads_start())
		log_warn("no memory for the watchdog's thread: hung= has no effect");
	watch_cpus_start();
	mm_keep_all();
	system_note_ready();
	banner_machine();
	if (kernel_params.trace)
		start_trace();
	if (kernel_params.test[0] || kernel_params.bench[0] || request_refused)
		ktest_main(kernel_params.test, kernel_params.bench, !request_refused);
	banner_try();
	err = monitor_start();
	if (err)
		panic("monitor: %s", errno_text(err));
	return 0;
}

void kernel_main(const struct boot_info *boot)
{
	arch_console_init(boot);
	arch_init_early(boot);
	banner_hello(boot);
	cmdline_parse(boot->cmdline, &kernel_params, complain_parameter, NULL);
	log_set_console_level(kernel_params.loglevel);
	start_memory(boot);
	arch_report_features();
	arch_init_devices(boot);
	if (kernel_params.turns)
		start_at_round_time();
	start_scheduler(percpu_init(arch_smp_probe(kernel_params.cpus)));
	wait_until_online(arch_smp_start_all());
	prepare_trace();
	if (thread_run(NULL, "init", init_main, NULL))
		fail_for_memory(atomic_load(&scheduler.nr_online));
	idle_loop();
}

void *entry_ap_stack(unsigned cpu)
{
	struct thread *idle;

	if (!percpu_offset[cpu] || thread_prepare_cpu(cpu))
		return NULL;
	idle = cpu_ptr(cpu_schedulers, cpu)->idle;
	return (char *)idle->stack_base + idle->stack_size;
}

void kernel_ap_main(void)
{
	tlb_online();
	dispatch_add_cpu(arch_cpu_id(), this_cpu(cpu_schedulers.idle));
	idle_add_cpu();
	idle_loop();
}
