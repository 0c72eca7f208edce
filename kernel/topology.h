/* SPDX-License-Identifier: MIT */
/* What the scheduler is told about where each CPU sits. */
#ifndef KERNEL_TOPOLOGY_H
#define KERNEL_TOPOLOGY_H

/*
 * Tells the scheduler which of the first `cpus` CPUs share core, cache, package and memory node.
 * Once, before the first CPU is added to it.
 */
void topology_init(unsigned cpus);

#endif
