/* SPDX-License-Identifier: MIT */
/* CPUs of the host machine: each is a host thread with its copy of the per-CPU variables. */
#include "kernel/spinlock.h"
#include <arch/host.h>
#include <stdlib.h>
#include <string.h>

_Thread_local uintptr_t arch_host_percpu_offset;
_Thread_local unsigned arch_host_cpu_id;
_Thread_local bool arch_host_irqs_off;
void (*arch_host_wait)(void);

uintptr_t percpu_offset[CONFIG_MAX_CPUS];
static char *copies[CONFIG_MAX_CPUS]; /* so that a leak detector finds them */
static unsigned cpus_ready = 1;

DEFINE_PERCPU(struct held_locks, percpu_held_locks);

/* The section's bounds, by the linker. */
extern char __start_percpu[], __stop_percpu[];

static size_t section_size(void)
{
	return (size_t)(__stop_percpu - __start_percpu);
}

void arch_host_init(unsigned cpus)
{
	BUG_ON(!cpus || cpus > CONFIG_MAX_CPUS);
	for (; cpus_ready < cpus; cpus_ready++) {
		char *copy = aligned_alloc(
			ARCH_CACHE_LINE, ALIGN_UP(section_size(), (size_t)ARCH_CACHE_LINE));

		BUG_ON(!copy);
		copies[cpus_ready] = copy;
		memset(copy, 0, section_size());
		percpu_offset[cpus_ready] = (uintptr_t)copy - (uintptr_t)__start_percpu;
	}
}

void arch_host_reset(void)
{
	for (unsigned cpu = 0; cpu < cpus_ready; cpu++)
		memset(__start_percpu + percpu_offset[cpu], 0, section_size());
	arch_host_become(0);
}

void arch_host_become(unsigned cpu)
{
	BUG_ON(cpu >= cpus_ready);
	arch_host_cpu_id = cpu;
	arch_host_percpu_offset = percpu_offset[cpu];
	arch_host_irqs_off = true;
}
