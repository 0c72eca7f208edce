/* SPDX-License-Identifier: MIT */
/*
 * Kernel address space.
 *
 *	0xffff800000000000  direct map of physical memory (large pages, data, NX)
 *	0xffffc00000000000  vmap area: kernel stacks with guard pages
 *	0xffffd00000000000  device registers
 *	0xffffffff80000000  kernel image, text read-only, data NX
 *
 * Nothing is mapped below 0xffff800000000000 once arch_memory_init() has returned.
 */
#ifndef ARCH_MEMORY_H
#define ARCH_MEMORY_H

#include "kernel/types.h"

#define ARCH_DIRECT_MAP  0xffff800000000000ull
#define ARCH_VMAP_BASE   0xffffc00000000000ull
#define ARCH_VMAP_END    0xffffd00000000000ull
#define ARCH_DEVICE_BASE 0xffffd00000000000ull
#define ARCH_DEVICE_END  0xffffd08000000000ull
#define ARCH_KERNEL_BASE 0xffffffff80000000ull

/* Page protections. Execute is given to kernel text only. */
enum arch_prot {
	ARCH_PROT_READ = 0,
	ARCH_PROT_WRITE = 1,
	ARCH_PROT_EXEC = 2,
	ARCH_PROT_DEVICE = 4, /* uncached */
};

/* Of memory that the loader reported as such, and of the first MiB. */
static inline void *phys_to_virt(paddr_t pa)
{
	return (void *)(uintptr_t)(pa + ARCH_DIRECT_MAP);
}

/* Only for addresses in the direct map. */
static inline paddr_t virt_to_phys(const void *va)
{
	return (paddr_t)((uintptr_t)va - ARCH_DIRECT_MAP);
}

/*
 * Maps one page of the vmap area. Page-table pages come from frame_alloc(). 0, -ENOMEM, or
 * -EEXIST when something is mapped there. The caller owns the range.
 */
int __must_check arch_map_page(uintptr_t va, paddr_t pa, unsigned prot);

/* Removes a mapping and flushes it on this CPU; returns the physical page, or 0 if none. */
paddr_t arch_unmap_page(uintptr_t va);

/* Physical address and protections of a kernel address; false when it is not mapped. */
bool arch_query_page(uintptr_t va, paddr_t *pa, unsigned *prot);

/* Maps device registers, uncached; before or after the allocator is up. NULL when out of memory. */
void *arch_map_device(paddr_t pa, size_t size);

void arch_flush_page(uintptr_t va);
void arch_flush_all(void);

#endif
