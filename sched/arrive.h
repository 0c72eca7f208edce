/* SPDX-License-Identifier: MIT */
/*
 * Private to sched/: how an entity comes onto a run queue. Inline, because a wake-up is as frequent
 * as a switch; what is rare in it is in core.c. The run queue's lock is held.
 */
#ifndef SCHED_ARRIVE_H
#define SCHED_ARRIVE_H

#include "sched/queue.h"

/* Lazy: a timer that is armed too early costs one interrupt, not one call per switch. */
static inline bool rq_timer_too_late(const struct sched_rq *rq)
{
	return (rq->slice_end < rq->timer_at || rq->balance_at < rq->timer_at) &&
		rq_runnable(rq) > 1;
}

static inline void rq_count_wakeup(struct sched_rq *rq, struct sched_entity *se, unsigned from)
{
	se->stats.wakeups++;
	rq->stats.wakeups++;
	if (likely(rq->trace)) {
		se->woken_at = se->since;
		sched_env_trace_wake(rq, se, from);
	}
}

/* se, which is on no queue, becomes QUEUED here, where it belongs already. `now` is rq's clock. */
static __always_inline void rq_link_here(struct sched_rq *rq, struct sched_entity *se,
	enum sched_state was, enum sched_why why, unsigned from, ktime_t now)
{
	KASSERT(spin_held(&rq->lock) && entity_rq(se) == rq && now == rq->clock);
	entity_change_state(se, was, SCHED_QUEUED, now);
	entity_translate(rq, se, now);
	queue_enter(rq, se, why, now);
	rq_count_up(rq);
	if (why == SCHED_WHY_WAKEUP)
		rq_count_wakeup(rq, se, from);
}

/*
 * se, which is on no queue, becomes QUEUED here; if it comes from another run queue, both are
 * locked. The caller then asks rq_arrived(), or is about to switch.
 */
static __always_inline void rq_link(struct sched_rq *rq, struct sched_entity *se,
	enum sched_why why, unsigned from, ktime_t now)
{
	struct sched_rq *old = entity_rq(se);

	KASSERT(spin_held(&rq->lock) && spin_held(&old->lock));
	KASSERT(!entity_linked(se) && se->state != SCHED_RUNNING);
	now = rq_advance(rq, now);
	if (unlikely(old != rq)) {
		sched_rq_change(rq, se, old);
		now = rq->clock;
	}
	rq_link_here(rq, se, se->state, why, from, now);
}

/* se was linked: preempts, starts the slice timer, or is offered to an idle CPU. */
static __always_inline void rq_arrived(struct sched_rq *rq, struct sched_entity *se, unsigned from)
{
	KASSERT(spin_held(&rq->lock));
	if (rq_runnable(rq) >= 2)
		rq_note_load(rq);
	if (rq_runnable(rq) == 2 &&
		unlikely(rq->slice_end < rq->clock || rq->balance_at <= rq->clock))
		sched_rq_end_solitude(rq);
	if (entity_outranks(rq, se)) {
		rq_publish_rank(rq, MIN(se->rank, rq_curr_rank(rq)));
		sched_rq_resched(rq, from);
		return;
	}
	if (rq_timer_too_late(rq))
		sched_rq_start_timer(rq, from);
	sched_offer(rq, se, from);
}

/* --- start and wake-up, inline for the kernel's wait queues and thread_run() ------------------ */

/* A stopped entity remembers one wake-up; rq is locked and is dropped. True: it was the first. */
bool sched_rq_wake_stopped(struct sched_rq *rq, struct sched_entity *se);

/* se is in state `was`; rq, its run queue, is locked and is dropped. */
static __always_inline void rq_wake(struct sched_entity *se, enum sched_state was,
	struct sched_rq *rq, unsigned prefer, unsigned from, ktime_t now)
{
	now = rq_advance(rq, now);
	if (likely(entity_stays(se, rq))) {
		rq_link_here(rq, se, was, SCHED_WHY_WAKEUP, from, now);
		rq_arrived(rq, se, from);
		spin_unlock(&rq->lock);
		return;
	}
	entity_set_state(se, SCHED_WAKING, now);
	sched_settle(se, rq, prefer, from, SCHED_WHY_WAKEUP, now);
}

/* What sched_start() does. */
static __always_inline void sched_start_here(struct sched_entity *se, unsigned from, ktime_t now)
{
	struct sched_rq *rq = entity_lock(se);

	if (unlikely(se->state == SCHED_STOPPED)) {
		sched_rq_wake_stopped(rq, se);
		return;
	}
	KASSERT(se->state == SCHED_NEW || se->state == SCHED_BLOCKED);
	now = MAX(now, se->since); /* it was attached by another clock */
	rq_wake(se, se->state, rq, from, from, now);
}

/* What sched_wake() does. */
static __always_inline bool sched_wake_here(struct sched_entity *se, unsigned from, ktime_t now)
{
	struct sched_rq *rq = entity_lock(se);

	if (unlikely(se->state != SCHED_BLOCKED)) {
		if (se->state == SCHED_STOPPED)
			return sched_rq_wake_stopped(rq, se);
		spin_unlock(&rq->lock);
		return false;
	}
	rq_wake(se, SCHED_BLOCKED, rq, rq->cpu, from, now);
	return true;
}

#endif
