/* SPDX-License-Identifier: MIT */
/*
 * Physical memory of the host machine: one arena, which stands for the addresses from 0 to
 * arch_host_memory_size. arch_host_memory_init() (arch/host.h) makes it.
 */
#ifndef ARCH_MEMORY_H
#define ARCH_MEMORY_H

#include "kernel/types.h"

extern char *arch_host_memory;
extern uint64_t arch_host_memory_size;

static inline void *phys_to_virt(paddr_t pa)
{
	return arch_host_memory + pa;
}

static inline paddr_t virt_to_phys(const void *va)
{
	return (paddr_t)((uintptr_t)va - (uintptr_t)arch_host_memory);
}

/* Every address of the process is mapped, at a physical one that counts from the arena. */
static inline bool arch_query_page(uintptr_t va, paddr_t *pa, unsigned *prot)
{
	*pa = virt_to_phys((const void *)va);
	*prot = 0;
	return true;
}

#endif
