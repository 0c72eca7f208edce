/* SPDX-License-Identifier: MIT */
/*
 * The idle class: one entity per CPU, at the last rank, always runnable. It is current or queued on
 * its CPU's run queue and nowhere else, so that a pick always finds somebody.
 */
#include "sched/policy.h"

static enum sched_place requeue(
	struct sched_rq *rq, struct sched_entity *se, enum sched_why why, ktime_t now)
{
	(void)why;
	(void)now;
	KASSERT(se == rq->idle);
	return SCHED_TAIL;
}

static ktime_t slice(struct sched_rq *rq, struct sched_entity *se)
{
	(void)rq;
	(void)se;
	return KTIME_MAX;
}

static bool expired(struct sched_rq *rq, struct sched_entity *se, ktime_t now)
{
	(void)rq;
	(void)se;
	(void)now;
	return false;
}

static bool may_leave(const struct sched_entity *se)
{
	(void)se;
	return false;
}

const struct sched_policy sched_policy_idle = {
	.name = "idle",
	.kind = SCHED_LEVELS,
	.first_rank = SCHED_RANK_IDLE,
	.ranks = 1,
	.requeue = requeue,
	.slice = slice,
	.expired = expired,
	.may_leave = may_leave,
};
