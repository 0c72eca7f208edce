/* SPDX-License-Identifier: MIT */
/*
 * The mechanism on one CPU: whose turn it is, for how long, and who is next.
 *
 * Between two calls, for every run queue: the current entity is RUNNING and on no list; every other
 * runnable one is QUEUED on level[rank] or in the tree; the idle entity is one or the other; the
 * bit of a rank is set exactly when somebody is queued there. Times are exact: each entity's time[]
 * adds up to its age.
 *
 * The slice ends at one absolute time. A timer is armed only while somebody waits: alone on a CPU
 * an entity runs without interrupts, and when somebody arrives its slice ends where it would have
 * ended had every slice been renewed on time.
 */
#include "sched/switch.h"

const struct sched_policy *const sched_policies[SCHED_POLICY_COUNT] = {
#define POLICY(name, text) &sched_policy_##name,
#include "sched/policies.def"
#undef POLICY
};

/* --- the timer of the current turn ----------------------------------------------------------- */

void sched_rq_arm(struct sched_rq *rq)
{
	rq->timer_at = MIN(rq->slice_end, rq->balance_at);
	sched_env_set_timer(rq, rq->timer_at);
}

/* The quantum cannot be 0 here: the idle entity, which has none, has no slice end either. */
void sched_rq_renew_slice(struct sched_rq *rq)
{
	struct sched_entity *curr = rq->curr;
	ktime_t now = rq->clock;

	if (rq->slice_end >= now)
		return;
	entity_account(curr, now);
	rq->slice_end = curr->policy->renew ? curr->policy->renew(rq, curr, now)
					    : sched_rq_grid(rq, curr->quantum, now);
	KASSERT(rq->slice_end >= now);
	rq_publish_rank(rq, curr->rank);
}

void sched_rq_arm_by(struct sched_rq *rq, ktime_t when)
{
	if (when >= rq->timer_at)
		return;
	rq->timer_at = when;
	sched_env_set_timer(rq, when);
}

/* An interval from now: what the load was while one entity was alone here has told nothing. */
static void begin_balance_interval(struct sched_rq *rq)
{
	if (rq->balance_at != KTIME_MAX)
		rq->balance_at = rq->clock + rq->config.balance_interval;
}

void sched_rq_end_solitude(struct sched_rq *rq)
{
	sched_rq_renew_slice(rq);
	if (rq->balance_at <= rq->clock)
		begin_balance_interval(rq);
}

void sched_rq_boost(struct sched_rq *rq, const struct sched_policy *policy, uint64_t epoch)
{
	unsigned first = policy->first_rank;

	KASSERT(spin_held(&rq->lock) && policy->boosts && policy->kind == SCHED_LEVELS);
	for (unsigned rank = first + 1; rank < first + policy->ranks; rank++) {
		if (!bitmap_test(rq->ready, rank))
			continue;
		list_splice_back(&rq->level[first], &rq->level[rank]);
		bitmap_clear(rq->ready, rank);
		bitmap_set(rq->ready, first);
	}
	rq->epoch = epoch;
}

/* Somebody waits, and the timer has fired: is the current turn over? */
static void look_at_slice(struct sched_rq *rq, struct sched_entity *curr, ktime_t now)
{
	if (now < rq->slice_end)
		sched_rq_arm(rq);
	else if (curr->policy->expired(rq, curr, now))
		atomic_store_explicit(&rq->need_resched, true, memory_order_relaxed);
	else
		rq_begin_slice(rq, curr, now);
	if (!sched_need_resched(rq))
		rq_publish_rank(rq, curr->rank);
}

void sched_timer(struct sched_rq *rq, ktime_t now)
{
	struct sched_entity *curr;
	bool balance = false;

	spin_lock(&rq->lock);
	now = rq_advance(rq, now);
	curr = rq->curr;
	rq->timer_at = KTIME_MAX;
	if (curr != rq->idle) /* since when it idles is wanted, see note_idle_beside() */
		entity_account(curr, now);
	if (unlikely(!rb_empty(&rq->held)))
		sched_release_held(rq, now);
	if (rq_runnable(rq) > 1 || curr->rank == SCHED_RANK_DL) {
		balance = rq->balance_at <= now;
		if (balance)
			begin_balance_interval(rq);
		look_at_slice(rq, curr, now);
	}
	if (unlikely(!rb_empty(&rq->held)))
		sched_rq_arm_held(rq);
	spin_unlock(&rq->lock);
	if (balance)
		sched_balance(rq, rq->cpu, now);
}

void sched_rq_note_miss(struct sched_rq *rq, struct sched_entity *se, ktime_t now)
{
	if (!se->deadline || se->late || se->release == SCHED_NO_JOB ||
		now <= se->release + se->deadline)
		return;
	se->late = true;
	se->stats.misses++;
	if (rq->trace)
		sched_env_trace_event(rq, se, SCHED_EVENT_MISS, rq->cpu);
}

/* --- arrivals -------------------------------------------------------------------------------- */

void sched_rq_resched(struct sched_rq *rq, unsigned from)
{
	KASSERT(spin_held(&rq->lock));
	if (atomic_exchange_explicit(&rq->need_resched, true, memory_order_relaxed))
		return;
	if (rq->cpu == from)
		return;
	rq->stats.kicks++;
	sched_env_kick(rq);
}

void sched_rq_change(struct sched_rq *rq, struct sched_entity *se, const struct sched_rq *old)
{
	rq_advance(rq, se->since);
	atomic_store_explicit(&se->rq, rq, memory_order_release);
	if (!se->stats.wakeups)
		return;
	se->stats.migrations++;
	rq->stats.migrations++;
	if (rq->trace)
		sched_env_trace_event(rq, se, SCHED_EVENT_MIGRATE, old->cpu);
}

void sched_rq_start_timer(struct sched_rq *rq, unsigned from)
{
	if (rq->cpu == from)
		sched_rq_arm(rq);
	else
		sched_rq_resched(rq, from);
}

/* --- the switch, what is rare in it ---------------------------------------------------------- */

/* What an involuntary switch is about; stores the rest of the slice. */
enum sched_reason sched_rq_involuntary_reason(struct sched_rq *rq)
{
	if (rq_runnable(rq) == 1)
		sched_rq_renew_slice(rq);
	rq->curr->slice = rq->slice_end - rq->clock;
	return rq->curr->slice > 0 ? SCHED_PREEMPT : SCHED_EXPIRED;
}

/* The rarest ways to leave. */
void sched_rq_leave_unfinished(
	struct sched_rq *rq, struct sched_entity *prev, enum sched_reason reason)
{
	if (reason == SCHED_STOP) {
		prev->state = SCHED_STOPPED;
		prev->runnable_at_resume = true;
		return;
	}
	KASSERT(reason == SCHED_MOVE && !(rq->tail & SCHED_TAIL_PUSH));
	prev->state = SCHED_WAKING;
	prev->slice = rq->slice_end - rq->clock;
	rq->push = prev;
	rq->tail |= SCHED_TAIL_PUSH;
}

struct sched_entity *sched_rq_switch_away(struct sched_rq *rq, ktime_t now)
{
	return switch_for(rq, SCHED_MOVE, now);
}

struct sched_entity *sched_switch(struct sched_rq *rq, enum sched_reason reason, ktime_t now)
{
	return sched_switch_here(rq, reason, now);
}

struct sched_entity *sched_switch_waking(
	struct sched_rq *rq, enum sched_reason reason, struct sched_entity *se, ktime_t now)
{
	return sched_switch_waking_here(rq, reason, se, now);
}

/* The previous entity's registers are saved. */
unsigned sched_finish_switch(struct sched_rq *rq)
{
	struct sched_entity *push = rq->push, *wake = rq->wake;
	unsigned tail = rq->tail;
	ktime_t now = rq->clock;

	rq->tail = 0;
	if (tail & SCHED_TAIL_TIMER)
		sched_rq_arm_held(rq);
	if (tail & SCHED_TAIL_PUSH)
		sched_settle(push, rq, rq->cpu, rq->cpu, SCHED_WHY_MIGRATED, now);
	else
		spin_unlock(&rq->lock);
	if (tail & SCHED_TAIL_WAKE)
		sched_wake(rq->sched, wake, rq->cpu, now);
	return tail;
}
