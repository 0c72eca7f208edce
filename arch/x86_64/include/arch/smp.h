/* SPDX-License-Identifier: MIT */
/* Other CPUs: finding, starting, interrupting them. */
#ifndef ARCH_SMP_H
#define ARCH_SMP_H

#include "kernel/types.h"

enum arch_ipi {
	ARCH_IPI_RESCHED, /* look at need_resched */
	ARCH_IPI_CALL,    /* see what is asked of this CPU, see entry_ipi() */
	ARCH_IPI_TLB,     /* flush what is queued for this CPU */
	ARCH_IPI_HALT,    /* stop for good (NMI) */
	ARCH_IPI_SHOW,    /* note where this CPU is, see entry_show() (NMI) */
	ARCH_IPI_COUNT,
};

/* Where a CPU sits in the machine. CPUs of one core, cache, package or node share the number. */
struct arch_cpu_place {
	uint32_t hardware_id; /* (c) the local interrupt controller's id */
	unsigned package;     /* (c) numbered by hardware, may have gaps */
	unsigned core;        /* (c) within the package */
	unsigned thread;      /* (c) within the core */
	unsigned cache;       /* (c) the last one before memory; in the machine, may have gaps */
	unsigned node;        /* (c) memory nearest to it; 0 where the firmware does not say */
};

/* Of a probed CPU. */
const struct arch_cpu_place *arch_cpu_place(unsigned cpu);

/*
 * CPUs found by the firmware's tables and enabled, the boot CPU included; at most `limit`, 0 = all.
 * CPU 0 is the boot CPU, the others follow in the firmware's order.
 */
unsigned arch_smp_probe(unsigned limit);

/* True once the CPU has been started and will call, or has called, kernel_ap_main(). */
bool arch_smp_started(unsigned cpu);

/*
 * Starts all probed CPUs in parallel and waits for them, bounded in time. Each calls
 * kernel_ap_main() on the stack it is given. A CPU that does not answer is reported and
 * left out. Returns the number of CPUs that run, the caller's included.
 */
unsigned arch_smp_start_all(void);

/*
 * Interrupts CPU `cpu`, which may be the caller's own. Any context. SHOW: not again before it has
 * come to entry_show().
 */
void arch_ipi_send(unsigned cpu, enum arch_ipi kind);

struct arch_frame;

/*
 * Stops this CPU as if it had been told to, for one that cannot be: an exception handler may be
 * inside an NMI, which keeps the next NMI away. The first frame that is given is the one reported.
 */
__noreturn void arch_smp_stop_here(const struct arch_frame *frame);

/*
 * Stops every other CPU by NMI; each reports through entry_stop(). Waits until none has answered
 * for some seconds.
 */
void arch_smp_stop_others(void);

#endif
