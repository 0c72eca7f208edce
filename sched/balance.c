/* SPDX-License-Identifier: MIT */
/*
 * Idle CPUs and waiting entities find each other (rules S8.2, S8.3).
 *
 * A CPU that is about to halt sets its bit in the idle mask and then looks at the others' counts; a
 * CPU that queues something counts it and then looks at the idle mask. All four are sequentially
 * consistent, so at least one of the two sees the other. Whoever takes a CPU out of the mask owes
 * it a kick.
 */
#include "sched/arrive.h"
#include "sched/index.h"

/* A steal looks at no more queued entities than this: both locks are held meanwhile. */
#define STEAL_LOOKS 64

/* --- the idle mask --------------------------------------------------------------------------- */

bool sched_idle_claim(struct sched *s, unsigned cpu)
{
	if (!cpumask_test_atomic(&s->idle, cpu) || !cpumask_claim_atomic(&s->idle, cpu))
		return false;
	atomic_fetch_sub(&s->nr_idle, 1);
	return true;
}

static unsigned claim_between(struct sched *s, const struct cpumask *mask,
	const struct cpumask *near, unsigned first, unsigned end)
{
	for (unsigned word = first / BITMAP_WORD_BITS; word * BITMAP_WORD_BITS < end; word++) {
		uint64_t bits = atomic_load(&s->idle.bits[word]) & mask->bits[word];

		for (bits &= near ? near->bits[word] : ~0ull; bits; bits &= bits - 1) {
			unsigned cpu = word * BITMAP_WORD_BITS + (unsigned)__builtin_ctzll(bits);

			if (cpu >= first && cpu < end && sched_idle_claim(s, cpu))
				return cpu;
		}
	}
	return SCHED_NO_CPU;
}

/* Cyclically from the one after `around`. */
static unsigned claim_around(
	struct sched *s, const struct cpumask *mask, const struct cpumask *near, unsigned around)
{
	unsigned end = atomic_load_explicit(&s->cpu_end, memory_order_acquire);
	unsigned cpu = claim_between(s, mask, near, around + 1, end);

	return cpu != SCHED_NO_CPU ? cpu : claim_between(s, mask, near, 0, around + 1);
}

unsigned sched_idle_claim_near(
	struct sched *s, const struct cpumask *mask, const struct sched_rq *rq)
{
	unsigned cpu = SCHED_NO_CPU;

	if (!atomic_load(&s->nr_idle))
		return SCHED_NO_CPU;
	for (unsigned i = 0; i < rq->near_count && cpu == SCHED_NO_CPU; i++)
		cpu = claim_around(s, mask, &rq->near[i], rq->cpu);
	return cpu != SCHED_NO_CPU ? cpu : claim_around(s, mask, NULL, rq->cpu);
}

void sched_idle_enter(struct sched_rq *rq)
{
	KASSERT(arch_irqs_off());
	if (unlikely(!cpumask_test_atomic(&rq->sched->online, rq->cpu)))
		return;
	atomic_fetch_add(&rq->sched->nr_idle, 1);
	cpumask_set_atomic(&rq->sched->idle, rq->cpu);
}

void sched_idle_exit(struct sched_rq *rq)
{
	sched_idle_claim(rq->sched, rq->cpu);
}

static bool may_leave(const struct sched_rq *rq, const struct sched_entity *se)
{
	return moves_allowed(rq->sched) && (!se->policy->may_leave || se->policy->may_leave(se));
}

static bool offer(struct sched_rq *rq, const struct sched_entity *se, unsigned from)
{
	unsigned cpu;

	if (se->pinned == rq->cpu || !may_leave(rq, se))
		return false;
	cpu = sched_idle_claim_near(rq->sched, entity_mask(rq->sched, se), rq);
	if (cpu != SCHED_NO_CPU && cpu != from)
		sched_env_kick(rq->sched->rq[cpu]);
	return cpu != SCHED_NO_CPU;
}

/* --- stealing -------------------------------------------------------------------------------- */

static struct sched_entity *list_entity(const struct list *l, struct list_node *n)
{
	return n == &l->head ? NULL : list_entry(n, struct sched_entity, node);
}

/* The one of this rank that would wait longest, and the one before it; NULL: no more. */
static struct sched_entity *queue_last(const struct sched_rq *rq, unsigned rank)
{
	const struct list *l = &rq->level[rank];

	if (!list_empty(l))
		return list_entity(l, l->head.prev);
	return tree_entity(rb_last(rank == SCHED_RANK_DL ? &rq->deadlines : &rq->tree));
}

static struct sched_entity *queue_before(const struct sched_rq *rq, const struct sched_entity *se)
{
	if (rb_linked(&se->tree_node))
		return tree_entity(rb_prev(&se->tree_node));
	return list_entity(&rq->level[queue_rank(rq, se)], se->node.prev);
}

/*
 * The queued ones in the order in which they are taken away: the most urgent rank first; inside it
 * from the tail, where whoever was offered last stands and would wait longest. Only the first
 * STEAL_LOOKS are looked at; an entity beyond them is offered again when it next comes to the tail.
 */
struct looks {
	const struct sched_rq *rq;
	struct sched_entity *se; /* NULL: no more */
	unsigned rank, count;
};

static void look_from(struct looks *l, unsigned rank)
{
	l->rank = bitmap_next(l->rq->ready, SCHED_RANK_IDLE, rank);
	l->se = l->rank < SCHED_RANK_IDLE ? queue_last(l->rq, l->rank) : NULL;
}

static struct looks first_look(const struct sched_rq *rq)
{
	struct looks l = {.rq = rq};

	look_from(&l, 0);
	return l;
}

static void next_look(struct looks *l)
{
	l->se = queue_before(l->rq, l->se);
	if (!l->se)
		look_from(l, l->rank + 1);
	if (++l->count == STEAL_LOOKS)
		l->se = NULL;
}

/*
 * After an idle CPU's first switch two may have come, and it is not the idle entity that stays
 * behind: one of the others is offered, who was to run before somebody more urgent came.
 */
void sched_offer_to_idle(struct sched_rq *rq, struct sched_entity *se, unsigned from)
{
	if (se != rq->idle) {
		offer(rq, se, from);
		return;
	}
	for (struct looks l = first_look(rq); l.se && !offer(rq, l.se, from); next_look(&l))
		;
}

static struct sched_entity *find_loot(const struct sched_rq *victim, unsigned thief)
{
	struct looks l = first_look(victim);

	while (l.se &&
		!(cpumask_test(entity_mask(victim->sched, l.se), thief) && may_leave(victim, l.se)))
		next_look(&l);
	return l.se;
}

void sched_histogram_add(struct sched_histogram *histogram, ktime_t time)
{
	uint64_t us = (uint64_t)MAX(time, 0) / NSEC_PER_USEC;
	unsigned bucket = us ? BITMAP_WORD_BITS - (unsigned)__builtin_clzll(us) : 0;

	histogram->count[MIN(bucket, SCHED_BUCKETS - 1u)]++;
	histogram->longest = MAX(histogram->longest, time);
}

/*
 * Rule S8.5, measured: se waited elsewhere and comes to `rq`, which idled meanwhile and might have
 * had it earlier. Both times are since they last changed, for se also its mask.
 */
static void note_idle_beside(struct sched_rq *rq, const struct sched_entity *se, ktime_t now)
{
	if (rq->curr == rq->idle && !rq_runnable(rq))
		sched_histogram_add(&rq->stats.idle_beside, now - MAX(rq->idle->since, se->since));
}

/* se is queued at `from`; it leaves, and is queued at `to`. Both are locked. */
static void pull(struct sched_rq *to, struct sched_rq *from, struct sched_entity *se, unsigned cpu,
	ktime_t now)
{
	note_idle_beside(to, se, now);
	sched_unqueue(from, se, now);
	rq_link(to, se, SCHED_WHY_MIGRATED, cpu, now);
	rq_note_load(to);
}

static bool steal_from(struct sched_rq *rq, struct sched_rq *victim, ktime_t now)
{
	struct sched_entity *se;

	sched_lock_pair(rq, victim);
	se = rq_online(rq) ? find_loot(victim, rq->cpu) : NULL;
	if (se) {
		pull(rq, victim, se, rq->cpu, now);
		se->stats.steals++;
		rq->stats.steals++;
		sched_rq_resched(rq, rq->cpu);
	}
	spin_unlock(&victim->lock);
	spin_unlock(&rq->lock);
	return se != NULL;
}

/*
 * Tries the CPUs of `near` (NULL: all) where somebody waits, cyclically from the next one; not
 * those of `done`, where it has been tried. Whoever runs alone on a busy CPU is left there.
 */
static bool steal_around(struct sched *s, struct sched_rq *rq, const struct cpumask *near,
	const struct cpumask *done, ktime_t now)
{
	const unsigned from[] = {rq->cpu + 1, 0}, end[] = {CONFIG_MAX_CPUS, rq->cpu};

	for (unsigned part = 0; part < ARRAY_SIZE(from); part++) {
		unsigned cpu = sched_set_next(&s->waiting, &s->all, near, from[part], end[part]);

		for (; cpu != SCHED_NO_CPU;
			cpu = sched_set_next(&s->waiting, &s->all, near, cpu + 1, end[part]))
			if (!(done && cpumask_test(done, cpu)) && steal_from(rq, s->rq[cpu], now))
				return true;
	}
	return false;
}

bool sched_steal(struct sched *s, struct sched_rq *rq, ktime_t now)
{
	const struct cpumask *done = NULL;

	KASSERT(arch_irqs_off() && rq->curr == rq->idle);
	if (!moves_allowed(s) || !cpumask_test_atomic(&s->online, rq->cpu))
		return false;
	for (unsigned i = 0; i < rq->near_count; i++) {
		if (steal_around(s, rq, &rq->near[i], done, now))
			return true;
		done = &rq->near[i];
	}
	return steal_around(s, rq, NULL, done, now);
}

/* --- periodic balance ------------------------------------------------------------------------ */

/* One pass gives away no more than this: it runs in an interrupt. */
#define BALANCE_MOVES 32

/*
 * A CPU that would have less than this one even after se has come: an idle one, else the least
 * loaded that se may run on, the nearest of equal ones. Not an average of anything. SCHED_NO_CPU:
 * none.
 */
static unsigned find_receiver(struct sched_rq *rq, const struct sched_entity *se)
{
	const struct cpumask *mask = entity_mask(rq->sched, se);
	unsigned cpu = sched_idle_claim_near(rq->sched, mask, rq);

	if (cpu != SCHED_NO_CPU)
		return cpu;
	return sched_find_least_loaded(
		rq->sched, mask, rq->cpu, sched_load_class(rq_runnable(rq) - 1));
}

/* Somebody who waits here and for whom there is a receiver; the run queue is locked. */
static unsigned find_move(struct sched_rq *rq)
{
	unsigned cpu = SCHED_NO_CPU;

	if (rq_runnable(rq) < 2)
		return SCHED_NO_CPU;
	for (struct looks l = first_look(rq); l.se && cpu == SCHED_NO_CPU; next_look(&l))
		if (may_leave(rq, l.se))
			cpu = find_receiver(rq, l.se);
	return cpu;
}

/*
 * Rule S8.4: acts only on a difference of two or more, looked at with both locks held, so that what
 * was moved never has a reason to come back.
 */
static bool push_to(struct sched_rq *rq, struct sched_rq *to, unsigned from, ktime_t now)
{
	struct sched_entity *se = NULL;

	sched_lock_pair(rq, to);
	if (rq_online(to) && rq_runnable(rq) >= rq_runnable(to) + 2)
		se = find_loot(rq, to->cpu);
	if (se) {
		rq->stats.pushes++;
		pull(to, rq, se, from, now);
		rq_arrived(to, se, from);
	}
	spin_unlock(&to->lock);
	spin_unlock(&rq->lock);
	return se != NULL;
}

void sched_balance(struct sched_rq *rq, unsigned from, ktime_t now)
{
	KASSERT(arch_irqs_off());
	for (unsigned moves = 0; moves < BALANCE_MOVES && moves_allowed(rq->sched); moves++) {
		unsigned cpu;

		spin_lock(&rq->lock);
		rq->stats.balances += !moves;
		cpu = find_move(rq);
		spin_unlock(&rq->lock);
		if (cpu == SCHED_NO_CPU)
			return;
		/* An idle CPU at which somebody has just arrived may find itself. */
		if (cpu == rq->cpu || !push_to(rq, rq->sched->rq[cpu], from, now)) {
			if (cpu != from)
				sched_env_kick(rq->sched->rq[cpu]); /* it may have been claimed */
			return;
		}
	}
}

void sched_balance_load(struct sched *s, unsigned from, ktime_t now)
{
	struct cpumask waiting;
	unsigned cpu;

	cpumask_snapshot(&waiting, &s->waiting.cpus);
	cpumask_for_each (cpu, &waiting)
		sched_balance(s->rq[cpu], from, now);
}
