/* SPDX-License-Identifier: MIT */
/*
 * CPUs that leave and come back under load (rules S8.6, S8.7).
 *
 * Under its run queue's lock a CPU stops taking: it leaves the masks and sets in which others look
 * for CPUs, and whoever has chosen it before finds that out when he holds the lock. So what is
 * there can only get less: the queued ones are sent away one by one, and then the current entity,
 * if it is not idle, is the last one and has to go at its next switch.
 */
#include "sched/arrive.h"

static void stop_taking(struct sched *s, struct sched_rq *rq)
{
	spin_lock(&rq->lock);
	rq->takes = SCHED_NO_CPU + 1;
	rq->drains = true;
	sched_rq_unindex(rq);
	atomic_fetch_and(&s->online.bits[rq->cpu / BITMAP_WORD_BITS],
		~(1ull << (rq->cpu % BITMAP_WORD_BITS)));
	atomic_fetch_sub(&s->nr_online, 1);
	spin_unlock(&rq->lock);
	sched_idle_claim(s, rq->cpu);
}

/* The first one that waits, or NULL. The idle entity is no guest. */
static struct sched_entity *first_queued(struct sched_rq *rq)
{
	unsigned rank = queue_first_rank(rq);
	struct list *l = &rq->level[rank];

	if (rank == SCHED_RANK_IDLE)
		return NULL;
	if (list_empty(l))
		return tree_entity(rb_first(&rq->tree));
	return list_entry(list_first(l), struct sched_entity, node);
}

/* Only the idle entity is queued or current: then it is current, and no rank has anybody. */
static bool only_idle(const struct sched_rq *rq)
{
	return rq->curr == rq->idle && !rq_runnable(rq);
}

/* Sends one away. False: there was nobody but who runs, and who runs has been told. */
static bool send_away_one(struct sched_rq *rq, unsigned from, ktime_t now)
{
	struct sched_entity *se;

	spin_lock(&rq->lock);
	se = only_idle(rq) ? NULL : first_queued(rq);
	if (se) {
		sched_move_to_mask(rq, se, from, now);
		return true;
	}
	if (rq->curr != rq->idle) {
		rq->curr->move_pending = true;
		sched_rq_resched(rq, from);
	}
	rq->drains = false;
	spin_unlock(&rq->lock);
	return false;
}

int sched_cpu_offline(struct sched *s, unsigned cpu, unsigned from, ktime_t now)
{
	KASSERT(arch_irqs_off());
	if (cpu >= CONFIG_MAX_CPUS || !cpumask_test_atomic(&s->online, cpu))
		return -EINVAL;
	if (atomic_load(&s->nr_online) == 1 || s->rq[cpu]->reservations)
		return -EBUSY;
	stop_taking(s, s->rq[cpu]);
	while (send_away_one(s->rq[cpu], from, now))
		;
	return 0;
}

bool sched_cpu_empty(const struct sched *s, unsigned cpu)
{
	struct sched_rq *rq = s->rq[cpu];
	bool empty;

	spin_lock(&rq->lock); /* waits out a switch, whose tail sends the last one away */
	empty = only_idle(rq) && !rq->tail;
	spin_unlock(&rq->lock);
	return empty;
}

void sched_cpu_online(struct sched *s, unsigned cpu, ktime_t now)
{
	struct sched_rq *rq = s->rq[cpu];

	KASSERT(arch_irqs_off());
	spin_lock(&rq->lock);
	KASSERT(!rq_online(rq) && only_idle(rq));
	entity_account(rq->idle, rq_advance(rq, now)); /* it has idled for others since now */
	rq->takes = cpu;
	sched_rq_index(rq);
	atomic_fetch_add(&s->nr_online, 1);
	cpumask_set_atomic(&s->online, cpu);
	spin_unlock(&rq->lock);
}

bool sched_review_affinity(struct sched *s, struct sched_entity *se, unsigned from, ktime_t now)
{
	struct sched_rq *rq = entity_lock(se);
	bool changeable = se->state != SCHED_DEAD && se->policy != &sched_policy_idle;
	bool override = changeable && !sched_mask_online(s, &se->affinity);

	if (!changeable || override == se->overridden) {
		spin_unlock(&rq->lock);
		return override;
	}
	if (override) {
		se->overridden = true;
		se->pinned = SCHED_NO_CPU;
	} else {
		sched_entity_set_mask(se, &se->affinity);
	}
	sched_move_to_mask(rq, se, from, now);
	return override;
}
