/* SPDX-License-Identifier: MIT */
/* Shared by trap.c and trap_report.c only. */
#ifndef X86_TRAP_PRIVATE_H
#define X86_TRAP_PRIVATE_H

#include "kernel/percpu.h"

/* Of this CPU's last page fault, read before anything else could fault. */
DECLARE_PERCPU(uint64_t, trap_fault_address);

#endif
