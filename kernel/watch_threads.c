/* SPDX-License-Identifier: MIT */
/*
 * The watchdog of threads that wait for ever (kernel/watch.h).
 *
 * A timer, then a look at all threads by its own thread; as long as a look finds a wait that it may
 * yet have to report, the timer is started again. Else the watchdog rests, until somebody who
 * blocks sees that it does. That is seen with the run-queue lock held, before which the wait cannot
 * be seen and behind which it is; a look takes the same lock after the watchdog has gone to rest.
 * So either the wait is found or the one who waits finds the watchdog resting.
 */
#include "kernel/dispatch_private.h"
#include "kernel/errno.h"
#include "kernel/log.h"
#include "kernel/semaphore.h"
#include "kernel/thread_private.h"
#include "kernel/params.h"
#include "kernel/wait_private.h"
#include "kernel/watch.h"
#include <arch/debug.h>

#define LOOKS_PER_LIMIT 4 /* a report comes at most a quarter of the limit late */
#define FRAMES          12
#define REPORTS         16 /* of one look; the others are only counted */
#define WHAT_MAX        96

_Atomic bool watch_threads_resting;

static struct spinlock lock = SPINLOCK_INIT("watchdog", LOCK_RANK_SYNC);
static struct timer timer; /* started under the lock, unless it rests */
static struct semaphore due = SEMAPHORE_INIT(due, 0);
static _Atomic ktime_t limit; /* (a) 0: nothing is reported */

/* A wait as it was at one moment. */
struct hung {
	ktime_t since;
	unsigned cpu;
	unsigned count; /* of frames */
	uintptr_t pc[FRAMES];
};

/* --- when to look ---------------------------------------------------------------------------- */

static void time_to_look(struct timer *t __unused)
{
	semaphore_give(&due);
}

void watch_threads_begin(void)
{
	spin_lock(&lock);
	if (atomic_load(&watch_threads_resting)) {
		atomic_store(&watch_threads_resting, false);
		timer_start(&timer, arch_time_now() + atomic_load(&limit) / LOOKS_PER_LIMIT);
	}
	spin_unlock(&lock);
}

/* From now on whoever begins to wait starts the timer. */
static void rest(void)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&lock);

	timer_cancel(&timer);
	atomic_store(&watch_threads_resting, atomic_load(&limit) != 0);
	spin_unlock_irqrestore(&lock, irqs);
}

/* --- looking --------------------------------------------------------------------------------- */

static bool add_frame(uintptr_t pc, bool irq __unused, void *arg)
{
	struct hung *hung = arg;

	hung->pc[hung->count++] = pc;
	return hung->count < FRAMES;
}

/* Its run queue is locked. */
static bool waits_for_ever(struct thread *t)
{
	unsigned state = atomic_load(&t->wait_state);

	return t->se.state == SCHED_BLOCKED && (state & WAIT_WAITING) && !(state & WAIT_KILLABLE) &&
		!timer_pending(&t->wait_timer);
}

/* False: it does not wait, or not so. `frames`: also where; its stack stands still meanwhile. */
static bool take_shot(struct thread *t, struct hung *hung, bool frames)
{
	arch_irqflags_t irqs = arch_irq_save();
	struct sched_rq *rq = dispatch_lock_rq_of(t);
	bool waits = rq && waits_for_ever(t);

	*hung = (struct hung){.since = t->se.since};
	if (waits)
		hung->cpu = rq->cpu;
	if (waits && frames)
		arch_backtrace_thread(&t->arch, add_frame, hung);
	if (rq)
		spin_unlock(&rq->lock);
	arch_irq_restore(irqs);
	return waits;
}

/* What it waits for is asked between two shots of the same wait, so that it belongs to it. */
static void report(struct thread *t, ktime_t since, ktime_t now)
{
	char what[WHAT_MAX];
	struct hung hung;

	wait_describe(t, what, sizeof(what));
	if (!take_shot(t, &hung, true) || hung.since != since)
		return;
	log_warn("thread %llu (%s) hangs: since %lld ms, for %lld ms, it waits uninterruptibly "
		 "for %s; last on CPU %u, in",
		(unsigned long long)t->thread_id, t->name, (long long)(since / NSEC_PER_MSEC),
		(long long)((now - since) / NSEC_PER_MSEC), what, hung.cpu);
	for (unsigned i = 0; i < hung.count; i++)
		log_warn("    %pS", (void *)hung.pc[i]);
}

/* Of one look. */
struct look {
	unsigned hung;  /* found now */
	unsigned later; /* others that may have to be reported at another look */
};

static void look_at(struct thread *t, ktime_t patience, struct look *look)
{
	ktime_t now = arch_time_now();
	struct hung hung;

	if (!take_shot(t, &hung, false) || hung.since == t->hung_since)
		return;
	if (now - hung.since < patience) {
		look->later++;
		return;
	}
	t->hung_since = hung.since;
	if (look->hung++ < REPORTS)
		report(t, hung.since, now);
}

static void look_at_all(void)
{
	ktime_t patience = atomic_load(&limit);
	struct look look = {0};
	struct thread *t = NULL;

	rest();
	if (!patience)
		return;
	while ((t = thread_next(t)))
		look_at(t, patience, &look);
	if (look.hung > REPORTS)
		log_warn("and %u more threads hang", look.hung - REPORTS);
	if (!look.later)
		return;
	arch_irq_disable();
	watch_threads_begin();
	arch_irq_enable();
}

static int watch(void *arg __unused)
{
	while (!semaphore_take_killable(&due))
		look_at_all();
	return 0;
}

/* --- on and off ------------------------------------------------------------------------------ */

void watch_threads_set_limit(ktime_t ns)
{
	atomic_store(&limit, ns);
	semaphore_give(&due);
}

int watch_threads_start(void)
{
	const struct thread_params params = {
		.name = "watchdog",
		.entry = watch,
		.has_priority = true,
		.priority = THREAD_PRIORITY_LOW,
		.flags = THREAD_SYSTEM | THREAD_DETACHED | THREAD_DAEMON,
	};
	struct thread *t;
	int err;

	timer_init(&timer, time_to_look);
	err = thread_create(&t, &params);
	if (err)
		return err;
	thread_start(t);
	watch_threads_set_limit(kernel_params.hung * NSEC_PER_SEC);
	return 0;
}
