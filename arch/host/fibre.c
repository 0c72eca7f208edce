/* SPDX-License-Identifier: MIT */
/*
 * Threads as fibres (ucontext) of one host thread, and virtual time. The address sanitizer is told
 * of every change of stack.
 */
#include "kernel/assert.h"
#include "kernel/entry.h"
#include "kernel/list.h"
#include "mm/kstack.h"
#include "mm/slab.h"
#include "mm/tlb.h"
#include <arch/cpu.h>
#include <arch/host.h>
#include <arch/irq.h>
#include <arch/smp.h>
#include <arch/thread.h>
#include <arch/time.h>
#include <sanitizer/common_interface_defs.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

#define FIBRE_STACK (1024 * 1024)

#ifdef __SANITIZE_ADDRESS__
#define STACKS_ARE_WATCHED 1
#else
#define STACKS_ARE_WATCHED 0
#endif

struct arch_fibre {
	struct list_node node; /* on `fibres` */
	ucontext_t context;
	void *stack;      /* NULL: the host thread's own */
	const void *base; /* of the stack, as the sanitizer knows it */
	size_t size;
	void *fake_stack; /* the sanitizer's */
	__noreturn void (*entry)(void *arg);
	void *arg;
};

ktime_t arch_host_time_step = 10;
static ktime_t now, armed = KTIME_MAX;
static struct list fibres = LIST_INIT(fibres); /* so that a leak detector finds them */
static struct arch_fibre *left, *entered;      /* of the switch under way */

/* --- time ------------------------------------------------------------------------------------ */

ktime_t arch_time_now(void)
{
	now += arch_host_time_step;
	return now;
}

void arch_timer_arm(ktime_t when)
{
	armed = when;
}

static void interrupt(void)
{
	armed = KTIME_MAX;
	entry_irq_enter(0);
	entry_timer();
	entry_irq_exit(0);
}

void arch_host_poll(void)
{
	if (arch_irqs_off() || armed > now)
		return;
	arch_irq_disable();
	interrupt();
	arch_irq_enable();
}

static void wait_for_timer(void)
{
	if (armed == KTIME_MAX) {
		fprintf(stderr, "every thread waits and no timer is armed\n");
		abort();
	}
	now = MAX(now, armed);
	interrupt();
}

void arch_host_fibres_init(void)
{
	now = 0;
	armed = KTIME_MAX;
	arch_host_wait = wait_for_timer;
}

void arch_ipi_send(unsigned cpu, enum arch_ipi kind)
{
	(void)kind;
	BUG_ON(cpu != arch_cpu_id());
}

/* --- fibres ---------------------------------------------------------------------------------- */

static struct arch_fibre *new_fibre(void)
{
	struct arch_fibre *f = calloc(1, sizeof(*f));

	BUG_ON(!f);
	list_push_back(&fibres, &f->node);
	return f;
}

static void leave_stack(struct arch_fibre *from, struct arch_fibre *to)
{
	left = from;
	entered = to;
	if (STACKS_ARE_WATCHED)
		__sanitizer_start_switch_fiber(&from->fake_stack, to->base, to->size);
}

/* On the new stack; where the old one is is learned here, for the host thread's own. */
static void enter_stack(void)
{
	if (STACKS_ARE_WATCHED)
		__sanitizer_finish_switch_fiber(entered->fake_stack, &left->base, &left->size);
}

static void begin(void)
{
	enter_stack();
	entered->entry(entered->arg);
}

/* The host's own: its bounds are not known. */
size_t arch_boot_stack(void **base)
{
	*base = NULL;
	return 0;
}

void arch_thread_init(struct arch_thread *t, void *stack_base, size_t stack_size,
	__noreturn void (*entry)(void *arg), void *arg)
{
	struct arch_fibre *f = new_fibre();

	(void)stack_base;
	(void)stack_size;
	f->stack = malloc(FIBRE_STACK);
	BUG_ON(!f->stack || getcontext(&f->context));
	f->base = f->stack;
	f->size = FIBRE_STACK;
	f->entry = entry;
	f->arg = arg;
	f->context.uc_stack.ss_sp = f->stack;
	f->context.uc_stack.ss_size = FIBRE_STACK;
	makecontext(&f->context, begin, 0);
	*t = (struct arch_thread){.fibre = f};
}

void arch_thread_fini(struct arch_thread *t)
{
	list_remove(&t->fibre->node);
	free(t->fibre->stack);
	free(t->fibre);
	t->fibre = NULL;
}

void arch_thread_switch(struct arch_thread *prev, struct arch_thread *next)
{
	bool was_off = arch_host_irqs_off;

	if (!prev->fibre)
		prev->fibre = new_fibre();
	leave_stack(prev->fibre, next->fibre);
	BUG_ON(swapcontext(&prev->fibre->context, &next->fibre->context));
	enter_stack();
	arch_host_irqs_off = was_off;
}

void arch_thread_get_context(const struct arch_thread *t, struct arch_context *context)
{
	(void)t;
	*context = (struct arch_context){0};
}

void arch_fpu_switch_out(struct arch_thread *prev)
{
	(void)prev;
	BUG_ON("the host saves these registers itself");
}

/* --- kernel stacks: only their existence counts ---------------------------------------------- */

void *kstack_alloc(size_t size)
{
	return kmalloc(size);
}

void kstack_free(void *base, size_t size)
{
	(void)size;
	kfree(base);
}

void kstack_drain_cpu(void)
{
}

void kstack_debug_keep(const void *base)
{
	(void)base;
}

void kstack_debug_claim(const void *base)
{
	(void)base;
}

void tlb_interrupt(void)
{
	BUG_ON("there is no other CPU");
}
