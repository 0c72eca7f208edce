/* SPDX-License-Identifier: MIT */
/*
 * Semaphore. The word changes by compare-and-swap while bit 0 is clear. Setting bit 0 (from 0
 * units), and every change while it is set, needs the queue's lock. The bit may outlive the last
 * waiter (a timeout); the next give puts that right.
 */
#include "kernel/semaphore.h"
#include "kernel/errno.h"
#include "kernel/preempt.h"
#include "kernel/wait_private.h"

void semaphore_init(struct semaphore *s, const char *name, uint32_t units)
{
	KASSERT(units <= SEMAPHORE_MAX);
	atomic_store(&s->word, units * SEMAPHORE_UNIT);
	wait_queue_init(&s->queue, WAIT_KIND_SEMAPHORE, name, LOCK_RANK_WAITQ);
}

uint32_t semaphore_units(const struct semaphore *s)
{
	return atomic_load_explicit(&s->word, memory_order_relaxed) / SEMAPHORE_UNIT;
}

bool semaphore_try_take(struct semaphore *s)
{
	uint32_t word = atomic_load_explicit(&s->word, memory_order_relaxed);

	while (likely(word >= SEMAPHORE_UNIT))
		if (likely(atomic_compare_exchange_weak_explicit(&s->word, &word,
			    word - SEMAPHORE_UNIT, memory_order_acquire, memory_order_relaxed)))
			return true;
	return false;
}

/* Announces a waiter, unless there are units; queue lock held. */
static inline bool announce(struct semaphore *s)
{
	uint32_t word = 0;

	if (likely(atomic_compare_exchange_strong(&s->word, &word, SEMAPHORE_WAITERS)))
		return true;
	return word & SEMAPHORE_WAITERS;
}

static __always_inline int take_slow(struct semaphore *s, unsigned flags, ktime_t deadline)
{
	int err;

	do {
		wait_queue_lock_inline(&s->queue);
		while (unlikely(!announce(s)))
			if (semaphore_try_take(s)) {
				wait_queue_unlock(&s->queue);
				return 0;
			}
		err = wait_block_inline(&s->queue, flags, deadline, __builtin_return_address(0));
		arch_irq_enable();
	} while (unlikely(err == -EAGAIN));
	return err;
}

/* Three of them, so that what each does not need is not in it. */
static __noinline void take_plain(struct semaphore *s)
{
	BUG_ON(take_slow(s, 0, KTIME_MAX));
}

static __noinline int take_until(struct semaphore *s, ktime_t deadline)
{
	return take_slow(s, 0, deadline);
}

static __noinline int take_killable(struct semaphore *s)
{
	return take_slow(s, WAIT_KILLABLE, KTIME_MAX);
}

void semaphore_take(struct semaphore *s)
{
	if (!semaphore_try_take(s))
		take_plain(s);
}

int semaphore_take_until(struct semaphore *s, ktime_t deadline)
{
	return semaphore_try_take(s) ? 0 : take_until(s, deadline);
}

int semaphore_take_killable(struct semaphore *s)
{
	return semaphore_try_take(s) ? 0 : take_killable(s);
}

/* Adds a unit, unless threads wait. */
static inline bool add_unit(struct semaphore *s)
{
	uint32_t word = atomic_load_explicit(&s->word, memory_order_relaxed);

	while (!(word & SEMAPHORE_WAITERS)) {
		KASSERT(word / SEMAPHORE_UNIT < SEMAPHORE_MAX);
		if (likely(atomic_compare_exchange_weak_explicit(&s->word, &word,
			    word + SEMAPHORE_UNIT, memory_order_release, memory_order_relaxed)))
			return true;
	}
	return false;
}

/* Who is in the queue has set bit 0; without anyone there the bit may be left over. */
static __noinline void give_slow(struct semaphore *s)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&s->queue.lock);
	struct thread *next = wait_take_one_inline(&s->queue);

	if (likely(next)) {
		KASSERT(atomic_load(&s->word) == SEMAPHORE_WAITERS);
		if (wait_queue_empty(&s->queue))
			atomic_store_explicit(&s->word, 0, memory_order_release);
		wait_wake_inline(next);
	} else if (!add_unit(s)) {
		atomic_store_explicit(&s->word, SEMAPHORE_UNIT, memory_order_release);
	}
	spin_unlock_irqrestore(&s->queue.lock, irqs);
	preempt_check();
}

void semaphore_give(struct semaphore *s)
{
	if (!add_unit(s))
		give_slow(s);
}
