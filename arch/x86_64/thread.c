/* SPDX-License-Identifier: MIT */
/* The machine's half of a thread: its first stack frame, its FPU area. */
#include "arch/x86_64/control.h"
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/switch.h"
#include "boot/entry.h"
#include "kernel/assert.h"
#include <arch/thread.h>

static_assert(offsetof(struct arch_thread, sp) == ARCH_THREAD_SP, "switch.S loads it");
static_assert(sizeof(struct arch_switch_frame) == ARCH_SWITCH_FRAME_SIZE, "switch.S builds it");
static_assert(offsetof(struct arch_switch_frame, r15) == 0, "pushed last");
static_assert(offsetof(struct arch_switch_frame, rbx) == 32, "pushed second");
static_assert(offsetof(struct arch_switch_frame, rip) == 48, "pushed by the call");

/* Above the first frame, so that the frame address of thread_first_frame lies on the stack too. */
#define STACK_TOP_SPARE 16

void thread_first_frame(void);

void arch_thread_init(struct arch_thread *t, void *stack_base, size_t stack_size,
	__noreturn void (*entry)(void *arg), void *arg)
{
	uintptr_t top = (uintptr_t)stack_base + stack_size - STACK_TOP_SPARE;
	struct arch_switch_frame *frame = (struct arch_switch_frame *)top - 1;

	KASSERT(IS_ALIGNED(top, 16));
	/* thread_first_frame uses no other register; rbp for those who walk by frame pointers. */
	frame->r12 = (uintptr_t)arg;
	frame->rbx = (uintptr_t)entry;
	frame->rbp = 0;
	frame->rip = (uintptr_t)thread_first_frame + 1;
	t->sp = (uintptr_t)frame;
}

size_t arch_boot_stack(void **base)
{
	*base = boot_stack;
	return BOOT_STACK_SIZE;
}

static __noinline void free_area(struct arch_thread *t)
{
	fpu_free(t->fpu);
	t->fpu = NULL;
}

void arch_thread_fini(struct arch_thread *t)
{
	KASSERT(!t->fpu_live);
	if (unlikely(t->fpu))
		free_area(t);
}

/* By their numbers in instructions. */
enum { RBX = 3, RSP = 4, RBP = 5, R12 = 12, R13 = 13, R14 = 14, R15 = 15 };

/* What arch_thread_switch() pops, and where the stack is after that. All threads share cr3 and cr4.
 */
void arch_thread_get_context(const struct arch_thread *t, struct arch_context *context)
{
	const struct arch_switch_frame *frame = (const struct arch_switch_frame *)t->sp;

	*context = (struct arch_context){
		.reg = {[RBX] = frame->rbx,
			[RSP] = (uintptr_t)(frame + 1),
			[RBP] = frame->rbp,
			[R12] = frame->r12,
			[R13] = frame->r13,
			[R14] = frame->r14,
			[R15] = frame->r15},
		.pc = frame->rip,
		.sp = (uintptr_t)(frame + 1),
		.control = {cr0_read() & ~CR0_TASK_SWITCHED, cr3_read(), cr4_read()},
		.valid = 1u << RBX | 1u << RSP | 1u << RBP | 1u << R12 | 1u << R13 | 1u << R14 |
			1u << R15 | ARCH_CONTEXT_PC | ARCH_CONTEXT_SP | ARCH_CONTEXT_CONTROL,
	};
}
