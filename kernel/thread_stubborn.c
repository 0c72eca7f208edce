/* SPDX-License-Identifier: MIT */
/*
 * The report of a thread that was asked to stop and does not: which one, and where it is.
 *
 * It begins in a timer's interrupt on the CPU of whoever asked. Where a running thread is, only its
 * own CPU knows, in an interrupt; so that one is sent for, with a reference to the thread.
 */
#include "kernel/dispatch_private.h"
#include "kernel/log.h"
#include "kernel/thread_private.h"
#include <arch/debug.h>
#include <arch/smp.h>

ktime_t thread_stop_patience = 5 * NSEC_PER_SEC;

/* Whom this CPU is to report; a thread that finds the place taken is reported without a place. */
static DEFINE_PERCPU(_Atomic(struct thread *), stubborn);

struct place {
	uintptr_t pc;
	unsigned depth;
};

/* What was interrupted; without an interrupt on the stack, who called what switched. */
static bool note_place(uintptr_t pc, bool irq, void *arg)
{
	struct place *place = arg;

	if (irq || place->depth == 1)
		place->pc = pc;
	place->depth++;
	return !irq;
}

static uintptr_t place_here(void)
{
	struct place place = {0};

	arch_backtrace(NULL, note_place, &place);
	return place.pc;
}

/* Where `t` was switched out, 0 if it runs. Its stack stands still while the lock is held. */
static uintptr_t place_left(struct thread *t)
{
	struct sched_rq *rq = dispatch_lock_rq_of(t);
	struct place place = {0};

	if (!rq)
		return 0;
	if (rq->curr != &t->se)
		arch_backtrace_thread(&t->arch, note_place, &place);
	spin_unlock(&rq->lock);
	return place.pc;
}

static void report(struct thread *t, uintptr_t place)
{
	enum thread_state state = thread_get_state(t);

	if (state == THREAD_WAITING)
		place = t->wait_site;
	log_warn("thread %llu (%s) was asked to stop %lld ms ago and is %s on CPU %u, in %pS",
		(unsigned long long)t->thread_id, t->name,
		(long long)(thread_stop_patience / NSEC_PER_MSEC), thread_state_name(state),
		thread_get_cpu(t), (void *)(place ? place : (uintptr_t)t->entry_point));
}

static bool has_stopped(const struct thread *t)
{
	enum thread_state state = thread_get_state(t);

	return !atomic_load(&t->stop) || state == THREAD_STOPPED || state == THREAD_TERMINATED;
}

/* Has the CPU where `t` runs report it; false if it runs nowhere or that CPU has one already. */
static bool send_for(struct thread *t)
{
	unsigned cpu = thread_get_cpu(t);
	struct thread *nobody = NULL;

	if (thread_get_state(t) != THREAD_RUNNING || cpu == arch_cpu_id())
		return false;
	if (!atomic_compare_exchange_strong(cpu_ptr(stubborn, cpu), &nobody, t))
		return false;
	arch_ipi_send(cpu, ARCH_IPI_CALL);
	return true;
}

void thread_report_here(void)
{
	struct thread *t = atomic_exchange(this_cpu_ptr(stubborn), NULL);

	if (!t)
		return;
	if (!has_stopped(t))
		report(t, t == thread_current() ? place_here() : place_left(t));
	thread_put(t);
}

static void time_is_over(struct timer *timer)
{
	struct thread *t = container_of(timer, struct thread, stop_timer);

	if (has_stopped(t))
		return;
	thread_get(t);
	if (send_for(t))
		return;
	report(t, t == thread_current() ? place_here() : place_left(t));
	thread_put(t);
}

void thread_stop_timer_init(struct thread *t)
{
	timer_init(&t->stop_timer, time_is_over);
}
