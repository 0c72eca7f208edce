/* SPDX-License-Identifier: MIT */
/* Exceptions in words, and the registers of a frame on the console. */
#include "arch/x86_64/control.h"
#include "arch/x86_64/gdt.h"
#include "arch/x86_64/instructions.h"
#include "arch/x86_64/trap.h"
#include "arch/x86_64/trap_private.h"
#include "kernel/format.h"
#include "mm/kstack.h"
#include <arch/cpu.h>
#include <arch/debug.h>
#include <arch/memory.h>

extern const uint8_t __text_start[], __text_end[], __rodata_start[], __rodata_end[];

#define PAGE_FAULT_PRESENT  1u
#define PAGE_FAULT_WRITE    2u
#define PAGE_FAULT_USER     4u
#define PAGE_FAULT_RESERVED 8u
#define PAGE_FAULT_FETCH    16u
#define PAGE_FAULT_KEY      32u

#define DR6_WATCHPOINTS 0xful
#define DR6_SINGLE_STEP (1ul << 14)

#define MSR_MACHINE_CHECK_CAPABILITY    0x179u
#define MSR_MACHINE_CHECK_STATUS(bank)  (0x401u + 4 * (bank))
#define MSR_MACHINE_CHECK_ADDRESS(bank) (0x402u + 4 * (bank))
#define MACHINE_CHECK_VALID             (1ul << 63)
#define MACHINE_CHECK_ADDRESS_VALID     (1ul << 58)

static const char *const names[TRAP_EXCEPTIONS] = {
	[0] = "divide error",
	[TRAP_DEBUG] = "debug exception",
	[TRAP_NMI] = "non-maskable interrupt",
	[TRAP_BREAKPOINT] = "breakpoint",
	[4] = "overflow",
	[5] = "bound range exceeded",
	[TRAP_INVALID_OPCODE] = "invalid opcode",
	[TRAP_NO_FPU] = "no floating-point unit",
	[TRAP_DOUBLE_FAULT] = "double fault",
	[9] = "coprocessor segment overrun",
	[10] = "invalid task state",
	[11] = "segment not present",
	[12] = "stack segment fault",
	[TRAP_PROTECTION] = "general protection fault",
	[TRAP_PAGE_FAULT] = "page fault",
	[16] = "floating-point error",
	[17] = "misaligned access",
	[TRAP_MACHINE_CHECK] = "machine check",
	[19] = "vector floating-point error",
	[20] = "virtualisation exception",
	[21] = "control protection fault",
	[28] = "hypervisor injection exception",
	[29] = "hypervisor communication exception",
	[30] = "security exception",
};

const char *trap_name(unsigned vector)
{
	if (vector >= TRAP_EXCEPTIONS)
		return "interrupt";
	return names[vector] ? names[vector] : "reserved exception";
}

static bool within(uintptr_t va, const uint8_t *start, const uint8_t *end)
{
	return va >= (uintptr_t)start && va < (uintptr_t)end;
}

static const char *access_name(uint64_t error)
{
	if (error & PAGE_FAULT_FETCH)
		return "execution";
	return error & PAGE_FAULT_WRITE ? "write" : "read";
}

/* What was wrong with a page that is mapped. */
static const char *denied_name(uint64_t error, uintptr_t va)
{
	if (error & PAGE_FAULT_KEY)
		return "memory closed by its protection key";
	if (error & PAGE_FAULT_USER)
		return "memory closed to user mode";
	if (va < ARCH_DIRECT_MAP)
		return error & PAGE_FAULT_FETCH ? "user memory (stopped by SMEP)"
						: "user memory (stopped by SMAP)";
	if (error & PAGE_FAULT_FETCH)
		return "data";
	if (within(va, __text_start, __text_end))
		return "read-only kernel text";
	if (within(va, __rodata_start, __rodata_end))
		return "read-only kernel data";
	return "a read-only page";
}

static const char *page_name(uint64_t error, uintptr_t va)
{
	if (error & PAGE_FAULT_RESERVED)
		return "a page with damaged page tables (reserved bit set)";
	if (va < ARCH_PAGE_SIZE)
		return "a null pointer";
	if (error & PAGE_FAULT_PRESENT)
		return denied_name(error, va);
	return va < ARCH_DIRECT_MAP ? "an unmapped user address" : "an unmapped address";
}

static void describe_page_fault(const struct arch_frame *f, char *buf, size_t size)
{
	uintptr_t va = this_cpu(trap_fault_address);

	if (kstack_guard_hit(va))
		format_string(buf, size, "kernel stack overflow: %s at guard page address 0x%lx",
			access_name(f->error), va);
	else
		format_string(buf, size, "page fault: %s of %s at 0x%lx%s", access_name(f->error),
			page_name(f->error, va), va,
			f->error & PAGE_FAULT_USER ? " from user mode" : "");
}

/* A push on a guard page cannot report itself: there is no place for the page fault's frame. */
static void describe_double_fault(const struct arch_frame *f, char *buf, size_t size)
{
	uintptr_t va = cr2_read();

	if (kstack_guard_hit(va) || kstack_guard_hit(f->rsp))
		format_string(buf, size,
			"kernel stack overflow (double fault), stack pointer 0x%lx", f->rsp);
	else
		format_string(buf, size,
			"double fault, stack pointer 0x%lx, last page fault at 0x%lx", f->rsp, va);
}

static const char *selector_table(uint64_t error)
{
	if (error & 2)
		return "interrupt";
	return error & 4 ? "local" : "global";
}

/* Error codes of segment exceptions name a descriptor (Intel SDM volume 3, 6.13). */
static void describe_selector(const struct arch_frame *f, char *buf, size_t size)
{
	format_string(buf, size, "%s: entry %lu of the %s descriptor table%s", trap_name(f->vector),
		f->error >> 3, selector_table(f->error),
		f->error & 1 ? ", while delivering an event" : "");
}

static bool has_selector(const struct arch_frame *f)
{
	return f->error && f->vector >= 10 && f->vector <= TRAP_PROTECTION;
}

/* What hardware found broken: the first of its register banks that says so (SDM volume 3, 15.3). */
static void describe_machine_check(char *buf, size_t size)
{
	unsigned banks = msr_read(MSR_MACHINE_CHECK_CAPABILITY) & 0xff;

	for (unsigned bank = 0; bank < banks; bank++) {
		uint64_t status = msr_read(MSR_MACHINE_CHECK_STATUS(bank));

		if (!(status & MACHINE_CHECK_VALID))
			continue;
		format_string(buf, size, "machine check: bank %u, status 0x%lx, address 0x%lx",
			bank, status,
			status & MACHINE_CHECK_ADDRESS_VALID
				? msr_read(MSR_MACHINE_CHECK_ADDRESS(bank))
				: 0);
		return;
	}
	format_string(buf, size, "machine check, no bank says why");
}

static const char *debug_reason(uint64_t dr6)
{
	if (dr6 & DR6_SINGLE_STEP)
		return "single step";
	return dr6 & DR6_WATCHPOINTS ? "a watched address" : "no reason given";
}

static void describe_debug(char *buf, size_t size)
{
	format_string(buf, size, "debug exception: %s", debug_reason(dr6_read()));
}

void trap_describe(const struct arch_frame *f, char *buf, size_t size)
{
	if (f->vector == TRAP_PAGE_FAULT)
		describe_page_fault(f, buf, size);
	else if (f->vector == TRAP_DOUBLE_FAULT)
		describe_double_fault(f, buf, size);
	else if (f->vector == TRAP_MACHINE_CHECK)
		describe_machine_check(buf, size);
	else if (f->vector == TRAP_DEBUG)
		describe_debug(buf, size);
	else if (has_selector(f))
		describe_selector(f, buf, size);
	else if (f->vector == TRAP_PROTECTION)
		format_string(buf, size,
			"general protection fault: instruction forbidden, or address not canonical");
	else
		format_string(buf, size, "%s", trap_name((unsigned)f->vector));
}

/* The flags that are set, as letters: "IF ZF PF". */
static void flags_text(uint64_t rflags, char *buf, size_t size)
{
	static const struct {
		uint8_t bit;
		char name[4];
	} flag[] = {{0, "CF"}, {2, "PF"}, {4, "AF"}, {6, "ZF"}, {7, "SF"}, {8, "TF"}, {9, "IF"},
		{10, "DF"}, {11, "OF"}, {14, "NT"}, {16, "RF"}, {18, "AC"}};
	size_t used = 0;

	buf[0] = 0;
	for (size_t i = 0; i < ARRAY_SIZE(flag) && used < size; i++) {
		if (rflags >> flag[i].bit & 1)
			used += (size_t)format_string(buf + used, size - used, " %s", flag[i].name);
	}
}

static void print_error(const struct arch_frame *f, void (*print)(const char *fmt, ...))
{
	uint64_t e = f->error;

	print("  vector %lu (%s), error 0x%lx", f->vector, trap_name((unsigned)f->vector), e);
	if (f->vector == TRAP_PAGE_FAULT)
		print(" =%s%s%s%s%s%s, address 0x%lx",
			e & PAGE_FAULT_PRESENT ? " present" : " absent",
			e & PAGE_FAULT_WRITE ? " write" : "", e & PAGE_FAULT_USER ? " user" : "",
			e & PAGE_FAULT_RESERVED ? " reserved-bit" : "",
			e & PAGE_FAULT_FETCH ? " fetch" : "", e & PAGE_FAULT_KEY ? " key" : "",
			this_cpu(trap_fault_address));
	print("\n");
}

void arch_frame_print(const struct arch_frame *f, void (*print)(const char *fmt, ...))
{
	char flags[64];

	flags_text(f->rflags, flags, sizeof(flags));
	if (f->vector < TRAP_VECTORS)
		print_error(f, print);
	print("  rip %016lx %pS\n", f->rip, (void *)f->rip);
	print("  rsp %016lx cs %lx ss %lx rflags %lx%s\n", f->rsp, f->cs, f->ss, f->rflags, flags);
	print("  rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", f->rax, f->rbx, f->rcx, f->rdx);
	print("  rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n", f->rsi, f->rdi, f->rbp, f->r8);
	print("  r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n", f->r9, f->r10, f->r11, f->r12);
	print("  r13 %016lx r14 %016lx r15 %016lx\n", f->r13, f->r14, f->r15);
	print("  cr0 %lx cr2 %lx cr3 %lx cr4 %lx\n", cr0_read(), cr2_read(), cr3_read(),
		cr4_read());
}
