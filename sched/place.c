/* SPDX-License-Identifier: MIT */
/*
 * Where a woken, started or moved entity goes (rule S8.1), and how it gets there when that is
 * another CPU's run queue.
 *
 * A decision is made with only se's own run queue locked, from other CPUs' published words, so it
 * can be out of date at once; that is harmless, because an idle CPU is claimed before it is chosen
 * and whoever stays queued is offered again. The two locks are taken in CPU order, which means that
 * se's own may be dropped in between: everything decided is looked at again.
 */
#include "sched/arrive.h"
#include "sched/index.h"

#define ANY_RANK SCHED_RANK_COUNT

/* --- locks ----------------------------------------------------------------------------------- */

void sched_lock_pair(struct sched_rq *a, struct sched_rq *b)
{
	KASSERT(a->cpu != b->cpu);
	spin_lock(a->cpu < b->cpu ? &a->lock : &b->lock);
	spin_lock_second(a->cpu < b->cpu ? &b->lock : &a->lock);
}

static void unlock_pair(struct sched_rq *a, struct sched_rq *b)
{
	spin_unlock(&a->lock);
	spin_unlock(&b->lock);
}

/* --- masks ----------------------------------------------------------------------------------- */

void sched_entity_set_mask(struct sched_entity *se, const struct cpumask *mask)
{
	unsigned first = cpumask_first(mask);
	bool one = first < CONFIG_MAX_CPUS && cpumask_next(mask, first + 1) == CONFIG_MAX_CPUS;

	if (mask != &se->affinity)
		se->affinity = *mask;
	se->overridden = false;
	se->pinned = (uint16_t)(se->bound != SCHED_NO_CPU ? se->bound : one ? first : SCHED_NO_CPU);
}

bool sched_mask_online(const struct sched *s, const struct cpumask *mask)
{
	struct cpumask online;

	cpumask_snapshot(&online, &s->online);
	return cpumask_intersects(&online, mask);
}

static bool may_run_on(const struct sched *s, const struct sched_entity *se, unsigned cpu)
{
	return cpumask_test(entity_mask(s, se), cpu) && cpumask_test_atomic(&s->online, cpu);
}

/* --- the choice ------------------------------------------------------------------------------ */

/* Its idle loop runs, halted or not, and nobody has sent it anything yet. */
static bool is_idle(struct sched *s, unsigned cpu)
{
	const struct sched_rq *rq = s->rq[cpu];

	if (rq_curr_rank(rq) != SCHED_RANK_IDLE || rq_runnable(rq))
		return false;
	sched_idle_claim(s, cpu);
	return true;
}

/*
 * The first CPU of a set that is in both masks, cyclically from `around`; with `rank`, only one
 * that does run at that rank: a CPU that was idle and is claimed is filed under what it ran last.
 */
static unsigned find_around(struct sched *s, const struct sched_cpu_set *set,
	const struct cpumask *mask, const struct cpumask *near, unsigned around, unsigned rank)
{
	const unsigned from[] = {around, 0}, end[] = {CONFIG_MAX_CPUS, around};

	for (unsigned part = 0; part < ARRAY_SIZE(from); part++) {
		unsigned cpu = sched_set_next(set, mask, near, from[part], end[part]);

		while (cpu != SCHED_NO_CPU && rank != ANY_RANK && rq_curr_rank(s->rq[cpu]) != rank)
			cpu = sched_set_next(set, mask, near, cpu + 1, end[part]);
		if (cpu != SCHED_NO_CPU)
			return cpu;
	}
	return SCHED_NO_CPU;
}

/* Of a set's CPUs the nearest to `around`, which comes first itself. */
static unsigned find_nearest(struct sched *s, const struct sched_cpu_set *set,
	const struct cpumask *mask, unsigned around, unsigned rank)
{
	const struct sched_rq *rq = s->rq[around];
	unsigned cpu = SCHED_NO_CPU;

	if (sched_set_empty(set))
		return SCHED_NO_CPU;
	for (unsigned i = 0; i < rq->near_count && cpu == SCHED_NO_CPU; i++)
		cpu = find_around(s, set, mask, &rq->near[i], around, rank);
	return cpu != SCHED_NO_CPU ? cpu : find_around(s, set, mask, NULL, around, rank);
}

unsigned sched_find_least_urgent(
	struct sched *s, const struct cpumask *mask, unsigned around, unsigned rank)
{
	for (unsigned other = SCHED_RANK_IDLE - 1; other > rank; other--) {
		unsigned cpu = find_nearest(s, &s->urgency[other], mask, around, other);

		if (cpu != SCHED_NO_CPU)
			return cpu;
	}
	return SCHED_NO_CPU;
}

unsigned sched_find_least_loaded(
	struct sched *s, const struct cpumask *mask, unsigned around, unsigned limit)
{
	for (unsigned class = 0; class < limit; class ++) {
		unsigned cpu = find_nearest(s, &s->load[class], mask, around, ANY_RANK);

		if (cpu != SCHED_NO_CPU)
			return cpu;
	}
	return SCHED_NO_CPU;
}

/* The first that may run se, cyclically from `around`; or SCHED_NO_CPU. */
static unsigned any_allowed(struct sched *s, const struct sched_entity *se, unsigned around)
{
	struct cpumask allowed;
	unsigned cpu;

	cpumask_snapshot(&allowed, &s->online);
	cpumask_and(&allowed, &allowed, entity_mask(s, se));
	cpu = cpumask_next(&allowed, around);
	return cpu < CONFIG_MAX_CPUS ? cpu : cpumask_first(&allowed);
}

/*
 * No idle CPU is allowed. Of equal CPUs `prefer`, then the nearest to it. A CPU that changes sets
 * behind the back of this search, from one that is looked at later to one that has been, is not
 * found; if it was the only one that may run se, the mask decides.
 */
static unsigned choose_busy(struct sched *s, const struct sched_entity *se, unsigned prefer)
{
	const struct cpumask *mask = entity_mask(s, se);
	unsigned cpu = sched_find_least_urgent(s, mask, prefer, se->rank);

	if (cpu == SCHED_NO_CPU)
		cpu = sched_find_least_loaded(s, mask, prefer, SCHED_LOAD_CLASSES);
	if (unlikely(cpu == SCHED_NO_CPU))
		cpu = any_allowed(s, se, prefer);
	return cpu;
}

/* Rule S8.1, in its order. */
static unsigned try_choose(struct sched *s, const struct sched_entity *se,
	const struct sched_rq *home, unsigned prefer)
{
	bool preferred = may_run_on(s, se, prefer);
	unsigned cpu;

	if (entity_stays(se, home))
		return home->cpu;
	if (se->pinned != SCHED_NO_CPU && may_run_on(s, se, se->pinned))
		return se->pinned;
	if (preferred && is_idle(s, prefer))
		return prefer;
	cpu = sched_idle_claim_near(s, entity_mask(s, se), s->rq[prefer]);
	if (cpu != SCHED_NO_CPU)
		return cpu;
	if (preferred && se->rank < rq_curr_rank(s->rq[prefer]))
		return prefer;
	return choose_busy(s, se, prefer);
}

/* Rule S8.6: an entity whose CPUs have all gone off line may run anywhere until one is back. */
static void override_mask(struct sched_entity *se)
{
	se->overridden = true;
	se->pinned = SCHED_NO_CPU;
}

static unsigned choose(
	struct sched *s, struct sched_entity *se, const struct sched_rq *home, unsigned prefer)
{
	unsigned cpu = try_choose(s, se, home, prefer);

	if (unlikely(cpu == SCHED_NO_CPU)) {
		override_mask(se);
		cpu = try_choose(s, se, home, prefer);
	}
	KASSERT(cpu != SCHED_NO_CPU);
	return cpu;
}

/* --- getting there --------------------------------------------------------------------------- */

static void arrive(struct sched_entity *se, struct sched_rq *rq, enum sched_why why, unsigned from,
	ktime_t now)
{
	rq_link(rq, se, why, from, now);
	rq_arrived(rq, se, from);
}

/* A claimed CPU that gets nothing looks around and halts again. */
static void abandon(struct sched_rq *target, unsigned from)
{
	if (target->cpu != from)
		sched_env_kick(target);
}

void sched_settle(struct sched_entity *se, struct sched_rq *rq, unsigned prefer, unsigned from,
	enum sched_why why, ktime_t now)
{
	struct sched *s = rq->sched;

	for (;;) {
		struct sched_rq *target = s->rq[choose(s, se, rq, prefer)];

		KASSERT(spin_held(&rq->lock) && se->state == SCHED_WAKING);
		if (target == rq)
			break;
		spin_unlock(&rq->lock);
		sched_lock_pair(rq, target);
		if (entity_rq(se) == rq && se->state == SCHED_WAKING && rq_online(target) &&
			entity_allowed(se, target->cpu)) {
			arrive(se, target, why, from, now);
			unlock_pair(rq, target);
			return;
		}
		unlock_pair(rq, target);
		abandon(target, from);
		rq = entity_lock(se);
		if (se->state != SCHED_WAKING) {
			spin_unlock(&rq->lock);
			return;
		}
	}
	arrive(se, rq, why, from, now);
	spin_unlock(&rq->lock);
}
