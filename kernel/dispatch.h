/* SPDX-License-Identifier: MIT */
/*
 * Dispatch: the third layer of scheduling. It asks sched/ who is next and moves the stack pointer;
 * nothing else calls arch_thread_switch(). The run-queue lock is held from the decision until the
 * next thread's stack is live, and dropped by dispatch_tail() alone, which a thread's first run
 * enters too.
 */
#ifndef KERNEL_DISPATCH_H
#define KERNEL_DISPATCH_H

#include "kernel/percpu.h"
#include "sched/sched.h"

struct thread;

enum cpu_state {
	CPU_OFFLINE,
	CPU_STARTING,
	CPU_RUNNING,
	CPU_LEAVING,
};

/* What is left to do after a switch, in rq.tail: of the thread that was left. */
enum dispatch_tail_work {
	DISPATCH_REAP = SCHED_TAIL_EMBEDDER,        /* it has ended, and nobody joins it */
	DISPATCH_STOPPED = SCHED_TAIL_EMBEDDER * 2, /* it is suspended, or ended when told to */
	DISPATCH_WATCH = SCHED_TAIL_EMBEDDER * 4,   /* it waits, and the watchdog has to be told */
};

/*
 * cpu_scheduler of the original design, one per CPU. Its ready_queue is `rq`, its load
 * rq.nr_runnable, its current_thread the per-CPU pointer of that name.
 *
 * (c) constant once the CPU runs, (l) only this CPU, interrupts off, (a) atomic
 */
struct cpu_scheduler {
	struct sched_rq rq;
	unsigned cpu_id;        /* (c) */
	_Atomic unsigned state; /* (a) enum cpu_state */
	struct thread *ended;   /* (l) with DISPATCH_REAP: who */
	struct thread *idle;    /* (c) */
};

DECLARE_PERCPU(struct cpu_scheduler, cpu_schedulers);
DECLARE_PERCPU(struct thread *, current_thread);

/* The system's one scheduler: its CPUs, idle masks, configuration. */
extern struct sched scheduler;

static inline struct thread *thread_current(void)
{
	return this_cpu(current_thread);
}

/* The one scheduler, without a CPU yet. The configuration is valid. */
void dispatch_init(const struct sched_config *config);

/* Brings CPU `cpu` on line with `idle` as its current thread. Interrupts off. */
void dispatch_add_cpu(unsigned cpu, struct thread *idle);

/*
 * Ends the current thread's turn for `reason` and returns when it is its turn again, perhaps at
 * once. This CPU's run-queue lock is held on entry and dropped on return. Interrupts off.
 */
void dispatch_locked(enum sched_reason reason);

/* The same, taking the lock itself. */
void dispatch_switch(enum sched_reason reason);

/* Switches as long as need_resched is set, and obeys a kill of a thread killable anywhere. Called
 * with interrupts off and a preemption count of 0; returns so. */
void dispatch_preempt(void);

/*
 * Suspends the current thread, unless `wanted` returns false once the run-queue lock is held: then
 * the suspension was taken back. Returns when it is resumed. Interrupts off.
 */
void dispatch_stop(bool (*wanted)(const struct thread *self));

/* Makes `t` go through dispatch_preempt() soon if it runs on some CPU. Interrupts off. */
void dispatch_kick(struct thread *t);

/* Returns once `t`, which has ended or is about to, is on no CPU. Interrupts off. */
void dispatch_wait_off_cpu(struct thread *t);

/* The rest of a switch, on the next thread's stack. Also the first thing a new thread does. */
void dispatch_tail(void);

#endif
