/* SPDX-License-Identifier: MIT */
/*
 * Priority inheritance (rule S9.2): an owner is as urgent as its most urgent waiter.
 *
 *	m->waiters    who waits for m, by the urgency they have, then in order of arrival
 *	m->lent       the urgency of the first of them
 *	t->donors     the mutexes of t that somebody waits for, by what they lend
 *	inherited     of t: what the first of its donors lends
 *
 * Urgency is class and level (sched/entity.h), never a key that ages: no algorithm disorders these
 * trees. A key never changes in a tree: the node is taken out and put back.
 *
 * A change goes from a mutex to its owner, and on to the mutex that the owner waits for, until it
 * changes nothing. So after every call, for every thread: effective = max(own, waiters), also right
 * after an unlock, a timeout or a kill.
 */
#include "kernel/log.h"
#include "kernel/mutex_private.h"
#include "kernel/thread_private.h"
#include "kernel/trace.h"
#include "kernel/wait_private.h"

struct spinlock mutex_wait_lock = SPINLOCK_INIT("mutex waiters", LOCK_RANK_WAITQ);

static uint64_t arrivals; /* (p) of waiters, ever */

static inline struct thread *waiter_of(struct rb_node *n)
{
	return rb_entry(n, struct thread, mutex_node);
}

static bool waits_before(const struct rb_node *a, const struct rb_node *b)
{
	const struct thread *x = rb_entry(a, struct thread, mutex_node);
	const struct thread *y = rb_entry(b, struct thread, mutex_node);

	if (x->mutex_urgency != y->mutex_urgency)
		return x->mutex_urgency < y->mutex_urgency;
	return x->mutex_arrival < y->mutex_arrival;
}

static bool lends_before(const struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct mutex, donor_node)->lent <
		rb_entry(b, struct mutex, donor_node)->lent;
}

/* --- one owner ------------------------------------------------------------------------------- */

static unsigned donated(const struct thread *t)
{
	struct rb_node *n = rb_first(&t->donors);

	return n ? rb_entry(n, struct mutex, donor_node)->lent : SCHED_URGENCY_NONE;
}

/* True if that made `t` more or less urgent. Whoever gains nothing is not told. */
static bool inherit(struct thread *t)
{
	unsigned now = donated(t), before = t->se.urgency;

	if (now == t->se.inherited)
		return false;
	if (now >= t->se.own_urgency && t->se.inherited == SCHED_URGENCY_NONE)
		return false;
	sched_inherit(&scheduler, &t->se, now, arch_cpu_id(), arch_time_now());
	trace_event(TRACE_INHERIT, t->thread_id, now);
	return t->se.urgency != before;
}

/* The first waiter of `m`, or none, has changed. */
static void lend(struct mutex *m, struct thread *owner)
{
	struct rb_node *first = rb_first(&m->waiters);

	if (rb_linked(&m->donor_node))
		rb_remove(&owner->donors, &m->donor_node);
	if (!first)
		return;
	m->lent = waiter_of(first)->mutex_urgency;
	rb_insert(&owner->donors, &m->donor_node, lends_before);
}

void mutex_disown(struct mutex *m, struct thread *t)
{
	KASSERT(spin_held(&mutex_wait_lock));
	if (!rb_linked(&m->donor_node))
		return;
	rb_remove(&t->donors, &m->donor_node);
	inherit(t);
}

/* It was the first of them, so none of the others makes it more urgent. */
void mutex_adopt(struct mutex *m, struct thread *t)
{
	KASSERT(spin_held(&mutex_wait_lock));
	lend(m, t);
}

/* --- chains ---------------------------------------------------------------------------------- */

/* `t` goes where its urgency puts it now; among equals where it arrived. */
static void requeue(struct mutex *m, struct thread *t)
{
	rb_remove(&m->waiters, &t->mutex_node);
	t->mutex_urgency = t->se.urgency;
	rb_insert(&m->waiters, &t->mutex_node, waits_before);
}

static __noinline void tell_limit(const struct thread *t)
{
	static bool told;

	if (!told)
		log_warn("mutex: a chain of more than %u owners, thread %llu (%s) and those behind "
			 "it inherit nothing",
			MUTEX_CHAIN_MAX, (unsigned long long)t->thread_id, t->name);
	told = true;
}

/* The waiters of `m` have changed: so may what its owner inherits, and so on. */
static void pass_on(struct mutex *m)
{
	for (unsigned depth = 0;; depth++) {
		struct thread *owner = mutex_owner(m);
		struct rb_node *first = rb_first(&m->waiters);

		if (!owner)
			return;
		if (depth == MUTEX_CHAIN_MAX) {
			tell_limit(owner);
			return;
		}
		if (first && rb_linked(&m->donor_node) &&
			m->lent == waiter_of(first)->mutex_urgency)
			return;
		lend(m, owner);
		if (!inherit(owner))
			return;
		m = owner->mutex_waited;
		if (!m)
			return;
		requeue(m, owner);
	}
}

bool mutex_closes_cycle(const struct mutex *m, const struct thread *self)
{
	KASSERT(spin_held(&mutex_wait_lock));
	for (unsigned depth = 0; m && depth <= MUTEX_CHAIN_MAX; depth++) {
		const struct thread *owner = mutex_owner(m);

		if (owner == self)
			return true;
		m = owner ? owner->mutex_waited : NULL;
	}
	return false;
}

void mutex_add_waiter(struct mutex *m, struct thread *t)
{
	KASSERT(spin_held(&mutex_wait_lock) && !t->mutex_waited);
	t->mutex_waited = m;
	t->mutex_urgency = t->se.urgency;
	t->mutex_arrival = ++arrivals;
	rb_insert(&m->waiters, &t->mutex_node, waits_before);
	pass_on(m);
}

static inline void unlink(struct mutex *m, struct thread *t)
{
	KASSERT(t->mutex_waited == m);
	rb_remove(&m->waiters, &t->mutex_node);
	t->mutex_waited = NULL;
}

void mutex_remove_waiter(struct mutex *m, struct thread *t)
{
	KASSERT(spin_held(&mutex_wait_lock));
	if (t->mutex_waited != m)
		return; /* an owner that handed over has come across it */
	unlink(m, t);
	pass_on(m);
}

struct thread *mutex_take_waiter(struct mutex *m)
{
	struct rb_node *first;

	KASSERT(spin_held(&mutex_wait_lock));
	while ((first = rb_first(&m->waiters))) {
		struct thread *t = waiter_of(first);

		unlink(m, t);
		if (likely(wait_decide(t, 0, WAIT_WOKEN)))
			return t;
	}
	return NULL;
}

/* What it inherits may matter now that its own urgency is another. */
void mutex_urgency_changed(struct thread *t)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&mutex_wait_lock);

	inherit(t);
	if (t->mutex_waited) {
		requeue(t->mutex_waited, t);
		pass_on(t->mutex_waited);
	}
	spin_unlock_irqrestore(&mutex_wait_lock, irqs);
}

/* --- checks ---------------------------------------------------------------------------------- */

static const char *check_donors(const struct thread *t)
{
	for (struct rb_node *n = rb_first(&t->donors); n; n = rb_next(n)) {
		const struct mutex *m = rb_entry(n, struct mutex, donor_node);
		struct rb_node *first = rb_first(&m->waiters);

		if (mutex_owner(m) != t)
			return "a mutex of another owner lends to the thread";
		if (!first || m->lent != waiter_of(first)->mutex_urgency)
			return "a mutex lends something else than its first waiter's urgency";
		if (rb_check(&m->waiters, waits_before))
			return "the waiters of a mutex are not in order";
	}
	return rb_check(&t->donors, lends_before);
}

/* Rule S11.8. */
const char *mutex_check(const struct thread *t)
{
	unsigned want = MIN(t->se.own_urgency, donated(t));

	KASSERT(spin_held(&mutex_wait_lock));
	if (t->se.urgency != want)
		return "a thread is not as urgent as itself or its most urgent waiter";
	if (t->mutex_waited && t->mutex_urgency != t->se.urgency)
		return "a thread waits for a mutex with another urgency than it has";
	return check_donors(t);
}
