/* SPDX-License-Identifier: MIT */
/* Making all CPUs forget old translations of kernel addresses, without waiting for any of them. */
#ifndef MM_TLB_H
#define MM_TLB_H

#include "kernel/types.h"

/*
 * This CPU takes part from now on. Once on each CPU, before it looks at any kernel stack but its
 * own.
 */
void tlb_online(void);

/*
 * Asks every other CPU to flush and returns. done() is called exactly once, when all have, on
 * whichever CPU was last, in its interrupt; at once if there are no others. The caller has flushed
 * its own. One request at a time: none before done() of the last. Interrupts off.
 */
void tlb_flush_others(void (*done)(void));

/* ARCH_IPI_TLB arrived. */
void tlb_interrupt(void);

#endif
