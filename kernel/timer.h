/* SPDX-License-Identifier: MIT */
/*
 * Timers: a function called at a time, in interrupt context, on the CPU that started the timer.
 * Each CPU keeps its timers in a tree by deadline and has one hardware shot, shared with the
 * scheduler's slice timer. The shot is re-armed lazily: never because something was cancelled, only
 * because something earlier came.
 */
#ifndef KERNEL_TIMER_H
#define KERNEL_TIMER_H

#include "kernel/percpu.h"
#include "kernel/rbtree.h"
#include "kernel/types.h"

/* (t) lock of the timer base of `cpu`, (o) the owner, while the timer is not started */
struct timer {
	struct rb_node node;             /* (t) */
	ktime_t when;                    /* (t) */
	uint64_t seq;                    /* (t) order among equal deadlines: first started first */
	void (*fn)(struct timer *timer); /* (o) in an interrupt, no lock; may start it again */
	_Atomic unsigned cpu;            /* (a) whose tree it was started on last */
};

/* A timer that is not started. */
void timer_init(struct timer *timer, void (*fn)(struct timer *timer));

/* Calls fn at `when` or soon after, on this CPU. The timer is not started. Any context but NMI. */
void timer_start(struct timer *timer, ktime_t when);

/* True: it will not be called. False: it was not started, has been called, or is being called. */
bool timer_cancel(struct timer *timer);

/* As timer_cancel(), and no call of fn is under way when it returns. Interrupts on. */
bool timer_cancel_sync(struct timer *timer);

/*
 * Returns when no call of fn is under way that began before. Interrupts on, and no lock that fn
 * takes.
 */
void timer_finish(const struct timer *timer);

/* True from timer_start() until fn is called or the timer is cancelled. */
bool timer_pending(const struct timer *timer);

/* Empty timer bases. */
void timer_init_cpu(unsigned cpu);

/*
 * The timers of a CPU that takes none any more become this CPU's. Interrupts off.
 */
void timer_take_over(unsigned cpu);

/* The hardware shot came: calls what is due, then the scheduler, then arms the next one. */
void timer_interrupt(void);

/* The scheduler's shot (sched_env_set_timer) for this CPU. Interrupts off, run-queue lock held. */
void timer_set_slice(ktime_t when);

/*
 * turns=on, for icount: from now on a CPU that is not idle is interrupted every millisecond, so
 * that all busy CPUs get equal shares. timer_begin_turn() is called on the CPU when it stops being
 * idle.
 */
void timer_take_turns(void);
void timer_begin_turn(void);

/* When a CPU's timer is to interrupt it, KTIME_MAX: never. A look without locks. */
ktime_t timer_armed_at(unsigned cpu);

/* Will any CPU be interrupted by its timer? A look without locks. */
bool timer_armed_anywhere(void);

/* For displays: when a CPU's next timers are due, at most `max`, in order; how many. */
unsigned timer_list(unsigned cpu, ktime_t *when, unsigned max);

#endif
