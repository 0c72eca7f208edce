/* SPDX-License-Identifier: MIT */
/*
 * Mutex, the slow ways. The word changes by compare-and-swap while bit 0 is clear. Setting bit 0,
 * and every change while it is set, needs mutex_wait_lock; so whoever holds that and sees the bit
 * owns the word. The bit may outlive the last waiter (a timeout); the next unlock puts that right.
 */
#include "kernel/mutex.h"
#include "kernel/errno.h"
#include "kernel/lockstat.h"
#include "kernel/log.h"
#include "kernel/mutex_private.h"
#include "kernel/wait_private.h"

void mutex_init(struct mutex *m, const char *name)
{
	*m = (struct mutex){.name = name};
}

/* The calling thread owns it now; interrupts are off or it counts as held already. */
static void note_owned(struct mutex *m, struct thread *self, uintptr_t site)
{
	m->held_next = self->held;
	self->held = m;
	m->site = site;
	m->taken_at = lockstat_is_on() ? arch_time_now() : 0;
	mutex_note_taken(m);
}

/* Free, but whoever takes it comes this way: an owner died, or times are taken. */
__noinline bool mutex_trylock_slow(struct mutex *m)
{
	struct thread *self = thread_current();
	arch_irqflags_t irqs = spin_lock_irqsave(&mutex_wait_lock);
	uintptr_t word = MUTEX_WAITERS;
	bool taken = m->health == MUTEX_HEALTHY &&
		atomic_compare_exchange_strong(&m->owner, &word, (uintptr_t)self | MUTEX_WAITERS);

	if (taken)
		note_owned(m, self, (uintptr_t)__builtin_return_address(0));
	spin_unlock_irqrestore(&mutex_wait_lock, irqs);
	return taken;
}

/* --- lock ------------------------------------------------------------------------------------ */

/*
 * Takes it if nobody has it: 0, or -EOWNERDEAD. -EBUSY: it has an owner, to whom a waiter is
 * announced.
 */
static int take_or_announce(struct mutex *m, struct thread *self)
{
	uintptr_t word = atomic_load_explicit(&m->owner, memory_order_relaxed), want;

	KASSERT(spin_held(&mutex_wait_lock));
	if (unlikely(m->health == MUTEX_UNUSABLE))
		return -ENOTRECOVERABLE;
	if (unlikely(word == MUTEX_WAITERS)) {
		KASSERT(rb_empty(&m->waiters));
		atomic_store(&m->owner, (uintptr_t)self | MUTEX_WAITERS);
		return m->health == MUTEX_OWNER_DIED ? -EOWNERDEAD : 0;
	}
	do {
		if (word & MUTEX_WAITERS)
			return -EBUSY;
		want = word ? word | MUTEX_WAITERS : (uintptr_t)self;
	} while (!atomic_compare_exchange_weak(&m->owner, &word, want));
	return word ? -EBUSY : 0;
}

/* Where it was woken: 0, -EOWNERDEAD, or -ENOTRECOVERABLE as one of all. */
static int woken(struct mutex *m, struct thread *self, uintptr_t site)
{
	if (unlikely(m->health == MUTEX_UNUSABLE))
		return -ENOTRECOVERABLE;
	KASSERT(mutex_owner(m) == self);
	note_owned(m, self, site);
	return unlikely(m->health == MUTEX_OWNER_DIED) ? -EOWNERDEAD : 0;
}

/* mutex_wait_lock is held; most wait where the one before did. */
static inline void count_waiter(struct mutex *m, uintptr_t site)
{
	if (unlikely(m->count_site != site)) {
		m->count = lockstat_mutex_count(m, site);
		m->count_site = site;
	}
	atomic_fetch_add_explicit(m->count, 1, memory_order_relaxed);
}

/* mutex_wait_lock is held and dropped; interrupts stay off. */
static int wait_for(
	struct mutex *m, struct thread *self, unsigned flags, ktime_t deadline, uintptr_t site)
{
	ktime_t since = lockstat_is_on() ? arch_time_now() : 0;
	enum wait_state outcome;
	int err = 0;

	count_waiter(m, site);
	self->wait_site = site;
	mutex_add_waiter(m, self);
	if (unlikely(deadline != KTIME_MAX))
		timer_start(&self->wait_timer, deadline);
	outcome = wait_block_in(self, &mutex_wait_lock, flags, SCHED_BLOCK);
	if (likely(outcome == WAIT_WOKEN))
		err = woken(m, self, site);
	if (unlikely(since))
		lockstat_mutex_waited(m, site, arch_time_now() - since);
	if (unlikely(deadline != KTIME_MAX))
		wait_stop_timer(self);
	if (likely(outcome == WAIT_WOKEN))
		return err;
	spin_lock(&mutex_wait_lock);
	mutex_remove_waiter(m, self);
	spin_unlock(&mutex_wait_lock);
	return wait_end_early(self, outcome);
}

/* One try, interrupts off: -EAGAIN after a suspension. */
static int lock_once(
	struct mutex *m, struct thread *self, unsigned flags, ktime_t deadline, uintptr_t site)
{
	int err;

	spin_lock(&mutex_wait_lock);
	err = take_or_announce(m, self);
	if (err == -EBUSY && unlikely(mutex_closes_cycle(m, self))) {
		if (flags & MUTEX_CHECKED)
			err = -EDEADLK;
		else
			mutex_report_cycle(m, self);
	}
	if (likely(err == -EBUSY))
		return wait_for(m, self, flags & WAIT_KILLABLE, deadline, site);
	if (!err || err == -EOWNERDEAD)
		note_owned(m, self, site);
	spin_unlock(&mutex_wait_lock);
	return err;
}

__noinline int mutex_lock_slow(struct mutex *m, unsigned flags, ktime_t deadline, uintptr_t site)
{
	struct thread *self = thread_current();
	int err;

	if (unlikely(mutex_held(m))) {
		if (!(flags & MUTEX_CHECKED))
			mutex_report_misuse(m, "locked again", true);
		return -EDEADLK;
	}
	do {
		arch_irq_disable();
		err = lock_once(m, self, flags, deadline, site);
		arch_irq_enable();
	} while (unlikely(err == -EAGAIN));
	if (unlikely(err) && err != -EINTR && !(flags & MUTEX_CHECKED))
		mutex_report_misuse(m, "locked after its owner died", true);
	return err;
}

/* --- unlock ---------------------------------------------------------------------------------- */

/* The kick of a kill or suspension may have come, to no effect, while the mutex was held. */
__noinline void mutex_stop_soon(struct thread *self)
{
	arch_irqflags_t irqs;

	if (!thread_must_stop_here(self))
		return;
	irqs = arch_irq_save();
	dispatch_kick(self);
	arch_irq_restore(irqs);
	preempt_check();
}

static void unlink_held(struct mutex *m, struct thread *self)
{
	struct mutex **at = &self->held;

	while (*at != m)
		at = &(*at)->held_next;
	*at = m->held_next;
}

/* Nobody repaired it: nobody gets it any more. */
static void give_up(struct mutex *m)
{
	struct thread *t;

	m->health = MUTEX_UNUSABLE;
	atomic_store_explicit(&m->owner, MUTEX_WAITERS, memory_order_release);
	log_error("mutex %s: unlocked before it was said to be consistent, it is of no use now",
		m->name);
	while ((t = mutex_take_waiter(m)))
		wait_wake(t);
}

/* `m` has just been left by its owner; bit 0 is set. mutex_wait_lock is held. */
static struct thread *choose_next(struct mutex *m)
{
	struct thread *next = mutex_take_waiter(m);
	bool more = !rb_empty(&m->waiters) || m->health != MUTEX_HEALTHY || lockstat_is_on();

	atomic_store_explicit(
		&m->owner, (uintptr_t)next | (more ? MUTEX_WAITERS : 0), memory_order_release);
	if (next)
		mutex_adopt(m, next);
	return next;
}

static __noinline void note_held(struct mutex *m)
{
	lockstat_mutex_held(m, arch_time_now() - m->taken_at);
	m->taken_at = 0;
}

static void hand_over(struct mutex *m, struct thread *self)
{
	struct thread *next = NULL;

	mutex_disown(m, self);
	if (unlikely(m->taken_at))
		note_held(m);
	if (unlikely(m->health == MUTEX_OWNER_DIED))
		give_up(m);
	else
		next = choose_next(m);
	spin_unlock(&mutex_wait_lock);
	if (next)
		wait_wake(next);
}

/* Also for mutexes that are not unlocked in the reverse order in which they were taken. */
__noinline int mutex_unlock_slow(struct mutex *m)
{
	struct thread *self = thread_current();
	arch_irqflags_t irqs;

	if (unlikely(!mutex_held(m))) {
		mutex_report_misuse(m, "unlocked", false);
		return -EPERM;
	}
	irqs = arch_irq_save();
	spin_lock(&mutex_wait_lock);
	unlink_held(m, self);
	if (atomic_load_explicit(&m->owner, memory_order_relaxed) & MUTEX_WAITERS) {
		hand_over(m, self);
	} else {
		atomic_store_explicit(&m->owner, 0, memory_order_release);
		spin_unlock(&mutex_wait_lock);
	}
	arch_irq_restore(irqs);
	if (unlikely(atomic_load_explicit(&self->stop, memory_order_relaxed)))
		mutex_stop_soon(self);
	preempt_check();
	return 0;
}

/* --- death of an owner ----------------------------------------------------------------------- */

int mutex_consistent(struct mutex *m)
{
	arch_irqflags_t irqs;
	int err = 0;

	if (!mutex_held(m))
		return -EPERM;
	irqs = spin_lock_irqsave(&mutex_wait_lock);
	if (m->health == MUTEX_OWNER_DIED)
		m->health = MUTEX_HEALTHY;
	else
		err = -EINVAL;
	spin_unlock_irqrestore(&mutex_wait_lock, irqs);
	return err;
}

/* The bit is set for good measure: who comes next must look at the health. */
static void bequeath(struct mutex *m, struct thread *self)
{
	struct thread *next = NULL;

	log_error("mutex %s: its owner, thread %llu (%s), ends; taken in %pS", m->name,
		(unsigned long long)self->thread_id, self->name, (void *)m->site);
	arch_irq_disable();
	spin_lock(&mutex_wait_lock);
	atomic_fetch_or(&m->owner, MUTEX_WAITERS);
	unlink_held(m, self);
	mutex_disown(m, self);
	if (m->health == MUTEX_HEALTHY)
		m->health = MUTEX_OWNER_DIED;
	next = choose_next(m);
	spin_unlock(&mutex_wait_lock);
	if (next)
		wait_wake(next);
	arch_irq_enable();
}

void mutex_owner_ends(void)
{
	struct thread *self = thread_current();

	while (self->held)
		bequeath(self->held, self);
}
