/* SPDX-License-Identifier: MIT */
/*
 * Private to sched/: which CPUs are alike, so that placement looks at sets and not at CPUs.
 *
 * Every CPU on line is in one set of s->urgency, by the rank that it runs, and in one of s->load,
 * by how many entities it has; those that have somebody waiting are in s->waiting, too. A CPU's
 * place in the sets changes only under the lock of its run queue; whoever looks has no lock, and
 * gets what was true a moment ago.
 *
 * What happens at every wake-up of an otherwise idle CPU moves nothing: a CPU that idles stays in
 * the set of the rank it ran last, and loads 0 and 1 are one class. Placement asks the sets only
 * when no idle CPU is allowed. While there is one CPU, nothing is kept at all.
 */
#ifndef SCHED_INDEX_H
#define SCHED_INDEX_H

#include "sched/queue.h"

/*
 * Loads up to 64 are told apart exactly, those above by eight steps from one power of two to the
 * next: nobody notices whether 80 or 85 others wait.
 */
static inline unsigned sched_load_class(unsigned load)
{
	unsigned log2;

	if (load <= 64)
		return load <= 1 ? 0 : load - 1;
	log2 = 31 - (unsigned)__builtin_clz(load);
	return MIN(63 + (log2 - 6) * 8 + (load >> (log2 - 3) & 7), SCHED_LOAD_CLASSES - 1u);
}

/*
 * The first CPU of the set from `from` up to, not including, `end` that is in both masks; `near`
 * may be NULL for all. SCHED_NO_CPU: there is none. Skips 64 CPUs at a time and, where none of them
 * is in the set, 4,096.
 */
unsigned sched_set_next(const struct sched_cpu_set *set, const struct cpumask *mask,
	const struct cpumask *near, unsigned from, unsigned end);

static inline bool sched_set_empty(const struct sched_cpu_set *set)
{
	return !atomic_load_explicit(&set->words, memory_order_relaxed);
}

static inline bool sched_set_test(const struct sched_cpu_set *set, unsigned cpu)
{
	return cpumask_test_atomic(&set->cpus, cpu);
}

#endif
