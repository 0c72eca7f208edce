/* SPDX-License-Identifier: MIT */
/* Commands about CPUs: where they sit, how well they share the work. */
#include "kernel/console.h"
#include "kernel/cpu_offline.h"
#include "kernel/errno.h"
#include "kernel/format.h"
#include "kernel/monitor_private.h"
#include "kernel/scheduler.h"
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

/* --- how long who waited --------------------------------------------------------------------- */

#define BARS 40u /* marks of the longest bar */

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

/* The same of one that ends at 2^(i+1) ns. */
static void format_latency_bucket(unsigned bucket, char *buf, size_t size)
{
	static const char *const units[] = {"ns", "us", "ms", "s"};
	unsigned power = MIN(bucket + 1, 10 * ARRAY_SIZE(units) - 1);

	format_string(buf, size, "< %u %s", 1u << power % 10, units[power / 10]);
}

/* One line for each bucket that is not empty. */
static void print_buckets(const uint32_t *count, unsigned buckets,
	void (*format)(unsigned bucket, char *buf, size_t size))
{
	uint32_t most = 1;
	char text[16];

	for (unsigned i = 0; i < buckets; i++)
		most = MAX(most, count[i]);
	for (unsigned i = 0; i < buckets; i++) {
		if (!count[i])
			continue;
		format(i, text, sizeof(text));
		console_printf("  %-9s %9u ", text, count[i]);
		for (uint64_t mark = 0; mark < count[i] * (uint64_t)BARS / most; mark++)
			console_printf("#");
		console_printf("\n");
	}
}

/* Of some CPUs together. */
struct waits {
	uint32_t latency[SCHED_LATENCY_BUCKETS];
	struct sched_histogram idle_beside;
};

static void add_waits(struct waits *sum, struct sched_rq *rq)
{
	arch_irqflags_t flags = spin_lock_irqsave(&rq->lock);

	for (unsigned i = 0; i < SCHED_LATENCY_BUCKETS; i++)
		sum->latency[i] += rq->stats.latency[i];
	histogram_merge(&sum->idle_beside, &rq->stats.idle_beside);
	spin_unlock_irqrestore(&rq->lock, flags);
}

void monitor_latency(const struct command_value *value)
{
	struct cpumask online;
	struct waits all = {0};
	unsigned cpu;

	monitor_online(&online);
	if (value[0].given)
		cpumask_and(&online, &online, &value[0].cpus);
	cpumask_for_each (cpu, &online)
		add_waits(&all, scheduler.rq[cpu]);
	console_printf(
		"Threads that were woken, until they ran there (counted while the trace is on):\n");
	print_buckets(all.latency, SCHED_LATENCY_BUCKETS, format_latency_bucket);
	console_printf(
		"CPUs that idled beside a waiting thread, before they took it: longest %lld us, "
		"one balance interval is %lld us\n",
		all.idle_beside.longest / NSEC_PER_USEC,
		scheduler.config.balance_interval / NSEC_PER_USEC);
	print_buckets(all.idle_beside.count, SCHED_BUCKETS, format_bucket);
}

/* --- counts ---------------------------------------------------------------------------------- */

static void print_stats(const char *of, const struct scheduler_stats *stats)
{
	console_printf("%5s %10llu %10llu %9llu %9llu %9llu %7u %7u\n", of,
		(unsigned long long)stats->context_switches,
		(unsigned long long)stats->threads_scheduled,
		(unsigned long long)stats->load_balances, (unsigned long long)stats->steals,
		(unsigned long long)stats->kicks, stats->running, stats->ready);
}

/* The sum is taken by itself, a moment later than the CPUs it is of. */
void monitor_stats(const struct command_value *value)
{
	struct scheduler_stats stats;
	struct cpumask online;
	char name[8];
	unsigned cpu;

	monitor_online(&online);
	if (value[0].given)
		cpumask_and(&online, &online, &value[0].cpus);
	console_printf("%5s %10s %10s %9s %9s %9s %7s %7s\n", "CPU", "SWITCHES", "WAKEUPS",
		"MOVED-IN", "STOLEN", "KICKS", "RUNNING", "READY");
	cpumask_for_each (cpu, &online) {
		format_string(name, sizeof(name), "%u", cpu);
		if (!scheduler_get_cpu_stats(cpu, &stats))
			print_stats(name, &stats);
	}
	if (!value[0].given && !scheduler_get_stats(&stats))
		print_stats("all", &stats);
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
