/* SPDX-License-Identifier: MIT */
/*
 * The invariants (rules S11), each as one question that answers NULL or what is wrong. The run
 * queue's lock is held; nothing is changed.
 */
#include "sched/queue.h"

/* A switch of a debug build walks no longer queue than this. */
#define WALK_AT_SWITCH 32

static bool holds_idle(const struct sched_rq *rq)
{
	return rq->curr == rq->idle;
}

static unsigned queued(const struct sched_rq *rq)
{
	return rq_runnable(rq) - !holds_idle(rq);
}

/* S11.1, S11.2: the current entity is running, here, on no list. */
static const char *check_current(const struct sched_rq *rq)
{
	const struct sched_entity *curr = rq->curr;

	if (curr->state != SCHED_RUNNING)
		return "current entity is not RUNNING";
	if (entity_rq(curr) != rq)
		return "current entity belongs to another run queue";
	if (entity_linked(curr))
		return "current entity is on a list";
	if (rq_curr_rank(rq) != curr->rank && !sched_need_resched(rq))
		return "published rank is not the current entity's";
	if (!holds_idle(rq) && !rq_runnable(rq))
		return "an entity runs but none is counted";
	return NULL;
}

/* S1.3: who is here goes by what its CPU goes by, or is being handed over to it. */
static const char *check_algorithm(const struct sched_rq *rq, const struct sched_entity *se)
{
	if (se->rank < SCHED_RANK_HANDOVER || se == rq->idle ||
		se->policy == &sched_policy_handover || rq->ts == &sched_policy_handover)
		return NULL;
	if (se->policy->name != rq->ts->name) /* which a test's variant of it shares */
		return "entity is here by another algorithm than its CPU's";
	if (se->generation != rq->generation)
		return "entity is here and has not heard of the last change";
	return NULL;
}

/* S11.4 in the tree: the first one has not been overlooked. */
static const char *check_tree_pick(const struct sched_rq *rq)
{
	const struct sched_entity *first =
		tree_entity(rb_first(rq->curr->rank == SCHED_RANK_DL ? &rq->deadlines : &rq->tree));

	if (!first || first->policy != rq->curr->policy || sched_need_resched(rq))
		return NULL;
	if (first->policy->preempts && first->policy->preempts(rq, first, rq->curr))
		return "the first of the tree goes before the current entity and no switch is due";
	return NULL;
}

/* S11.4 */
static const char *check_pick(const struct sched_rq *rq)
{
	if (bitmap_first(rq->ready, SCHED_RANK_COUNT) < rq->curr->rank && !sched_need_resched(rq))
		return "a more urgent entity is queued and no switch is due";
	return check_tree_pick(rq);
}

/* The turn of an entity that somebody waits for has an end that the timer will see. */
static const char *check_timer(const struct sched_rq *rq)
{
	const struct sched_entity *held = tree_entity(rb_first(&rq->held));

	if (rq_runnable(rq) > 1 && rq->slice_end < rq->timer_at && !sched_need_resched(rq))
		return "somebody waits and no timer ends the slice";
	if (rq_runnable(rq) > 1 && rq->balance_at < rq->timer_at && !sched_need_resched(rq))
		return "somebody waits and no timer balances";
	if (rq->curr->rank == SCHED_RANK_DL && rq->slice_end < rq->timer_at &&
		!sched_need_resched(rq))
		return "no timer ends the budget";
	if (held && held->key < rq->timer_at && !(rq->tail & SCHED_TAIL_TIMER))
		return "somebody is held and no timer ends that";
	return NULL;
}

/* S11.3 */
static const char *check_affinity(const struct sched_rq *rq, const struct sched_entity *se)
{
	bool allowed = entity_allowed(se, rq->cpu) &&
		(se->overridden || cpumask_test(&se->affinity, rq->cpu)) &&
		(rq_online(rq) || rq->drains || se == rq->idle);

	if (!allowed && !se->move_pending)
		return "entity is where it may not run and no move is pending";
	if (se->move_pending && se->state != SCHED_RUNNING)
		return "move pending for an entity that does not run";
	return NULL;
}

static const char *check_queued(const struct sched_rq *rq, const struct sched_entity *se)
{
	if (se->state != SCHED_QUEUED)
		return "entity on a list is not QUEUED";
	if (entity_rq(se) != rq)
		return "entity on a list belongs to another run queue";
	if (se->rank - se->policy->first_rank >= se->policy->ranks)
		return "entity has a rank that its policy does not own";
	if (se->urgency != MIN(se->own_urgency, se->inherited))
		return "entity is not as urgent as itself or what it inherits";
	if (se->since > rq->clock || se->since < se->created)
		return "entity has time from the future";
	if (check_algorithm(rq, se))
		return check_algorithm(rq, se);
	return check_affinity(rq, se);
}

static const char *check_list(const struct sched_rq *rq, unsigned rank, unsigned *count)
{
	const struct list *l = &rq->level[rank];
	const char *wrong = NULL;
	const struct sched_entity *se;

	list_for_each_entry (se, l, node) {
		wrong = check_queued(rq, se);
		if (!wrong && queue_rank(rq, se) != rank)
			wrong = "entity is on another rank's list";
		if (!wrong &&
			(se->node.next->prev != &se->node || se->node.prev->next != &se->node))
			wrong = "list links do not match";
		if (wrong)
			return wrong;
		*count += se != rq->idle;
	}
	return NULL;
}

static const char *check_tree(
	const struct sched_rq *rq, const struct rb_tree *tree, unsigned rank, unsigned *count)
{
	const char *wrong = NULL;

	for (struct rb_node *n = rb_first(tree); n && !wrong; n = rb_next(n)) {
		const struct sched_entity *se = tree_entity(n);

		wrong = check_queued(rq, se);
		if (!wrong && (se->policy->kind != SCHED_TREE || se->rank != rank))
			wrong = "entity in the tree has a policy of lists";
		*count += 1;
	}
	if (!wrong && !rb_empty(tree) && !list_empty(&rq->level[rank]))
		wrong = "a rank has entities on its list and in the tree";
	return wrong;
}

static const char *check_held(const struct sched_rq *rq)
{
	const char *wrong = NULL;

	for (struct rb_node *n = rb_first(&rq->held); n && !wrong; n = rb_next(n)) {
		const struct sched_entity *se = tree_entity(n);

		if (se->state != SCHED_THROTTLED || entity_rq(se) != rq)
			wrong = "an entity that is held is not THROTTLED here";
		else if (se->policy != &sched_policy_dl)
			wrong = "an entity that is held has no reservation";
		else
			wrong = check_affinity(rq, se);
	}
	return wrong;
}

static const char *check_trees(const struct sched_rq *rq, unsigned *count)
{
	const char *wrong = sched_tree_check(rq);

	if (!wrong)
		wrong = check_tree(rq, &rq->tree, SCHED_RANK_TS, count);
	if (!wrong)
		wrong = check_tree(rq, &rq->deadlines, SCHED_RANK_DL, count);
	return wrong ? wrong : check_held(rq);
}

/* S11.5 */
static const char *check_lists(const struct sched_rq *rq)
{
	unsigned count = 0;
	const char *wrong = check_trees(rq, &count);

	if (wrong)
		return wrong;
	for (unsigned rank = 0; rank < SCHED_RANK_COUNT; rank++) {
		if (bitmap_test(rq->ready, rank) == queue_empty(rq, rank))
			return "bit of a rank does not tell whether its list is empty";
		wrong = check_list(rq, rank, &count);
		if (wrong)
			return wrong;
	}
	if (count != queued(rq))
		return "number of runnable entities is not the length of the lists";
	return NULL;
}

static const char *check_policies(const struct sched_rq *rq)
{
	for (unsigned i = 0; i < SCHED_POLICY_COUNT; i++) {
		const char *wrong = sched_policies[i]->check ? sched_policies[i]->check(rq) : NULL;

		if (wrong)
			return wrong;
	}
	return sched_policy_handover.check(rq);
}

static const char *check_heads(const struct sched_rq *rq)
{
	const char *wrong = check_current(rq);

	if (!wrong)
		wrong = check_affinity(rq, rq->curr);
	if (!wrong)
		wrong = check_algorithm(rq, rq->curr);
	if (!wrong)
		wrong = check_pick(rq);
	if (!wrong)
		wrong = check_timer(rq);
	return wrong;
}

const char *sched_check_switch(const struct sched_rq *rq)
{
	const char *wrong = check_heads(rq);

	if (!wrong && queued(rq) <= WALK_AT_SWITCH)
		wrong = check_lists(rq);
	return wrong;
}

const char *sched_check_rq(const struct sched_rq *rq)
{
	const char *wrong = check_heads(rq);

	if (!wrong)
		wrong = check_lists(rq);
	if (!wrong)
		wrong = check_policies(rq);
	if (!wrong)
		wrong = sched_index_check(rq);
	return wrong;
}

/* --- entities and all of them ---------------------------------------------------------------- */

/* S10: the times in all states add up to the age. */
static const char *check_times(const struct sched_entity *se)
{
	ktime_t sum = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(se->stats.time); i++)
		sum += se->stats.time[i];
	if (sum != se->since - se->created)
		return "times spent in all states do not add up to the entity's age";
	return NULL;
}

const char *sched_check_entity(const struct sched_entity *se)
{
	const struct sched_rq *rq = entity_rq(se);

	if ((unsigned)se->state >= SCHED_STATE_COUNT)
		return "entity has no valid state";
	if (entity_linked(se) != (se->state == SCHED_QUEUED || se->state == SCHED_THROTTLED))
		return "entity is on a list and not QUEUED, or the other way round";
	if ((rq->curr == se) != (se->state == SCHED_RUNNING))
		return "entity is current and not RUNNING, or the other way round";
	if (se->move_pending && se->state != SCHED_RUNNING)
		return "move pending for an entity that does not run";
	return check_times(se);
}

void sched_census_add(struct sched_census *census, const struct sched_entity *se)
{
	census->count[se->state]++;
	census->running += se->stats.time[SCHED_RUNNING];
}

/* S11.1 and S10 over all CPUs: nobody runs uncounted, and no CPU's time is lost. */
const char *sched_census_check(const struct sched_census *census, const struct sched *s)
{
	unsigned runnable = 0, running = 0, cpu;
	ktime_t elapsed = 0, run = census->running;

	for (cpu = 0; cpu < atomic_load(&s->cpu_end); cpu++) {
		const struct sched_rq *rq = s->rq[cpu];

		if (!rq)
			continue;
		runnable += rq_runnable(rq);
		running += !holds_idle(rq);
		run += rq->idle->stats.time[SCHED_RUNNING];
		elapsed += rq->curr->since - rq->started;
	}
	if (running != census->count[SCHED_RUNNING])
		return "number of RUNNING entities is not the number of busy CPUs";
	if (runnable - running != census->count[SCHED_QUEUED])
		return "number of QUEUED entities is not what the run queues count";
	if (census->count[SCHED_WAKING])
		return "an entity is WAKING when nothing moves";
	if (run != elapsed)
		return "time of all entities and idle is not the time of all CPUs";
	return NULL;
}
