/* SPDX-License-Identifier: MIT */
/*
 * The switch. Inline, for dispatch alone: where the reason is a constant, most of the decisions
 * below are made by the compiler, and registers are saved once (17 instructions of a yield).
 * Everybody else calls sched_switch(). What is rare in it is in core.c. The run queue's lock is
 * held.
 */
#ifndef SCHED_SWITCH_H
#define SCHED_SWITCH_H

#include "sched/arrive.h"

/* For the end of the slice or the next balance, which comes first. */
void sched_rq_arm(struct sched_rq *rq);

/* What an involuntary switch is about; stores the rest of the slice. */
enum sched_reason sched_rq_involuntary_reason(struct sched_rq *rq);

/* The rarest ways to leave. */
void sched_rq_leave_unfinished(
	struct sched_rq *rq, struct sched_entity *prev, enum sched_reason reason);

/* The switch of an entity that may not stay on this CPU. */
struct sched_entity *sched_rq_switch_away(struct sched_rq *rq, ktime_t now);

static __always_inline void rq_begin_slice(
	struct sched_rq *rq, struct sched_entity *se, ktime_t now)
{
	ktime_t slice = se->slice, end;

	if (unlikely(se->policy->slice))
		slice = se->policy->slice(rq, se);
	KASSERT(slice > 0);
	if (__builtin_add_overflow(now, slice, &end))
		end = KTIME_MAX;
	rq->slice_end = end;
	if (rq_timer_too_late(rq))
		sched_rq_arm(rq);
}

static __always_inline void put_back(
	struct sched_rq *rq, struct sched_entity *prev, enum sched_reason reason, ktime_t now)
{
	entity_change_state(prev, SCHED_RUNNING, SCHED_QUEUED, now);
	queue_enter(rq, prev, (enum sched_why)reason, now);
}

static __always_inline void leave_for_good(struct sched_entity *prev)
{
	prev->state = SCHED_DEAD;
	if (unlikely(prev->policy->detach))
		prev->policy->detach(prev);
}

/* prev is runnable here no longer. */
static __always_inline void leave(
	struct sched_rq *rq, struct sched_entity *prev, enum sched_reason reason, ktime_t now)
{
	KASSERT(prev != rq->idle);
	entity_change_state(prev, SCHED_RUNNING, SCHED_BLOCKED, now);
	prev->move_pending = false;
	if (unlikely(prev->policy->block) && reason != SCHED_MOVE)
		prev->policy->block(rq, prev, reason, now);
	if (likely(reason <= SCHED_SLEEP))
		return;
	if (reason == SCHED_EXIT)
		leave_for_good(prev);
	else
		sched_rq_leave_unfinished(rq, prev, reason);
}

static __always_inline void note_switch(struct sched_rq *rq, struct sched_entity *prev,
	struct sched_entity *next, enum sched_reason reason)
{
	rq->curr = next;
	prev->stats.switches[sched_leaving(reason)]++;
	rq->stats.switches[reason]++;
	if (likely(rq->trace)) {
		rq_note_latency(rq, next);
		sched_env_trace_switch(rq, prev, next, reason);
	}
}

static __always_inline struct sched_entity *take_next(struct sched_rq *rq, ktime_t now)
{
	struct sched_entity *next = queue_take(rq);

	entity_change_state(next, SCHED_QUEUED, SCHED_RUNNING, now);
	return next;
}

/* `next` has the CPU. */
static __always_inline struct sched_entity *begin_turn(struct sched_rq *rq,
	struct sched_entity *prev, struct sched_entity *next, enum sched_reason reason, ktime_t now)
{
	atomic_store_explicit(&rq->need_resched, false, memory_order_relaxed);
	rq_begin_slice(rq, next, now);
	rq_publish_rank(rq, next->rank);
	if (next != prev) {
		note_switch(rq, prev, next, reason);
		if (reason <= SCHED_EXPIRED)
			sched_offer(rq, prev, rq->cpu);
	}
	sched_rq_assert(rq);
	return next;
}

/* The switch, once its reason is known for good. */
static __always_inline struct sched_entity *switch_for(
	struct sched_rq *rq, enum sched_reason reason, ktime_t now)
{
	struct sched_entity *prev = rq->curr;

	if (reason <= SCHED_EXPIRED) {
		put_back(rq, prev, reason, now);
	} else {
		leave(rq, prev, reason, now);
		rq_count_down(rq);
		rq_note_load(rq);
	}
	return begin_turn(rq, prev, take_next(rq, now), reason, now);
}

/* What sched_switch() does. */
static __always_inline struct sched_entity *sched_switch_here(
	struct sched_rq *rq, enum sched_reason reason, ktime_t now)
{
	KASSERT(spin_held(&rq->lock) && arch_irqs_off());
	KASSERT(rq->curr->state == SCHED_RUNNING && entity_rq(rq->curr) == rq);
	now = rq_advance(rq, now);
	if (reason == SCHED_PREEMPT)
		reason = sched_rq_involuntary_reason(rq);
	if (reason <= SCHED_EXPIRED && unlikely(rq->curr->move_pending))
		return sched_rq_switch_away(rq, now);
	return switch_for(rq, reason, now);
}

/*
 * Wakes `se`, which takes the place of the entity that leaves: the number of runnable ones stays
 * what it is. Answers who is next. Nobody queued as urgent as se: it never sees the queue (40
 * instructions of an exit with a joiner).
 */
static __always_inline struct sched_entity *wake_and_take(
	struct sched_rq *rq, struct sched_entity *se, ktime_t now)
{
	enum sched_place place;

	entity_change_state(se, SCHED_BLOCKED, SCHED_QUEUED, now);
	entity_translate(rq, se, now);
	place = unlikely(se->policy->requeue) ? se->policy->requeue(rq, se, SCHED_WHY_WAKEUP, now)
					      : entity_take_turns(se, SCHED_WHY_WAKEUP);
	rq_count_wakeup(rq, se, rq->cpu);
	if (queue_first_rank(rq) > se->rank && likely(place != SCHED_HELD)) {
		se->state = SCHED_RUNNING;
		return se;
	}
	queue_link(rq, se, place);
	sched_offer(rq, se, rq->cpu);
	return take_next(rq, now);
}

/* What sched_switch_waking() does. */
static __always_inline struct sched_entity *sched_switch_waking_here(
	struct sched_rq *rq, enum sched_reason reason, struct sched_entity *se, ktime_t now)
{
	struct sched_entity *prev = rq->curr;

	KASSERT(spin_held(&rq->lock) && arch_irqs_off());
	KASSERT(!(rq->tail & SCHED_TAIL_WAKE));
	KASSERT(reason == SCHED_BLOCK || reason == SCHED_SLEEP || reason == SCHED_EXIT);
	now = rq_advance(rq, now);
	if (entity_rq(se) != rq || se->state != SCHED_BLOCKED || !entity_allowed(se, rq->cpu) ||
		unlikely(!rq_online(rq))) {
		rq->wake = se;
		rq->tail |= SCHED_TAIL_WAKE;
		return switch_for(rq, reason, now);
	}
	leave(rq, prev, reason, now);
	return begin_turn(rq, prev, wake_and_take(rq, se, now), reason, now);
}

#endif
