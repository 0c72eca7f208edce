/* SPDX-License-Identifier: MIT */
/* Commands about CPUs: where they sit, how well they share the work. */
#include "kernel/console.h"
#include "kernel/cpu_offline.h"
#include "kernel/errno.h"
#include "kernel/format.h"
#include "kernel/monitor_private.h"
#include <arch/smp.h>
#include <arch/time.h>

/* The neighbourhoods of a CPU from small to large, as the scheduler goes through them. */
static void print_neighbours(const struct sched_rq *rq)
{
	char text[64];

	for (unsigned i = 0; i < rq->near_count; i++) {
		cpus_format(&rq->near[i], monitor_cpu_end(), text, sizeof(text));
		console_printf(" %s,", text);
	}
	console_printf(" any\n");
}

void monitor_topology(const struct command_value *value __unused)
{
	struct cpumask online;
	unsigned cpu;

	monitor_online(&online);
	console_printf("%3s %7s %5s %6s %5s %4s  %s\n", "CPU", "PACKAGE", "CORE", "THREAD", "CACHE",
		"NODE", "NEAREST FIRST");
	cpumask_for_each (cpu, &online) {
		const struct arch_cpu_place *place = arch_cpu_place(cpu);

		console_printf("%3u %7u %5u %6u %5u %4u ", cpu, place->package, place->core,
			place->thread, place->cache, place->node);
		print_neighbours(scheduler.rq[cpu]);
	}
}

/* --- leaving and coming back ----------------------------------------------------------------- */

void monitor_offline(const struct command_value *value)
{
	unsigned cpu = (unsigned)value[0].number;
	int err = cpu_offline(cpu);

	if (err == -EBUSY)
		console_printf("offline: CPU %u is the last one on line\n", cpu);
	else if (err)
		console_printf("offline: CPU %u is not on line, `cpu` lists those that are\n", cpu);
	else
		console_printf("CPU %u is off line\n", cpu);
}

void monitor_online_cpu(const struct command_value *value)
{
	unsigned cpu = (unsigned)value[0].number;
	int err = cpu_online(cpu);

	if (err == -EALREADY)
		console_printf("online: CPU %u is on line already\n", cpu);
	else if (err)
		console_printf("online: there is no CPU %u, the last one is %u\n", cpu,
			monitor_cpu_end() - 1);
	else
		console_printf("CPU %u is on line\n", cpu);
}

/* --- work conservation ----------------------------------------------------------------------- */

static void histogram_merge(struct sched_histogram *to, const struct sched_histogram *from)
{
	for (unsigned i = 0; i < SCHED_BUCKETS; i++)
		to->count[i] += from->count[i];
	to->longest = MAX(to->longest, from->longest);
}

/* The upper end of a bucket in the unit that reads best. */
static void format_bucket(unsigned bucket, char *buf, size_t size)
{
	if (bucket == SCHED_BUCKETS - 1)
		format_string(buf, size, "longer");
	else if (bucket < 10)
		format_string(buf, size, "< %u us", 1u << bucket);
	else if (bucket < 20)
		format_string(buf, size, "< %u ms", 1u << (bucket - 10));
	else
		format_string(buf, size, "< %u s", 1u << (bucket - 20));
}

static void print_histogram(const struct sched_histogram *histogram)
{
	unsigned most = 1;
	char text[16];

	for (unsigned i = 0; i < SCHED_BUCKETS; i++)
		most = MAX(most, histogram->count[i]);
	for (unsigned i = 0; i < SCHED_BUCKETS; i++) {
		if (!histogram->count[i])
			continue;
		format_bucket(i, text, sizeof(text));
		console_printf("  %-9s %9u ", text, histogram->count[i]);
		for (uint64_t mark = 0; mark < histogram->count[i] * 40ull / most; mark++)
			console_printf("#");
		console_printf("\n");
	}
}

void monitor_latency(const struct command_value *value __unused)
{
	struct sched_histogram all = {0};
	struct cpumask online;
	unsigned cpu;

	monitor_online(&online);
	cpumask_for_each (cpu, &online) {
		struct sched_rq *rq = scheduler.rq[cpu];
		arch_irqflags_t flags = spin_lock_irqsave(&rq->lock);

		histogram_merge(&all, &rq->stats.idle_beside);
		spin_unlock_irqrestore(&rq->lock, flags);
	}
	console_printf(
		"CPUs that idled beside a waiting thread, before they took it: longest %lld us, "
		"one balance interval is %lld us\n",
		all.longest / NSEC_PER_USEC, scheduler.config.balance_interval / NSEC_PER_USEC);
	print_histogram(&all);
}

/* Threads that have gone from one CPU to another by balancing, so far. */
static uint64_t count_pushes(void)
{
	struct cpumask online;
	uint64_t pushes = 0;
	unsigned cpu;

	monitor_online(&online);
	cpumask_for_each (cpu, &online)
		pushes += scheduler.rq[cpu]->stats.pushes;
	return pushes;
}

void monitor_balance(const struct command_value *value __unused)
{
	uint64_t before = count_pushes();
	arch_irqflags_t flags;

	if (!scheduler.config.balancing) {
		console_printf("balance: balancing is off\n");
		return;
	}
	flags = arch_irq_save();
	sched_balance_load(&scheduler, arch_cpu_id(), arch_time_now());
	arch_irq_restore(flags);
	console_printf("%llu threads moved\n", (unsigned long long)(count_pushes() - before));
}
