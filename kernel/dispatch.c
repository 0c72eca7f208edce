/* SPDX-License-Identifier: MIT */
/*
 * Dispatch = pick + switch + tail. The switch itself is in kernel/dispatch_private.h; here are the
 * reasons for one.
 */
#include "kernel/dispatch_private.h"
#include "kernel/thread.h"
#include "kernel/thread_private.h"
#include "kernel/trace.h"
#include "kernel/watch.h"
#include <arch/smp.h>
#include <arch/time.h>

DEFINE_PERCPU(struct cpu_scheduler, cpu_schedulers);
DEFINE_PERCPU(struct thread *, current_thread);
DEFINE_PERCPU(unsigned, preempt_count);
struct sched scheduler;

void dispatch_init(const struct sched_config *config)
{
	int err = sched_init(&scheduler, config);

	BUG_ON(err);
}

void dispatch_add_cpu(unsigned cpu, struct thread *idle)
{
	struct cpu_scheduler *c = this_cpu_ptr(cpu_schedulers);

	KASSERT(cpu == arch_cpu_id());
	KASSERT(arch_irqs_off());
	c->cpu_id = cpu;
	c->idle = idle;
	this_cpu(current_thread) = idle;
	sched_add_cpu(&scheduler, &c->rq, cpu, &idle->se, arch_time_now());
	atomic_store(&c->state, CPU_RUNNING);
}

/*
 * A wake-up in here, or one in the tail before, may want this CPU to switch again. Most of those
 * who go on after a switch do not look at need_resched, so an interrupt does.
 */
__noinline void dispatch_finish(struct cpu_scheduler *c, unsigned tail)
{
	struct thread *ended = c->ended;

	c->ended = NULL;
	if (tail & DISPATCH_REAP)
		thread_put(ended);
	if (tail & DISPATCH_STOPPED)
		thread_note_stopped();
	if (tail & DISPATCH_WATCH)
		watch_threads_begin();
	if (unlikely(preempt_wanted()))
		sched_env_kick(&c->rq);
}

void dispatch_tail(void)
{
	dispatch_tail_inline();
}

void dispatch_locked(enum sched_reason reason)
{
	dispatch_locked_inline(this_cpu_ptr(cpu_schedulers), reason);
}

void dispatch_switch(enum sched_reason reason)
{
	struct cpu_scheduler *c = this_cpu_ptr(cpu_schedulers);

	spin_lock(&c->rq.lock);
	dispatch_locked_inline(c, reason);
}

/* Here, so that the most frequent of all switches is one function. */
void thread_yield(void)
{
	struct cpu_scheduler *c;

	KASSERT(preempt_may_block());
	arch_irq_disable();
	c = this_cpu_ptr(cpu_schedulers);
	spin_lock(&c->rq.lock);
	dispatch_locked_inline(c, SCHED_YIELD);
	if (unlikely(thread_must_stop_here(thread_current())))
		thread_stop_here();
	arch_irq_enable();
}

void dispatch_preempt(void)
{
	do
		dispatch_switch(SCHED_PREEMPT);
	while (preempt_wanted());
	if (unlikely(thread_must_stop_here(thread_current())))
		thread_stop_here();
}

void preempt_now(void)
{
	if (arch_irqs_off())
		return;
	arch_irq_disable();
	if (preempt_wanted())
		dispatch_preempt();
	arch_irq_enable();
}

void dispatch_stop(bool (*wanted)(const struct thread *self))
{
	struct cpu_scheduler *c = this_cpu_ptr(cpu_schedulers);

	spin_lock(&c->rq.lock);
	if (!wanted(thread_current())) {
		spin_unlock(&c->rq.lock);
		return;
	}
	c->rq.tail |= DISPATCH_STOPPED;
	dispatch_locked_inline(c, SCHED_STOP);
}

struct sched_rq *dispatch_lock_rq_of(struct thread *t)
{
	struct sched_rq *rq;

	while ((rq = atomic_load(&t->se.rq))) {
		spin_lock(&rq->lock);
		if (rq == atomic_load(&t->se.rq))
			break;
		spin_unlock(&rq->lock);
	}
	return rq;
}

void dispatch_kick(struct thread *t)
{
	struct sched_rq *rq = dispatch_lock_rq_of(t);
	bool running;

	if (!rq)
		return;
	running = rq->curr == &t->se;
	if (running)
		atomic_store(&rq->need_resched, true);
	if (running && rq->cpu != arch_cpu_id())
		sched_env_kick(rq);
	spin_unlock(&rq->lock);
}

void dispatch_wait_off_cpu(struct thread *t)
{
	struct sched_rq *rq = dispatch_lock_rq_of(t);

	if (!rq)
		return;
	KASSERT(rq->curr != &t->se);
	spin_unlock(&rq->lock);
}

void sched_env_kick(struct sched_rq *rq)
{
	trace_event(TRACE_IPI, rq->cpu, ARCH_IPI_RESCHED);
	arch_ipi_send(rq->cpu, ARCH_IPI_RESCHED);
}

void sched_env_set_timer(struct sched_rq *rq, ktime_t when)
{
	KASSERT(rq->cpu == arch_cpu_id());
	(void)rq;
	timer_set_slice(when);
}
