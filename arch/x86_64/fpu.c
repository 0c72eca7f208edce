/* SPDX-License-Identifier: MIT */
/*
 * Floating-point and vector registers, x87 to AVX-512.
 *
 * A thread that runs starts with the unit disabled (CR0.TS). Its first FPU instruction of a turn
 * raises "no FPU": the handler allocates the save area if there is none, loads the registers and
 * enables the unit. When the thread leaves the CPU its registers are saved at once, so it may go on
 * anywhere; a thread that does not touch the unit costs nothing.
 *
 * FPU instructions are for threads with interrupts on. Interrupt handlers must not use them: the
 * handler's registers would be the interrupted thread's. Debug builds find those that do.
 */
#include "arch/x86_64/control.h"
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/instructions.h"
#include "arch/x86_64/trap.h"
#include "kernel/assert.h"
#include "kernel/entry.h"
#include "kernel/errno.h"
#include "mm/slab.h"
#include <arch/irq.h>
#include <arch/thread.h>

#define CPUID_1_ECX_XSAVE      (1u << 26)
#define CPUID_D_1_EAX_XSAVEOPT (1u << 0)
#define CPUID_LEAF_XSAVE       0xdu

/* State components: x87, SSE, AVX, AVX-512 in three parts. Protection keys are not a thread's. */
#define XSTATE_X87_SSE 0x3ull
#define XSTATE_AVX     0x4ull
#define XSTATE_AVX512  0xe0ull

#define FXSAVE_SIZE         512u
#define AREA_ALIGN          64u
#define X87_CONTROL_DEFAULT 0x037fu /* all exceptions masked, 64-bit precision */
#define MXCSR_DEFAULT       0x1f80u /* all exceptions masked */

enum fpu_save { SAVE_FXSAVE, SAVE_XSAVE, SAVE_XSAVEOPT };

/* The beginning of what FXSAVE and XSAVE store (Intel SDM volume 1, 10.5.1 and 13.4). */
struct arch_fpu {
	uint16_t x87_control;
	uint8_t x87_rest[22];
	uint32_t mxcsr;
} __aligned(AREA_ALIGN);
static_assert(offsetof(struct arch_fpu, mxcsr) == 24, "layout given by the CPU");

static enum fpu_save save_method; /* (c) after fpu_init() */
static uint64_t state_mask;       /* (c) after fpu_init() */
static size_t area_size;          /* (c) after fpu_init() */

const char *fpu_method(void)
{
	static const char *const name[] = {
		[SAVE_FXSAVE] = "fxsave", [SAVE_XSAVE] = "xsave", [SAVE_XSAVEOPT] = "xsaveopt"};

	return name[save_method];
}

size_t fpu_area_size(void)
{
	return area_size;
}

static void fpu_save(struct arch_fpu *fpu)
{
	uint32_t low = (uint32_t)state_mask, high = (uint32_t)(state_mask >> 32);

	switch (save_method) {
	case SAVE_XSAVEOPT:
		__asm__ volatile("xsaveopt64 (%0)" : : "r"(fpu), "a"(low), "d"(high) : "memory");
		break;
	case SAVE_XSAVE:
		__asm__ volatile("xsave64 (%0)" : : "r"(fpu), "a"(low), "d"(high) : "memory");
		break;
	case SAVE_FXSAVE:
		__asm__ volatile("fxsave64 (%0)" : : "r"(fpu) : "memory");
		break;
	}
}

static void fpu_load(struct arch_fpu *fpu)
{
	uint32_t low = (uint32_t)state_mask, high = (uint32_t)(state_mask >> 32);

	if (save_method == SAVE_FXSAVE)
		__asm__ volatile("fxrstor64 (%0)" : : "r"(fpu) : "memory");
	else
		__asm__ volatile("xrstor64 (%0)" : : "r"(fpu), "a"(low), "d"(high) : "memory");
}

/* The allocator's own pointer stands right before the aligned area. */
static void **allocation_of(struct arch_fpu *fpu)
{
	return (void **)fpu - 1;
}

/* All zero means "every component in its initial state", but for the two control words. */
static struct arch_fpu *fpu_alloc(void)
{
	void *memory = kzalloc(area_size + AREA_ALIGN + sizeof(void *));
	struct arch_fpu *fpu;

	if (!memory)
		return NULL;
	fpu = (struct arch_fpu *)ALIGN_UP((uintptr_t)memory + sizeof(void *), AREA_ALIGN);
	*allocation_of(fpu) = memory;
	fpu->x87_control = X87_CONTROL_DEFAULT;
	fpu->mxcsr = MXCSR_DEFAULT;
	return fpu;
}

void fpu_free(struct arch_fpu *fpu)
{
	if (fpu)
		kfree(*allocation_of(fpu));
}

int arch_fpu_prepare(struct arch_thread *t)
{
	if (!t->fpu)
		t->fpu = fpu_alloc();
	return t->fpu ? 0 : -ENOMEM;
}

void arch_fpu_switch_out(struct arch_thread *prev)
{
	KASSERT(prev->fpu_live && arch_irqs_off());
	fpu_save(prev->fpu);
	prev->fpu_live = false;
	fpu_disable();
}

/* NULL when the running thread may have the unit now, else what is wrong. */
static const char *refusal(const struct arch_frame *frame, struct arch_thread *t)
{
	if (!t)
		return "FPU instruction outside a thread";
	if (!(frame->rflags & RFLAGS_INTERRUPT))
		return "FPU instruction with interrupts off";
	return arch_fpu_prepare(t) ? "no memory for a thread's FPU registers" : NULL;
}

static void first_use(struct arch_frame *frame, void *arg)
{
	struct arch_thread *t = entry_current_thread();
	const char *wrong = refusal(frame, t);

	(void)arg;
	if (wrong) {
		trap_fail(frame, wrong);
		return;
	}
	KASSERT(!t->fpu_live);
	fpu_enable();
	fpu_load(t->fpu);
	t->fpu_live = true;
}

static bool has_xsave(void)
{
	return cpuid(0, 0).eax >= CPUID_LEAF_XSAVE && cpuid(1, 0).ecx & CPUID_1_ECX_XSAVE;
}

static uint64_t usable_components(void)
{
	struct cpuid r = cpuid(CPUID_LEAF_XSAVE, 0);
	uint64_t mask = XSTATE_X87_SSE | (r.eax & XSTATE_AVX);

	/* AVX-512 has three components, of use only together. */
	if (mask & XSTATE_AVX && (r.eax & XSTATE_AVX512) == XSTATE_AVX512)
		mask |= XSTATE_AVX512;
	return mask;
}

void fpu_init(void)
{
	trap_set_handler(TRAP_NO_FPU, first_use, NULL);
	area_size = FXSAVE_SIZE;
	save_method = SAVE_FXSAVE;
	if (!has_xsave())
		return;
	state_mask = usable_components();
	save_method = cpuid(CPUID_LEAF_XSAVE, 1).eax & CPUID_D_1_EAX_XSAVEOPT ? SAVE_XSAVEOPT
									      : SAVE_XSAVE;
}

void fpu_init_cpu(void)
{
	uint64_t cr0 = cr0_read() & ~CR0_EMULATE;

	cr0_write(cr0 | CR0_MONITOR | CR0_NUMERIC_ERROR | CR0_TASK_SWITCHED);
	cr4_write(cr4_read() | CR4_FXSAVE | CR4_SIMD_EXCEPTIONS);
	if (save_method == SAVE_FXSAVE)
		return;
	cr4_write(cr4_read() | CR4_XSAVE);
	xcr0_write(state_mask);
	/* The answer is for the components just enabled; the same on all CPUs. */
	area_size = cpuid(CPUID_LEAF_XSAVE, 0).ebx;
}
