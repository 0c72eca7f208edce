/* SPDX-License-Identifier: MIT */
/* Commands about memory, interrupts, the log, boot parameters, and the ways out. */
#include "kernel/demo.h"
#include "kernel/format.h"
#include "kernel/log_private.h"
#include "kernel/monitor_private.h"
#include "kernel/params.h"
#include "kernel/string.h"
#include "kernel/system.h"
#include "kernel/workload.h"
#include "mm/frame.h"
#include "mm/kstack.h"
#include "mm/slab.h"
#include <arch/cpu.h>
#include <arch/irq.h>

#define LOG_SHOWN    20
#define VECTORS      256u
#define END_PATIENCE (10 * NSEC_PER_SEC)

static unsigned long long kib(uint64_t pages)
{
	return pages * (ARCH_PAGE_SIZE / 1024);
}

static void print_cache(const struct slab_stats *stats, void *arg __unused)
{
	console_printf("%-20s %7zu %9llu %7llu %11llu %8llu\n", stats->name, stats->object_size,
		(unsigned long long)stats->in_use, (unsigned long long)stats->slabs,
		(unsigned long long)stats->allocs, (unsigned long long)stats->failures);
}

static void print_stacks(void)
{
	struct kstack_stats stats;

	kstack_get_stats(&stats);
	console_printf(
		"kernel stacks: %llu in use, %llu ready, %llu unmapped since the start, %llu "
		"failed allocations\n",
		(unsigned long long)stats.in_use, (unsigned long long)stats.ready,
		(unsigned long long)stats.unmapped, (unsigned long long)stats.failures);
}

void monitor_mem(const struct command_value *value __unused)
{
	struct frame_stats stats;

	frame_get_stats(&stats);
	console_printf("memory: %llu KiB, %llu KiB free (%llu KiB of it in per-CPU caches), "
		       "%llu failed allocations\n",
		kib(stats.total), kib(stats.free), kib(stats.cached),
		(unsigned long long)stats.failures);
	console_printf("free blocks, 4 KiB to 4 MiB:");
	for (unsigned order = 0; order <= FRAME_MAX_ORDER; order++)
		console_printf(" %llu", (unsigned long long)stats.blocks[order]);
	console_printf("\n");
	print_stacks();
	console_printf("%-20s %7s %9s %7s %11s %8s\n", "CACHE", "SIZE", "IN-USE", "SLABS", "ALLOCS",
		"FAILURES");
	slab_visit(print_cache, NULL);
}

/* Interrupts of one vector over all CPUs. */
struct vector {
	const char *name;
	uint64_t count;
	struct cpumask cpus;
};

static void add_vector(const char *name, unsigned vector, unsigned cpu, uint64_t count, void *arg)
{
	struct vector *to = (struct vector *)arg + vector % VECTORS;

	to->name = name;
	to->count += count;
	if (count)
		cpumask_set(&to->cpus, cpu);
}

void monitor_irq(const struct command_value *value __unused)
{
	struct vector *vectors = kzalloc(VECTORS * sizeof(*vectors));
	char cpus[32];

	if (!vectors) {
		console_printf("irq: no memory for %u counters\n", VECTORS);
		return;
	}
	arch_irq_visit(add_vector, vectors);
	console_printf("%6s %12s  %-20s %s\n", "VECTOR", "COUNT", "NAME", "CPUS");
	for (unsigned i = 0; i < VECTORS; i++) {
		if (!vectors[i].count)
			continue;
		cpus_format(&vectors[i].cpus, CONFIG_MAX_CPUS, cpus, sizeof(cpus));
		console_printf("  0x%02x %12llu  %-20s %s\n", i,
			(unsigned long long)vectors[i].count,
			vectors[i].name ? vectors[i].name : "", cpus);
	}
	kfree(vectors);
}

const char *monitor_log_choice(unsigned index)
{
	return index <= LOG_DEBUG ? log_level_name(index) : NULL;
}

void monitor_log(const struct command_value *value)
{
	enum log_level level = value[0].is_choice ? (enum log_level)value[0].number : LOG_DEBUG;
	uint64_t n = value[0].given ? value[0].number : LOG_SHOWN;
	char line[LOG_LINE_MAX];
	uint64_t position = value[0].is_choice ? 0 : log_last(n);

	while (log_read_line(&position, level, line, sizeof(line)))
		console_printf("%s\n", line);
}

void monitor_params(const struct command_value *value __unused)
{
	char now[160], choices[160];
	const struct param *param;

	for (unsigned i = 0; (param = param_at(i)); i++) {
		param_format_value(param, &kernel_params, now, sizeof(now));
		param_format_choices(param, choices, sizeof(choices));
		console_printf("%-10s = %-6s %s (%s)\n", param->name, now, param->text, choices);
	}
}

void monitor_panic(const struct command_value *value __unused)
{
	panic("asked for by the monitor");
}

/* What was started here for show would be counted as leaks. */
static void end_workloads(void)
{
	unsigned cpu;

	if (demo_running(&cpu) >= 0 && demo_stop())
		console_printf("the demonstration did not end\n");
	if (!workload_end_all(END_PATIENCE))
		console_printf("some workload threads did not end\n");
}

void monitor_reboot(const struct command_value *value __unused)
{
	end_workloads();
	console_printf("starting anew\n");
	system_reboot();
}

void monitor_poweroff(const struct command_value *value __unused)
{
	end_workloads();
	console_printf("power off\n");
	system_poweroff();
}
