/* SPDX-License-Identifier: MIT */
/* Floating-point and vector registers: on for the thread that uses them, off for all others. */
#ifndef X86_FPU_H
#define X86_FPU_H

#include "arch/x86_64/control.h"
#include "kernel/assert.h"

struct arch_fpu;

/* Chooses how registers are saved and how much memory that takes. Once, on the boot CPU. */
void fpu_init(void);

/* Turns the unit on but disabled, so that its first use by a thread is told by an exception. */
void fpu_init_cpu(void);

static inline void fpu_enable(void)
{
	__asm__ volatile("clts" ::: "memory");
}

static inline void fpu_disable(void)
{
	cr0_write(cr0_read() | CR0_TASK_SWITCHED);
}

/*
 * Debug builds: around an interrupt handler, so that an FPU instruction in it is an exception also
 * when the interrupted thread has the unit. Returns what fpu_permit() is to be given.
 */
static inline bool fpu_forbid(void)
{
	if (!KASSERT_ON || cr0_read() & CR0_TASK_SWITCHED)
		return false;
	fpu_disable();
	return true;
}

static inline void fpu_permit(bool was_on)
{
	if (KASSERT_ON && was_on)
		fpu_enable();
}

/* NULL is allowed and does nothing. */
void fpu_free(struct arch_fpu *fpu);

/* "xsaveopt", "xsave" or "fxsave", and the bytes a thread's registers take. */
const char *fpu_method(void);
size_t fpu_area_size(void);

#endif
