/* SPDX-License-Identifier: MIT */
/*
 * What the kernel cannot do to itself: a walk over all page tables finds no page with too many
 * rights, and trying finds that the rights are enforced. Each try has its opposite beside it, so
 * that a test that cannot fail would show.
 */
#include "arch/x86_64/features.h"
#include "arch/x86_64/gdt.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/tests/ktest_user.h"
#include "arch/x86_64/trap.h"
#include "kernel/ktest.h"
#include "kernel/log.h"
#include "kernel/string.h"
#include "mm/frame.h"
#include <arch/memory.h>

#define ERROR_PRESENT 1u
#define ERROR_WRITE   2u
#define ERROR_USER    4u
#define ERROR_FETCH   16u

#define RETURN_INSTRUCTION 0xc3

/* No memory is ever there but in these tests. */
#define USER_PAGE  0x400000ul
/* In the part of the device area whose tables exist from the start; its last page is not used. */
#define SPARE_PAGE (ARCH_DEVICE_BASE + (2ul << 20) - ARCH_PAGE_SIZE)

extern const uint8_t __text_start[], __rodata_start[];

static void report_complaint(uintptr_t va, uint64_t size, const char *what, void *arg)
{
	(void)arg;
	console_printf("# 0x%lx, 0x%lx bytes: %s\n", va, size, what);
}

static void keep_complaint(uintptr_t va, uint64_t size, const char *what, void *arg)
{
	(void)va;
	(void)size;
	*(const char **)arg = what;
}

KTEST(protection_walk_finds_nothing)
{
	KTEST_EXPECT_EQ(arch_memory_walk_check(report_complaint, NULL), 0);
}

/* Maps a spare page against the rules; what the walk says of it. */
static const char *complaint_about(paddr_t pa, uint64_t flags)
{
	const char *what = "no complaint";

	if (paging_map_page(SPARE_PAGE, pa, flags))
		return "not mapped";
	if (arch_memory_walk_check(keep_complaint, &what) > 1)
		what = "more than one complaint";
	arch_unmap_page(SPARE_PAGE);
	return what;
}

static paddr_t image_phys(const uint8_t *va)
{
	return (uintptr_t)va - ARCH_KERNEL_BASE;
}

KTEST(protection_walk_finds_violations)
{
	uint64_t nx = paging_no_execute();

	KTEST_EXPECT(!strcmp(complaint_about(0, PTE_USER | nx), "no complaint"));
	KTEST_EXPECT(!strcmp(
		complaint_about(image_phys(__text_start), PTE_WRITE | nx), "kernel text writable"));
	KTEST_EXPECT(!strcmp(complaint_about(image_phys(__rodata_start), PTE_WRITE | nx),
		"kernel constants writable"));
	if (!nx)
		return;
	KTEST_EXPECT(!strcmp(complaint_about(0, PTE_WRITE), "writable and executable"));
	KTEST_EXPECT(!strcmp(complaint_about(0, 0), "executable, but not kernel text"));
}

static void try_write(void *address)
{
	volatile uint8_t *byte = address;

	*byte = *byte;
}

static void try_read(void *address)
{
	(void)*(volatile uint8_t *)address;
}

static void try_execute(void *address)
{
	((void (*)(void))address)();
}

/* True when it ends in a page fault at this address with these error bits. */
static bool is_stopped(void (*try)(void *address), const void *address, uint64_t error)
{
	struct trap_fault fault;

	if (!trap_expect_fault(try, (void *)(uintptr_t)address, &fault))
		return false;
	console_printf("# %s\n", fault.what);
	return fault.vector == TRAP_PAGE_FAULT && fault.error == error &&
		fault.address == (uintptr_t)address;
}

static bool is_possible(void (*try)(void *address), const void *address)
{
	struct trap_fault fault;

	return !trap_expect_fault(try, (void *)(uintptr_t)address, &fault);
}

KTEST(protection_text_is_read_only)
{
	const void *alias = phys_to_virt(image_phys(__text_start));

	KTEST_EXPECT(is_possible(try_read, __text_start));
	KTEST_EXPECT(is_stopped(try_write, __text_start, ERROR_PRESENT | ERROR_WRITE));
	KTEST_EXPECT(is_possible(try_read, alias));
	KTEST_EXPECT(is_stopped(try_write, alias, ERROR_PRESENT | ERROR_WRITE));
}

KTEST(protection_constants_are_read_only)
{
	const void *alias = phys_to_virt(image_phys(__rodata_start));

	KTEST_EXPECT(is_possible(try_read, __rodata_start));
	KTEST_EXPECT(is_stopped(try_write, __rodata_start, ERROR_PRESENT | ERROR_WRITE));
	KTEST_EXPECT(is_stopped(try_write, alias, ERROR_PRESENT | ERROR_WRITE));
}

KTEST(protection_interrupt_table_is_read_only)
{
	const void *table = trap_table_page();

	KTEST_EXPECT(is_possible(try_read, table));
	KTEST_EXPECT(is_stopped(try_write, table, ERROR_PRESENT | ERROR_WRITE));
	KTEST_EXPECT(is_stopped(
		try_write, phys_to_virt(image_phys(table)), ERROR_PRESENT | ERROR_WRITE));
}

/* A function in text that is only a return instruction. */
static __noinline void do_nothing(void)
{
	barrier();
}

KTEST(protection_data_is_not_executable)
{
	static uint8_t data[] = {RETURN_INSTRUCTION};
	uint8_t stack[] = {RETURN_INSTRUCTION};
	paddr_t page = frame_alloc(0, FRAME_ZERO);
	uint8_t *memory = phys_to_virt(page);

	if (!feature_on(FEATURE_NX)) {
		ktest_skip("this CPU has no NX");
		frame_free(page, 0);
		return;
	}
	KTEST_EXPECT(page != FRAME_NONE);
	memory[0] = RETURN_INSTRUCTION;
	KTEST_EXPECT(is_possible(try_execute, (const void *)do_nothing));
	KTEST_EXPECT(is_stopped(try_execute, data, ERROR_PRESENT | ERROR_FETCH));
	KTEST_EXPECT(is_stopped(try_execute, stack, ERROR_PRESENT | ERROR_FETCH));
	KTEST_EXPECT(is_stopped(try_execute, memory, ERROR_PRESENT | ERROR_FETCH));
	KTEST_EXPECT(is_stopped(try_execute, __rodata_start, ERROR_PRESENT | ERROR_FETCH));
	frame_free(page, 0);
}

KTEST(protection_nothing_is_mapped_low)
{
	KTEST_EXPECT(is_stopped(try_read, NULL, 0));
	KTEST_EXPECT(is_stopped(try_read, (void *)8, 0));
	KTEST_EXPECT(is_stopped(try_read, (void *)0x100000, 0));
}

/* One page of user memory at USER_PAGE with `code` in it; its physical address. */
static paddr_t map_user_page(const void *code, size_t size)
{
	paddr_t page = frame_alloc(0, FRAME_ZERO);

	if (page == FRAME_NONE)
		return FRAME_NONE;
	memcpy(phys_to_virt(page), code, size);
	if (!paging_map_page(USER_PAGE, page, PTE_USER | PTE_WRITE))
		return page;
	frame_free(page, 0);
	return FRAME_NONE;
}

/* The page and the three tables that lead to it: nothing else is mapped in this half. */
static void unmap_user_page(paddr_t page)
{
	uint64_t *table = phys_to_virt(paging_root());
	paddr_t tables[PAGING_LEVELS - 1];

	for (unsigned level = PAGING_LEVELS; level > 1; level--) {
		uint64_t entry = table[paging_index(USER_PAGE, level)];

		tables[level - 2] = entry & PTE_ADDRESS;
		table = phys_to_virt(tables[level - 2]);
	}
	*(uint64_t *)phys_to_virt(paging_root()) = 0;
	arch_flush_all();
	for (unsigned i = 0; i < ARRAY_SIZE(tables); i++)
		frame_free(tables[i], 0);
	frame_free(page, 0);
}

/* With the flag that SMAP honours, user pages are open. */
static void try_read_on_purpose(void *address)
{
	__asm__ volatile("stac" ::: "memory");
	try_read(address);
	__asm__ volatile("clac" ::: "memory");
}

KTEST(protection_smap)
{
	static const uint8_t code[] = {RETURN_INSTRUCTION};
	const void *user = (const void *)USER_PAGE;
	paddr_t page = map_user_page(code, sizeof(code));

	KTEST_EXPECT(page != FRAME_NONE);
	if (feature_on(FEATURE_SMAP)) {
		KTEST_EXPECT(is_stopped(try_read, user, ERROR_PRESENT));
		KTEST_EXPECT(is_possible(try_read_on_purpose, user));
	} else {
		KTEST_EXPECT(is_possible(try_read, user));
		ktest_skip("this CPU has no SMAP");
	}
	unmap_user_page(page);
}

KTEST(protection_smep)
{
	static const uint8_t code[] = {RETURN_INSTRUCTION};
	const void *user = (const void *)USER_PAGE;
	paddr_t page = map_user_page(code, sizeof(code));

	KTEST_EXPECT(page != FRAME_NONE);
	if (feature_on(FEATURE_SMEP)) {
		KTEST_EXPECT(is_stopped(try_execute, user, ERROR_PRESENT | ERROR_FETCH));
	} else {
		KTEST_EXPECT(is_possible(try_execute, user));
		ktest_skip("this CPU has no SMEP");
	}
	unmap_user_page(page);
}

/* Runs the user page in user mode, its stack at its end. Does not return. */
static void enter_user(void *arg)
{
	(void)arg;
	/* Exceptions push below everything that is alive on this stack. */
	gdt_set_kernel_stack((uintptr_t)__builtin_frame_address(0) - 1024);
	ktest_enter_user(USER_PAGE, USER_PAGE + ARCH_PAGE_SIZE);
}

/* The exception in which the code ends when it runs in user mode; its error code. */
static unsigned user_mode_ends(const void *code, size_t size, uint64_t *error)
{
	paddr_t page = map_user_page(code, size);
	struct trap_fault fault = {.vector = TRAP_VECTORS};

	if (page == FRAME_NONE)
		return TRAP_VECTORS;
	(void)trap_expect_fault(enter_user, NULL, &fault);
	console_printf("# %s\n", fault.what);
	*error = fault.error;
	unmap_user_page(page);
	return fault.vector;
}

KTEST(protection_user_mode_is_confined)
{
	static const uint8_t undefined[] = {0x0f, 0x0b}, halt[] = {0xf4};
	/* movabs address, %rax: reads the kernel. */
	uint8_t load[10] = {0x48, 0xa1};
	uintptr_t address = (uintptr_t)__text_start;
	uint64_t error = 0;

	memcpy(load + 2, &address, sizeof(address));
	KTEST_EXPECT_EQ(user_mode_ends(undefined, sizeof(undefined), &error), TRAP_INVALID_OPCODE);
	KTEST_EXPECT_EQ(user_mode_ends(halt, sizeof(halt), &error), TRAP_PROTECTION);
	KTEST_EXPECT_EQ(user_mode_ends(load, sizeof(load), &error), TRAP_PAGE_FAULT);
	KTEST_EXPECT_EQ(error, ERROR_PRESENT | ERROR_USER);
}

KTEST(protection_umip)
{
	/* sgdt -16(%rsp), then an undefined instruction, reached where the first is allowed. */
	static const uint8_t code[] = {0x0f, 0x01, 0x44, 0x24, 0xf0, 0x0f, 0x0b};
	uint64_t error;
	unsigned vector = user_mode_ends(code, sizeof(code), &error);

	KTEST_EXPECT_EQ(vector, feature_on(FEATURE_UMIP) ? TRAP_PROTECTION : TRAP_INVALID_OPCODE);
	if (!feature_on(FEATURE_UMIP))
		ktest_skip("this CPU has no UMIP");
}
