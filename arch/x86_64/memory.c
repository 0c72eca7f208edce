/* SPDX-License-Identifier: MIT */
/*
 * The kernel's address space: the final tables, then single pages of the vmap area and windows on
 * device registers.
 */
#include "arch/x86_64/control.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/screen.h"
#include "arch/x86_64/trap.h"
#include "boot/boot_info.h"
#include "kernel/assert.h"
#include "mm/boot_alloc.h"
#include <arch/cpu.h>
#include <arch/init.h>
#include <arch/memory.h>

#define LOW_MEMORY_END 0x100000ull /* the BIOS's first MiB */
#define LOW_DEVICES    0xa0000ull  /* from here on: video memory and firmware */

/* Tables for this much of the device area are made at once, so that no allocator is needed. */
#define DEVICE_AREA_EARLY (2ull << 20)

extern const uint8_t __text_start[], __text_end[], __rodata_start[], __rodata_end[];
extern const uint8_t __data_start[], __kernel_end[];

static _Atomic uintptr_t device_next = ARCH_DEVICE_BASE; /* (a) */

static paddr_t image_to_phys(const uint8_t *va)
{
	return (uintptr_t)va - ARCH_KERNEL_BASE;
}

static void map_image_part(paddr_t root, const uint8_t *start, const uint8_t *end, uint64_t flags)
{
	paging_map_range(root, (uintptr_t)start, image_to_phys(start),
		ALIGN_UP((uint64_t)(end - start), ARCH_PAGE_SIZE), flags);
}

/* The interrupt table lies among the data but is read-only: what is mapped first stays. */
static void map_image(paddr_t root)
{
	map_image_part(root, __text_start, __text_end, 0);
	map_image_part(root, __rodata_start, __rodata_end, paging_no_execute());
	map_image_part(root, trap_table_page(), (const uint8_t *)trap_table_page() + ARCH_PAGE_SIZE,
		paging_no_execute());
	map_image_part(root, __data_start, __kernel_end, PTE_WRITE | paging_no_execute());
}

static void map_direct(paddr_t root, paddr_t start, paddr_t end, uint64_t flags)
{
	paging_map_range(root, (uintptr_t)phys_to_virt(start), start, end - start,
		flags | paging_no_execute());
}

/* Devices are not memory, and bad memory is better not touched. */
static bool is_memory(const struct boot_range *r)
{
	return r->kind != BOOT_RESERVED && r->kind != BOOT_BAD && r->kind != BOOT_FRAMEBUFFER;
}

/*
 * The image is read-only where its text, constants and interrupt table are, under this address too.
 * Those parts come first.
 */
static void map_physical(paddr_t root, const struct boot_info *boot)
{
	map_direct(root, image_to_phys(__text_start), image_to_phys(__rodata_end), 0);
	map_direct(root, image_to_phys(trap_table_page()),
		image_to_phys(trap_table_page()) + ARCH_PAGE_SIZE, 0);
	map_direct(root, 0, LOW_DEVICES, PTE_WRITE);
	map_direct(root, LOW_DEVICES, LOW_MEMORY_END, PTE_WRITE | PTE_UNCACHED | PTE_WRITE_THROUGH);
	for (unsigned i = 0; i < boot->range_count; i++) {
		const struct boot_range *r = &boot->range[i];

		if (is_memory(r))
			map_direct(root, ALIGN_DOWN(r->start, ARCH_PAGE_SIZE),
				ALIGN_UP(r->start + r->size, ARCH_PAGE_SIZE), PTE_WRITE);
	}
}

/* Where the first tables have it too, so that it stays usable while these are exchanged. */
static void map_framebuffer(paddr_t root, const struct boot_framebuffer *f)
{
	paddr_t end = f->address + boot_framebuffer_size(f);

	if (screen_pixels_fit(f))
		map_direct(root, ALIGN_DOWN(f->address, ARCH_PAGE_SIZE),
			ALIGN_UP(end, ARCH_PAGE_SIZE),
			PTE_WRITE | PTE_UNCACHED | PTE_WRITE_THROUGH);
}

/* Device registers may be wanted before frame_alloc() works. */
static void prepare_device_area(paddr_t root)
{
	uintptr_t page = ARCH_DEVICE_BASE + DEVICE_AREA_EARLY - ARCH_PAGE_SIZE;
	unsigned level;

	paging_map_range(root, page, 0, ARCH_PAGE_SIZE, 0);
	cr3_write(root);
	paging_root_noted = root;
	*paging_find(page, &level) = 0;
}

void arch_memory_init(const struct boot_info *boot)
{
	paddr_t root = frame_boot_alloc(ARCH_PAGE_SIZE, ARCH_PAGE_SIZE);

	map_image(root);
	map_physical(root, boot);
	map_framebuffer(root, &boot->framebuffer);
	prepare_device_area(root);
	arch_flush_all();
}

static uint64_t prot_flags(unsigned prot)
{
	uint64_t flags = prot & ARCH_PROT_EXEC ? 0 : paging_no_execute();

	if (prot & ARCH_PROT_WRITE)
		flags |= PTE_WRITE;
	if (prot & ARCH_PROT_DEVICE)
		flags |= PTE_UNCACHED | PTE_WRITE_THROUGH;
	return flags;
}

int arch_map_page(uintptr_t va, paddr_t pa, unsigned prot)
{
	KASSERT(va >= ARCH_VMAP_BASE && va < ARCH_DEVICE_END);
	KASSERT((prot & (ARCH_PROT_WRITE | ARCH_PROT_EXEC)) != (ARCH_PROT_WRITE | ARCH_PROT_EXEC));
	return paging_map_page(va, pa, prot_flags(prot));
}

paddr_t arch_unmap_page(uintptr_t va)
{
	unsigned level;
	uint64_t *entry = paging_find(va, &level);
	paddr_t pa;

	if (!entry)
		return 0;
	KASSERT(level == 1 && va >= ARCH_VMAP_BASE && va < ARCH_DEVICE_END);
	pa = __atomic_exchange_n(entry, 0, __ATOMIC_ACQ_REL) & PTE_ADDRESS;
	arch_flush_page(va);
	return pa;
}

/* Addresses between the halves do not exist; bits 47 to 63 are equal in all others. */
static bool is_canonical(uintptr_t va)
{
	return (intptr_t)(va << 16) >> 16 == (intptr_t)va;
}

bool arch_query_page(uintptr_t va, paddr_t *pa, unsigned *prot)
{
	unsigned level;
	uint64_t *entry = is_canonical(va) ? paging_find(va, &level) : NULL;

	if (!entry)
		return false;
	*pa = (*entry & PTE_ADDRESS & ~(paging_span(level) - 1)) | (va & (paging_span(level) - 1));
	*prot = (*entry & PTE_WRITE ? ARCH_PROT_WRITE : 0) |
		(*entry & PTE_NO_EXECUTE ? 0 : ARCH_PROT_EXEC) |
		(*entry & PTE_UNCACHED ? ARCH_PROT_DEVICE : 0);
	return true;
}

void *arch_map_device(paddr_t pa, size_t size)
{
	uint64_t offset = pa & (ARCH_PAGE_SIZE - 1);
	uint64_t bytes = ALIGN_UP(offset + size, ARCH_PAGE_SIZE);
	uintptr_t va = atomic_fetch_add(&device_next, bytes);

	BUG_ON(va + bytes > ARCH_DEVICE_END);
	for (uint64_t done = 0; done < bytes; done += ARCH_PAGE_SIZE) {
		if (arch_map_page(
			    va + done, pa - offset + done, ARCH_PROT_WRITE | ARCH_PROT_DEVICE))
			return NULL;
	}
	return (void *)(va + offset);
}

void arch_flush_page(uintptr_t va)
{
	tlb_flush_page(va);
}

void arch_flush_all(void)
{
	cr3_write(cr3_read());
}
