/* SPDX-License-Identifier: MIT */
/*
 * What an entity is given (class, level or priority, times) and inherits, and what follows from it:
 * urgency, policy, rank, quantum. A change of policy ends the present turn.
 *
 * Urgency decides the policy: below SCHED_URGENCY_TS it is a real-time class, whether that was
 * given or is lent by a waiter. The rank that time sharing gave is kept meanwhile.
 */
#include "sched/switch.h"

/* --- are the numbers right? ------------------------------------------------------------------ */

static bool times_valid(const struct sched_params *params)
{
	ktime_t deadline = params->deadline, period = params->period, runtime = params->runtime;

	return deadline >= 0 && period >= 0 && runtime >= 0 && deadline <= SCHED_PERIOD_MAX &&
		period <= SCHED_PERIOD_MAX && (!period || deadline <= period);
}

static bool kind_valid(const struct sched_params *params)
{
	ktime_t deadline = params->deadline ? params->deadline : params->period;

	switch (params->kind) {
	case SCHED_KIND_TS:
		return !params->priority && !params->runtime;
	case SCHED_KIND_FIFO:
	case SCHED_KIND_RR:
		return params->priority >= 1 && params->priority <= SCHED_PRIORITY_MAX &&
			!params->runtime;
	default:
		return params->kind < SCHED_KIND_COUNT && !params->priority && params->period &&
			params->runtime >= 1 && params->runtime <= deadline;
	}
}

bool sched_params_valid(const struct sched_params *params)
{
	return params->level < SCHED_LEVEL_COUNT && times_valid(params) && kind_valid(params);
}

/* --- what follows from them ------------------------------------------------------------------ */

unsigned sched_urgency_given(const struct sched_params *params)
{
	if (params->kind == SCHED_KIND_DL)
		return SCHED_RANK_DL;
	return params->kind == SCHED_KIND_TS
		? SCHED_URGENCY_TS + params->level
		: SCHED_RANK_FP + SCHED_PRIORITY_MAX - params->priority;
}

/*
 * The same numbers change nothing; with others the present job ends here. A reservation's goes on
 * with what it has used, or changing to and fro would be worth a budget each time.
 */
static void give_times(struct sched_entity *se, const struct sched_params *params)
{
	bool goes_on = se->kind == SCHED_KIND_DL && params->kind == SCHED_KIND_DL;
	ktime_t deadline = params->deadline ? params->deadline : params->period;

	if (deadline == se->deadline && params->period == se->period &&
		params->runtime == se->runtime)
		return;
	se->runtime = params->runtime;
	se->deadline = deadline;
	se->period = params->period;
	if (goes_on)
		return;
	se->release = SCHED_NO_JOB;
	se->late = false;
}

static void give(struct sched_entity *se, const struct sched_change *change)
{
	if (change->params) {
		give_times(se, change->params);
		se->kind = (uint8_t)change->params->kind;
		se->own_level = (uint8_t)change->params->level;
	}
	se->own_urgency = (uint8_t)change->urgency;
}

/* Who shares time already keeps its policy; a change of that is found when it next arrives. */
static const struct sched_policy *policy_of(const struct sched_entity *se)
{
	if (se->urgency >= SCHED_URGENCY_TS)
		return se->rank >= SCHED_RANK_HANDOVER ? se->policy : entity_rq(se)->ts;
	if (se->kind == SCHED_KIND_DL)
		return &sched_policy_dl;
	return se->kind == SCHED_KIND_RM ? &sched_policy_rm : &sched_policy_fp;
}

static bool owns_rank(const struct sched_policy *policy, unsigned rank)
{
	return rank >= policy->first_rank && rank - policy->first_rank < policy->ranks;
}

/* se is on no list. */
static void set_policy(struct sched_entity *se, const struct sched_policy *policy)
{
	if (policy != se->policy) {
		if (se->rank >= SCHED_RANK_TS)
			se->ts_rank = se->rank;
		se->policy = policy;
		if (se->urgency >= SCHED_URGENCY_TS)
			se->generation = entity_rq(se)->generation;
		se->rank = owns_rank(policy, se->ts_rank) ? se->ts_rank : policy->first_rank;
		se->slice = 0;
	}
	if (policy == &sched_policy_fp || policy == &sched_policy_rm)
		se->rank = MAX(se->urgency, (uint8_t)SCHED_RANK_FP);
}

static void apply(const struct sched *s, struct sched_entity *se, const struct sched_change *change)
{
	give(se, change);
	se->urgency = MIN(se->own_urgency, se->inherited);
	se->level = se->urgency >= SCHED_URGENCY_TS ? (uint8_t)(se->urgency - SCHED_URGENCY_TS)
						    : se->own_level;
	set_policy(se, policy_of(se));
	se->quantum = se->policy->quantum ? se->policy->quantum(s, se) : s->quantum[se->level];
	se->slice = se->quantum == KTIME_MAX ? KTIME_MAX : MIN(se->slice, se->quantum);
}

void sched_apply_params(
	const struct sched *s, struct sched_entity *se, const struct sched_params *params)
{
	struct sched_change change = {params, sched_urgency_given(params)};

	apply(s, se, &change);
}

/* --- a change in every state ----------------------------------------------------------------- */

/* The turn goes on, for no longer than the new quantum; the switch finds out the new key. */
static void change_current(const struct sched *s, struct sched_rq *rq,
	const struct sched_change *change, unsigned from, ktime_t now)
{
	struct sched_entity *curr = rq->curr;
	const struct sched_policy *policy = curr->policy;
	bool endless;

	now = rq_advance(rq, now);
	if (rq_runnable(rq) == 1)
		sched_rq_renew_slice(rq);
	if (now >= rq->slice_end) /* a boost that is due comes before the change */
		(void)curr->policy->expired(rq, curr, now);
	endless = rq->slice_end == KTIME_MAX;
	apply(s, curr, change);
	if (curr->policy != policy)
		rq->slice_end = now;
	else if (curr->quantum == KTIME_MAX)
		rq->slice_end = KTIME_MAX;
	else if (!endless || policy == &sched_policy_fp)
		rq->slice_end = MIN(rq->slice_end, now + curr->quantum);
	rq_publish_rank(rq, curr->rank);
	sched_rq_resched(rq, from);
}

/* Nobody can tell its place before from its place after. */
static bool stays_linked(const struct sched_entity *se, const struct sched_change *change)
{
	unsigned urgency = MIN(change->urgency, se->inherited);

	return se->rank >= SCHED_RANK_HANDOVER && urgency >= SCHED_URGENCY_TS &&
		se->policy->kind == SCHED_LEVELS && se->policy->ranks == 1;
}

void sched_change(struct sched *s, struct sched_rq *rq, struct sched_entity *se,
	const struct sched_change *change, unsigned from, ktime_t now)
{
	bool relinks = se->state == SCHED_THROTTLED ||
		(se->state == SCHED_QUEUED && !stays_linked(se, change));

	KASSERT(spin_held(&rq->lock) && entity_rq(se) == rq && se->state != SCHED_DEAD);
	if (se->state == SCHED_RUNNING) {
		change_current(s, rq, change, from, now);
		return;
	}
	if (relinks)
		sched_unqueue(rq, se, now);
	apply(s, se, change);
	if (!relinks)
		return;
	rq_link(rq, se, SCHED_WHY_MIGRATED, from, now);
	rq_arrived(rq, se, from);
}

/* --- what an embedder calls ------------------------------------------------------------------ */

int sched_set_params(struct sched *s, struct sched_entity *se, const struct sched_params *params,
	unsigned from, ktime_t now)
{
	struct sched_rq *rq;
	int error = 0;

	if (!sched_params_valid(params))
		return -EINVAL;
	if (sched_kind_reserves(params->kind) || se->bound != SCHED_NO_CPU)
		return sched_set_reserved(s, se, params, from, now);
	rq = entity_lock(se);
	if (se->state == SCHED_DEAD)
		error = -ESRCH;
	else
		sched_change(s, rq, se, &(struct sched_change){params, sched_urgency_given(params)},
			from, now);
	spin_unlock(&rq->lock);
	return error;
}

int sched_set_level(
	struct sched *s, struct sched_entity *se, unsigned level, unsigned from, ktime_t now)
{
	struct sched_rq *rq;
	int error = 0;

	if (level >= SCHED_LEVEL_COUNT)
		return -EINVAL;
	rq = entity_lock(se);
	if (se->state == SCHED_DEAD)
		error = -ESRCH;
	else
		se->own_level = (uint8_t)level;
	if (!error && se->kind == SCHED_KIND_TS)
		sched_change(s, rq, se, &(struct sched_change){.urgency = SCHED_URGENCY_TS + level},
			from, now);
	spin_unlock(&rq->lock);
	return error;
}

void sched_inherit(
	struct sched *s, struct sched_entity *se, unsigned urgency, unsigned from, ktime_t now)
{
	struct sched_rq *rq = entity_lock(se);
	struct sched_change change = {.urgency = se->own_urgency};

	KASSERT(urgency <= SCHED_URGENCY_NONE && se->state != SCHED_DEAD);
	se->inherited = (uint8_t)urgency;
	if (MIN(se->own_urgency, urgency) != se->urgency)
		sched_change(s, rq, se, &change, from, now);
	spin_unlock(&rq->lock);
}

void sched_get_params(struct sched *s, struct sched_entity *se, struct sched_params *params)
{
	struct sched_rq *rq = entity_lock(se);
	bool fp = se->kind == SCHED_KIND_FIFO || se->kind == SCHED_KIND_RR;

	(void)s;
	*params = (struct sched_params){
		.kind = se->kind,
		.level = se->own_level,
		.priority = fp ? (unsigned)SCHED_RANK_FP + SCHED_PRIORITY_MAX - se->own_urgency : 0,
		.runtime = se->runtime,
		.deadline = se->deadline,
		.period = se->period,
	};
	spin_unlock(&rq->lock);
}
