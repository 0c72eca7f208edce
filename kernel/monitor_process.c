/* SPDX-License-Identifier: MIT */
/*
 * Commands about processes. What is shown is a list of counted references, taken first: no lock is
 * held while a line is printed.
 */
#include "kernel/errno.h"
#include "kernel/limits.h"
#include "kernel/monitor_private.h"
#include "kernel/process.h"
#include "kernel/string.h"
#include "kernel/thread.h"
#include "mm/slab.h"
#include <arch/time.h>

/* A little longer than until a stubborn thread is reported. */
#define SUSPEND_PATIENCE (6 * NSEC_PER_SEC)
#define STATUS_KILLED    (-EINTR)
#define NOBODY           UINT32_MAX

/* --- the tree -------------------------------------------------------------------------------- */

/* A process in the picture; its relatives by their index. */
struct leaf {
	struct process *process;
	uint32_t parent, first_child, last_child, next_sibling;
	unsigned depth;
};

/* Ids ascend in the list, so do they in the picture. */
static uint32_t find_leaf(const struct leaf *leaf, uint32_t count, uint64_t process_id)
{
	uint32_t low = 0, high = count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (leaf[middle].process->process_id < process_id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && leaf[low].process->process_id == process_id ? low : NOBODY;
}

/* Parents are older than their children, hence in the picture already, unless they have gone. */
static void hang_leaf(struct leaf *leaf, uint32_t i)
{
	uint32_t parent = i ? find_leaf(leaf, i, leaf[i].process->parent_id) : NOBODY;

	if (i && parent == NOBODY)
		parent = 0;
	leaf[i].parent = parent;
	leaf[i].first_child = leaf[i].last_child = leaf[i].next_sibling = NOBODY;
	if (parent == NOBODY)
		return;
	leaf[i].depth = leaf[parent].depth + 1;
	if (leaf[parent].first_child == NOBODY)
		leaf[parent].first_child = i;
	else
		leaf[leaf[parent].last_child].next_sibling = i;
	leaf[parent].last_child = i;
}

static uint32_t take_picture(struct leaf *leaf, uint32_t max)
{
	struct process *p = NULL;
	uint32_t count = 0;

	while (count < max && (p = process_next(p))) {
		leaf[count].process = process_get(p);
		leaf[count].depth = 0;
		hang_leaf(leaf, count++);
	}
	if (p && count == max)
		process_put(p);
	return count;
}

static uint32_t next_leaf(const struct leaf *leaf, uint32_t i)
{
	if (leaf[i].first_child != NOBODY)
		return leaf[i].first_child;
	while (i != NOBODY && leaf[i].next_sibling == NOBODY)
		i = leaf[i].parent;
	return i == NOBODY ? NOBODY : leaf[i].next_sibling;
}

static void print_process(struct process *p, unsigned depth)
{
	struct process_memory_stats memory;
	ktime_t time = process_cpu_time(p);

	process_get_memory_stats(p, &memory);
	console_printf("%5llu %6llu %-10s %-8s %7u %8llu %7lld.%03lld  %*s%s\n",
		(unsigned long long)p->process_id, (unsigned long long)p->parent_id,
		process_state_name(process_get_state(p)),
		process_priority_name(atomic_load(&p->priority)), p->thread_count,
		(unsigned long long)(memory.total >> 10), MONITOR_SECONDS_ARGS(time),
		(int)MIN(2 * depth, 40u), "", p->name);
}

void monitor_ps(const struct command_value *value __unused)
{
	uint32_t max = process_count() + 8, count;
	struct leaf *leaf = kmalloc(max * sizeof(*leaf));

	if (!leaf) {
		console_printf("ps: no memory for a picture of %u processes\n", max);
		return;
	}
	count = take_picture(leaf, max);
	console_printf("%5s %6s %-10s %-8s %7s %8s %11s  %s\n", "PID", "PARENT", "STATE",
		"PRIORITY", "THREADS", "KIB", "CPU-SECONDS", "NAME");
	for (uint32_t i = 0; i != NOBODY; i = next_leaf(leaf, i))
		print_process(leaf[i].process, leaf[i].depth);
	for (uint32_t i = 0; i < count; i++)
		process_put(leaf[i].process);
	console_printf("%u processes, at most %llu\n", count,
		(unsigned long long)limit_get(LIMIT_PROCESSES));
	kfree(leaf);
}

/* --- one process ----------------------------------------------------------------------------- */

struct process *monitor_find_process(const char *command, const struct command_value *value)
{
	struct process *p = process_find(value->number);

	if (!p)
		console_printf("%s: there is no process %llu, `ps` lists them\n", command,
			(unsigned long long)value->number);
	return p;
}

/* Gives the reference back. */
static void report(const char *command, struct process *p, int err, const char *done)
{
	console_printf(
		"%s: process %llu (%s) ", command, (unsigned long long)p->process_id, p->name);
	if (!err)
		console_printf("%s\n", done);
	else if (err == -EPROCESS_ACCESS && atomic_load(&p->flags) & PROCESS_SYSTEM_PROCESS)
		console_printf("is part of the system and stays\n");
	else if (err == -EPROCESS_STATE)
		console_printf("not: it is %s\n", process_state_name(process_get_state(p)));
	else
		console_printf("not: %s\n", errno_text(err));
	process_put(p);
}

void monitor_kill_process(const struct command_value *value)
{
	struct process *p = monitor_find_process("kill", &value[0]);

	if (p && value[1].given)
		report("kill", p, process_terminate_tree(p, STATUS_KILLED),
			"and its descendants are asked to end");
	else if (p)
		report("kill", p, process_terminate(p, STATUS_KILLED), "is asked to end");
}

void monitor_suspend_process(const struct command_value *value)
{
	struct process *p = monitor_find_process("suspend", value);

	if (p)
		report("suspend", p, process_suspend(p, arch_time_now() + SUSPEND_PATIENCE),
			"is stopped");
}

void monitor_resume_process(const struct command_value *value)
{
	struct process *p = monitor_find_process("resume", value);

	if (p)
		report("resume", p, process_resume(p), "goes on");
}

/* The names of thread priorities are also those of processes, but for the best. */
static unsigned process_priority_of(unsigned thread_priority)
{
	unsigned priority = PROCESS_SYSTEM;

	while (process_thread_priority(priority) != thread_priority)
		priority++;
	return priority;
}

void monitor_prio_process(const struct command_value *value)
{
	struct process *p = monitor_find_process("prio", &value[0]);

	if (p && !value[1].is_choice) {
		console_printf("prio: a process has no level %llu, expected one of the names\n",
			(unsigned long long)value[1].number);
		process_put(p);
	} else if (p) {
		unsigned priority = process_priority_of((unsigned)value[1].number);

		report("prio", p, process_set_priority(p, priority),
			"has it now, and the threads that follow");
	}
}

const char *monitor_ground_choice(unsigned index)
{
	static const char *const names[] = {"none", "foreground", "background"};

	return index < ARRAY_SIZE(names) ? names[index] : NULL;
}

void monitor_ground(const struct command_value *value)
{
	static const unsigned flags[] = {0, PROCESS_FOREGROUND, PROCESS_BACKGROUND};
	struct process *p = monitor_find_process("ground", &value[0]);

	if (p)
		report("ground", p, process_set_ground(p, flags[value[1].number]), "is there now");
}

struct process *monitor_new_process(const char *command, const char *name, unsigned priority)
{
	struct process_create_params params = {
		.name = name,
		.priority = priority,
		.flags = PROCESS_DETACHED,
	};
	struct process *p;
	int err = process_create(&p, &params);

	if (!err)
		return p;
	console_printf("%s: no process for it: %s\n", command, errno_text(err));
	return NULL;
}

/* --- limits ---------------------------------------------------------------------------------- */

#define BYTES_PER_MIB (1ull << 20)

const char *monitor_limit_choice(unsigned index)
{
	return limit_name(index);
}

static uint64_t unit_of(enum limit which)
{
	return which == LIMIT_PROCESS_MEMORY || which == LIMIT_MEMORY ? BYTES_PER_MIB : 1;
}

static void print_limit(enum limit which, uint64_t value)
{
	console_printf("%-16s ", limit_name(which));
	if (value == UINT64_MAX)
		console_printf("no limit\n");
	else
		console_printf("%llu%s\n", (unsigned long long)(value / unit_of(which)),
			unit_of(which) == BYTES_PER_MIB ? " MiB" : "");
}

static void print_limits(void)
{
	for (unsigned which = 0; which < LIMIT_COUNT; which++)
		print_limit(which, limit_get(which));
	console_printf("in use: %u threads, %u processes, %llu MiB\n", thread_count(),
		process_count(), (unsigned long long)(limit_memory_used() / BYTES_PER_MIB));
}

static void set_process_limit(const struct command_value *value)
{
	enum limit which = (enum limit)value[0].number;
	uint64_t wanted = value[1].number * unit_of(which);
	struct process *p = monitor_find_process("limit", &value[2]);

	if (p && which != LIMIT_PROCESS_THREADS && which != LIMIT_PROCESS_MEMORY) {
		console_printf("limit: %s is the system's, a process has process-threads and "
			       "process-memory\n",
			limit_name(which));
		process_put(p);
	} else if (p) {
		bool threads = which == LIMIT_PROCESS_THREADS;

		report("limit", p,
			process_set_limits(p, threads ? wanted : atomic_load(&p->max_threads),
				threads ? atomic_load(&p->max_memory) : wanted),
			"has it now");
	}
}

void monitor_limit(const struct command_value *value)
{
	enum limit which = (enum limit)value[0].number;

	if (!value[0].given) {
		print_limits();
	} else if (!value[1].given) {
		print_limit(which, limit_get(which));
	} else if (value[2].given) {
		set_process_limit(value);
	} else {
		limit_set(which, value[1].number * unit_of(which));
		print_limit(which, limit_get(which));
	}
}
