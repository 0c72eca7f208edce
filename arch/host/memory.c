/* SPDX-License-Identifier: MIT */
/* An arena of untouched pages plays the physical memory: large ones cost nothing until used. */
#include "kernel/assert.h"
#include <arch/host.h>
#include <arch/memory.h>
#include <sys/mman.h>

char *arch_host_memory;
uint64_t arch_host_memory_size;

void arch_host_memory_init(uint64_t size)
{
	void *arena;

	if (arch_host_memory)
		munmap(arch_host_memory, arch_host_memory_size);
	arena = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	BUG_ON(arena == MAP_FAILED);
	arch_host_memory = arena;
	arch_host_memory_size = size;
}
