/* SPDX-License-Identifier: MIT */
/*
 * Where the trace's rings lie in physical memory, for a reader outside of the machine that has its
 * memory (`make run TRACE=file`). Reading costs the machine nothing: what is traced is what would
 * have happened without. tools/mostrace/stream.py is that reader.
 */
#ifndef KERNEL_TRACE_EXPORT_H
#define KERNEL_TRACE_EXPORT_H

#include "kernel/trace.h"

#define TRACE_EXPORT_MAGIC   "MOSTRACE" /* without its terminator */
#define TRACE_EXPORT_VERSION 1u

/* Names by number, in the kernel's image. */
struct trace_export_kind {
	const char *name, *a, *b, *text;
};

/* A ring, by physical addresses. */
struct trace_export_ring {
	uint64_t records; /* `capacity` struct trace_record */
	uint64_t seq; /* uint64_t: how many have been written; place seq & (capacity - 1) is next */
};

struct trace_export {
	char magic[8];
	uint32_t version;
	uint32_t record_size;
	uint32_t kind_count, reason_count;
	const struct trace_export_kind *kinds;
	const char *const *reasons;
	uint64_t rings;         /* physical address of `cpus` struct trace_export_ring */
	uint32_t cpus;          /* of them the rings are */
	uint32_t capacity;      /* records of a ring, a power of two */
	_Atomic uint32_t ready; /* 1: all of this is true; written last */
};

extern struct trace_export trace_export;

/* Room for the rings of `cpus` CPUs. -ENOMEM: nobody outside sees the trace. */
int __must_check trace_export_init(unsigned cpus, unsigned capacity);

/* Before trace_export_ready(). */
void trace_export_ring(
	unsigned cpu, const struct trace_record *records, const _Atomic uint64_t *seq);

void trace_export_ready(void);

#endif
