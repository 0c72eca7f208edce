/* SPDX-License-Identifier: MIT */
/*
 * Private to sched/: the run queue's data structure, its clock, and what the files of the core call
 * in each other. Every function here wants the run queue's lock held unless it says otherwise.
 */
#ifndef SCHED_QUEUE_H
#define SCHED_QUEUE_H

#include "kernel/errno.h"
#include "sched/policy.h"

/* --- tree.c ---------------------------------------------------------------------------------- */

/* Out of line: what the list's fast path does not need. The rank's bit is set; it is the tree's. */
void sched_tree_link(struct sched_rq *rq, struct sched_entity *se, enum sched_place place);
struct sched_entity *sched_tree_take(struct sched_rq *rq);

/* NULL, or what is wrong with the tree. */
const char *sched_tree_check(const struct sched_rq *rq);

/* Of the two ranks that have one. */
static inline struct rb_tree *queue_tree(struct sched_rq *rq, unsigned rank)
{
	KASSERT(rank == SCHED_RANK_DL || rank == SCHED_RANK_TS);
	return rank == SCHED_RANK_DL ? &rq->deadlines : &rq->tree;
}

/* THROTTLED entities whose time has come are queued; rq is locked, by its own CPU. */
void sched_release_held(struct sched_rq *rq, ktime_t now);

/* The timer fires when the first of those held may go on, at the latest. */
void sched_rq_arm_held(struct sched_rq *rq);

/* The entity of a node, which may be NULL. */
static inline struct sched_entity *tree_entity(struct rb_node *n)
{
	return n ? rb_entry(n, struct sched_entity, tree_node) : NULL;
}

/* --- the clock and the states ---------------------------------------------------------------- */

/*
 * Advances the run queue's clock and returns it. It never goes back: CPUs' clocks may differ a bit.
 */
static inline ktime_t rq_advance(struct sched_rq *rq, ktime_t now)
{
	if (unlikely(rq->clock >= now))
		return rq->clock;
	rq->clock = now;
	return now;
}

/* Books the time since the last change on the state that held meanwhile. */
static inline void entity_account(struct sched_entity *se, ktime_t now)
{
	KASSERT(now >= se->since);
	se->stats.time[se->state] += now - se->since;
	se->since = now;
}

/* For callers who know in which state it was: the hot path. */
static inline void entity_change_state(
	struct sched_entity *se, enum sched_state was, enum sched_state state, ktime_t now)
{
	KASSERT(se->state == was && now >= se->since);
	se->stats.time[was] += now - se->since;
	se->since = now;
	se->state = state;
}

static inline void entity_set_state(struct sched_entity *se, enum sched_state state, ktime_t now)
{
	entity_account(se, now);
	se->state = state;
}

/* se, which runs since now, counts how long ago it was woken, if it has not run since. */
static inline void rq_note_latency(struct sched_rq *rq, struct sched_entity *se)
{
	if (se->woken_at < 0)
		return;
	rq->stats.latency[63 - __builtin_clzll((uint64_t)(se->since - se->woken_at) | 1)]++;
	se->woken_at = SCHED_NOT_WOKEN;
}

/* No lock: se->rq changes only while both run queues are locked. */
static inline struct sched_rq *entity_rq(const struct sched_entity *se)
{
	return atomic_load_explicit(&se->rq, memory_order_acquire);
}

/* Locks the run queue of se, which cannot change meanwhile. */
static inline struct sched_rq *entity_lock(const struct sched_entity *se)
{
	struct sched_rq *rq = entity_rq(se);

	KASSERT(arch_irqs_off());
	spin_lock(&rq->lock);
	while (unlikely(rq != entity_rq(se))) {
		spin_unlock(&rq->lock);
		rq = entity_rq(se);
		spin_lock(&rq->lock);
	}
	return rq;
}

/* May masks be set, and may entities change CPU? No lock. */
static inline bool masks_allowed(const struct sched *s)
{
	return atomic_load_explicit(&s->affinity, memory_order_relaxed);
}

static inline bool moves_allowed(const struct sched *s)
{
	return atomic_load_explicit(&s->balancing, memory_order_relaxed);
}

static inline unsigned rq_runnable(const struct sched_rq *rq)
{
	return atomic_load_explicit(&rq->nr_runnable, memory_order_relaxed);
}

static inline unsigned rq_curr_rank(const struct sched_rq *rq)
{
	return atomic_load_explicit(&rq->curr_rank, memory_order_relaxed);
}

/*
 * One more. Sequentially consistent: with the idle mask it decides between a waker that looks for
 * idle CPUs afterwards and an idle CPU that looks here after it has published itself.
 */
static inline void rq_count_up(struct sched_rq *rq)
{
	atomic_fetch_add_explicit(&rq->nr_runnable, 1, memory_order_seq_cst);
}

static inline void rq_count_down(struct sched_rq *rq)
{
	unsigned n = rq_runnable(rq);

	KASSERT(n > 0);
	atomic_store_explicit(&rq->nr_runnable, n - 1, memory_order_relaxed);
}

/* --- index.c --------------------------------------------------------------------------------- */

/* Files the CPU under what it is now, and takes it out. */
void sched_rq_index(struct sched_rq *rq);
void sched_rq_unindex(struct sched_rq *rq);

void sched_rq_index_rank(struct sched_rq *rq, unsigned rank);
void sched_rq_index_load(struct sched_rq *rq);

/* NULL, or what is wrong with where the CPU is filed. */
const char *sched_index_check(const struct sched_rq *rq);

/* To be called when the count has changed and nobody relies on the sets yet. 0 and 1 are alike. */
static inline void rq_note_load(struct sched_rq *rq)
{
	if (unlikely(rq->indexed))
		sched_rq_index_load(rq);
}

/* The rank that this CPU runs or, once its current entity has to go, will run. */
static inline void rq_publish_rank(struct sched_rq *rq, unsigned rank)
{
	if (likely(rq_curr_rank(rq) == rank))
		return;
	atomic_store_explicit(&rq->curr_rank, (uint8_t)rank, memory_order_relaxed);
	if (unlikely(rq->indexed) && rank != SCHED_RANK_IDLE && rank != rq->index_rank)
		sched_rq_index_rank(rq, rank);
}

static inline bool entity_linked(const struct sched_entity *se)
{
	return list_linked(&se->node) || rb_linked(&se->tree_node);
}

/* Whose node is in the rank's list or, if that is empty, in the tree? A rank never uses both. */
static inline bool queue_empty(const struct sched_rq *rq, unsigned rank)
{
	if (!list_empty(&rq->level[rank]))
		return false;
	if (rank == SCHED_RANK_DL)
		return rb_empty(&rq->deadlines);
	return rank != SCHED_RANK_TS || rb_empty(&rq->tree);
}

/*
 * Rule S3.1, for every policy whose entities take turns inside a rank: preempted means the head
 * with the rest of the slice, migrated the tail with the rest, everything else the tail and a fresh
 * slice.
 */
static __always_inline enum sched_place entity_take_turns(
	struct sched_entity *se, enum sched_why why)
{
	if (why == SCHED_WHY_PREEMPTED) {
		KASSERT(se->slice > 0); /* else the core says EXPIRED */
		return SCHED_HEAD;
	}
	if (why != SCHED_WHY_MIGRATED || se->slice <= 0)
		se->slice = se->quantum;
	return SCHED_TAIL;
}

static __always_inline void queue_link(
	struct sched_rq *rq, struct sched_entity *se, enum sched_place place)
{
	unsigned rank = se->rank;
	struct list *l = &rq->level[rank];

	keep_computed(l); /* 5 instructions of a wake-up */
	KASSERT(spin_held(&rq->lock));
	KASSERT(rank - se->policy->first_rank < se->policy->ranks);
	KASSERT((place >= SCHED_KEYED) == (se->policy->kind == SCHED_TREE));
	if (list_empty(l))
		bitmap_set(rq->ready, rank);
	if (likely(place == SCHED_TAIL))
		list_push_back(l, &se->node);
	else if (place == SCHED_HEAD)
		list_push_front(l, &se->node);
	else
		sched_tree_link(rq, se, place);
}

/* Asks the policy, and links. Two inlined copies, so that turns need not ask where to link. */
static __always_inline void queue_enter(
	struct sched_rq *rq, struct sched_entity *se, enum sched_why why, ktime_t now)
{
	if (unlikely(se->policy->requeue))
		queue_link(rq, se, se->policy->requeue(rq, se, why, now));
	else
		queue_link(rq, se, entity_take_turns(se, why));
}

/* The rank at which a queued entity is: after a boost it has not heard of, its policy's first. */
static inline unsigned queue_rank(const struct sched_rq *rq, const struct sched_entity *se)
{
	return se->policy->boosts && se->epoch != rq->epoch ? se->policy->first_rank : se->rank;
}

static inline void queue_unlink(struct sched_rq *rq, struct sched_entity *se)
{
	unsigned rank = queue_rank(rq, se);

	KASSERT(spin_held(&rq->lock));
	if (list_linked(&se->node))
		list_remove(&se->node);
	else
		rb_remove(queue_tree(rq, rank), &se->tree_node);
	if (queue_empty(rq, rank))
		bitmap_clear(rq->ready, rank);
}

/* The most urgent rank with a queued entity. There is one: the idle entity is queued or current. */
static inline unsigned queue_first_rank(const struct sched_rq *rq)
{
	static_assert(SCHED_RANK_COUNT == 2 * BITMAP_WORD_BITS, "two words of ranks");
	if (rq->ready[0])
		return (unsigned)__builtin_ctzll(rq->ready[0]);
	KASSERT(rq->ready[1]);
	return BITMAP_WORD_BITS + (unsigned)__builtin_ctzll(rq->ready[1]);
}

/*
 * Takes the head of the most urgent list, or of the tree. An empty list's head follows itself, so
 * that one test finds both the last one of a list and a rank that has its entities in the tree.
 */
static inline struct sched_entity *queue_take(struct sched_rq *rq)
{
	unsigned rank = queue_first_rank(rq);
	struct list *l = &rq->level[rank];
	struct list_node *front = l->head.next, *after = front->next;

	if (after == &l->head) {
		if (unlikely(front == &l->head))
			return sched_tree_take(rq);
		bitmap_clear(rq->ready, rank);
	}
	list_remove_between(front, &l->head, after);
	KASSERT(queue_rank(rq, list_entry(front, struct sched_entity, node)) == rank);
	return list_entry(front, struct sched_entity, node);
}

/* Does `se`, just linked, go before the current entity? */
static inline bool entity_outranks(const struct sched_rq *rq, const struct sched_entity *se)
{
	const struct sched_entity *curr = rq->curr;

	if (se->rank != curr->rank)
		return se->rank < curr->rank;
	return se->policy->preempts && se->policy->preempts(rq, se, curr);
}

/* May it run there? Who is bound to a CPU may not run elsewhere, whatever its mask says. */
static inline bool entity_allowed(const struct sched_entity *se, unsigned cpu)
{
	return se->pinned == SCHED_NO_CPU ? se->overridden || cpumask_test(&se->affinity, cpu)
					  : se->pinned == cpu;
}

/* Its lock is held: may anybody come here? */
static inline bool rq_online(const struct sched_rq *rq)
{
	return rq->takes == rq->cpu;
}

/* Where se, which is bound to no CPU, may run. Its run queue's lock is held. */
static inline const struct cpumask *entity_mask(
	const struct sched *s, const struct sched_entity *se)
{
	return unlikely(se->overridden) ? &s->all : &se->affinity;
}

/* Only one CPU comes into question and it is this one: no look at the others. */
static inline bool entity_stays(const struct sched_entity *se, const struct sched_rq *home)
{
	return se->pinned == home->takes ||
		atomic_load_explicit(&home->solitary, memory_order_relaxed);
}

/* --- core.c ---------------------------------------------------------------------------------- */

/* Makes the CPU switch soon; kicked when it is not the one that calls. */
void sched_rq_resched(struct sched_rq *rq, unsigned from);

/* se comes here from run queue `old`; both are locked. Where it starts is no migration. */
void sched_rq_change(struct sched_rq *rq, struct sched_entity *se, const struct sched_rq *old);

/* The present job of se, which has a deadline, is late: counted and traced once. */
void sched_rq_note_miss(struct sched_rq *rq, struct sched_entity *se, ktime_t now);

/* Sets the release of the job for which se, which has a deadline, becomes ready: job.c. */
void sched_job_choose(
	struct sched_rq *rq, struct sched_entity *se, enum sched_why why, ktime_t now);

/* For `when`, if that is earlier than what the timer was set for; by the run queue's own CPU. */
void sched_rq_arm_by(struct sched_rq *rq, ktime_t when);

/* The slice timer is off or too late; if another CPU has to arm it, that CPU is told. */
void sched_rq_start_timer(struct sched_rq *rq, unsigned from);

/*
 * The current entity was alone until now: slices that ended while nobody waited are over, and the
 * end of the current one is where a grid of full ones puts it.
 */
void sched_rq_renew_slice(struct sched_rq *rq);

/* Somebody comes to who was alone: the slice is renewed, and a balance interval begins. */
void sched_rq_end_solitude(struct sched_rq *rq);

/* --- algorithm.c ----------------------------------------------------------------------------- */

/* Round robin between two algorithms. Nobody can be given it. */
extern const struct sched_policy sched_policy_handover;

bool sched_config_valid(const struct sched_config *config);

/* For those who come from now on, but for the generation, which is to follow. */
void sched_store_config(struct sched *s, const struct sched_config *config);

/* The first balance is an interval from now, or never. */
void sched_rq_set_balance(struct sched_rq *rq);

/* se, which is on no queue and belongs here, goes by what rq goes by. */
void sched_translate(struct sched_rq *rq, struct sched_entity *se, ktime_t now);

/* To be asked for whoever arrives here. Two instructions and a load. */
static __always_inline void entity_translate(
	struct sched_rq *rq, struct sched_entity *se, ktime_t now)
{
	if (unlikely(se->generation != rq->generation))
		sched_translate(rq, se, now);
}

/* --- admit.c --------------------------------------------------------------------------------- */

/* sched_set_params() of one that has a reservation or asks for one. The admission lock is held. */
int __must_check sched_set_reserved(struct sched *s, struct sched_entity *se,
	const struct sched_params *params, unsigned from, ktime_t now);

/* se, which has one, ends. */
void sched_give_up_reservation(struct sched_entity *se);

/* --- life.c ---------------------------------------------------------------------------------- */

/* rq is locked and se queued on it; se becomes WAKING and is on no queue. */
void sched_unqueue(struct sched_rq *rq, struct sched_entity *se, ktime_t now);

/*
 * se's mask has changed: queued or held where it may not be, it goes elsewhere; running there, it
 * is told to. rq, its run queue, is locked and is dropped.
 */
void sched_move_to_mask(struct sched_rq *rq, struct sched_entity *se, unsigned from, ktime_t now);

/* --- params.c -------------------------------------------------------------------------------- */

/* What an entity is to have from now on; params NULL: as before, what it inherits has changed. */
struct sched_change {
	const struct sched_params *params;
	unsigned urgency; /* its own */
};

bool sched_params_valid(const struct sched_params *params);

unsigned sched_urgency_given(const struct sched_params *params);

/* se is on no queue and does not run: sets what follows from its parameters. */
void sched_apply_params(
	const struct sched *s, struct sched_entity *se, const struct sched_params *params);

/* The same for se in any state but DEAD, on rq, its run queue, which is locked. */
void sched_change(struct sched *s, struct sched_rq *rq, struct sched_entity *se,
	const struct sched_change *change, unsigned from, ktime_t now);

/* --- place.c --------------------------------------------------------------------------------- */

/*
 * se is WAKING and its run queue `rq` locked. Finds a CPU (rule S8.1), preferably `prefer`, links
 * se there and drops every lock.
 */
void sched_settle(struct sched_entity *se, struct sched_rq *rq, unsigned prefer, unsigned from,
	enum sched_why why, ktime_t now);

/*
 * The CPU of the mask that runs what is least urgent, if that is less urgent than `rank`, of equal
 * ones the nearest to `around`, itself first; or SCHED_NO_CPU. Idle ones do not count. No lock.
 */
unsigned sched_find_least_urgent(
	struct sched *s, const struct cpumask *mask, unsigned around, unsigned rank);

/*
 * The least loaded CPU of the mask whose class of load is below `limit`, of equal ones the nearest
 * to `around`, itself first; or SCHED_NO_CPU. No lock.
 */
unsigned sched_find_least_loaded(
	struct sched *s, const struct cpumask *mask, unsigned around, unsigned limit);

/* Both locks, in CPU order, in the one place where two are taken. */
void sched_lock_pair(struct sched_rq *a, struct sched_rq *b);

/* Copies the mask and notes whether it has only one CPU. */
void sched_entity_set_mask(struct sched_entity *se, const struct cpumask *mask);

bool sched_mask_online(const struct sched *s, const struct cpumask *mask);

/* --- balance.c ------------------------------------------------------------------------------- */

/*
 * Takes the CPU out of the idle mask. Of several callers one wins; it must kick the CPU. No lock.
 */
bool sched_idle_claim(struct sched *s, unsigned cpu);

/*
 * The idle CPU of the mask that is nearest to `rq`, claimed; of equally near ones the next one
 * above, cyclically. Or SCHED_NO_CPU. No lock.
 */
unsigned sched_idle_claim_near(
	struct sched *s, const struct cpumask *mask, const struct sched_rq *rq);

void sched_histogram_add(struct sched_histogram *histogram, ktime_t time);

/* Periodic, no lock held: gives of what waits here to less loaded CPUs. */
void sched_balance(struct sched_rq *rq, unsigned from, ktime_t now);

/* Tells one idle CPU that may run se. */
void sched_offer_to_idle(struct sched_rq *rq, struct sched_entity *se, unsigned from);

/* se stays queued here for now: an idle CPU that may run it is told (rule S8.2). */
static inline void sched_offer(struct sched_rq *rq, struct sched_entity *se, unsigned from)
{
	if (unlikely(atomic_load(&rq->sched->nr_idle)))
		sched_offer_to_idle(rq, se, from);
}

/* --- check.c --------------------------------------------------------------------------------- */

static inline void sched_rq_assert(const struct sched_rq *rq)
{
	const char *wrong = KASSERT_ON ? sched_check_switch(rq) : NULL;

	if (unlikely(wrong))
		assert_fail(wrong, __FILE__, __LINE__, __func__);
}

#endif
