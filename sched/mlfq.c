/* SPDX-License-Identifier: MIT */
/*
 * The multi-level feedback queue of OSTEP, chapter 8 (rules S5). Its five rules: the higher level
 * runs; equal levels take turns; whoever is new starts at the top; whoever has used up its
 * allotment at a level goes one down, however often it gave up the CPU in between; and every S
 * everything returns to the top.
 *
 * The account of an allotment is the entity's exact running time minus what that was when the
 * allotment began, so that nothing has to be charged on the way. Boosts are at the multiples of S
 * on every CPU; their number is the epoch, and an entity whose epoch is not its run queue's is at
 * the top with everything fresh, whether it waits, sleeps or comes from elsewhere. Whoever runs at
 * a boost begins a fresh turn there. A turn ends with its slice, with the allotment, or at a boost.
 */
#include "sched/queue.h"

#define LEVELS       8
#define BOTTOM       (SCHED_RANK_TS + LEVELS - 1)
#define BASE_QUANTUM (2 * NSEC_PER_MSEC) /* of an entity whose own quantum is REFERENCE */
#define REFERENCE    (20 * NSEC_PER_MSEC)

/* Rule S5.2: doubled from level to level four times, in proportion to its own quantum. */
static ktime_t quantum(const struct sched *s, const struct sched_entity *se)
{
	unsigned level = se->rank - SCHED_RANK_TS;

	return (BASE_QUANTUM << MIN(level, 4u)) * s->quantum[se->level] / REFERENCE;
}

/* Two turns a level; without end at the bottom. */
static ktime_t allotment(const struct sched_entity *se)
{
	return se->rank == BOTTOM ? KTIME_MAX : 2 * se->quantum;
}

static void set_rank(const struct sched_rq *rq, struct sched_entity *se, unsigned rank)
{
	se->rank = (uint8_t)rank;
	se->quantum = quantum(rq->sched, se);
}

/* `used` is its whole running time. True: it has gone down. */
static bool charge(const struct sched_rq *rq, struct sched_entity *se, ktime_t used)
{
	bool down = false;

	while (used - se->charged_from >= allotment(se)) {
		se->charged_from += allotment(se);
		set_rank(rq, se, se->rank + 1u);
		down = true;
	}
	return down;
}

/* The boost has found it with this running time. */
static void refresh(const struct sched_rq *rq, struct sched_entity *se, ktime_t used)
{
	se->epoch = rq->epoch;
	se->charged_from = used;
	set_rank(rq, se, SCHED_RANK_TS);
	se->slice = se->quantum;
}

/* When the last boost was. */
static ktime_t boosted_at(const struct sched_rq *rq)
{
	return rq->boost_at - rq->config.boost_interval;
}

/* The current entity has run since before the boost. */
static void refresh_current(struct sched_rq *rq, struct sched_entity *curr, ktime_t now)
{
	entity_account(curr, now);
	refresh(rq, curr, curr->stats.time[SCHED_RUNNING] - (now - boosted_at(rq)));
	rq->slice_end = boosted_at(rq) + curr->quantum;
	rq_publish_rank(rq, curr->rank);
}

static void boost_if_due(struct sched_rq *rq, ktime_t now)
{
	struct sched_entity *curr = rq->curr;
	ktime_t interval = rq->config.boost_interval;

	if (likely(now < rq->boost_at))
		return;
	sched_rq_boost(rq, &sched_policy_mlfq, (uint64_t)(now / interval));
	rq->boost_at = ((ktime_t)rq->epoch + 1) * interval;
	if (curr->policy == &sched_policy_mlfq && curr->state == SCHED_RUNNING &&
		curr->epoch != rq->epoch)
		refresh_current(rq, curr, now);
}

/*
 * se leaves the CPU, at which it was when the boost came, or arrives. True: the boost has found it
 * running, and it has begun a turn there whose rest is its slice.
 */
static bool catch_up(struct sched_rq *rq, struct sched_entity *se, bool ran, ktime_t now)
{
	ktime_t since = 0;

	boost_if_due(rq, now);
	if (se->epoch == rq->epoch)
		return false;
	if (ran)
		since = now - boosted_at(rq);
	refresh(rq, se, se->stats.time[SCHED_RUNNING] - since);
	se->slice -= since;
	return ran;
}

static enum sched_place requeue(
	struct sched_rq *rq, struct sched_entity *se, enum sched_why why, ktime_t now)
{
	bool ran =
		why == SCHED_WHY_PREEMPTED || why == SCHED_WHY_EXPIRED || why == SCHED_WHY_YIELDED;
	bool boosted = catch_up(rq, se, ran, now);
	bool goes_on = !charge(rq, se, se->stats.time[SCHED_RUNNING]) && se->slice > 0;

	if (goes_on && (why == SCHED_WHY_PREEMPTED || (why == SCHED_WHY_EXPIRED && boosted)))
		return SCHED_HEAD;
	if (!goes_on || why != SCHED_WHY_MIGRATED)
		se->slice = se->quantum;
	return SCHED_TAIL;
}

/* As a new one: at the top, with a fresh account. */
static void adopt(struct sched_rq *rq, struct sched_entity *se, ktime_t now)
{
	ktime_t rest = se->slice;

	boost_if_due(rq, now);
	refresh(rq, se, se->stats.time[SCHED_RUNNING]);
	se->slice = MIN(rest, se->quantum);
}

static ktime_t slice(struct sched_rq *rq, struct sched_entity *se)
{
	ktime_t now = rq->clock, left;

	boost_if_due(rq, now);
	if (se->epoch != rq->epoch)
		refresh(rq, se, se->stats.time[SCHED_RUNNING]);
	left = allotment(se);
	if (left != KTIME_MAX)
		left -= se->stats.time[SCHED_RUNNING] - se->charged_from;
	return MIN(MIN(se->slice, left), rq->boost_at - now);
}

/* At a boost the turn begins anew; else it is over. */
static bool expired(struct sched_rq *rq, struct sched_entity *se, ktime_t now)
{
	if (now < rq->boost_at)
		return true;
	boost_if_due(rq, now);
	se->slice = rq->slice_end - now;
	return se->slice <= 0;
}

/* Turn by turn, at most three at a level, until the bottom, where all are alike. */
static ktime_t renew(struct sched_rq *rq, struct sched_entity *se, ktime_t now)
{
	ktime_t used = se->stats.time[SCHED_RUNNING], left;

	boost_if_due(rq, now);
	while (rq->slice_end < now && se->rank != BOTTOM) {
		charge(rq, se, used - (now - rq->slice_end));
		if (se->rank == BOTTOM)
			break;
		left = allotment(se) - (used - (now - rq->slice_end) - se->charged_from);
		rq->slice_end += MIN(se->quantum, left);
	}
	return MIN(sched_rq_grid(rq, se->quantum, now), rq->boost_at);
}

static void block(struct sched_rq *rq, struct sched_entity *se, enum sched_reason why, ktime_t now)
{
	(void)why;
	catch_up(rq, se, true, now);
	charge(rq, se, se->stats.time[SCHED_RUNNING]);
}

static const char *check(const struct sched_rq *rq)
{
	for (unsigned rank = SCHED_RANK_TS; rank <= BOTTOM; rank++) {
		const struct sched_entity *se;

		list_for_each_entry (se, &rq->level[rank], node) {
			if (se->policy != &sched_policy_mlfq)
				continue;
			if (se->slice <= 0 || se->slice > se->quantum)
				return "mlfq: a queued entity's slice is not within its quantum";
			if (se->stats.time[SCHED_RUNNING] - se->charged_from >= allotment(se))
				return "mlfq: a queued entity has used up its allotment";
			if (se->epoch > rq->epoch)
				return "mlfq: an entity has seen a boost that has not been";
		}
	}
	return NULL;
}

const struct sched_policy sched_policy_mlfq = {
	.name = "mlfq",
	.kind = SCHED_LEVELS,
	.first_rank = SCHED_RANK_TS,
	.ranks = LEVELS,
	.boosts = true,
	.quantum = quantum,
	.requeue = requeue,
	.adopt = adopt,
	.slice = slice,
	.expired = expired,
	.renew = renew,
	.block = block,
	.check = check,
};
