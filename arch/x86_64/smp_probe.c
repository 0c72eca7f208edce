/* SPDX-License-Identifier: MIT */
/* Which CPUs there are, by the firmware's tables, and where each sits in the machine. */
#include "arch/x86_64/smp_private.h"

#include "arch/x86_64/acpi.h"
#include "arch/x86_64/apic.h"
#include "arch/x86_64/parse_topology.h"
#include "kernel/assert.h"
#include "kernel/log.h"

#define CPUID_TOPOLOGY      0xbu
#define CPUID_TOPOLOGY_NEW  0x1fu
#define CPUID_CACHES        4u
#define CPUID_AMD           0x80000000u
#define CPUID_AMD_CACHES    0x8000001du
#define CACHES_MAX          8u
#define LEVELS_MAX          8u
#define EDX_HYPER_THREADING (1u << 28)

uint32_t smp_hardware_id[CONFIG_MAX_CPUS];
unsigned smp_count;

static struct arch_cpu_place smp_places[CONFIG_MAX_CPUS]; /* (c) after arch_smp_probe() */

const struct arch_cpu_place *arch_cpu_place(unsigned cpu)
{
	KASSERT(cpu < smp_count);
	return &smp_places[cpu];
}

/* --- topology ------------------------------------------------------------------------------- */

static bool read_levels(uint32_t leaf, struct topology_shifts *shifts)
{
	struct topology_level level[LEVELS_MAX];

	if (cpuid(0, 0).eax < leaf)
		return false;
	for (unsigned i = 0; i < LEVELS_MAX; i++) {
		struct cpuid r = cpuid(leaf, i);

		level[i] = (struct topology_level){r.eax, r.ebx, r.ecx};
	}
	return topology_parse_levels(level, LEVELS_MAX, shifts);
}

/* The boot CPU's word for all: packages of different shape do not occur. */
static struct topology_shifts read_shifts(void)
{
	struct topology_shifts shifts;
	struct cpuid features = cpuid(1, 0);
	unsigned ids = features.edx & EDX_HYPER_THREADING ? features.ebx >> 16 & 0xff : 1;
	unsigned cores =
		cpuid(0, 0).eax >= CPUID_CACHES ? (cpuid(CPUID_CACHES, 0).eax >> 26) + 1 : 1;

	if (read_levels(CPUID_TOPOLOGY_NEW, &shifts) || read_levels(CPUID_TOPOLOGY, &shifts))
		return shifts;
	return topology_from_counts(ids, cores);
}

static unsigned read_caches(uint32_t leaf, struct topology_cache cache[CACHES_MAX])
{
	unsigned count = 0;

	while (count < CACHES_MAX && ((cache[count].eax = cpuid(leaf, count).eax) & 0x1f))
		count++;
	return count;
}

static uint8_t read_cache_shift(struct topology_shifts shifts)
{
	struct topology_cache cache[CACHES_MAX];
	unsigned count = 0;

	if (cpuid(0, 0).eax >= CPUID_CACHES)
		count = read_caches(CPUID_CACHES, cache);
	if (!count && cpuid(CPUID_AMD, 0).eax >= CPUID_AMD_CACHES)
		count = read_caches(CPUID_AMD_CACHES, cache);
	return topology_cache_shift(cache, count, shifts);
}

static void note_node(const struct acpi_cpu_node *found, void *arg)
{
	(void)arg;
	for (unsigned cpu = 0; cpu < smp_count; cpu++)
		if (smp_places[cpu].hardware_id == found->apic_id)
			smp_places[cpu].node = found->node;
}

static void read_nodes(void)
{
	const struct acpi_srat_visitor visitor = {.cpu = note_node};
	struct acpi_table table;
	struct acpi_error error;

	if (!acpi_get_table("SRAT", &table) &&
		acpi_parse_srat(acpi_reader(), &table, &visitor, &error))
		log_warn("ACPI: %s; the entries before it are used", error.text);
}

/* --- CPUs ----------------------------------------------------------------------------------- */

struct probe {
	unsigned limit;
	unsigned disabled, unreachable, over_limit, over_maximum;
};

static bool is_known(uint32_t id)
{
	for (unsigned cpu = 0; cpu < smp_count; cpu++)
		if (smp_hardware_id[cpu] == id)
			return true;
	return false;
}

static void add_cpu(uint32_t id)
{
	smp_hardware_id[smp_count] = id;
	smp_places[smp_count++] = (struct arch_cpu_place){.hardware_id = id};
}

/* CPUs with small ids may stand in the table twice, once in each form. */
static void consider_cpu(const struct acpi_cpu *cpu, void *arg)
{
	struct probe *probe = arg;

	if (is_known(cpu->apic_id))
		return;
	if (!cpu->enabled)
		probe->disabled++;
	else if (cpu->apic_id > apic_id_max())
		probe->unreachable++;
	else if (smp_count >= probe->limit)
		probe->over_limit++;
	else if (smp_count >= CONFIG_MAX_CPUS)
		probe->over_maximum++;
	else
		add_cpu(cpu->apic_id);
}

static void read_cpus(struct probe *probe)
{
	const struct acpi_madt_visitor visitor = {.cpu = consider_cpu, .arg = probe};
	struct acpi_table table;
	struct acpi_madt madt;
	struct acpi_error error;

	if (acpi_get_table("APIC", &table))
		log_warn("SMP: no table of CPUs (MADT); using the boot CPU only");
	else if (acpi_parse_madt(acpi_reader(), &table, &visitor, &madt, &error))
		log_warn("ACPI: %s; the entries before it are used", error.text);
}

static void report(const struct probe *probe)
{
	if (probe->disabled)
		log_debug("SMP: %u CPUs are disabled by the firmware", probe->disabled);
	if (probe->over_limit)
		log_info("SMP: %u CPUs left out by cpus=%u", probe->over_limit, probe->limit);
	if (probe->unreachable)
		log_warn(
			"SMP: %u CPUs left out: their APIC ids are above %u, and CPU 0 has no x2APIC",
			probe->unreachable, apic_id_max());
	if (probe->over_maximum)
		log_warn("SMP: %u CPUs left out: this kernel is built for %u", probe->over_maximum,
			CONFIG_MAX_CPUS);
}

void smp_add_boot_cpu(void)
{
	KASSERT(!smp_count);
	add_cpu(apic_id());
}

unsigned arch_smp_probe(unsigned limit)
{
	struct probe probe = {.limit = limit ? limit : UINT32_MAX};
	struct topology_shifts shifts = read_shifts();
	uint8_t cache_shift = read_cache_shift(shifts);

	KASSERT(smp_count == 1);
	read_cpus(&probe);
	report(&probe);
	for (unsigned cpu = 0; cpu < smp_count; cpu++) {
		struct arch_cpu_place *place = &smp_places[cpu];
		struct topology_place at = topology_place(place->hardware_id, shifts);

		place->package = at.package;
		place->core = at.core;
		place->thread = at.thread;
		place->cache = place->hardware_id >> cache_shift;
	}
	read_nodes();
	return smp_count;
}
