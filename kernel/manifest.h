/* SPDX-License-Identifier: MIT */
/*
 * What a debugger finds at the first byte of every kernel image: which kernel this is, and where
 * its roots are. It lies at the same address in all builds, so that scripts made for, or symbols
 * of, another build notice it instead of showing nonsense.
 */
#ifndef KERNEL_MANIFEST_H
#define KERNEL_MANIFEST_H

#include "kernel/types.h"

/*
 * Counted up whenever a debugger's scripts must change because of more than names and offsets,
 * which they take from the debug information. gdb/multios/manifest.py has the same number.
 */
#define MANIFEST_VERSION 1u
#define MANIFEST_MAGIC   "MultiOS manifest" /* without its terminator */

struct thread;
struct list;
struct sched;
struct cpu_scheduler;

/* What the two numbers of a trace record are, and what it says: kernel/trace.def. */
struct debug_trace_kind {
	const char *a, *b, *text;
};

/* All (c). Per-CPU variables are given by their link address: add percpu_offset[cpu]. */
struct debug_manifest {
	char magic[16];
	uint32_t version;
	uint32_t size;        /* of this struct */
	const void *build_id; /* an ELF note */
	const struct list *process_list;
	const struct sched *scheduler;
	const uintptr_t *percpu_offset;
	const struct cpu_scheduler *cpu_schedulers; /* per CPU */
	struct thread *const *current_thread;       /* per CPU */
	const char *const *reasons;                 /* text by enum sched_reason */
	const struct debug_trace_kind *trace_kinds; /* by enum trace_kind */
	uintptr_t direct_map;                       /* where all memory is mapped, from 0 on */
};

extern const struct debug_manifest debug_manifest;

#endif
