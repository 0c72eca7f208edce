/* SPDX-License-Identifier: MIT */
/*
 * The life of an entity, and what other CPUs may do to it: attach, start, wake, stop, resume,
 * change its affinity. Its parameters are in params.c, the switch itself is in core.c.
 *
 * se->rq names the run queue whose lock protects se in every state. An entity that is WAKING is on
 * no queue; whoever finds it so under the lock may stop it or change its mask, and the CPU that is
 * placing it looks again once it has both locks.
 */
#include "sched/arrive.h"

/* --- set-up ---------------------------------------------------------------------------------- */

void sched_config_default(struct sched_config *config)
{
	*config = (struct sched_config){
		.algorithm = SCHED_POLICY_rr,
		.quantum = 20 * NSEC_PER_MSEC,
		.balance_interval = 50 * NSEC_PER_MSEC,
		.affinity = true,
		.balancing = true,
		.aging = 50 * NSEC_PER_MSEC,
		.boost_interval = 500 * NSEC_PER_MSEC,
		.overhead = 2 * NSEC_PER_USEC,
	};
}

int sched_init(struct sched *s, const struct sched_config *config)
{
	if (!sched_config_valid(config))
		return -EINVAL;
	*s = (struct sched){.generation = SCHED_NO_GENERATION + 1, .changing = SCHED_NO_CPU};
	sched_store_config(s, config);
	cpumask_set_first(&s->all, CONFIG_MAX_CPUS);
	return 0;
}

/* Straight stores: the barriers keep the compiler from a string instruction, which is slower. */
static __always_inline void clear_stats(struct sched_entity_stats *stats)
{
#pragma GCC unroll 16
	for (unsigned state = 0; state < ARRAY_SIZE(stats->time); state++) {
		stats->time[state] = 0;
		barrier();
	}
#pragma GCC unroll 16
	for (unsigned leaving = 0; leaving < SCHED_LEAVING_COUNT; leaving++) {
		stats->switches[leaving] = 0;
		barrier();
	}
	stats->wakeups = 0;
	stats->migrations = 0;
	stats->steals = 0;
	stats->misses = 0;
	stats->overruns = 0;
}

/*
 * Every field but affinity and level; what the policy of a tree sets in its requeue(); and the
 * nodes, which are linked nowhere: the entity is new or dead.
 */
static __always_inline void init_entity(struct sched_entity *se, const struct sched_policy *policy,
	struct sched_rq *rq, ktime_t now)
{
	KASSERT(!entity_linked(se));
	atomic_init(&se->rq, rq);
	se->policy = policy;
	se->state = SCHED_NEW;
	se->kind = SCHED_KIND_TS;
	se->move_pending = false;
	se->overridden = false;
	se->late = false;
	se->rank = policy->first_rank;
	se->ts_rank = policy->first_rank;
	se->inherited = SCHED_URGENCY_NONE;
	se->runnable_at_resume = false;
	se->pinned = SCHED_NO_CPU;
	se->bound = SCHED_NO_CPU;
	se->created = now;
	se->since = now;
	se->woken_at = SCHED_NOT_WOKEN;
	se->slice = 0;
	se->runtime = 0;
	se->epoch = 0;
	se->deadline = 0;
	se->period = 0;
	se->release = SCHED_NO_JOB;
	se->charged_from = 0;
	clear_stats(&se->stats);
}

void sched_set_places(struct sched *s, const struct sched_cpu_place *place, unsigned count)
{
	KASSERT(!s->first && count <= CONFIG_MAX_CPUS);
	s->place = place;
	s->places = count;
}

static bool same_place(
	const struct sched_cpu_place *a, const struct sched_cpu_place *b, unsigned neighbourhood)
{
	switch (neighbourhood) {
	case 0:
		return a->core == b->core;
	case 1:
		return a->cache == b->cache;
	case 2:
		return a->package == b->package;
	default:
		return a->node == b->node;
	}
}

/*
 * Each contains the one before, whatever the numbers say: a node may be smaller than a package. One
 * that has no other CPU than the one before, or every CPU, tells nothing and is left out.
 */
static void find_neighbours(const struct sched *s, struct sched_rq *rq)
{
	unsigned known = 1;

	if (rq->cpu >= s->places)
		return;
	for (unsigned i = 0; i < SCHED_NEAR_COUNT; i++) {
		struct cpumask *near = &rq->near[rq->near_count];

		if (rq->near_count)
			*near = near[-1];
		for (unsigned cpu = 0; cpu < s->places; cpu++)
			if (same_place(&s->place[cpu], &s->place[rq->cpu], i))
				cpumask_set(near, cpu);
		if (cpumask_weight(near) == s->places)
			break;
		if (cpumask_weight(near) > known) {
			known = cpumask_weight(near);
			rq->near_count++;
		}
	}
}

static void index_cpu(struct sched_rq *rq)
{
	spin_lock(&rq->lock);
	if (!rq->indexed)
		sched_rq_index(rq);
	spin_unlock(&rq->lock);
}

static void raise_cpu_end(struct sched *s, unsigned end)
{
	unsigned seen = atomic_load_explicit(&s->cpu_end, memory_order_relaxed);

	while (seen < end && !atomic_compare_exchange_weak(&s->cpu_end, &seen, end))
		;
}

void sched_add_cpu(
	struct sched *s, struct sched_rq *rq, unsigned cpu, struct sched_entity *idle, ktime_t now)
{
	static_assert(SCHED_NO_CPU <= UINT16_MAX, "entities name CPUs in 16 bits");
	KASSERT(cpu < CONFIG_MAX_CPUS && !s->rq[cpu]);
	*rq = (struct sched_rq){
		.curr = idle,
		.idle = idle,
		.sched = s,
		.cpu = cpu,
		.clock = now,
		.started = now,
		.slice_end = KTIME_MAX,
		.timer_at = KTIME_MAX,
		.balance_at = KTIME_MAX,
		.takes = cpu,
		.solitary = !s->first,
	};
	rq->ts = atomic_load(&s->ts);
	rq->generation = atomic_load(&s->generation);
	rq->config = s->config;
	atomic_init(&rq->curr_rank, SCHED_RANK_IDLE);
	spin_init(&rq->lock, "run queue", LOCK_RANK_RUNQUEUE);
	for (unsigned rank = 0; rank < SCHED_RANK_COUNT; rank++)
		list_init(&rq->level[rank]);
	*idle = (struct sched_entity){0};
	init_entity(idle, &sched_policy_idle, rq, now);
	idle->state = SCHED_RUNNING;
	idle->urgency = SCHED_URGENCY_IDLE;
	idle->own_urgency = SCHED_URGENCY_IDLE;
	idle->affinity = (struct cpumask){0};
	cpumask_set(&idle->affinity, cpu);
	idle->pinned = (uint16_t)cpu;
	find_neighbours(s, rq);
	s->rq[cpu] = rq;
	if (!s->first) {
		s->first = rq;
	} else {
		atomic_store(&s->first->solitary, false);
		index_cpu(s->first);
		index_cpu(rq);
	}
	raise_cpu_end(s, cpu + 1);
	atomic_fetch_add(&s->nr_online, 1);
	cpumask_set_atomic(&s->online, cpu);
}

/* --- start and wake-up ----------------------------------------------------------------------- */

static __noinline void set_quantum(const struct sched *s, struct sched_entity *se)
{
	se->quantum = se->policy->quantum(s, se);
}

/* sched_apply_params() for plain time sharing. */
static __always_inline void init_level(
	const struct sched *s, struct sched_entity *se, unsigned level)
{
	se->own_level = se->level = (uint8_t)level;
	se->urgency = se->own_urgency = (uint8_t)(SCHED_URGENCY_TS + level);
	if (unlikely(se->policy->quantum))
		set_quantum(s, se);
	else
		se->quantum = s->quantum[level];
}

/*
 * Of time sharing as it is now. A generation that is the same before and after is that of the
 * algorithm read in between; else the start finds out that it belongs to no CPU's.
 */
static __always_inline void init_shared(struct sched *s, struct sched_entity *se, ktime_t now)
{
	uint32_t generation = atomic_load_explicit(&s->generation, memory_order_acquire);
	const struct sched_policy *ts = atomic_load_explicit(&s->ts, memory_order_acquire);

	se->generation = generation;
	if (unlikely(atomic_load_explicit(&s->generation, memory_order_relaxed) != generation)) {
		barrier(); /* a branch is two instructions less than a conditional move */
		se->generation = SCHED_GENERATION_CHANGES;
	}
	init_entity(se, ts, s->first, now);
}

/* With a mask, a deadline, or a real-time class. */
static __noinline int attach_special(
	struct sched *s, struct sched_entity *se, const struct sched_params *params, ktime_t now)
{
	const struct cpumask *mask = params->affinity ? params->affinity : &s->all;

	if (!sched_params_valid(params) || sched_kind_reserves(params->kind) ||
		!sched_mask_online(s, mask))
		return -EINVAL;
	init_shared(s, se, now);
	sched_apply_params(s, se, params);
	sched_entity_set_mask(se, mask);
	return 0;
}

int sched_attach(
	struct sched *s, struct sched_entity *se, const struct sched_params *params, ktime_t now)
{
	KASSERT(s->first);
	if (unlikely(params->level >= SCHED_LEVEL_COUNT))
		return -EINVAL;
	if (unlikely(params->affinity || params->deadline || params->period || params->kind ||
		    params->priority || params->runtime))
		return attach_special(s, se, params, now);
	sched_attach_plain(s, se, params->level, now);
	return 0;
}

/* Last: it is a jump, and nothing has to be kept over a call. */
void sched_attach_plain(struct sched *s, struct sched_entity *se, unsigned level, ktime_t now)
{
	KASSERT(s->first && level < SCHED_LEVEL_COUNT);
	init_shared(s, se, now);
	se->affinity = s->all;
	init_level(s, se, level);
}

bool sched_rq_wake_stopped(struct sched_rq *rq, struct sched_entity *se)
{
	bool first = !se->runnable_at_resume;

	se->runnable_at_resume = true;
	spin_unlock(&rq->lock);
	return first;
}

void sched_start(struct sched *s, struct sched_entity *se, unsigned from, ktime_t now)
{
	(void)s;
	sched_start_here(se, from, now);
}

bool sched_wake(struct sched *s, struct sched_entity *se, unsigned from, ktime_t now)
{
	(void)s;
	return sched_wake_here(se, from, now);
}

/* --- stop and resume ------------------------------------------------------------------------- */

void sched_unqueue(struct sched_rq *rq, struct sched_entity *se, ktime_t now)
{
	if (se->state == SCHED_THROTTLED) {
		rb_remove(&rq->held, &se->tree_node);
		entity_set_state(se, SCHED_WAKING, rq_advance(rq, now));
		return;
	}
	KASSERT(se->state == SCHED_QUEUED);
	queue_unlink(rq, se);
	rq_count_down(rq);
	rq_note_load(rq);
	entity_set_state(se, SCHED_WAKING, rq_advance(rq, now));
}

static int stop_locked(struct sched_rq *rq, struct sched_entity *se, ktime_t now)
{
	switch (se->state) {
	case SCHED_RUNNING:
		return -EAGAIN;
	case SCHED_STOPPED:
		return -EALREADY;
	case SCHED_DEAD:
		return -ESRCH;
	case SCHED_QUEUED:
	case SCHED_THROTTLED:
		sched_unqueue(rq, se, now);
		break;
	default:
		break;
	}
	se->runnable_at_resume = se->state == SCHED_WAKING;
	rq_advance(rq, now);
	entity_set_state(se, SCHED_STOPPED, rq_advance(rq, se->since));
	return 0;
}

int sched_stop(struct sched *s, struct sched_entity *se, ktime_t now)
{
	struct sched_rq *rq = entity_lock(se);
	int error = stop_locked(rq, se, now);

	(void)s;
	spin_unlock(&rq->lock);
	return error;
}

bool sched_resume(struct sched *s, struct sched_entity *se, unsigned from, ktime_t now)
{
	struct sched_rq *rq = entity_lock(se);

	(void)s;
	if (se->state != SCHED_STOPPED) {
		spin_unlock(&rq->lock);
		return false;
	}
	if (se->runnable_at_resume) {
		rq_wake(se, SCHED_STOPPED, rq, rq->cpu, from, now);
	} else {
		entity_set_state(se, SCHED_BLOCKED, rq_advance(rq, now));
		spin_unlock(&rq->lock);
	}
	return true;
}

/* --- affinity -------------------------------------------------------------------------------- */

static bool may_stay(const struct sched_rq *rq, const struct sched_entity *se)
{
	return rq_online(rq) && entity_allowed(se, rq->cpu);
}

/* se is queued on rq, which is locked and is dropped. */
static void requeue_allowed(
	struct sched_rq *rq, struct sched_entity *se, unsigned from, ktime_t now)
{
	if (may_stay(rq, se)) {
		entity_account(se, rq_advance(rq, now)); /* others may have it from now on */
		sched_offer(rq, se, from);
		spin_unlock(&rq->lock);
		return;
	}
	sched_unqueue(rq, se, now);
	sched_settle(se, rq, rq->cpu, from, SCHED_WHY_MIGRATED, now);
}

void sched_move_to_mask(struct sched_rq *rq, struct sched_entity *se, unsigned from, ktime_t now)
{
	if (se->state == SCHED_QUEUED || se->state == SCHED_THROTTLED) {
		requeue_allowed(rq, se, from, now);
		return;
	}
	if (se->state == SCHED_RUNNING) {
		se->move_pending = !may_stay(rq, se);
		if (se->move_pending)
			sched_rq_resched(rq, from);
	}
	spin_unlock(&rq->lock);
}

/* rq is locked and se on it. The CPU of a reservation must stay in the mask. */
static int set_mask(struct sched_entity *se, const struct cpumask *mask)
{
	if (se->state == SCHED_DEAD)
		return -ESRCH;
	if (se->policy == &sched_policy_idle)
		return -EINVAL;
	if (se->bound != SCHED_NO_CPU && !cpumask_test(mask, se->bound))
		return -EBUSY;
	sched_entity_set_mask(se, mask);
	return 0;
}

int sched_set_affinity(struct sched *s, struct sched_entity *se, const struct cpumask *mask,
	unsigned from, ktime_t now)
{
	struct sched_rq *rq;
	int error;

	if (!masks_allowed(s) || !sched_mask_online(s, mask))
		return -EINVAL;
	rq = entity_lock(se);
	error = set_mask(se, mask);
	if (error)
		spin_unlock(&rq->lock);
	else
		sched_move_to_mask(rq, se, from, now);
	return error;
}

/* --- questions ------------------------------------------------------------------------------- */

ktime_t sched_time_in(struct sched *s, struct sched_entity *se, enum sched_state state, ktime_t now)
{
	struct sched_rq *rq = entity_lock(se);
	ktime_t time = 0;

	if (state < SCHED_DEAD)
		time = se->stats.time[state];
	(void)s;
	if (se->state == state && now > se->since)
		time += now - se->since;
	spin_unlock(&rq->lock);
	return time;
}

ktime_t sched_runtime(struct sched *s, struct sched_entity *se, ktime_t now)
{
	return sched_time_in(s, se, SCHED_RUNNING, now);
}

const char *sched_policy_name(enum sched_policy_id id)
{
	KASSERT(id < SCHED_POLICY_COUNT);
	return sched_policies[id]->name;
}
