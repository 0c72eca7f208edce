/* SPDX-License-Identifier: MIT */
/*
 * Round robin (rules S3): one circular queue per CPU. New and woken entities go to the tail with a
 * fresh slice; one preempted by a higher class goes back to the head with the rest of its slice; a
 * used-up slice or a yield means the tail and a fresh slice; a migrated one keeps its rest, at the
 * tail. So nobody waits longer than the sum of the others' quanta.
 */
#include "sched/policy.h"

static bool expired(struct sched_rq *rq, struct sched_entity *se, ktime_t now)
{
	(void)rq;
	(void)se;
	(void)now;
	return true;
}

static const char *check(const struct sched_rq *rq)
{
	const struct sched_entity *se;

	list_for_each_entry (se, &rq->level[SCHED_RANK_TS], node)
		if (se->policy == &sched_policy_rr && (se->slice <= 0 || se->slice > se->quantum))
			return "rr: a queued entity's slice is not within its quantum";
	return NULL;
}

const struct sched_policy sched_policy_rr = {
	.name = "rr",
	.kind = SCHED_LEVELS,
	.first_rank = SCHED_RANK_TS,
	.ranks = 1,
	.expired = expired,
	.check = check,
};
