/* SPDX-License-Identifier: MIT */
/*
 * Lines of devices: a line gets the next free vector when a handler is attached to it. Lines are
 * attached for good.
 */
#include "arch/x86_64/irq.h"

#include "arch/x86_64/apic.h"
#include "arch/x86_64/ioapic.h"
#include "arch/x86_64/trap.h"
#include "kernel/errno.h"
#include "kernel/log.h"
#include "kernel/spinlock.h"
#include <arch/irq.h>
#include <arch/smp.h>

struct irq_line {
	arch_irq_handler handler; /* (c) once irq_count covers the line */
	void *arg;                /* (c) */
	const char *name;         /* (c) */
	unsigned line;            /* (c) as the caller numbers it */
	uint32_t gsi;             /* (c) */
};

static struct spinlock irq_lock = SPINLOCK_INIT("irq", LOCK_RANK_IRQ);
static struct irq_line irq_lines[VECTOR_LINE_END - VECTOR_LINE]; /* by vector */
static _Atomic unsigned irq_count;                               /* (a) written under irq_lock */

/* --- vectors that are not lines ------------------------------------------------------------- */

/* Not acknowledged: the controller does not take a spurious interrupt for one being served. */
static void spurious_interrupt(struct arch_frame *frame, void *arg)
{
	(void)frame;
	(void)arg;
}

static void error_interrupt(struct arch_frame *frame, void *arg)
{
	uint32_t status;

	(void)frame;
	(void)arg;
	apic_write(APIC_ERROR_STATUS, 0); /* a write latches the errors for the read */
	status = apic_read(APIC_ERROR_STATUS);
	apic_eoi();
	log_error("APIC error on CPU %u: status 0x%x", arch_cpu_id(), status);
}

void irq_init(void)
{
	for (unsigned line = 0; line < 16; line++)
		trap_set_handler(VECTOR_PIC + line, spurious_interrupt, NULL);
	trap_set_handler(VECTOR_SPURIOUS, spurious_interrupt, NULL);
	trap_set_handler(VECTOR_ERROR, error_interrupt, NULL);
}

static const char *vector_name(unsigned vector)
{
	unsigned line = vector - VECTOR_LINE;

	switch (vector) {
	case VECTOR_NMI:
		return "NMI";
	case VECTOR_PIC ... VECTOR_LINE - 1:
		return "spurious (8259)";
	case VECTOR_LINE ... VECTOR_LINE_END - 1:
		return line < atomic_load_explicit(&irq_count, memory_order_acquire)
			? irq_lines[line].name
			: "unused line";
	case VECTOR_TIMER:
		return "timer";
	case VECTOR_RESCHED:
		return "reschedule";
	case VECTOR_CALL:
		return "call";
	case VECTOR_TLB:
		return "TLB flush";
	case VECTOR_ERROR:
		return "APIC error";
	case VECTOR_SPURIOUS:
		return "spurious";
	default:
		return trap_name(vector);
	}
}

void arch_irq_visit(
	void (*visit)(const char *name, unsigned vector, unsigned cpu, uint64_t count, void *arg),
	void *arg)
{
	for (unsigned vector = 0; vector < VECTOR_COUNT; vector++) {
		for (unsigned cpu = 0; cpu < CONFIG_MAX_CPUS; cpu++) {
			uint64_t count = arch_smp_started(cpu) ? trap_count(vector, cpu) : 0;

			if (count)
				visit(vector_name(vector), vector, cpu, count, arg);
		}
	}
}

/* --- lines ---------------------------------------------------------------------------------- */

static void line_interrupt(struct arch_frame *frame, void *arg)
{
	const struct irq_line *l = arg;

	(void)frame;
	l->handler(l->line, l->arg);
	apic_eoi();
}

static bool gsi_taken(uint32_t gsi)
{
	unsigned count = atomic_load_explicit(&irq_count, memory_order_relaxed);

	for (unsigned i = 0; i < count; i++)
		if (irq_lines[i].gsi == gsi)
			return true;
	return false;
}

static int attach_locked(const struct irq_line *new, struct ioapic_line where, unsigned cpu)
{
	unsigned slot = atomic_load_explicit(&irq_count, memory_order_relaxed);
	int err;

	KASSERT(spin_held(&irq_lock));
	if (slot == ARRAY_SIZE(irq_lines) || gsi_taken(new->gsi))
		return -EBUSY;
	irq_lines[slot] = *new;
	if (!trap_has_handler(VECTOR_LINE + slot))
		trap_set_handler(VECTOR_LINE + slot, line_interrupt, &irq_lines[slot]);
	err = ioapic_route(where, VECTOR_LINE + slot, arch_cpu_place(cpu)->hardware_id);
	if (!err)
		atomic_store_explicit(&irq_count, slot + 1, memory_order_release);
	return err;
}

int arch_irq_attach(
	unsigned line, unsigned cpu, arch_irq_handler handler, void *arg, const char *name)
{
	struct ioapic_line where = ioapic_resolve(line);
	struct irq_line new = {
		.handler = handler, .arg = arg, .name = name, .line = line, .gsi = where.gsi};
	arch_irqflags_t flags;
	int err;

	if (!arch_smp_started(cpu))
		return -EINVAL;
	flags = spin_lock_irqsave(&irq_lock);
	err = attach_locked(&new, where, cpu);
	spin_unlock_irqrestore(&irq_lock, flags);
	return err;
}
