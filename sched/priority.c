/* SPDX-License-Identifier: MIT */
/*
 * Priorities that rise with waiting (rules S4). An entity of level L that has waited since t has
 * the effective priority L - (now - t) / A at every moment. All waiters rise at the same rate, so
 * the order of t + L * A is the order of the effective priorities, now and later: a constant key,
 * and no scan.
 *
 * Age is kept by who is preempted or changes CPU, and lost at the end of a slice, at a yield and at
 * every wake-up. Hence the bound: at t + L * A the key is the present time, so nobody who queues
 * from then on goes before; and each of the n who are ahead has one slice left before its age is
 * lost. In the time the class receives, the wait is at most L * A + n * slice.
 */
#include "sched/policy.h"

#define SLICE (4 * NSEC_PER_MSEC)

static ktime_t quantum(const struct sched *s, const struct sched_entity *se)
{
	(void)s;
	(void)se;
	return SLICE;
}

static void set_key(struct sched_rq *rq, struct sched_entity *se)
{
	se->key = se->ages_from + se->level * rq->config.aging;
}

static void lose_age(struct sched_rq *rq, struct sched_entity *se, ktime_t since)
{
	se->ages_from = since;
	se->slice = SLICE;
	se->sequence = sched_rq_sequence(rq);
}

static enum sched_place requeue(
	struct sched_rq *rq, struct sched_entity *se, enum sched_why why, ktime_t now)
{
	KASSERT(why != SCHED_WHY_PREEMPTED || se->slice > 0); /* else the core says EXPIRED */
	if (why == SCHED_WHY_MIGRATED && se->slice > 0)
		se->sequence = sched_rq_sequence(rq); /* another run queue's numbers */
	else if (why != SCHED_WHY_PREEMPTED)
		lose_age(rq, se, now);
	set_key(rq, se);
	return SCHED_KEYED;
}

/* Its age is 0; the rest of its turn it keeps. */
static void adopt(struct sched_rq *rq, struct sched_entity *se, ktime_t now)
{
	se->ages_from = now;
	se->sequence = sched_rq_sequence(rq);
}

static bool expired(struct sched_rq *rq, struct sched_entity *se, ktime_t now)
{
	(void)rq;
	(void)se;
	(void)now;
	return true;
}

/* The last of the turns it had alone began with its age lost. */
static ktime_t renew(struct sched_rq *rq, struct sched_entity *se, ktime_t now)
{
	ktime_t end = sched_rq_grid(rq, SLICE, now);

	lose_age(rq, se, end - SLICE);
	set_key(rq, se);
	return end;
}

/* Half a level of hysteresis, so that equals do not interrupt each other. */
static bool preempts(const struct sched_rq *rq, const struct sched_entity *woken,
	const struct sched_entity *curr)
{
	return woken->key + rq->config.aging / 2 < curr->key;
}

static const char *check(const struct sched_rq *rq)
{
	for (struct rb_node *n = rb_first(&rq->tree); n; n = rb_next(n)) {
		const struct sched_entity *se = rb_entry(n, struct sched_entity, tree_node);

		if (se->policy != &sched_policy_priority)
			continue;
		if (se->slice <= 0 || se->slice > SLICE)
			return "priority: a queued entity's slice is not within 4 ms";
		if (se->key != se->ages_from + se->level * rq->config.aging)
			return "priority: a queued entity's key is not its level and its age";
		if (se->ages_from > rq->clock)
			return "priority: a queued entity's age is negative";
	}
	return NULL;
}

const struct sched_policy sched_policy_priority = {
	.name = "priority",
	.kind = SCHED_TREE,
	.first_rank = SCHED_RANK_TS,
	.ranks = 1,
	.quantum = quantum,
	.requeue = requeue,
	.adopt = adopt,
	.expired = expired,
	.renew = renew,
	.preempts = preempts,
	.check = check,
};
