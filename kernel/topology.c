/* SPDX-License-Identifier: MIT */
/*
 * From the machine's numbers, which may count anew in each package and have gaps, to the
 * scheduler's: a core, cache, package or node is called by its first CPU.
 */
#include "kernel/topology.h"
#include "kernel/dispatch.h"
#include <arch/smp.h>

static struct sched_cpu_place places[CONFIG_MAX_CPUS]; /* constant after topology_init() */

static bool same_core(const struct arch_cpu_place *a, const struct arch_cpu_place *b)
{
	return a->package == b->package && a->core == b->core;
}

static bool same_cache(const struct arch_cpu_place *a, const struct arch_cpu_place *b)
{
	return a->cache == b->cache;
}

static bool same_package(const struct arch_cpu_place *a, const struct arch_cpu_place *b)
{
	return a->package == b->package;
}

static bool same_node(const struct arch_cpu_place *a, const struct arch_cpu_place *b)
{
	return a->node == b->node;
}

static unsigned first_with(
	bool (*same)(const struct arch_cpu_place *a, const struct arch_cpu_place *b), unsigned cpu)
{
	unsigned first = 0;

	while (!same(arch_cpu_place(first), arch_cpu_place(cpu)))
		first++;
	return first;
}

void topology_init(unsigned cpus)
{
	for (unsigned cpu = 0; cpu < cpus; cpu++)
		places[cpu] = (struct sched_cpu_place){
			.core = first_with(same_core, cpu),
			.cache = first_with(same_cache, cpu),
			.package = first_with(same_package, cpu),
			.node = first_with(same_node, cpu),
		};
	sched_set_places(&scheduler, places, cpus);
}
