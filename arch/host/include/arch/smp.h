/* SPDX-License-Identifier: MIT */
/* Interrupts between CPUs: fibres have one CPU, so there is nobody to send one to. */
#ifndef ARCH_SMP_H
#define ARCH_SMP_H

#include "kernel/types.h"

enum arch_ipi {
	ARCH_IPI_RESCHED,
	ARCH_IPI_CALL,
	ARCH_IPI_TLB,
	ARCH_IPI_HALT,
	ARCH_IPI_SHOW,
	ARCH_IPI_COUNT,
};

void arch_ipi_send(unsigned cpu, enum arch_ipi kind);

#endif
