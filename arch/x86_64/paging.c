/* SPDX-License-Identifier: MIT */
/*
 * Page tables: four levels of 512 entries, reached through the direct map, which the boot tables
 * and the final ones have at the same place.
 *
 * There is no lock. A table, once installed, is never removed; it is installed by compare and
 * exchange, so that of two CPUs that need the same table one wins and the other gives its page
 * back. The last level belongs to whoever owns the address.
 */
#include "arch/x86_64/control.h"
#include "arch/x86_64/instructions.h"
#include "arch/x86_64/paging.h"
#include "kernel/assert.h"
#include "kernel/errno.h"
#include "mm/boot_alloc.h"
#include "mm/frame.h"
#include <arch/memory.h>

#define CPUID_EXTENDED              0x80000001u
#define CPUID_EXTENDED_EDX_GIGABYTE (1u << 26)
#define CPUID_ADDRESS_SIZES         0x80000008u
#define PHYSICAL_BITS_UNKNOWN       36u /* what every CPU with long mode has */

paddr_t paging_physical_limit(void)
{
	bool known = cpuid(0x80000000, 0).eax >= CPUID_ADDRESS_SIZES;
	unsigned bits = known ? cpuid(CPUID_ADDRESS_SIZES, 0).eax & 0xff : PHYSICAL_BITS_UNKNOWN;

	return MIN(1ull << MIN(bits, 63u), ARCH_VMAP_BASE - ARCH_DIRECT_MAP);
}

paddr_t paging_root_noted;

paddr_t paging_root(void)
{
	return cr3_read() & PTE_ADDRESS;
}

uint64_t paging_no_execute(void)
{
	return msr_read(MSR_EFER) & EFER_NX ? PTE_NO_EXECUTE : 0;
}

static uint64_t *table_at(paddr_t pa)
{
	return phys_to_virt(pa & PTE_ADDRESS);
}

static bool is_table(uint64_t entry, unsigned level)
{
	return level > 1 && entry & PTE_PRESENT && !(entry & PTE_LARGE);
}

/* Tables restrict nothing; rights are in the last entry. Only user addresses need the user bit. */
static uint64_t table_entry(paddr_t pa, uint64_t flags)
{
	return pa | PTE_PRESENT | PTE_WRITE | (flags & PTE_USER);
}

static unsigned largest_level(void)
{
	return cpuid(CPUID_EXTENDED, 0).edx & CPUID_EXTENDED_EDX_GIGABYTE ? 3 : 2;
}

static bool fits(uintptr_t va, paddr_t pa, uint64_t size, unsigned level)
{
	return IS_ALIGNED(va | pa, paging_span(level)) && size >= paging_span(level);
}

static uint64_t large_bit(unsigned level)
{
	return level > 1 ? PTE_LARGE : 0;
}

/*
 * Maps the beginning of a range: one page of the largest size that fits, unless there is one.
 * Returns how many bytes are mapped from `va` on now.
 */
static uint64_t map_first(
	paddr_t root, uintptr_t va, paddr_t pa, uint64_t size, uint64_t flags, unsigned largest)
{
	uint64_t *table = table_at(root), *entry;
	unsigned level = PAGING_LEVELS;

	for (;; level--) {
		entry = &table[paging_index(va, level)];
		if (level <= largest && fits(va, pa, size, level) && !is_table(*entry, level))
			break;
		if (*entry & PTE_PRESENT && !is_table(*entry, level))
			break;
		if (!(*entry & PTE_PRESENT))
			*entry = table_entry(
				frame_boot_alloc(ARCH_PAGE_SIZE, ARCH_PAGE_SIZE), flags);
		table = table_at(*entry);
	}
	if (!(*entry & PTE_PRESENT))
		*entry = pa | flags | PTE_PRESENT | large_bit(level);
	return paging_span(level) - (va & (paging_span(level) - 1));
}

void paging_map_range(paddr_t root, uintptr_t va, paddr_t pa, uint64_t size, uint64_t flags)
{
	unsigned largest = largest_level();
	uint64_t done;

	KASSERT(IS_ALIGNED(va | pa | size, ARCH_PAGE_SIZE));
	for (; size; size -= done, va += done, pa += done)
		done = MIN(map_first(root, va, pa, size, flags, largest), size);
}

uint64_t *paging_find(uintptr_t va, unsigned *level)
{
	uint64_t *table = table_at(paging_root()), *entry;

	for (*level = PAGING_LEVELS;; --*level) {
		entry = &table[paging_index(va, *level)];
		if (!(*entry & PTE_PRESENT))
			return NULL;
		if (!is_table(*entry, *level))
			return entry;
		table = table_at(*entry);
	}
}

/* The table behind an entry, made if it is missing; NULL when out of memory. */
static uint64_t *next_table(uint64_t *entry, uint64_t flags)
{
	uint64_t seen = __atomic_load_n(entry, __ATOMIC_ACQUIRE);
	paddr_t page;

	if (seen & PTE_PRESENT)
		return table_at(seen);
	page = frame_alloc(0, FRAME_ZERO | FRAME_KEPT);
	if (page == FRAME_NONE)
		return NULL;
	if (__atomic_compare_exchange_n(entry, &seen, table_entry(page, flags), false,
		    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return table_at(page);
	frame_free(page, 0);
	return table_at(seen);
}

int paging_map_page(uintptr_t va, paddr_t pa, uint64_t flags)
{
	uint64_t *table = table_at(paging_root());

	KASSERT(IS_ALIGNED(va | pa, ARCH_PAGE_SIZE));
	for (unsigned level = PAGING_LEVELS; level > 1; level--) {
		uint64_t *entry = &table[paging_index(va, level)];

		if (*entry & PTE_PRESENT && !is_table(*entry, level))
			return -EEXIST;
		table = next_table(entry, flags);
		if (!table)
			return -ENOMEM;
	}
	if (table[paging_index(va, 1)] & PTE_PRESENT)
		return -EEXIST;
	__atomic_store_n(&table[paging_index(va, 1)], pa | flags | PTE_PRESENT, __ATOMIC_RELEASE);
	return 0;
}
