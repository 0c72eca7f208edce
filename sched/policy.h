/* SPDX-License-Identifier: MIT */
/*
 * The policy seam. The core owns lists, trees, membership, states and the slice; a policy answers
 * the questions below and never touches a queue. A policy is one file and one line in
 * sched/policies.def. The core asserts what a policy answers.
 *
 * All members but admit() are called with the run queue's lock held and interrupts off: they must
 * not sleep, allocate, log, or take a lock.
 */
#ifndef SCHED_POLICY_H
#define SCHED_POLICY_H

#include "sched/sched.h"

/* Which of the core's two structures holds a policy's queued entities (rule S2). */
enum sched_policy_kind {
	SCHED_LEVELS, /* one list per rank, ranks first_rank .. first_rank + ranks - 1 */
	SCHED_TREE,   /* one key-ordered tree at first_rank */
};

/* Why an entity is about to be linked. The first three are the reasons of a switch. */
enum sched_why {
	SCHED_WHY_YIELDED = SCHED_YIELD,
	SCHED_WHY_PREEMPTED = SCHED_PREEMPT,
	SCHED_WHY_EXPIRED = SCHED_EXPIRED,
	SCHED_WHY_WAKEUP,
	SCHED_WHY_MIGRATED,
	SCHED_WHY_RELEASED, /* it was held, until now */
};

enum sched_place {
	SCHED_HEAD,
	SCHED_TAIL,
	SCHED_KEYED, /* a TREE: where se->key says, equal ones by se->sequence */
	SCHED_HELD,  /* a TREE: THROTTLED until se->key; then it is asked again */
};

struct sched_policy {
	const char *name; /* unique, lower case: boot parameter, trace, gdb */
	enum sched_policy_kind kind;
	uint8_t first_rank;
	uint8_t ranks; /* 1 for a TREE */
	bool boosts;   /* calls sched_rq_boost(); se->epoch is of its last requeue */

	/*
	 * Optional. ns of a full slice for se, which the core stores as se->quantum whenever the
	 * level changes. NULL: the level's (rule S1.6).
	 */
	ktime_t (*quantum)(const struct sched *s, const struct sched_entity *se);

	/*
	 * Before the core links se: sets rank or key, refills se->slice when due. MIGRATED stands
	 * for a changed level, too. A TREE answers KEYED, and has a new key's sequence number from
	 * sched_rq_sequence(). NULL, LEVELS only: turns inside the rank (rule S3.1), without an
	 * indirect call (10 instructions of a switch).
	 */
	enum sched_place (*requeue)(
		struct sched_rq *rq, struct sched_entity *se, enum sched_why why, ktime_t now);

	/*
	 * Optional. se is time sharing's and comes from another algorithm or configuration
	 * (sched/algorithm.c): sets what requeue(), asked next for whatever reason, goes on from.
	 * The rank is the policy's first, the quantum is set and the slice within it.
	 */
	void (*adopt)(struct sched_rq *rq, struct sched_entity *se, ktime_t now);

	/*
	 * Optional. After a pick: ns of this turn, > 0; KTIME_MAX: it ends only when se leaves.
	 * NULL: se->slice.
	 */
	ktime_t (*slice)(struct sched_rq *rq, struct sched_entity *se);

	/*
	 * slice_end is reached, or has been while se was alone. True: the turn is over. False: it
	 * goes on for what slice() then says.
	 */
	bool (*expired)(struct sched_rq *rq, struct sched_entity *se, ktime_t now);

	/*
	 * Optional. se was alone until now, and turns have ended and begun unseen, the first of the
	 * ends being rq->slice_end: answers the end, not before now, of the turn that it is in. Its
	 * time is accounted. NULL: sched_rq_grid() of se->quantum.
	 */
	ktime_t (*renew)(struct sched_rq *rq, struct sched_entity *se, ktime_t now);

	/*
	 * Optional. se is about to get these parameters. The embedder's admission lock is held and
	 * no run-queue lock. 0, -EINVAL for bad numbers, -EBUSY when there is no capacity.
	 */
	int (*admit)(struct sched *s, struct sched_entity *se, const struct sched_params *params);

	/* Optional. se exits or changes class: gives back what admit() took. */
	void (*detach)(struct sched_entity *se);

	/* Optional, TREE only, a pure function: does `woken` go before `curr`? NULL: never. */
	bool (*preempts)(const struct sched_rq *rq, const struct sched_entity *woken,
		const struct sched_entity *curr);

	/* Optional. The current entity leaves for BLOCK, SLEEP, STOP or EXIT. */
	void (*block)(
		struct sched_rq *rq, struct sched_entity *se, enum sched_reason why, ktime_t now);

	/* Optional. When event() is due next, KTIME_MAX: never. True from event(): reschedule. */
	ktime_t (*event_at)(const struct sched_rq *rq);
	bool (*event)(struct sched_rq *rq, ktime_t now);

	/* Optional. May a queued se be taken to another CPU? NULL: yes. */
	bool (*may_leave)(const struct sched_entity *se);

	/* Optional. NULL, or what is wrong with the policy's own state, in words. */
	const char *(*check)(const struct sched_rq *rq);
};

/* Is it bound to one CPU, which has promised it time? */
static inline bool sched_kind_reserves(unsigned kind)
{
	return kind >= SCHED_KIND_RM;
}

/* A number that no entity of this run queue has had: later is larger (rule S1.7). */
static inline uint64_t sched_rq_sequence(struct sched_rq *rq)
{
	return ++rq->sequence;
}

/*
 * The first of rq->slice_end and what follows it every `quantum` that is not before now; without a
 * quantum (KTIME_MAX) there is no end.
 */
static inline ktime_t sched_rq_grid(const struct sched_rq *rq, ktime_t quantum, ktime_t now)
{
	if (rq->slice_end >= now)
		return rq->slice_end;
	if (quantum == KTIME_MAX)
		return KTIME_MAX;
	return rq->slice_end + DIV_ROUND_UP(now - rq->slice_end, quantum) * quantum;
}

/*
 * Whatever waits at the policy's ranks goes behind what waits at its first one, in order, O(ranks);
 * each learns it by its epoch, which is no longer the run queue's.
 */
void sched_rq_boost(struct sched_rq *rq, const struct sched_policy *policy, uint64_t epoch);

#define POLICY(name, text) extern const struct sched_policy sched_policy_##name;
#include "sched/policies.def"
#undef POLICY

/* By enum sched_policy_id. */
extern const struct sched_policy *const sched_policies[SCHED_POLICY_COUNT];

#endif
