/* SPDX-License-Identifier: MIT */
/* From an APIC id to package, core and thread. */
#include "arch/x86_64/parse_topology.h"

enum level_type { LEVEL_END = 0, LEVEL_THREAD = 1 };

#define SHIFT_MAX 31u

/* Levels above "thread" (core, module, tile, die) are folded into the package's core number. */
bool topology_parse_levels(
	const struct topology_level *level, unsigned count, struct topology_shifts *shifts)
{
	struct topology_shifts found = {0};
	unsigned i;

	*shifts = (struct topology_shifts){0};
	for (i = 0; i < count && (level[i].ecx >> 8 & 0xff) != LEVEL_END; i++) {
		unsigned shift = level[i].eax & 0x1f;

		if (shift < found.package || shift > SHIFT_MAX)
			return false;
		found.package = (uint8_t)shift;
		if ((level[i].ecx >> 8 & 0xff) == LEVEL_THREAD)
			found.core = (uint8_t)shift;
	}
	if (!i)
		return false;
	*shifts = found;
	return true;
}

/* Bits needed to tell n things apart. */
static uint8_t width_of(unsigned n)
{
	uint8_t bits = 0;

	while (bits < SHIFT_MAX && (1u << bits) < n)
		bits++;
	return bits;
}

struct topology_shifts topology_from_counts(unsigned ids_per_package, unsigned cores_per_package)
{
	uint8_t package = width_of(ids_per_package), cores = width_of(cores_per_package);

	return (struct topology_shifts){
		.core = cores < package ? (uint8_t)(package - cores) : 0,
		.package = package,
	};
}

/* Bits 4:0 type, 0: no more; 7:5 level; 25:14 ids that share it, less 1. */
uint8_t topology_cache_shift(
	const struct topology_cache *cache, unsigned count, struct topology_shifts shifts)
{
	unsigned last = 0;
	uint8_t shift = shifts.package;

	for (unsigned i = 0; i < count && cache[i].eax & 0x1f; i++) {
		unsigned level = cache[i].eax >> 5 & 7;

		if (level < last)
			continue;
		last = level;
		shift = width_of((cache[i].eax >> 14 & 0xfff) + 1);
	}
	return MAX(shift, shifts.core);
}

static unsigned field(uint32_t id, unsigned from, unsigned to)
{
	return (unsigned)((id & ((1ull << to) - 1)) >> from);
}

struct topology_place topology_place(uint32_t apic_id, struct topology_shifts shifts)
{
	return (struct topology_place){
		.package = field(apic_id, shifts.package, 32),
		.core = field(apic_id, shifts.core, shifts.package),
		.thread = field(apic_id, 0, shifts.core),
	};
}
