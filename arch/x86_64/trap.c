/* SPDX-License-Identifier: MIT */
/*
 * The interrupt descriptor table and what happens between a stub and a handler.
 *
 * One table serves all CPUs; it is filled once and never changes. Handlers are set while one CPU
 * runs, or by a driver for a vector that cannot arrive yet, so they are read without a lock.
 */
#include "arch/x86_64/apic.h"
#include "arch/x86_64/control.h"
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/gdt.h"
#include "arch/x86_64/trap.h"
#include "arch/x86_64/trap_private.h"
#include "kernel/assert.h"
#include "kernel/entry.h"
#include "kernel/format.h"
#include "kernel/log.h"
#include "kernel/percpu.h"
#include <arch/cpu.h>
#include <arch/irq.h>

/* trap_entry.S knows these. */
static_assert(offsetof(struct arch_frame, vector) == TRAP_FRAME_GENERAL, "pushed registers");
static_assert(offsetof(struct arch_frame, rdi) == TRAP_FRAME_GENERAL - 8, "pushed first");
static_assert(offsetof(struct arch_frame, rbx) == 40, "pushed tenth");
static_assert(offsetof(struct arch_frame, r15) == 0, "pushed last");
static_assert(sizeof(struct arch_frame) == TRAP_FRAME_SIZE, "whole frame");
static_assert(sizeof(struct arch_frame) % 16 == 0, "the stack stays aligned for C");

#define STUB_SIZE      16
#define GATE_INTERRUPT 0x8e00u /* present, privilege 0, interrupts off */

struct gate {
	uint16_t offset_low;
	uint16_t selector;
	uint16_t type;
	uint16_t offset_middle;
	uint32_t offset_high;
	uint32_t reserved;
};
static_assert(sizeof(struct gate) == 16, "layout given by the CPU");

struct table_pointer {
	uint16_t limit;
	uint64_t base;
} __packed;

struct trap_vector {
	trap_handler handler; /* (c) once set */
	void *arg;            /* (c) */
};

struct trap_counts {
	uint64_t taken[TRAP_VECTORS]; /* (l) */
};

/* A trap_expect_fault() in progress on this CPU. */
struct trap_expectation {
	uint64_t sp;              /* (l) where trap_call() left its registers */
	struct trap_fault *fault; /* (l) NULL: none in progress */
};

extern const uint8_t trap_stubs[];
extern const uint8_t trap_call_abandon[];
bool trap_call(void (*fn)(void *arg), void *arg, uint64_t *saved_sp);
void trap_exception(struct arch_frame *frame);
void trap_interrupt(struct arch_frame *frame);

static struct gate gates[TRAP_VECTORS] __aligned(ARCH_PAGE_SIZE); /* (c) a page of its own */
static_assert(sizeof(gates) == ARCH_PAGE_SIZE, "nothing else may lie in a page that is read-only");
static struct trap_vector vectors[TRAP_VECTORS];
static DEFINE_PERCPU(struct trap_counts, trap_counts);
static DEFINE_PERCPU(struct trap_expectation, trap_expectation);
DEFINE_PERCPU(uint64_t, trap_fault_address);

static unsigned gate_stack(unsigned vector)
{
	switch (vector) {
	case TRAP_NMI:
		return IST_NMI;
	case TRAP_DOUBLE_FAULT:
		return IST_DOUBLE_FAULT;
	case TRAP_MACHINE_CHECK:
		return IST_MACHINE_CHECK;
	default:
		return 0;
	}
}

static void fill_gate(unsigned vector)
{
	uintptr_t stub = (uintptr_t)trap_stubs + vector * STUB_SIZE;

	gates[vector] = (struct gate){
		.offset_low = (uint16_t)stub,
		.selector = GDT_KERNEL_CODE,
		.type = (uint16_t)(GATE_INTERRUPT | gate_stack(vector)),
		.offset_middle = (uint16_t)(stub >> 16),
		.offset_high = (uint32_t)(stub >> 32),
	};
}

/* Acknowledged all the same: else nothing of lower priority would ever come again. */
static void unexpected_interrupt(struct arch_frame *frame, void *arg)
{
	(void)arg;
	apic_eoi();
	log_warn("interrupt vector 0x%x has no handler", (unsigned)frame->vector);
}

void trap_init(void)
{
	for (unsigned vector = 0; vector < TRAP_VECTORS; vector++)
		fill_gate(vector);
	for (unsigned vector = TRAP_EXCEPTIONS; vector < TRAP_VECTORS; vector++) {
		if (!vectors[vector].handler)
			vectors[vector].handler = unexpected_interrupt;
	}
}

const void *trap_table_page(void)
{
	return gates;
}

void trap_init_cpu(void)
{
	struct table_pointer pointer = {sizeof(gates) - 1, (uintptr_t)gates};

	gdt_init_cpu();
	__asm__ volatile("lidt %0" : : "m"(pointer) : "memory");
}

bool trap_has_handler(unsigned vector)
{
	KASSERT(vector < TRAP_VECTORS);
	return vectors[vector].handler && vectors[vector].handler != unexpected_interrupt;
}

void trap_set_handler(unsigned vector, trap_handler handler, void *arg)
{
	BUG_ON(vector >= TRAP_VECTORS || trap_has_handler(vector));
	vectors[vector].arg = arg;
	barrier();
	vectors[vector].handler = handler;
}

uint64_t trap_count(unsigned vector, unsigned cpu)
{
	return cpu_ptr(trap_counts, cpu)->taken[vector];
}

void trap_interrupt(struct arch_frame *frame)
{
	const struct trap_vector *v = &vectors[frame->vector];

	bool fpu_was_on = fpu_forbid();

	this_cpu(trap_counts).taken[frame->vector]++;
	entry_irq_enter((unsigned)frame->vector);
	v->handler(frame, v->arg);
	fpu_permit(fpu_was_on);
	entry_irq_exit((unsigned)frame->vector);
}

/* These two come from outside, not from the interrupted instruction. */
static bool can_be_expected(unsigned vector)
{
	return vector != TRAP_NMI && vector != TRAP_MACHINE_CHECK;
}

static void abandon(struct arch_frame *frame, const char *what)
{
	struct trap_expectation *e = this_cpu_ptr(trap_expectation);

	e->fault->vector = (unsigned)frame->vector;
	e->fault->error = frame->error;
	e->fault->address = frame->vector == TRAP_PAGE_FAULT ? this_cpu(trap_fault_address) : 0;
	format_string(e->fault->what, sizeof(e->fault->what), "%s", what);
	e->fault = NULL;
	frame->rip = (uintptr_t)trap_call_abandon;
	frame->cs = GDT_KERNEL_CODE;
	frame->rflags = RFLAGS_FIXED;
	frame->rsp = e->sp;
	frame->ss = GDT_KERNEL_DATA;
}

void trap_fail(struct arch_frame *frame, const char *what)
{
	if (!this_cpu(trap_expectation).fault || !can_be_expected((unsigned)frame->vector))
		entry_fault(frame, what);
	abandon(frame, what);
}

static __noinline void fail_described(struct arch_frame *frame)
{
	char what[TRAP_DESCRIPTION_SIZE];

	trap_describe(frame, what, sizeof(what));
	trap_fail(frame, what);
}

void trap_exception(struct arch_frame *frame)
{
	unsigned vector = (unsigned)frame->vector;

	/* Another fault, in the handler, would overwrite the register. */
	if (vector == TRAP_PAGE_FAULT)
		this_cpu(trap_fault_address) = cr2_read();
	this_cpu(trap_counts).taken[vector]++;
	if (vectors[vector].handler)
		vectors[vector].handler(frame, vectors[vector].arg);
	else
		fail_described(frame);
}

bool trap_expect_fault(void (*fn)(void *arg), void *arg, struct trap_fault *fault)
{
	arch_irqflags_t flags = arch_irq_save();
	struct trap_expectation *e = this_cpu_ptr(trap_expectation);
	struct trap_expectation outer = *e;
	bool faulted;

	e->fault = fault;
	faulted = trap_call(fn, arg, &e->sp);
	*e = outer;
	arch_irq_restore(flags);
	return faulted;
}
