/* SPDX-License-Identifier: MIT */
/*
 * The configuration changes under load, the system algorithm among it (rule S1.3).
 *
 * Nobody looks at all entities. Each CPU in turn, under its own lock and a few entities at a time,
 * moves what waits there for time sharing to the list of one rank above it, in the old order: the
 * handover. Round robin serves that list, one turn each, and whoever leaves its turn, for whatever
 * reason, queues by the new algorithm. While a CPU's old queue is not empty yet, who arrives there
 * goes to the handover, too: no two algorithms ever share a queue.
 *
 * An entity that is on no queue learns of it when it arrives on one, by the generation of what it
 * went by last; it is never compared with one of another time, as a CPU on the way has none.
 *
 * Who waits has waited no longer than by the old bound. The handover delays nobody beyond the new
 * one: its turns are as long as the new algorithm's, and each entity that is ahead there is one
 * that has had its turn already when it comes to the new queue, behind those who wait there. So no
 * wait is longer than both bounds together.
 */
#include "sched/switch.h"

/* So many are moved while the lock is held: less than two microseconds. */
#define BATCH 16

/* --- what is possible ------------------------------------------------------------------------ */

static bool within(ktime_t value, ktime_t least, ktime_t most)
{
	return value >= least && value <= most;
}

bool sched_config_valid(const struct sched_config *config)
{
	return config->algorithm < SCHED_ALGORITHM_COUNT &&
		within(config->quantum, NSEC_PER_USEC, 1000 * NSEC_PER_SEC) &&
		within(config->balance_interval, NSEC_PER_USEC, SCHED_PERIOD_MAX) &&
		within(config->aging, NSEC_PER_USEC, 1000 * NSEC_PER_SEC) &&
		within(config->boost_interval, NSEC_PER_MSEC, SCHED_PERIOD_MAX) &&
		config->admission <= SCHED_ADMIT_ALL && within(config->overhead, 0, NSEC_PER_SEC);
}

/*
 * Rule S1.6: 40, 30, 20, 10, 5 ms at levels 0, 10, 20, 30, 39, linear between, when Normal's is
 * 20 ms. In ninths of a millisecond both slopes are integers: 9 a level, then 5.
 */
static ktime_t level_quantum(unsigned level, ktime_t normal)
{
	unsigned ninths = level <= SCHED_LEVEL_LOW ? 9 * (40 - level)
						   : 9 * 10 - 5 * (level - SCHED_LEVEL_LOW);

	return normal * ninths / (9 * 20);
}

void sched_store_config(struct sched *s, const struct sched_config *config)
{
	s->config = *config;
	for (unsigned level = 0; level < SCHED_LEVEL_COUNT; level++)
		s->quantum[level] = level_quantum(level, config->quantum);
	atomic_store(&s->affinity, config->affinity);
	atomic_store(&s->balancing, config->balancing);
	atomic_store(&s->ts, sched_policies[config->algorithm]);
}

/* --- from one to the other ------------------------------------------------------------------- */

/* Where the run queue is or is going to. */
static const struct sched_policy *aim_of(const struct sched_rq *rq)
{
	return rq->ts == &sched_policy_handover ? atomic_load(&rq->sched->ts) : rq->ts;
}

/* The rank is where the policy begins. No turn is longer than its quantum. */
static void set_turn(struct sched_rq *rq, struct sched_entity *se)
{
	const struct sched_policy *aim = aim_of(rq);

	se->rank = aim->first_rank;
	se->quantum = aim->quantum ? aim->quantum(rq->sched, se) : rq->sched->quantum[se->level];
	se->slice = MIN(se->slice, se->quantum);
	se->rank = se->policy->first_rank;
}

/* Only under `edf` has it jobs. */
static void end_job(struct sched_rq *rq, struct sched_entity *se, ktime_t now)
{
	if (se->policy != &sched_policy_edf || aim_of(rq) == &sched_policy_edf)
		return;
	sched_rq_note_miss(rq, se, now);
	se->release = SCHED_NO_JOB;
	se->late = false;
}

static void change_policy(struct sched_rq *rq, struct sched_entity *se,
	const struct sched_policy *policy, ktime_t now)
{
	end_job(rq, se, now);
	se->generation = rq->generation;
	se->policy = policy;
	set_turn(rq, se);
}

/* A turn with an end keeps it, within the new quantum. */
static void translate_fixed(struct sched_rq *rq, struct sched_entity *se)
{
	se->generation = rq->generation;
	if (se->policy != &sched_policy_fp)
		return;
	se->quantum = se->policy->quantum(rq->sched, se);
	se->slice = MIN(se->slice, se->quantum);
}

void sched_translate(struct sched_rq *rq, struct sched_entity *se, ktime_t now)
{
	KASSERT(spin_held(&rq->lock) && entity_rq(se) == rq && !entity_linked(se));
	if (se->urgency < SCHED_URGENCY_TS) {
		translate_fixed(rq, se);
		return;
	}
	change_policy(rq, se, rq->ts, now);
	if (rq->ts->adopt)
		rq->ts->adopt(rq, se, now);
}

/* --- the handover ---------------------------------------------------------------------------- */

/* Its turn, or what it had of one, is over: from now on it goes by the new algorithm. */
static enum sched_place requeue(
	struct sched_rq *rq, struct sched_entity *se, enum sched_why why, ktime_t now)
{
	sched_translate(rq, se, now);
	if (se->policy->requeue && se->policy != &sched_policy_handover)
		return se->policy->requeue(rq, se, why, now);
	return entity_take_turns(se, why);
}

static bool expired(struct sched_rq *rq, struct sched_entity *se, ktime_t now)
{
	(void)rq;
	(void)se;
	(void)now;
	return true;
}

static const char *check(const struct sched_rq *rq)
{
	const struct sched_entity *se;

	list_for_each_entry (se, &rq->level[SCHED_RANK_HANDOVER], node)
		if (se->slice <= 0 || se->slice > se->quantum)
			return "handover: a queued entity's slice is not within its quantum";
	return NULL;
}

const struct sched_policy sched_policy_handover = {
	.name = "handover",
	.kind = SCHED_LEVELS,
	.first_rank = SCHED_RANK_HANDOVER,
	.ranks = 1,
	.requeue = requeue,
	.expired = expired,
	.check = check,
};

/* The one that is next by the old algorithm, or NULL. */
static struct sched_entity *first_old(struct sched_rq *rq)
{
	unsigned rank = bitmap_next(rq->ready, SCHED_RANK_IDLE, SCHED_RANK_TS);

	if (rank >= SCHED_RANK_IDLE)
		return NULL;
	if (list_empty(&rq->level[rank]))
		return tree_entity(rb_first(&rq->tree));
	return list_entry(list_first(&rq->level[rank]), struct sched_entity, node);
}

/* False: nobody is left. */
static bool drain(struct sched_rq *rq, ktime_t now)
{
	struct sched_entity *se;

	for (unsigned i = 0; i < BATCH && (se = first_old(rq)); i++) {
		queue_unlink(rq, se);
		change_policy(rq, se, &sched_policy_handover, now);
		se->slice = se->quantum;
		queue_link(rq, se, SCHED_TAIL);
	}
	return first_old(rq) != NULL;
}

/* Its turn goes on for as long as a new one, and its CPU is told to look who is next. */
static void hand_over_current(struct sched_rq *rq, unsigned from, ktime_t now)
{
	struct sched_entity *curr = rq->curr;

	if (curr == rq->idle || curr->rank < SCHED_RANK_TS)
		return;
	if (rq_runnable(rq) == 1)
		sched_rq_renew_slice(rq);
	change_policy(rq, curr, &sched_policy_handover, now);
	rq->slice_end = MIN(rq->slice_end, now + curr->quantum);
	rq_publish_rank(rq, curr->rank);
	sched_rq_resched(rq, from);
}

/* --- a change, CPU by CPU -------------------------------------------------------------------- */

void sched_rq_set_balance(struct sched_rq *rq)
{
	rq->balance_at = rq->indexed && rq->config.balancing
		? rq->clock + rq->config.balance_interval
		: KTIME_MAX;
}

static void take_config(struct sched_rq *rq, unsigned from)
{
	bool balance = rq->config.balancing != rq->sched->config.balancing ||
		rq->config.balance_interval != rq->sched->config.balance_interval;

	rq->config = rq->sched->config;
	if (!balance)
		return;
	sched_rq_set_balance(rq);
	if (rq_timer_too_late(rq))
		sched_rq_start_timer(rq, from);
}

/* True: to be called again. What runs may be one whom the call before has not come to. */
static bool hand_over(struct sched_rq *rq, unsigned from, ktime_t now)
{
	rq->ts = &sched_policy_handover;
	rq->generation = SCHED_NO_GENERATION;
	hand_over_current(rq, from, now);
	if (drain(rq, now))
		return true;
	rq->ts = atomic_load(&rq->sched->ts);
	rq->generation = atomic_load(&rq->sched->generation);
	rq->boost_at = 0; /* at once, and then by the new interval */
	return false;
}

/* True: there is more to do on this CPU. */
static bool change_cpu(struct sched_rq *rq, unsigned from, ktime_t now)
{
	bool more = false;

	spin_lock(&rq->lock);
	now = rq_advance(rq, now);
	if (rq->generation != atomic_load(&rq->sched->generation))
		more = hand_over(rq, from, now);
	if (!more)
		take_config(rq, from);
	spin_unlock(&rq->lock);
	return more;
}

/* Does what queues depend on differ? */
static bool requeues(const struct sched_config *a, const struct sched_config *b)
{
	return a->algorithm != b->algorithm || a->quantum != b->quantum || a->aging != b->aging ||
		a->boost_interval != b->boost_interval;
}

static uint32_t generation_after(uint32_t generation)
{
	return ++generation == SCHED_GENERATION_CHANGES ? SCHED_NO_GENERATION + 1 : generation;
}

/* While the algorithm is not that of the generation, that is none: see init_shared(). */
int sched_set_config(struct sched *s, const struct sched_config *config)
{
	uint32_t generation = generation_after(atomic_load(&s->generation));
	bool hands_over;

	if (!sched_config_valid(config) || config->admission != s->config.admission ||
		config->overhead != s->config.overhead)
		return -EINVAL;
	if (s->changing != SCHED_NO_CPU)
		return -EBUSY;
	hands_over = requeues(&s->config, config);
	if (hands_over)
		atomic_store(&s->generation, SCHED_GENERATION_CHANGES);
	sched_store_config(s, config);
	if (hands_over)
		atomic_store(&s->generation, generation);
	s->changing = 0;
	return 0;
}

bool sched_change_cpus(struct sched *s, unsigned from, ktime_t now)
{
	unsigned end = atomic_load(&s->cpu_end);

	KASSERT(arch_irqs_off());
	while (s->changing < end && !s->rq[s->changing])
		s->changing++;
	if (s->changing < end && !change_cpu(s->rq[s->changing], from, now))
		s->changing++;
	if (s->changing < end)
		return true;
	s->changing = SCHED_NO_CPU;
	return false;
}
