/* SPDX-License-Identifier: MIT */
/*
 * The scheduler library: run queues, policies, placement, stealing.
 *
 * It has no globals, allocates nothing, reads no clock (`now` is an argument, in ns) and draws no
 * random numbers. Same calls, same schedule. What it schedules is a struct sched_entity that the
 * embedder puts into its own thread; what it needs from the embedder are the sched_env_* hooks.
 *
 * Locking: one spinlock per run queue, interrupts off. sched_switch() is called with the lock of
 * the CPU's own run queue held, and the lock stays held until the next thread's stack is live:
 * sched_switch_tail() is the one place that drops it. Everything else takes the locks it needs.
 */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include "kernel/bitmap.h"
#include "kernel/cpumask.h"
#include "kernel/list.h"
#include "kernel/rbtree.h"
#include "kernel/spinlock.h"
#include "sched/policy_id.h"

enum sched_reason {
#define REASON(name, text) SCHED_##name,
#include "sched/reasons.def"
#undef REASON
	SCHED_REASON_COUNT,
};

/* What an entity's own switches are counted by; its run queue counts them by reason. */
enum sched_leaving {
	SCHED_LEFT_ITSELF,  /* it asked for that */
	SCHED_LEFT_EXPIRED, /* its slice ended */
	SCHED_LEFT_FORCED,  /* preempted, or no longer allowed to run there */
	SCHED_LEAVING_COUNT,
};

/* Where an entity is. Exactly one of these holds (rule S11.1). */
enum sched_state {
	SCHED_NEW,       /* initialised, never woken */
	SCHED_QUEUED,    /* on its run queue, waiting for its turn */
	SCHED_RUNNING,   /* some run queue's current */
	SCHED_BLOCKED,   /* waits for a wake-up */
	SCHED_THROTTLED, /* DL: has to wait for its next period, then goes on by itself */
	SCHED_WAKING,    /* between two queues; one CPU is placing it */
	SCHED_STOPPED,   /* suspended; only sched_resume() brings it back */
	SCHED_DEAD,      /* has left its last CPU or is leaving it */
	SCHED_STATE_COUNT,
};

#include "sched/entity.h" /* struct sched_entity, sched_rq, sched, sched_params, sched_config */

/* --- set-up ---------------------------------------------------------------------------------- */

/*
 * The documented defaults: rr, quantum 20 ms, balance 50 ms, affinity and balancing on, aging
 * 50 ms, boost 500 ms.
 */
void sched_config_default(struct sched_config *config);

/* 0, or -EINVAL when a value of config is out of range. */
int __must_check sched_init(struct sched *s, const struct sched_config *config);

/*
 * Asks for another configuration, the system algorithm included (rule S1.3). -EINVAL when a value
 * is out of range or not to be changed, -EBUSY while the change before is not complete; then
 * nothing has changed. The embedder's admission lock is held from here until sched_change_cpus()
 * says false, and no CPU is added meanwhile. What reservations are admitted by (admission,
 * overhead) stays as it is.
 */
int __must_check sched_set_config(struct sched *s, const struct sched_config *config);

/*
 * Goes on with it: takes one CPU's lock for a bounded time. True: to be called again; in between
 * interrupts may come, threads run, wake, block and end as ever. Threads that wait have their
 * turns in the order of the old algorithm and queue by the new one then; others do when they next
 * become ready. Fixed priorities that take turns have the new quantum from their next wake-up on.
 */
bool sched_change_cpus(struct sched *s, unsigned from, ktime_t now);

/*
 * Says where the first `count` CPUs sit, before the first comes on line; else all are equally near.
 * `place` stays at its address and does not change.
 */
void sched_set_places(struct sched *s, const struct sched_cpu_place *place, unsigned count);

/*
 * Brings a CPU on line with its idle entity as current. `rq` stays at its address. On the CPU
 * itself or before it runs; once the first has returned, calls for different CPUs may overlap. Sets
 * every field of rq; the embedder sets rq->trace afterwards.
 */
void sched_add_cpu(
	struct sched *s, struct sched_rq *rq, unsigned cpu, struct sched_entity *idle, ktime_t now);

/* --- the life of an entity ------------------------------------------------------------------- */

/*
 * `now` may be older than what another CPU told a run queue meanwhile; every run queue keeps its
 * own clock, which never goes back. `from` is the CPU that calls: it is not kicked, its
 * need_resched is set. All but sched_attach() are called with interrupts off and no run-queue lock.
 */

/*
 * `se` is all zero, or dead; its state will be NEW. -EINVAL for a bad level or priority, a D or T
 * that is negative or above SCHED_PERIOD_MAX, a D above T, numbers that the kind does not have, or
 * a mask without a CPU on line.
 */
int __must_check sched_attach(
	struct sched *s, struct sched_entity *se, const struct sched_params *params, ktime_t now);

/* The same for time sharing at a valid level, on any CPU: cannot fail, and is the fastest. */
void sched_attach_plain(struct sched *s, struct sched_entity *se, unsigned level, ktime_t now);

/* First wake-up of a NEW entity; prefers CPU `from`. */
void sched_start(struct sched *s, struct sched_entity *se, unsigned from, ktime_t now);

/*
 * BLOCKED to queued, wherever place() decides (rule S8.1). Of several callers one returns true;
 * false when the entity was not blocked. A STOPPED entity that was blocked is made runnable at its
 * resume: true, once.
 */
bool sched_wake(struct sched *s, struct sched_entity *se, unsigned from, ktime_t now);

/*
 * Suspends. 0: it is stopped now and on no CPU. -EAGAIN: it runs, and must stop itself by
 * sched_switch(rq, SCHED_STOP, now). -EALREADY, -ESRCH when dead. A NEW entity is stopped too and
 * starts at its resume.
 */
int __must_check sched_stop(struct sched *s, struct sched_entity *se, ktime_t now);

/* Ends a suspension: runnable, or BLOCKED if it was and nobody woke it. False: was not stopped. */
bool sched_resume(struct sched *s, struct sched_entity *se, unsigned from, ktime_t now);

/*
 * Changes everything but the affinity. Who runs in another class than before ends its turn. With
 * another deadline or period than before a first job is released now, or when se wakes up. 0,
 * -EINVAL as above, -ESRCH when dead; any other state.
 *
 * One that has a reservation or asks for one (SCHED_KIND_DL): the embedder's admission lock is
 * held, and is held too when it ends, unless it gave the reservation up before. -EBUSY when no
 * allowed CPU can promise it; then everything is as it was. It is bound to one CPU from then on.
 */
int __must_check sched_set_params(struct sched *s, struct sched_entity *se,
	const struct sched_params *params, unsigned from, ktime_t now);

/* Changes only the level, which other classes keep for later. 0, -EINVAL, -ESRCH. */
int __must_check sched_set_level(
	struct sched *s, struct sched_entity *se, unsigned level, unsigned from, ktime_t now);

/*
 * The most that one CPU of the mask could promise now, in millionths of a CPU. The admission lock
 * is held.
 */
unsigned sched_free_bandwidth(struct sched *s, const struct cpumask *mask, ktime_t now);

/* What sched_set_params() was given last; the affinity is left out. Takes the lock. */
void sched_get_params(struct sched *s, struct sched_entity *se, struct sched_params *params);

/*
 * se is as urgent as `urgency`, or as itself if that is more, until the next call: what its most
 * urgent waiter lends it (rule S9.2), SCHED_URGENCY_NONE to take it back. Any state but DEAD.
 */
void sched_inherit(
	struct sched *s, struct sched_entity *se, unsigned urgency, unsigned from, ktime_t now);

/* The level that se was given, without what it inherits. */
static inline unsigned sched_own_level(const struct sched_entity *se)
{
	return se->own_level;
}

/*
 * Blocked: applied at the next wake-up. Queued: moved at once. Running on a CPU that is now
 * forbidden: se->move_pending is set and that CPU kicked; it moves at its next switch. -EINVAL when
 * no CPU on line is in the mask or masks are switched off, -EBUSY when se has a reservation on a
 * CPU outside of it, -ESRCH when dead.
 */
int __must_check sched_set_affinity(struct sched *s, struct sched_entity *se,
	const struct cpumask *mask, unsigned from, ktime_t now);

/* --- CPUs that leave and come back ----------------------------------------------------------- */

/*
 * Takes a CPU off line (rules S8.6, S8.7): what is queued there goes elsewhere, what runs there
 * leaves at its next switch, which is asked for, and nobody comes any more. An entity that may run
 * on no other CPU may then run on any. sched_cpu_empty() tells when it has nothing left; its idle
 * loop goes on until then. -EINVAL when it is not on line; -EBUSY when it is the last one, or when
 * reservations are bound to it. One call at a time for all CPUs: the embedder's admission lock.
 */
int __must_check sched_cpu_offline(struct sched *s, unsigned cpu, unsigned from, ktime_t now);

/* Does nothing but idle run there, and is nothing on its way from there? No lock. */
bool sched_cpu_empty(const struct sched *s, unsigned cpu);

/* Brings it back when it is empty. Interrupts off; the embedder's admission lock. */
void sched_cpu_online(struct sched *s, unsigned cpu, ktime_t now);

/*
 * For every entity when CPUs have left or come back: its mask is overridden if none of its CPUs is
 * on line, and in force again if one is. Answers whether it is overridden.
 */
bool sched_review_affinity(struct sched *s, struct sched_entity *se, unsigned from, ktime_t now);

/* --- on each CPU ----------------------------------------------------------------------------- */

/*
 * Ends the current entity's turn for `reason` and picks the next one, which is rq->curr when this
 * returns and may be the same. The run queue's lock is held and stays held; `now` is read after it
 * was taken. The caller switches stacks and then calls sched_switch_tail() on the new one.
 * SCHED_PREEMPT stands for every involuntary switch: whether the slice ended or the entity must
 * leave the CPU is found out here, and so reported.
 */
struct sched_entity *sched_switch(struct sched_rq *rq, enum sched_reason reason, ktime_t now);

/*
 * sched_switch() to block, sleep or exit, which at the same time wakes `se`, as sched_wake() would.
 * se is ready for this switch, and likely to be the next, if it was last here and may run here;
 * otherwise sched_switch_tail() wakes it.
 */
struct sched_entity *sched_switch_waking(
	struct sched_rq *rq, enum sched_reason reason, struct sched_entity *se, ktime_t now);

/* Private to sched_switch_tail(): the same, when there is something to do. */
unsigned sched_finish_switch(struct sched_rq *rq);

/*
 * Drops the run queue's lock and finishes a move or a wake-up that the switch began. Returns and
 * clears rq->tail, in which the embedder may have set bits of its own before the switch.
 */
static inline unsigned sched_switch_tail(struct sched_rq *rq)
{
	KASSERT(spin_held(&rq->lock));
	if (unlikely(rq->tail))
		return sched_finish_switch(rq);
	spin_unlock(&rq->lock);
	return 0;
}

/* The timer fired: charges the current entity, ends its slice if it is over, re-arms. */
void sched_timer(struct sched_rq *rq, ktime_t now);

/*
 * The idle loop, on its CPU, interrupts off:
 *	sched_idle_enter(rq);
 *	if (!need_resched && !sched_steal(s, rq, now))
 *		arch_cpu_wait();
 *	sched_idle_exit(rq);
 *	if (need_resched) switch
 * Enter comes before the last look at other CPUs, so that a waker sees either the idle CPU or is
 * seen by it. True from sched_steal(): an entity came here and need_resched is set.
 */
void sched_idle_enter(struct sched_rq *rq);
void sched_idle_exit(struct sched_rq *rq);
bool sched_steal(struct sched *s, struct sched_rq *rq, ktime_t now);

/*
 * Balances now instead of at the end of the interval: each CPU where somebody waits gives of it to
 * CPUs that have at least two fewer. Does nothing while balancing is off. Any CPU, interrupts off.
 */
void sched_balance_load(struct sched *s, unsigned from, ktime_t now);

/* --- questions ------------------------------------------------------------------------------- */

/* Must the current entity go? One load; any context on the run queue's own CPU. */
static inline bool sched_need_resched(const struct sched_rq *rq)
{
	return atomic_load_explicit(&rq->need_resched, memory_order_relaxed);
}

/* Nanoseconds that se has spent in a state, the current stay included. Takes the lock. */
ktime_t sched_time_in(
	struct sched *s, struct sched_entity *se, enum sched_state state, ktime_t now);

/* Nanoseconds that se has run, the current turn included. Takes the run queue's lock. */
ktime_t sched_runtime(struct sched *s, struct sched_entity *se, ktime_t now);

static __always_inline enum sched_leaving sched_leaving(enum sched_reason reason)
{
	if (reason == SCHED_EXPIRED)
		return SCHED_LEFT_EXPIRED;
	return reason == SCHED_PREEMPT || reason == SCHED_MOVE ? SCHED_LEFT_FORCED
							       : SCHED_LEFT_ITSELF;
}

/* "rr" for SCHED_POLICY_rr. */
const char *sched_policy_name(enum sched_policy_id id);

/* --- checks (sched/check.c) ------------------------------------------------------------------ */

/* NULL, or what is wrong with this run queue, in words. Its lock is held. Walks the queue. */
const char *sched_check_rq(const struct sched_rq *rq);

/* The same in bounded time: a long queue is not walked. For every switch of a debug build. */
const char *sched_check_switch(const struct sched_rq *rq);

/* The same for one entity; the lock of its run queue is held. */
const char *sched_check_entity(const struct sched_entity *se);

/*
 * All entities at once, when nothing moves: start from zeros, add every entity that was attached
 * and is not freed (no idle ones), then ask. Rule S11.1, and S10's sum of times.
 */
struct sched_census {
	unsigned count[SCHED_STATE_COUNT];
	ktime_t running;
};
void sched_census_add(struct sched_census *census, const struct sched_entity *se);
const char *sched_census_check(const struct sched_census *census, const struct sched *s);

/* --- supplied by the embedder ---------------------------------------------------------------- */

/* Another CPU must look at its need_resched. Run-queue lock may be held. */
void sched_env_kick(struct sched_rq *rq);

/*
 * sched_timer() is wanted at `when` on this run queue's CPU, which is the one that calls. Lock
 * held.
 */
void sched_env_set_timer(struct sched_rq *rq, ktime_t when);

/*
 * Something happened, at rq->clock; lock held, must be short. Only called while rq->trace is set.
 * A switch (prev left for `reason`, next has the CPU) is told on its CPU; a wake-up to rq and
 * other events perhaps on another one. The two frequent ones have hooks of their own: an event is
 * to cost no more than 30 instructions.
 */
void sched_env_trace_switch(struct sched_rq *rq, struct sched_entity *prev,
	struct sched_entity *next, enum sched_reason reason);
void sched_env_trace_wake(struct sched_rq *rq, struct sched_entity *se, unsigned from);
void sched_env_trace_event(
	struct sched_rq *rq, struct sched_entity *se, enum sched_event_kind kind, unsigned from);

#endif
