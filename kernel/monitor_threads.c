/* SPDX-License-Identifier: MIT */
/*
 * Commands about processes and threads. A list is walked with counted references: no lock is held
 * while a line is printed, and a thread that ends meanwhile is shown or not.
 */
#include "kernel/errno.h"
#include "kernel/format.h"
#include "kernel/limits.h"
#include "kernel/monitor_private.h"
#include "kernel/process.h"
#include "kernel/thread.h"
#include "kernel/workload.h"
#include <arch/time.h>

/* A little longer than until a stubborn thread is reported. */
#define SUSPEND_PATIENCE (6 * NSEC_PER_SEC)

/* A copy of the mask, which may change while it is made. */
static void format_affinity(const struct thread *t, char *buf, size_t size)
{
	unsigned end = monitor_cpu_end();
	struct cpumask online, allowed;

	monitor_online(&online);
	cpumask_and(&allowed, &t->se.affinity, &online);
	if (cpumask_equal(&allowed, &online))
		format_string(buf, size, "all");
	else
		cpus_format(&allowed, end, buf, size);
}

static void print_thread(struct thread *t)
{
	struct thread_stats stats;
	char cpus[16], waits_for[80];

	thread_get_stats(t, &stats);
	wait_describe(t, waits_for, sizeof(waits_for));
	format_affinity(t, cpus, sizeof(cpus));
	console_printf("%6llu %-10s %5u %3u %-7s %7lld.%03lld %9llu %6llu  %s",
		(unsigned long long)t->thread_id, thread_state_name(stats.state), stats.level,
		stats.cpu, cpus, MONITOR_SECONDS_ARGS(stats.cpu_time),
		(unsigned long long)stats.switches, (unsigned long long)stats.misses, stats.name);
	if (stats.wait_site)
		console_printf("  in %pS for %s", (void *)stats.wait_site, waits_for);
	console_printf("\n");
}

void monitor_threads(const struct command_value *value __unused)
{
	struct thread *t = NULL;
	unsigned count = 0;

	console_printf("%6s %-10s %5s %3s %-7s %11s %9s %6s  %s\n", "TID", "STATE", "LEVEL", "CPU",
		"CPUS", "CPU-SECONDS", "SWITCHES", "MISSES", "NAME");
	for (; (t = thread_next(t)); count++)
		print_thread(t);
	console_printf(
		"%u threads, at most %llu\n", count, (unsigned long long)limit_get(LIMIT_THREADS));
}

const char *monitor_thread_choice(unsigned index)
{
	static char text[24];
	struct thread *t = NULL;

	while ((t = thread_next(t)) && index)
		index--;
	if (!t)
		return NULL;
	format_string(text, sizeof(text), "%llu", (unsigned long long)t->thread_id);
	thread_put(t);
	return text;
}

static unsigned level_of(const struct command_value *priority)
{
	if (!priority->given)
		return thread_priority_level(THREAD_PRIORITY_NORMAL);
	return (unsigned)(priority->is_choice ? thread_priority_level((unsigned)priority->number)
					      : priority->number);
}

/* Where `spawn` puts the threads: counted, NULL and a complaint if that cannot be. */
static struct process *process_for(
	const struct command_value *workload, const struct command_value *value)
{
	const char *name = workload_name((unsigned)workload->number);

	if (value->given && value->is_process)
		return monitor_find_process("spawn", value);
	if (value->given || workload_wants_process((unsigned)workload->number))
		return monitor_new_process("spawn", name, PROCESS_NORMAL);
	return process_get(&kernel_process);
}

/* One whose first thread could not be started ends; any other has threads and stays. */
static void end_empty(struct process *p)
{
	if (p != &kernel_process && !p->thread_count)
		(void)!process_terminate(p, 0); /* the monitor may */
}

void monitor_spawn(const struct command_value *value)
{
	struct workload_params params = {
		.threads = value[1].given ? (unsigned)value[1].number : 1,
		.level = level_of(&value[2]),
		.has_level = value[2].given,
		.affinity = value[3].given ? &value[3].cpus : NULL,
		.process = process_for(&value[0], &value[4]),
	};
	const char *name = workload_name((unsigned)value[0].number);
	unsigned started;
	int err;

	if (!params.process)
		return;
	err = workload_spawn((unsigned)value[0].number, &params, &started);
	console_printf("%s: %u thread%s started", name, started, started == 1 ? "" : "s");
	if (params.process != &kernel_process)
		console_printf(" in process %llu", (unsigned long long)params.process->process_id);
	console_printf("\n");
	if (err)
		console_printf("%s: no more than that: %s\n", name, errno_text(err));
	if (!started)
		end_empty(params.process);
	process_put(params.process);
}

/* The thread with the id that was typed, counted; complains if there is none. */
static struct thread *find(const char *command, const struct command_value *value)
{
	struct thread *t = thread_find(value->number);

	if (!t)
		console_printf("%s: there is no thread %llu, `threads` lists them\n", command,
			(unsigned long long)value->number);
	return t;
}

static void report(const char *command, struct thread *t, int err, const char *done)
{
	console_printf("%s: thread %llu (%s) ", command, (unsigned long long)t->thread_id, t->name);
	if (!err)
		console_printf("%s\n", done);
	else if (err == -ETHREAD_ACCESS && atomic_load(&t->flags) & THREAD_IDLE)
		console_printf("is a CPU's idle thread and stays as it is\n");
	else if (err == -ETHREAD_ACCESS && atomic_load(&t->flags) & THREAD_SYSTEM)
		console_printf("is part of the system and stays\n");
	else
		console_printf("not: %s\n", errno_text(err));
	thread_put(t);
}

void monitor_kill(const struct command_value *value)
{
	struct thread *t = value[0].is_process || value[1].given ? NULL : find("kill", value);

	if (value[0].is_process)
		monitor_kill_process(value);
	else if (value[1].given)
		console_printf("kill: only a process has a tree, as in p1\n");
	if (t)
		report("kill", t, thread_kill(t), "is asked to end");
}

void monitor_prio(const struct command_value *value)
{
	struct thread *t = value[0].is_process ? NULL : find("prio", value);
	char done[48];
	int err;

	if (value[0].is_process)
		monitor_prio_process(value);
	if (!t)
		return;
	err = value[1].is_choice ? thread_set_priority(t, (unsigned)value[1].number)
				 : thread_set_level(t, (unsigned)value[1].number);
	format_string(done, sizeof(done), "is at level %u now", level_of(&value[1]));
	report("prio", t, err, done);
}

void monitor_affinity(const struct command_value *value)
{
	struct thread *t = find("affinity", value);
	char cpus[64], done[96];
	int err = 0;

	if (!t)
		return;
	if (value[1].given)
		err = thread_set_affinity(t, &value[1].cpus);
	format_affinity(t, cpus, sizeof(cpus));
	format_string(done, sizeof(done), "may run on CPUs %s", cpus);
	report("affinity", t, err, done);
}

void monitor_suspend(const struct command_value *value)
{
	struct thread *t = value[0].is_process ? NULL : find("suspend", value);

	if (value[0].is_process)
		monitor_suspend_process(value);
	if (t)
		report("suspend", t, thread_suspend(t, arch_time_now() + SUSPEND_PATIENCE),
			"is stopped");
}

void monitor_resume(const struct command_value *value)
{
	struct thread *t = value[0].is_process ? NULL : find("resume", value);

	if (value[0].is_process)
		monitor_resume_process(value);
	if (t)
		report("resume", t, thread_resume(t), "goes on");
}

/* What may be waited for is at most a day. */
void monitor_sleep(const struct command_value *value)
{
	struct thread *t = find("sleep", value);
	ktime_t time = (ktime_t)value[1].number * NSEC_PER_MSEC;

	if (t)
		report("sleep", t, thread_sleep_other(t, time), "is asked to sleep");
}

void monitor_wake(const struct command_value *value)
{
	struct thread *t = find("wake", value);

	if (t)
		report("wake", t, 0, thread_wake(t) ? "is woken" : "does not sleep");
}
