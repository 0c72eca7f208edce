/* SPDX-License-Identifier: MIT */
/* The limits: numbers that whoever creates something looks at. */
#include "kernel/limits.h"
#include "kernel/params.h"
#include "mm/frame.h"
#include <arch/cpu.h>

#define MEMORY_PER_THREAD  (16u << 10) /* a default: twice a stack of the default size */
#define MEMORY_PER_PROCESS (64u << 10)
#define THREADS_MIN        256u
#define PROCESSES_MIN      64u
#define BYTES_PER_MIB      (1ull << 20)

_Atomic uint64_t limits[LIMIT_COUNT];

const char *limit_name(unsigned which)
{
	static const char *const names[LIMIT_COUNT] = {
		"threads", "processes", "memory", "process-threads", "process-memory"};

	return which < LIMIT_COUNT ? names[which] : NULL;
}

uint64_t limit_memory_used(void)
{
	return frame_used_pages() * ARCH_PAGE_SIZE;
}

bool limit_memory_refused(uint64_t bytes)
{
	uint64_t limit = limit_get(LIMIT_MEMORY), used = limit_memory_used();

	return used > limit || bytes > limit - used;
}

static uint64_t number_or(unsigned param, uint64_t otherwise)
{
	return param ? param : otherwise;
}

void limits_init(void)
{
	struct frame_stats memory;
	uint64_t bytes;

	frame_get_stats(&memory);
	bytes = memory.total * ARCH_PAGE_SIZE;
	limit_set(LIMIT_THREADS,
		number_or(kernel_params.threads, MAX(bytes / MEMORY_PER_THREAD, THREADS_MIN)));
	limit_set(LIMIT_PROCESSES,
		number_or(kernel_params.processes, MAX(bytes / MEMORY_PER_PROCESS, PROCESSES_MIN)));
	limit_set(LIMIT_MEMORY,
		kernel_params.memory ? kernel_params.memory * BYTES_PER_MIB
				     : bytes - MIN(bytes / 16, LIMIT_RESERVE_MEMORY));
	limit_set(LIMIT_PROCESS_THREADS, number_or(kernel_params.process_threads, UINT64_MAX));
	limit_set(LIMIT_PROCESS_MEMORY,
		number_or(kernel_params.process_memory, bytes / 2 / BYTES_PER_MIB) * BYTES_PER_MIB);
}
