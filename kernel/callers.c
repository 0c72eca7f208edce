/* SPDX-License-Identifier: MIT */
/*
 * A frame begins with the address of the caller's frame, and the return address is behind it. Only
 * frames on the running thread's own stack are followed, each farther up than the one before: what
 * is no frame ends the walk and cannot fault.
 */
#include "kernel/callers.h"
#include "kernel/log.h"
#include "kernel/thread.h"

struct stack_frame {
	const struct stack_frame *up;
	uintptr_t pc;
};

static bool on_stack(const struct thread *t, const struct stack_frame *f)
{
	uintptr_t base = (uintptr_t)t->stack_base, at = (uintptr_t)f;

	return t->stack_size && at >= base && at - base <= t->stack_size - sizeof(*f) &&
		IS_ALIGNED(at, sizeof(at));
}

__noinline void callers_note(uintptr_t *pc, unsigned max)
{
	const struct stack_frame *f = __builtin_frame_address(0), *below = NULL;
	const struct thread *t = thread_current();
	unsigned n = 0;

	for (; t && n < max && f > below && on_stack(t, f) && f->pc; below = f, f = f->up)
		pc[n++] = f->pc;
	while (n < max)
		pc[n++] = 0;
}

void callers_log(const uintptr_t *pc, unsigned max)
{
	for (unsigned i = 0; i < max && pc[i]; i++)
		log_error("    %pS", (void *)pc[i]);
}
