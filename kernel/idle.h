/* SPDX-License-Identifier: MIT */
/* What a CPU does when it has nothing to do. */
#ifndef KERNEL_IDLE_H
#define KERNEL_IDLE_H

#include "kernel/percpu.h"
#include "kernel/types.h"

/* The longest-lived loop of every CPU; runs as its idle thread. Interrupts off. */
__noreturn void idle_loop(void);

/* As arch_cpu_wait(); with turns=on the last CPU that is awake stays so. Preemption off. */
void idle_wait(void);

/* turns=on, on the boot CPU, before other CPUs start. */
void idle_take_turns(void);

/* On each other CPU, once, before its idle loop: it is awake. */
void idle_add_cpu(void);

/* From the RESCHED interrupt: there is something to look for on other CPUs. */
void idle_note_kick(void);

#endif
