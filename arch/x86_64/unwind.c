/* SPDX-License-Identifier: MIT */
/*
 * Backtraces from the call-frame information that compilers leave in .eh_frame, so that they need
 * no frame pointers and go through interrupt stubs.
 *
 * For a code address the information says where the caller's registers are: the canonical frame
 * address (CFA: the stack pointer before the call) as register + offset, and for each register
 * "unchanged", "saved at CFA + offset", or "undefined", which for the instruction pointer means
 * that there is no caller. It is a byte code that builds this row of rules up to the address
 * (DWARF 4, 6.4; Linux Standard Base, "Exception Frames").
 *
 * Nothing here faults or loops whatever the stack holds: words are read only from mapped pages,
 * code addresses must lie in kernel text, the stack must grow, and the number of frames is bounded.
 */
#include "arch/x86_64/trap.h"
#include "arch/x86_64/unwind.h"
#include <arch/cpu.h>
#include <arch/debug.h>
#include <arch/memory.h>
#include <arch/thread.h>

extern const uint8_t __text_start[], __text_end[];

/* DWARF's numbers of the registers (System V ABI for x86-64, figure 3.36). */
enum unwind_register {
	RAX,
	RDX,
	RCX,
	RBX,
	RSI,
	RDI,
	RBP,
	RSP,
	R8,
	R9,
	R10,
	R11,
	R12,
	R13,
	R14,
	R15,
	RIP,
	REGISTER_COUNT,
};

#define FRAMES_MAX 256
#define WORD       8u

/* A walk: the registers as they were in the frame it has reached. */
struct walk {
	uint64_t reg[REGISTER_COUNT];
	bool interrupted;    /* rip is the next instruction, not the one after a call */
	uintptr_t good_page; /* the page that was last found to be readable */
};

static bool is_text(uintptr_t va)
{
	return va >= (uintptr_t)__text_start && va < (uintptr_t)__text_end;
}

static bool read_word(struct walk *w, uintptr_t va, uint64_t *value)
{
	uintptr_t page = ALIGN_DOWN(va, ARCH_PAGE_SIZE);
	paddr_t pa;
	unsigned prot;

	if (!IS_ALIGNED(va, WORD) || va < ARCH_DIRECT_MAP)
		return false;
	if (page != w->good_page) {
		if (!arch_query_page(page, &pa, &prot) || prot & ARCH_PROT_DEVICE)
			return false;
		w->good_page = page;
	}
	*value = *(const uint64_t *)va;
	return true;
}

/* The caller's value of a register. False where the rule cannot be applied. */
static bool apply_rule(struct walk *w, const struct walk *callee, const struct unwind_row *row,
	unsigned reg, uint64_t cfa)
{
	const struct unwind_rule *rule = &row->rule[reg];

	switch (rule->kind) {
	case UNWIND_SAME:
		w->reg[reg] = reg == RSP ? cfa : callee->reg[reg];
		return true;
	case UNWIND_AT_CFA:
		return read_word(w, cfa + (uint64_t)(int64_t)rule->offset, &w->reg[reg]);
	case UNWIND_IS_CFA:
		w->reg[reg] = cfa + (uint64_t)(int64_t)rule->offset;
		return true;
	case UNWIND_UNDEFINED:
		w->reg[reg] = 0;
		return reg != RIP;
	}
	return false;
}

/* An interrupt may have come on another stack; calls go down on one. */
static bool stack_is_sane(const struct walk *callee, uint64_t cfa, bool signal)
{
	return IS_ALIGNED(cfa, WORD) && (signal || cfa > callee->reg[RSP]);
}

/* From a frame to its caller's. False at the end of the stack or where it makes no sense. */
static bool step(struct walk *w)
{
	struct walk callee = *w;
	struct unwind_row row;
	uint64_t cfa;

	if (!unwind_find_row(w->reg[RIP] - !w->interrupted, &row))
		return false;
	cfa = w->reg[row.cfa_register] + (uint64_t)(int64_t)row.cfa_offset;
	if (!stack_is_sane(&callee, cfa, row.signal))
		return false;
	for (unsigned reg = 0; reg < REGISTER_COUNT; reg++) {
		if (!apply_rule(w, &callee, &row, reg, cfa))
			return false;
	}
	w->interrupted = row.signal;
	return true;
}

static void walk_frames(struct walk *w, unwind_visit visit, void *arg)
{
	for (unsigned i = 0; i < FRAMES_MAX && is_text(w->reg[RIP]); i++) {
		if (!visit(w->reg[RIP], w->interrupted, arg) || !step(w))
			return;
	}
}

/* A jump to where no code is leaves the return address of the call on top of the stack. */
static bool leave_wild_call(struct walk *w, unwind_visit visit, void *arg)
{
	if (!visit(w->reg[RIP], true, arg) || !read_word(w, w->reg[RSP], &w->reg[RIP]))
		return false;
	w->reg[RSP] += WORD;
	w->interrupted = false;
	return true;
}

static void walk_interrupted(const struct arch_frame *f, unwind_visit visit, void *arg)
{
	struct walk w = {
		.reg = {[RAX] = f->rax,
			[RDX] = f->rdx,
			[RCX] = f->rcx,
			[RBX] = f->rbx,
			[RSI] = f->rsi,
			[RDI] = f->rdi,
			[RBP] = f->rbp,
			[RSP] = f->rsp,
			[R8] = f->r8,
			[R9] = f->r9,
			[R10] = f->r10,
			[R11] = f->r11,
			[R12] = f->r12,
			[R13] = f->r13,
			[R14] = f->r14,
			[R15] = f->r15,
			[RIP] = f->rip},
		.interrupted = true,
	};

	if (!is_text(f->rip) && !leave_wild_call(&w, visit, arg))
		return;
	walk_frames(&w, visit, arg);
}

/* The registers at one instruction of this function, whose caller is then one step away. */
static __noinline void walk_here(unwind_visit visit, void *arg)
{
	struct walk w = {.interrupted = true};

	__asm__ volatile("movq %%rbx, 24(%0)\n\t"
			 "movq %%rbp, 48(%0)\n\t"
			 "movq %%rsp, 56(%0)\n\t"
			 "movq %%r12, 96(%0)\n\t"
			 "movq %%r13, 104(%0)\n\t"
			 "movq %%r14, 112(%0)\n\t"
			 "movq %%r15, 120(%0)\n\t"
			 "leaq 1f(%%rip), %%rax\n\t"
			 "1: movq %%rax, 128(%0)"
			 :
			 : "r"(w.reg)
			 : "rax", "memory");
	/* Out of this function and of arch_backtrace(). */
	if (step(&w) && step(&w))
		walk_frames(&w, visit, arg);
	barrier(); /* no tail call: this frame must still be there */
}

void arch_backtrace(const struct arch_frame *frame, unwind_visit visit, void *arg)
{
	if (frame)
		walk_interrupted(frame, visit, arg);
	else
		walk_here(visit, arg);
	barrier(); /* no tail call: walk_here() counts on this frame */
}

void arch_backtrace_thread(const struct arch_thread *t, unwind_visit visit, void *arg)
{
	const struct arch_switch_frame *saved = (const struct arch_switch_frame *)t->sp;
	struct walk w = {.interrupted = false};
	uint64_t ignored;

	/* The first and last word readable: the frame is smaller than a page. */
	if (!read_word(&w, t->sp, &ignored) || !read_word(&w, (uintptr_t)&saved->rip, &w.reg[RIP]))
		return;
	w.reg[RBX] = saved->rbx;
	w.reg[RBP] = saved->rbp;
	w.reg[R12] = saved->r12;
	w.reg[R13] = saved->r13;
	w.reg[R14] = saved->r14;
	w.reg[R15] = saved->r15;
	w.reg[RSP] = t->sp + sizeof(*saved);
	walk_frames(&w, visit, arg);
}
