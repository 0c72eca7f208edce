/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU variables. DEFINE_PERCPU(type, name) makes one copy per CPU of a static or global
 * variable. Every copy starts as zeros: initialise at run time.
 *
 *	DEFINE_PERCPU(struct counter, counters);
 *	this_cpu(counters).irqs++;                  preemption off or irrelevant
 *	struct counter *c = this_cpu_ptr(counters); preemption must stay off while c is used
 *	struct counter *d = cpu_ptr(counters, 3);   any CPU's copy
 */
#ifndef KERNEL_PERCPU_H
#define KERNEL_PERCPU_H

#include <arch/percpu.h>

#define DECLARE_PERCPU(type, name) extern type name
#define DEFINE_PERCPU(type, name)  __section(ARCH_PERCPU_SECTION) type name

#define this_cpu(var)           arch_this_cpu(var)
/*
 * One plain load of an atomic bool: compilers lose the CPU's offset in atomic accesses of
 * this_cpu().
 */
#define this_cpu_read_bool(var) arch_this_cpu(*(volatile bool *)&(var))
#define this_cpu_ptr(var)       ((__typeof__(&(var)))((uintptr_t) & (var) + arch_percpu_offset()))
#define cpu_ptr(var, cpu)       ((__typeof__(&(var)))((uintptr_t) & (var) + percpu_offset[cpu]))

/*
 * Makes the areas of CPUs 1 .. cpus-1, zero-filled. Once, on the boot CPU, before the others start.
 * Returns the number of CPUs that have one: fewer than `cpus` when memory runs out.
 */
unsigned percpu_init(unsigned cpus);

/* Indexed by CPU number; entry 0 is the boot CPU's. Filled by percpu_init(). */
extern uintptr_t percpu_offset[CONFIG_MAX_CPUS];

#endif
