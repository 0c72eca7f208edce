/* SPDX-License-Identifier: MIT */
/*
 * The keyed structure of a run queue (rule S2.2): the smallest key is next, and of equal keys the
 * one that got its key first. The order is total, so a schedule never depends on the tree's shape.
 */
#include "sched/arrive.h"

static bool goes_before(const struct rb_node *left, const struct rb_node *right)
{
	const struct sched_entity *a = rb_entry(left, struct sched_entity, tree_node);
	const struct sched_entity *b = rb_entry(right, struct sched_entity, tree_node);

	return a->key != b->key ? a->key < b->key : a->sequence < b->sequence;
}

/*
 * It has been counted as runnable, or will be after this, and the rank's bit is set: neither is
 * true.
 */
static void hold(struct sched_rq *rq, struct sched_entity *se)
{
	unsigned others = rq_runnable(rq) - 1;

	if (rb_empty(&rq->deadlines))
		bitmap_clear(rq->ready, SCHED_RANK_DL);
	se->state = SCHED_THROTTLED;
	atomic_store_explicit(&rq->nr_runnable, others, memory_order_relaxed);
	if (others != UINT_MAX)
		rq_note_load(rq);
	rb_insert(&rq->held, &se->tree_node, goes_before);
	rq->tail |= SCHED_TAIL_TIMER;
	if (rq->trace)
		sched_env_trace_event(rq, se, SCHED_EVENT_HOLD, rq->cpu);
}

void sched_tree_link(struct sched_rq *rq, struct sched_entity *se, enum sched_place place)
{
	KASSERT(spin_held(&rq->lock) && list_empty(&rq->level[se->rank]));
	if (place == SCHED_HELD)
		hold(rq, se);
	else
		rb_insert(queue_tree(rq, se->rank), &se->tree_node, goes_before);
}

struct sched_entity *sched_tree_take(struct sched_rq *rq)
{
	unsigned rank = queue_first_rank(rq);
	struct rb_tree *tree = queue_tree(rq, rank);
	struct rb_node *first = rb_first(tree);

	KASSERT(spin_held(&rq->lock) && first);
	rb_remove(tree, first);
	if (rb_empty(tree))
		bitmap_clear(rq->ready, rank);
	return tree_entity(first);
}

void sched_rq_arm_held(struct sched_rq *rq)
{
	const struct sched_entity *first = tree_entity(rb_first(&rq->held));

	if (first)
		sched_rq_arm_by(rq, first->key);
}

void sched_release_held(struct sched_rq *rq, ktime_t now)
{
	struct sched_entity *se;

	while ((se = tree_entity(rb_first(&rq->held))) && se->key <= now) {
		rb_remove(&rq->held, &se->tree_node);
		entity_set_state(se, SCHED_WAKING, now);
		if (rq->trace)
			sched_env_trace_event(rq, se, SCHED_EVENT_RELEASE, rq->cpu);
		rq_link(rq, se, SCHED_WHY_RELEASED, rq->cpu, now);
		rq_arrived(rq, se, rq->cpu);
	}
}

const char *sched_tree_check(const struct sched_rq *rq)
{
	const char *wrong = rb_check(&rq->tree, goes_before);

	if (!wrong)
		wrong = rb_check(&rq->deadlines, goes_before);
	return wrong ? wrong : rb_check(&rq->held, goes_before);
}
