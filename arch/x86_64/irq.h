/* SPDX-License-Identifier: MIT */
/* Interrupt vectors: who has which, how often each was taken. The rest is <arch/irq.h>. */
#ifndef X86_IRQ_H
#define X86_IRQ_H

/* Handlers of what can come without being asked for. Boot CPU, once. */
void irq_init(void);

#endif
