/* SPDX-License-Identifier: MIT */
/*
 * TLB shoot-down without waiting. The mappings are gone from the page tables before the request;
 * each CPU flushes, then answers; what the mappings led to is used again only after the last
 * answer. A CPU that is halted or has interrupts off delays that, and nothing else.
 *
 * A CPU that comes up sets its bit first and then flushes: if a request did not see the bit, the
 * page tables were changed before that flush.
 */
#include "mm/tlb.h"
#include "kernel/cpumask.h"
#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/memory.h>
#include <arch/smp.h>

static struct cpumask_atomic online;
static struct cpumask_atomic asked;      /* CPUs that have not answered yet */
static _Atomic unsigned answers_missing; /* one more than bits in `asked` while it asks */
static void (*when_done)(void);          /* belongs to the request */

void tlb_online(void)
{
	cpumask_set_atomic(&online, arch_cpu_id());
	arch_flush_all();
}

static void answer(void)
{
	if (atomic_fetch_sub(&answers_missing, 1) == 1)
		when_done();
}

void tlb_flush_others(void (*done)(void))
{
	struct cpumask targets;
	unsigned cpu;

	KASSERT(arch_irqs_off());
	KASSERT(!atomic_load(&answers_missing));
	cpumask_snapshot(&targets, &online);
	cpumask_clear(&targets, arch_cpu_id());
	when_done = done;
	atomic_store(&answers_missing, cpumask_weight(&targets) + 1);
	cpumask_for_each (cpu, &targets) {
		cpumask_set_atomic(&asked, cpu);
		arch_ipi_send(cpu, ARCH_IPI_TLB);
	}
	answer();
}

void tlb_interrupt(void)
{
	if (!cpumask_test_atomic(&asked, arch_cpu_id()))
		return;
	arch_flush_all();
	cpumask_claim_atomic(&asked, arch_cpu_id());
	answer();
}
