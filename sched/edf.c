/* SPDX-License-Identifier: MIT */
/*
 * Earliest deadline first, the textbook algorithm (rule S1.2; Liu and Layland 1973): of all jobs
 * the one with the earliest absolute deadline runs, until it is done. Nothing is admitted and
 * nobody has a budget, so that up to a utilisation of 1 no deadline is missed, and beyond it one
 * miss makes the next.
 *
 * A job is released, has to be done D later, and is followed by the next one after T (sched/job.c).
 * A thread without D comes after all that have one, in round robin.
 */
#include "sched/queue.h"

static bool has_deadline(const struct sched_entity *se)
{
	return se->deadline > 0;
}

static enum sched_place requeue(
	struct sched_rq *rq, struct sched_entity *se, enum sched_why why, ktime_t now)
{
	bool goes_on = why == SCHED_WHY_PREEMPTED || why == SCHED_WHY_MIGRATED;

	se->key = KTIME_MAX;
	if (has_deadline(se)) {
		sched_job_choose(rq, se, why, now);
		se->key = se->release + se->deadline;
	}
	if (why != SCHED_WHY_PREEMPTED)
		se->sequence = sched_rq_sequence(rq);
	if (!goes_on || has_deadline(se) || se->slice <= 0 || se->slice > se->quantum)
		se->slice = se->quantum;
	return SCHED_KEYED;
}

static void adopt(struct sched_rq *rq, struct sched_entity *se, ktime_t now)
{
	(void)now;
	se->sequence = sched_rq_sequence(rq);
}

/* A job has no end but its own. */
static ktime_t slice(struct sched_rq *rq, struct sched_entity *se)
{
	if (!has_deadline(se))
		return se->slice;
	sched_rq_note_miss(rq, se, rq->clock);
	return KTIME_MAX;
}

static bool expired(struct sched_rq *rq, struct sched_entity *se, ktime_t now)
{
	(void)rq;
	(void)se;
	(void)now;
	return true;
}

static bool preempts(const struct sched_rq *rq, const struct sched_entity *woken,
	const struct sched_entity *curr)
{
	(void)rq;
	return woken->key < curr->key;
}

static void block(struct sched_rq *rq, struct sched_entity *se, enum sched_reason why, ktime_t now)
{
	(void)why;
	sched_rq_note_miss(rq, se, now);
}

static const char *check(const struct sched_rq *rq)
{
	for (struct rb_node *n = rb_first(&rq->tree); n; n = rb_next(n)) {
		const struct sched_entity *se = rb_entry(n, struct sched_entity, tree_node);

		if (se->policy != &sched_policy_edf)
			continue;
		if (se->slice <= 0 || se->slice > se->quantum)
			return "edf: a queued entity's slice is not within its quantum";
		if (se->key != (has_deadline(se) ? se->release + se->deadline : KTIME_MAX))
			return "edf: a queued entity's key is not its deadline";
		if (has_deadline(se) && se->release == SCHED_NO_JOB)
			return "edf: a queued entity has a deadline and no job";
	}
	return NULL;
}

const struct sched_policy sched_policy_edf = {
	.name = "edf",
	.kind = SCHED_TREE,
	.first_rank = SCHED_RANK_TS,
	.ranks = 1,
	.requeue = requeue,
	.adopt = adopt,
	.slice = slice,
	.expired = expired,
	.preempts = preempts,
	.block = block,
	.check = check,
};
