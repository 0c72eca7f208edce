/* SPDX-License-Identifier: MIT */
/*
 * The kernel's page tables as tables: entries, walks, proofs. The rest of the kernel uses
 * <arch/memory.h>.
 */
#ifndef X86_PAGING_H
#define X86_PAGING_H

#include "kernel/types.h"
#include <arch/cpu.h>

#define PTE_PRESENT       (1ull << 0)
#define PTE_WRITE         (1ull << 1)
#define PTE_USER          (1ull << 2)
#define PTE_WRITE_THROUGH (1ull << 3)
#define PTE_UNCACHED      (1ull << 4)
#define PTE_LARGE         (1ull << 7) /* above level 1: maps memory itself */
#define PTE_NO_EXECUTE    (1ull << 63)
#define PTE_ADDRESS       0x000ffffffffff000ull

#define PAGING_LEVELS  4u /* the root is level 4; an entry of level n maps 2^(3 + 9n) bytes */
#define PAGING_ENTRIES 512u

/* Bytes mapped by one entry of a level: 4 KiB, 2 MiB, 1 GiB, 512 GiB. */
static inline uint64_t paging_span(unsigned level)
{
	return ARCH_PAGE_SIZE << 9 * (level - 1);
}

static inline unsigned paging_index(uintptr_t va, unsigned level)
{
	return va >> (12 + 9 * (level - 1)) & (PAGING_ENTRIES - 1);
}

/* There is no memory at or above this address: the CPU's or the direct map's end. */
paddr_t paging_physical_limit(void);

/* Physical address of the root of the tables this CPU uses. */
paddr_t paging_root(void);

/* (c) The kernel's own root; for a debugger that has memory but no control registers (gdb/core). */
extern paddr_t paging_root_noted;

/* PTE_NO_EXECUTE where the CPU has it, else 0: there the bit is reserved. */
uint64_t paging_no_execute(void);

/*
 * Maps [va, va + size) to memory from `pa` on with the largest pages that fit; what is mapped
 * already stays as it is. `root` is the physical address of a root table. Boot only: takes pages
 * from frame_boot_alloc() and ends the boot when there are none.
 */
void paging_map_range(paddr_t root, uintptr_t va, paddr_t pa, uint64_t size, uint64_t flags);

/*
 * Maps one page with these flags. Tables that are missing come from frame_alloc(); no lock, callers
 * own disjoint pages. 0, -ENOMEM, or -EEXIST when something is mapped there.
 */
int __must_check paging_map_page(uintptr_t va, paddr_t pa, uint64_t flags);

/* The entry that maps an address, and its level; NULL: nothing does. Any context, never faults. */
uint64_t *paging_find(uintptr_t va, unsigned *level);

/*
 * Walks all tables and calls complain() for every run of pages that breaks a rule: writable and
 * executable, executable outside kernel text, kernel text or constants writable under any address,
 * open to user mode, below the kernel's half. Returns the number of complaints.
 */
typedef void (*paging_complain)(uintptr_t va, uint64_t size, const char *what, void *arg);
unsigned arch_memory_walk_check(paging_complain complain, void *arg);

#endif
