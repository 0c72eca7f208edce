/* SPDX-License-Identifier: MIT */
/*
 * Futexes: wait queues in a hash table, whose order is by urgency and so is that of each key in it.
 * The word is looked at under the bucket's lock, which a waker takes after it has changed the word:
 * no wake-up is lost.
 *
 * A thread that is moved changes its wait queue under the locks of both buckets; it finds that out
 * when it leaves (wait.c).
 */
#include "kernel/futex.h"
#include "kernel/errno.h"
#include "kernel/wait_private.h"

#define BUCKET_BITS 8

/* Addresses that hash to the same share a list: it is longer then, there is no limit. */
static struct wait_queue buckets[1u << BUCKET_BITS] = {
	[0 ...(1u << BUCKET_BITS) - 1] = {SPINLOCK_INIT("futex", LOCK_RANK_WAITQ), WAIT_KIND_FUTEX,
		{{NULL, NULL}}, "word"},
};

/* On the waiter's stack; wait_data. */
struct wish {
	struct futex_key key; /* lock of the bucket in which it waits */
};

static struct wait_queue *bucket_of(const struct futex_key *key)
{
	uint64_t hash = ((uintptr_t)key->space ^ key->address >> 2) * 0x9e3779b97f4a7c15ull;

	return &buckets[hash >> (64 - BUCKET_BITS)];
}

/* A list that was never used is all zeros. */
static void prepare(struct wait_queue *q)
{
	KASSERT(spin_held(&q->lock));
	if (unlikely(!list_linked(&q->waiters.head)))
		list_init(&q->waiters);
}

static bool same(const struct futex_key *a, const struct futex_key *b)
{
	return a->space == b->space && a->address == b->address;
}

static struct wish *wish_of(struct list_node *n)
{
	return list_entry(n, struct thread, wait_node)->wait_data;
}

/* --- wait ------------------------------------------------------------------------------------ */

static int wait(const struct futex_key *key, bool (*changed)(const void *arg), const void *arg,
	unsigned flags, ktime_t deadline, void *site)
{
	struct wait_queue *q = bucket_of(key);
	struct wish wish = {*key};
	int err;

	wait_queue_lock(q);
	prepare(q);
	if (changed(arg)) {
		wait_queue_unlock(q);
		return -EAGAIN;
	}
	thread_current()->wait_data = &wish;
	err = wait_block_at(q, flags, deadline, site);
	arch_irq_enable();
	return err == -EAGAIN ? 0 : err;
}

int futex_wait_key(const struct futex_key *key, bool (*changed)(const void *arg), const void *arg,
	unsigned flags, ktime_t deadline)
{
	return wait(key, changed, arg, flags, deadline, __builtin_return_address(0));
}

/* A word of the kernel's own. */
struct plain {
	const _Atomic uint32_t *word;
	uint32_t expected;
};

static bool plain_changed(const void *arg)
{
	const struct plain *p = arg;

	return atomic_load(p->word) != p->expected;
}

static struct futex_key plain_key(const _Atomic uint32_t *word)
{
	return (struct futex_key){NULL, (uintptr_t)word};
}

static bool is_aligned(const _Atomic uint32_t *word)
{
	return IS_ALIGNED((uintptr_t)word, sizeof(*word));
}

int futex_wait(const _Atomic uint32_t *word, uint32_t expected, unsigned flags, ktime_t deadline)
{
	const struct plain plain = {word, expected};
	struct futex_key key = plain_key(word);

	if (!is_aligned(word))
		return -EINVAL;
	return wait(&key, plain_changed, &plain, flags, deadline, __builtin_return_address(0));
}

/* --- wake and move --------------------------------------------------------------------------- */

/* The bucket's lock is held. False: the wait had ended otherwise. */
static bool release(struct thread *t)
{
	list_remove(&t->wait_node);
	if (!wait_decide(t, 0, WAIT_WOKEN))
		return false;
	wait_wake(t);
	return true;
}

static unsigned wake_some(struct wait_queue *q, const struct futex_key *key, unsigned max)
{
	struct list_node *n = list_first(&q->waiters), *next;
	unsigned count = 0;

	for (; n && count < max; n = next) {
		next = list_next(&q->waiters, n);
		if (same(&wish_of(n)->key, key))
			count += release(list_entry(n, struct thread, wait_node));
	}
	return count;
}

unsigned futex_wake_key(const struct futex_key *key, unsigned max)
{
	struct wait_queue *q = bucket_of(key);
	arch_irqflags_t irqs = spin_lock_irqsave(&q->lock);
	unsigned count;

	prepare(q);
	count = wake_some(q, key, max);
	spin_unlock_irqrestore(&q->lock, irqs);
	preempt_check();
	return count;
}

unsigned futex_wake(const _Atomic uint32_t *word, unsigned max)
{
	struct futex_key key = plain_key(word);

	return futex_wake_key(&key, max);
}

/* Both buckets are locked. It goes behind its equals there. */
static void move(struct wait_queue *to, const struct futex_key *key, struct thread *t)
{
	struct wish *wish = t->wait_data;

	list_remove(&t->wait_node);
	wish->key = *key;
	wait_set_queue(t, to);
	wait_enqueue(to, t);
}

static unsigned move_some(struct wait_queue *from, const struct futex_key *key,
	struct wait_queue *to, const struct futex_key *to_key, unsigned max)
{
	struct list_node *n = list_first(&from->waiters), *next;
	unsigned count = 0;

	for (; n && count < max; n = next) {
		next = list_next(&from->waiters, n);
		if (!same(&wish_of(n)->key, key))
			continue;
		move(to, to_key, list_entry(n, struct thread, wait_node));
		count++;
	}
	return count;
}

/* In the order of their addresses; they may be one. */
static void lock_both(struct wait_queue *a, struct wait_queue *b)
{
	spin_lock(a < b ? &a->lock : &b->lock);
	if (a != b)
		spin_lock_second(a < b ? &b->lock : &a->lock);
	prepare(a);
	prepare(b);
}

static void unlock_both(struct wait_queue *a, struct wait_queue *b)
{
	if (a != b)
		spin_unlock(&b->lock);
	spin_unlock(&a->lock);
}

int futex_requeue(const _Atomic uint32_t *word, uint32_t expected, unsigned wake,
	const _Atomic uint32_t *to, unsigned max)
{
	struct futex_key key = plain_key(word), to_key = plain_key(to);
	struct wait_queue *q = bucket_of(&key), *to_q = bucket_of(&to_key);
	arch_irqflags_t irqs;
	int count = -EAGAIN;

	if (!is_aligned(word) || !is_aligned(to) || word == to)
		return -EINVAL;
	irqs = arch_irq_save();
	lock_both(q, to_q);
	if (atomic_load(word) == expected) {
		count = (int)wake_some(q, &key, wake);
		count += (int)move_some(q, &key, to_q, &to_key, max);
	}
	unlock_both(q, to_q);
	arch_irq_restore(irqs);
	preempt_check();
	return count;
}
