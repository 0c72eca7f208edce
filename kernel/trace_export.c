/* SPDX-License-Identifier: MIT */
/* The table that a reader outside of the machine finds the trace by. */
#include "kernel/trace_export.h"
#include "kernel/assert.h"
#include "kernel/errno.h"
#include "mm/slab.h"
#include "sched/sched.h"
#include <arch/memory.h>

static const struct trace_export_kind kinds[TRACE_KIND_COUNT] = {
#define TRACE(name, a, b, text) {#name, a, b, text},
#include "kernel/trace.def"
#undef TRACE
};

static const char *const reasons[SCHED_REASON_COUNT] = {
#define REASON(name, text) #name,
#include "sched/reasons.def"
#undef REASON
};

/* Only read from outside, which the compiler cannot know: not static. */
struct trace_export trace_export = {
	.magic = TRACE_EXPORT_MAGIC,
	.version = TRACE_EXPORT_VERSION,
	.record_size = sizeof(struct trace_record),
	.kind_count = TRACE_KIND_COUNT,
	.reason_count = SCHED_REASON_COUNT,
	.kinds = kinds,
	.reasons = reasons,
};

static struct trace_export_ring *rings;

int trace_export_init(unsigned cpus, unsigned capacity)
{
	rings = kzalloc(cpus * sizeof(*rings));
	if (!rings)
		return -ENOMEM;
	trace_export.rings = virt_to_phys(rings);
	trace_export.cpus = cpus;
	trace_export.capacity = capacity;
	return 0;
}

/* The boot CPU's variables lie in the image, all else in the direct map. */
static uint64_t physical(const volatile void *address)
{
	paddr_t pa = 0;
	unsigned prot;

	BUG_ON(!arch_query_page((uintptr_t)address, &pa, &prot));
	return pa;
}

void trace_export_ring(
	unsigned cpu, const struct trace_record *records, const _Atomic uint64_t *seq)
{
	rings[cpu].records = physical(records);
	rings[cpu].seq = physical(seq);
}

void trace_export_ready(void)
{
	atomic_store_explicit(&trace_export.ready, 1, memory_order_release);
}
