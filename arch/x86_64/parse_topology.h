/* SPDX-License-Identifier: MIT */
/*
 * From an APIC id to package, core, thread and cache: the id is made of bit fields whose widths
 * CPUID tells. Pure functions. Intel SDM volume 3, 9.9; leaf 0x1F and 0xB have the same form, and
 * so have leaf 4 and AMD's 0x8000001D.
 */
#ifndef X86_PARSE_TOPOLOGY_H
#define X86_PARSE_TOPOLOGY_H

#include "kernel/types.h"

/* One sub-leaf of CPUID 0xB or 0x1F. */
struct topology_level {
	uint32_t eax, ebx, ecx;
};

/* Where the fields of an id begin: thread at bit 0. */
struct topology_shifts {
	uint8_t core;    /* first bit of the core number */
	uint8_t package; /* first bit of the package number */
};

/*
 * Reads the sub-leaves in order, up to the first of type 0. False, with shifts of 0 (every CPU a
 * package), when they contradict each other or there are none.
 */
bool topology_parse_levels(
	const struct topology_level *level, unsigned count, struct topology_shifts *shifts);

/* Without leaf 0xB: from the most ids a package has (leaf 1) and the most cores (leaf 4). */
struct topology_shifts topology_from_counts(unsigned ids_per_package, unsigned cores_per_package);

/* One sub-leaf of CPUID 4 or 0x8000001D. */
struct topology_cache {
	uint32_t eax;
};

/*
 * First bit of the cache's number: CPUs that share the last of the caches have the same from there
 * on. `package`, its shift, when no cache is described, and never less than `core`.
 */
uint8_t topology_cache_shift(
	const struct topology_cache *cache, unsigned count, struct topology_shifts shifts);

struct topology_place {
	unsigned package, core, thread;
};

struct topology_place topology_place(uint32_t apic_id, struct topology_shifts shifts);

#endif
