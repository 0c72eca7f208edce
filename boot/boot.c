/* SPDX-License-Identifier: MIT */
/*
 * The first C code: makes sure that a fault is told instead of resetting the machine, checks what
 * the kernel cannot do without, has the loader's tables parsed, and enters the kernel.
 */
#include "arch/x86_64/instructions.h"
#include "arch/x86_64/paging.h"
#include "boot/boot_info.h"
#include "boot/entry.h"
#include "boot/fail.h"
#include "boot/fw_cfg.h"
#include "boot/parse.h"
#include "kernel/entry.h"
#include "kernel/string.h"
#include <arch/memory.h>

#define GATE_PRESENT_INTERRUPT 0x8e00u
#define CPUID_FEATURES         1
#define CPUID_EDX_APIC         (1u << 9)

static_assert(BOOT_KERNEL_BASE == ARCH_KERNEL_BASE, "the assembler's copy of the address differs");

struct gate {
	uint16_t offset_low, segment, flags, offset_middle;
	uint32_t offset_high, zero;
};

static struct gate gates[BOOT_EXCEPTION_COUNT];
static struct boot_info boot_info;
static struct boot_ranges ranges;
static struct boot_problem problem;

/* boot/kernel.ld */
extern const char __kernel_start[], __kernel_end[];

static void load_exception_gates(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __packed pointer = {sizeof(gates) - 1, (uintptr_t)gates};

	for (unsigned i = 0; i < BOOT_EXCEPTION_COUNT; i++) {
		uintptr_t stub = (uintptr_t)boot_exception_stubs + i * BOOT_EXCEPTION_STUB_SIZE;

		gates[i] = (struct gate){
			.offset_low = (uint16_t)stub,
			.segment = BOOT_CODE_SEGMENT,
			.flags = GATE_PRESENT_INTERRUPT,
			.offset_middle = (uint16_t)(stub >> 16),
			.offset_high = (uint32_t)(stub >> 32),
		};
	}
	__asm__ volatile("lidt %0" : : "m"(pointer));
}

void boot_exception(const struct boot_exception *e)
{
	uint64_t cr2;

	__asm__ volatile("movq %%cr2, %0" : "=r"(cr2));
	boot_fail("exception %u, error code %#llx, at %#llx, stack %#llx, cr2 %#llx",
		(unsigned)e->vector, (unsigned long long)e->error, (unsigned long long)e->rip,
		(unsigned long long)e->rsp, (unsigned long long)cr2);
}

static void check_apic(void)
{
	if (!(cpuid(CPUID_FEATURES, 0).edx & CPUID_EDX_APIC))
		boot_fail("this CPU has no local APIC, which timer and other CPUs need");
}

/* Fills boot_info, or does not return. */
static void parse(uint32_t loader, paddr_t info)
{
	const struct boot_window mapped = {phys_to_virt(0), 0, 1ull << BOOT_MAPPED_BITS};
	paddr_t kernel = (uintptr_t)__kernel_start - ARCH_KERNEL_BASE;
	int err;

	if (loader == BOOT_PVH)
		err = parse_pvh(&mapped, info, &ranges, &boot_info, &problem);
	else
		err = parse_multiboot2(&mapped, info, &ranges, &boot_info, &problem);
	if (!err)
		err = ranges_add(&ranges, kernel, (uint64_t)(__kernel_end - __kernel_start),
			BOOT_KERNEL, &problem);
	if (!err)
		err = ranges_finish(&ranges, &boot_info, &problem);
	if (!err)
		err = ranges_check_reach(&boot_info, paging_physical_limit(), &problem);
	if (err)
		boot_fail("%s", problem.text);
}

/*
 * QEMU's words stand before the loader's, so that a choice in the loader's menu wins: of two words
 * for one parameter the later one counts.
 */
static void add_qemu_words(void)
{
	static char words[BOOT_CMDLINE_MAX];
	size_t length = fw_cfg_read(FW_CFG_CMDLINE, words, sizeof(words));
	size_t after = strlen(boot_info.cmdline);

	if (!length)
		return;
	if (length + 1 + after >= sizeof(boot_info.cmdline))
		boot_fail("command line of %zu characters, %zu from fw_cfg, is longer than %u",
			length + 1 + after, length, BOOT_CMDLINE_MAX - 1);
	memmove(boot_info.cmdline + length + 1, boot_info.cmdline, after + 1);
	memcpy(boot_info.cmdline, words, length);
	boot_info.cmdline[length] = ' ';
}

void boot_main(uint32_t loader, uint32_t info)
{
	load_exception_gates();
	boot_fail_show_on(&boot_info.framebuffer);
	parse(loader, info);
	check_apic();
	add_qemu_words();
	kernel_main(&boot_info);
}
