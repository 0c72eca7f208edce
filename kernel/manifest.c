/* SPDX-License-Identifier: MIT */
/* The manifest: read from outside only. */
#include "kernel/manifest.h"
#include "kernel/process.h"
#include "kernel/thread.h"
#include "kernel/trace.h"
#include <arch/memory.h>

extern const char __build_id[];

static const char *const reasons[SCHED_REASON_COUNT] = {
#define REASON(name, text) text,
#include "sched/reasons.def"
#undef REASON
};

static const struct debug_trace_kind trace_kinds[TRACE_KIND_COUNT] = {
#define TRACE(name, a, b, text) {a, b, text},
#include "kernel/trace.def"
#undef TRACE
};

__section(".manifest") const struct debug_manifest debug_manifest = {
	.magic = MANIFEST_MAGIC,
	.version = MANIFEST_VERSION,
	.size = sizeof(struct debug_manifest),
	.build_id = __build_id,
	.process_list = &process_list,
	.scheduler = &scheduler,
	.percpu_offset = percpu_offset,
	.cpu_schedulers = &cpu_schedulers,
	.current_thread = &current_thread,
	.reasons = reasons,
	.trace_kinds = trace_kinds,
	.direct_map = ARCH_DIRECT_MAP,
};
