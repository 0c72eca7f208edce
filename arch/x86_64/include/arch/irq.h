/* SPDX-License-Identifier: MIT */
/* This CPU's interrupt flag, and the machine's interrupt lines. */
#ifndef ARCH_IRQ_H
#define ARCH_IRQ_H

#include "kernel/types.h"

typedef unsigned long arch_irqflags_t;

/*
 * Between these two the stack pointer is off by a word. Unwinders must know where they find frames
 * by it: in release builds, which have no frame pointers.
 */
#ifdef CONFIG_DEBUG
#define ARCH_CFI_PUSHED ""
#define ARCH_CFI_POPPED ""
#else
#define ARCH_CFI_PUSHED ".cfi_adjust_cfa_offset 8\n\t"
#define ARCH_CFI_POPPED ".cfi_adjust_cfa_offset -8\n\t"
#endif

static __always_inline unsigned long arch_flags_read(void)
{
	unsigned long flags;

	__asm__ volatile("pushfq\n\t" ARCH_CFI_PUSHED "popq %0\n\t" ARCH_CFI_POPPED
			 : "=r"(flags)
			 :
			 : "memory");
	return flags;
}

static __always_inline bool arch_irqs_off(void)
{
	return !(arch_flags_read() & 0x200);
}

static __always_inline void arch_irq_disable(void)
{
	__asm__ volatile("cli" ::: "memory");
}

static __always_inline void arch_irq_enable(void)
{
	__asm__ volatile("sti" ::: "memory");
}

/* Interrupts off; returns what arch_irq_restore() needs to undo exactly this. */
static __always_inline arch_irqflags_t arch_irq_save(void)
{
	arch_irqflags_t flags = arch_flags_read();

	arch_irq_disable();
	return flags;
}

static __always_inline void arch_irq_restore(arch_irqflags_t flags)
{
	if (flags & 0x200)
		arch_irq_enable();
}

/* Runs in interrupt context, interrupts off. */
typedef void (*arch_irq_handler)(unsigned line, void *arg);

/*
 * Routes a line (ISA number or global system interrupt; overrides are applied) to `cpu` and
 * unmasks it. 0, -EINVAL for no such line, -EBUSY when the line has a handler already.
 */
int __must_check arch_irq_attach(
	unsigned line, unsigned cpu, arch_irq_handler handler, void *arg, const char *name);

/* For the monitor's `irq`: calls visit(name, vector, cpu, count) for every vector that ever fired.
 */
void arch_irq_visit(
	void (*visit)(const char *name, unsigned vector, unsigned cpu, uint64_t count, void *arg),
	void *arg);

#endif
