/* SPDX-License-Identifier: MIT */
/*
 * Reservations (rules S6): C of every T, within D of each release, on one CPU. The ready one with
 * the earliest deadline runs (EDF), each inside a hard constant-bandwidth server (Abeni and
 * Buttazzo 1998): who has used up C is held until the next period, so it can hurt no other, and
 * who wakes may have what is left only if that does not exceed C / D of the time to its deadline.
 *
 * The account is the entity's exact running time minus what that was when the budget was last
 * full. Admission (sched/admit.c) sees to it that the deadlines of a CPU's reservations can be met.
 */
#include "sched/queue.h"

static ktime_t budget_left(const struct sched_entity *se)
{
	return se->runtime - (se->stats.time[SCHED_RUNNING] - se->charged_from);
}

static ktime_t due(const struct sched_entity *se)
{
	return se->release + se->deadline;
}

/* A job with a full budget. */
static enum sched_place begin_job(struct sched_rq *rq, struct sched_entity *se, ktime_t release)
{
	se->release = release;
	se->late = false;
	se->charged_from = se->stats.time[SCHED_RUNNING];
	se->key = due(se);
	se->sequence = sched_rq_sequence(rq);
	return SCHED_KEYED;
}

/* The period after the present one, or one from now on if even its deadline is over. */
static enum sched_place begin_period(struct sched_rq *rq, struct sched_entity *se, ktime_t now)
{
	ktime_t next = se->release + se->period;

	return begin_job(rq, se, next + se->deadline > now ? next : now);
}

/* Until the next period, if that has not begun. */
static enum sched_place hold(struct sched_rq *rq, struct sched_entity *se, ktime_t now)
{
	if (se->release + se->period <= now)
		return begin_period(rq, se, now);
	se->key = se->release + se->period;
	se->sequence = sched_rq_sequence(rq);
	return SCHED_HELD;
}

static enum sched_place go_on(struct sched_rq *rq, struct sched_entity *se, enum sched_why why)
{
	se->key = due(se);
	if (why != SCHED_WHY_PREEMPTED)
		se->sequence = sched_rq_sequence(rq);
	return SCHED_KEYED;
}

/* Would what is left, run until the deadline, be more than C of every D? */
static bool exceeds(const struct sched_entity *se, ktime_t left, ktime_t now)
{
	return (unsigned __int128)left * (uint64_t)se->deadline >
		(unsigned __int128)(due(se) - now) * (uint64_t)se->runtime;
}

/* Rule S6.2. */
static enum sched_place wake(struct sched_rq *rq, struct sched_entity *se, ktime_t now)
{
	ktime_t left = budget_left(se);

	if (left <= 0)
		return hold(rq, se, now);
	if (now < due(se) && !exceeds(se, left, now))
		return go_on(rq, se, SCHED_WHY_WAKEUP);
	if (se->deadline < se->period && now < se->release + se->period)
		return hold(rq, se, now);
	return begin_job(rq, se, now);
}

static enum sched_place requeue(
	struct sched_rq *rq, struct sched_entity *se, enum sched_why why, ktime_t now)
{
	if (se->release == SCHED_NO_JOB)
		return begin_job(rq, se, now);
	if (why == SCHED_WHY_RELEASED)
		return begin_period(rq, se, now);
	if (why == SCHED_WHY_WAKEUP)
		return wake(rq, se, now);
	sched_rq_note_miss(rq, se, now);
	if (why == SCHED_WHY_YIELDED)
		return hold(rq, se, now);
	if (budget_left(se) > 0)
		return go_on(rq, se, why);
	se->stats.overruns++;
	return hold(rq, se, now);
}

/* The budget ends a turn even if nobody waits. */
static ktime_t slice(struct sched_rq *rq, struct sched_entity *se)
{
	ktime_t left = MAX(budget_left(se), 1);

	sched_rq_note_miss(rq, se, rq->clock);
	sched_rq_arm_by(rq, rq->clock + left);
	return left;
}

static bool expired(struct sched_rq *rq, struct sched_entity *se, ktime_t now)
{
	(void)rq;
	(void)now;
	return budget_left(se) <= 0;
}

/* The timer came late: it is over. */
static ktime_t renew(struct sched_rq *rq, struct sched_entity *se, ktime_t now)
{
	(void)rq;
	(void)se;
	return now;
}

/* Who is held wants the CPU to look, too: it has to set its timer. */
static bool preempts(const struct sched_rq *rq, const struct sched_entity *woken,
	const struct sched_entity *curr)
{
	(void)rq;
	return woken->state == SCHED_THROTTLED || woken->key < curr->key;
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

static const char *check_ready(const struct sched_entity *se)
{
	if (budget_left(se) <= 0 || budget_left(se) > se->runtime)
		return "dl: a queued entity's budget is not within its reservation";
	return se->key == due(se) ? NULL : "dl: a queued entity's key is not its deadline";
}

static const char *check(const struct sched_rq *rq)
{
	const char *wrong = NULL;

	for (struct rb_node *n = rb_first(&rq->deadlines); n && !wrong; n = rb_next(n))
		wrong = check_ready(rb_entry(n, struct sched_entity, tree_node));
	for (struct rb_node *n = rb_first(&rq->held); n && !wrong; n = rb_next(n)) {
		const struct sched_entity *se = rb_entry(n, struct sched_entity, tree_node);

		if (se->key != se->release + se->period)
			wrong = "dl: a held entity's key is not the begin of its next period";
	}
	return wrong;
}

const struct sched_policy sched_policy_dl = {
	.name = "dl",
	.kind = SCHED_TREE,
	.first_rank = SCHED_RANK_DL,
	.ranks = 1,
	.requeue = requeue,
	.slice = slice,
	.expired = expired,
	.renew = renew,
	.preempts = preempts,
	.block = block,
	.detach = sched_give_up_reservation,
	.may_leave = may_leave,
	.check = check,
};
