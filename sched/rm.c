/* SPDX-License-Identifier: MIT */
/*
 * Rate-monotonic scheduling (rules S7.1; Liu and Layland 1973): fixed priorities, the shorter the
 * period the higher. Admission (sched/admit.c) binds an entity to a CPU and chooses its level among
 * the fixed priorities; here it runs like a FIFO entity that has jobs with deadlines.
 */
#include "sched/queue.h"

static ktime_t quantum(const struct sched *s, const struct sched_entity *se)
{
	(void)s;
	(void)se;
	return KTIME_MAX;
}

static enum sched_place requeue(
	struct sched_rq *rq, struct sched_entity *se, enum sched_why why, ktime_t now)
{
	sched_job_choose(rq, se, why, now);
	return entity_take_turns(se, why);
}

static ktime_t slice(struct sched_rq *rq, struct sched_entity *se)
{
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

static void block(struct sched_rq *rq, struct sched_entity *se, enum sched_reason why, ktime_t now)
{
	(void)why;
	sched_rq_note_miss(rq, se, now);
}

static bool may_leave(const struct sched_entity *se)
{
	(void)se;
	return false;
}

const struct sched_policy sched_policy_rm = {
	.name = "rm",
	.kind = SCHED_LEVELS,
	.first_rank = SCHED_RANK_FP,
	.ranks = SCHED_RANK_HANDOVER - SCHED_RANK_FP,
	.quantum = quantum,
	.requeue = requeue,
	.slice = slice,
	.expired = expired,
	.block = block,
	.detach = sched_give_up_reservation,
	.may_leave = may_leave,
};
