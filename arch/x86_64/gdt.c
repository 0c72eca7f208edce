/* SPDX-License-Identifier: MIT */
/*
 * Global descriptor table, task state segment and exception stacks of each CPU.
 *
 * In long mode segments carry little: a privilege and "this is 64-bit code". The task state holds
 * the stacks that the CPU changes to for non-maskable interrupts, double faults and machine
 * checks, which must work whatever the interrupted stack looks like. All of it lies in the per-CPU
 * area, so that a CPU that starts needs no allocation.
 */
#include "arch/x86_64/gdt.h"
#include "kernel/assert.h"
#include "kernel/percpu.h"

#define SEGMENT_PRESENT      (1ull << 47)
#define SEGMENT_USER         (3ull << 45)
#define SEGMENT_CODE_OR_DATA (1ull << 44)
#define SEGMENT_EXECUTE      (1ull << 43)
#define SEGMENT_WRITE        (1ull << 41)
#define SEGMENT_ACCESSED     (1ull << 40)
#define SEGMENT_LONG         (1ull << 53)
#define SEGMENT_TSS          (9ull << 40)

#define SEGMENT_DATA (SEGMENT_PRESENT | SEGMENT_CODE_OR_DATA | SEGMENT_WRITE | SEGMENT_ACCESSED)
#define SEGMENT_CODE                                                                               \
	(SEGMENT_PRESENT | SEGMENT_CODE_OR_DATA | SEGMENT_EXECUTE | SEGMENT_LONG | SEGMENT_ACCESSED)

/* Intel SDM volume 3, 8.7. */
struct task_state {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t io_map;
} __packed;
static_assert(sizeof(struct task_state) == 104, "layout given by the CPU");

struct cpu_segments {
	uint64_t gdt[7];                       /* (c) after gdt_init_cpu() */
	struct task_state task __aligned(128); /* (c) within one page, as the CPU asks */
	uint8_t stack[IST_COUNT][IST_STACK_SIZE] __aligned(16); /* (l) */
};

static DEFINE_PERCPU(struct cpu_segments, cpu_segments);

struct table_pointer {
	uint16_t limit;
	uint64_t base;
} __packed;

static void fill_task(struct cpu_segments *s)
{
	for (unsigned i = 0; i < IST_COUNT; i++)
		s->task.ist[i] = (uintptr_t)s->stack[i] + IST_STACK_SIZE;
	s->task.io_map = sizeof(s->task);
}

static void fill_table(struct cpu_segments *s)
{
	uint64_t base = (uintptr_t)&s->task;

	s->gdt[GDT_KERNEL_CODE / 8] = SEGMENT_CODE;
	s->gdt[GDT_KERNEL_DATA / 8] = SEGMENT_DATA;
	s->gdt[GDT_USER_DATA / 8] = SEGMENT_DATA | SEGMENT_USER;
	s->gdt[GDT_USER_CODE / 8] = SEGMENT_CODE | SEGMENT_USER;
	s->gdt[GDT_TSS / 8] = SEGMENT_PRESENT | SEGMENT_TSS | (sizeof(s->task) - 1) |
		(base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56;
	s->gdt[GDT_TSS / 8 + 1] = base >> 32;
}

void gdt_init_cpu(void)
{
	struct cpu_segments *s = this_cpu_ptr(cpu_segments);
	struct table_pointer pointer = {sizeof(s->gdt) - 1, (uintptr_t)s->gdt};

	fill_task(s);
	fill_table(s);
	__asm__ volatile("lgdt %0" : : "m"(pointer) : "memory");
	gdt_load_segments();
	__asm__ volatile("ltr %0" : : "r"((uint16_t)GDT_TSS) : "memory");
}

void gdt_set_kernel_stack(uintptr_t top)
{
	this_cpu_ptr(cpu_segments)->task.rsp[0] = top;
}

unsigned gdt_exception_stack(uintptr_t va)
{
	const struct cpu_segments *s = this_cpu_ptr(cpu_segments);

	for (unsigned i = 0; i < IST_COUNT; i++) {
		/* The top counts: it is the stack pointer of an empty stack. */
		if (va >= (uintptr_t)s->stack[i] && va <= (uintptr_t)s->stack[i] + IST_STACK_SIZE)
			return i + 1;
	}
	return 0;
}
