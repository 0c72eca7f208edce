/* SPDX-License-Identifier: MIT */
/*
 * Fixed real-time priorities (rules S7): 99 levels above all time sharing. Inside a level entities
 * take turns as in S3.1: those preempted come back to the head with the rest of their turn,
 * everybody else goes to the tail. A FIFO entity's turn has no end but its own; RR entities give
 * theirs to the next of the same level after the Normal quantum, and keep it while there is none.
 * Rate-monotonic ones are FIFO entities whose level the admission chose (sched/admit.c).
 */
#include "sched/queue.h"

static ktime_t quantum(const struct sched *s, const struct sched_entity *se)
{
	return se->kind == SCHED_KIND_RR ? s->quantum[SCHED_LEVEL_NORMAL] : KTIME_MAX;
}

static bool expired(struct sched_rq *rq, struct sched_entity *se, ktime_t now)
{
	(void)now;
	if (!list_empty(&rq->level[se->rank]))
		return true;
	se->slice = se->quantum;
	return false;
}

/* Admitted to one CPU. */
static bool may_leave(const struct sched_entity *se)
{
	return !sched_kind_reserves(se->kind);
}

static const char *check(const struct sched_rq *rq)
{
	for (unsigned rank = SCHED_RANK_FP; rank < SCHED_RANK_HANDOVER; rank++) {
		const struct sched_entity *se;

		list_for_each_entry (se, &rq->level[rank], node) {
			if (se->policy != &sched_policy_fp)
				continue;
			if (se->slice <= 0 || se->slice > se->quantum)
				return "fp: a queued entity's slice is not within its quantum";
			if (se->rank != MAX(se->urgency, SCHED_RANK_FP))
				return "fp: a queued entity's rank is not its urgency";
		}
	}
	return NULL;
}

const struct sched_policy sched_policy_fp = {
	.name = "fp",
	.kind = SCHED_LEVELS,
	.first_rank = SCHED_RANK_FP,
	.ranks = SCHED_RANK_HANDOVER - SCHED_RANK_FP,
	.quantum = quantum,
	.expired = expired,
	.may_leave = may_leave,
	.check = check,
};
