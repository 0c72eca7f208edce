/* SPDX-License-Identifier: MIT */
/* A host CPU's interrupt flag: a variable, so that code that asserts it can run. */
#ifndef ARCH_IRQ_H
#define ARCH_IRQ_H

#include "kernel/types.h"

typedef unsigned long arch_irqflags_t;

extern _Thread_local bool arch_host_irqs_off;

static inline bool arch_irqs_off(void)
{
	return arch_host_irqs_off;
}

static inline void arch_irq_disable(void)
{
	arch_host_irqs_off = true;
}

static inline void arch_irq_enable(void)
{
	arch_host_irqs_off = false;
}

static inline arch_irqflags_t arch_irq_save(void)
{
	bool was = arch_host_irqs_off;

	arch_host_irqs_off = true;
	return was;
}

static inline void arch_irq_restore(arch_irqflags_t flags)
{
	arch_host_irqs_off = flags;
}

#endif
