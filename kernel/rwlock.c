/* SPDX-License-Identifier: MIT */
/*
 * Read-write lock. Whoever lets go counts the next ones in before it wakes them, so that a woken
 * thread has the lock, and one that comes between cannot take it away.
 */
#include "kernel/rwlock.h"
#include "kernel/errno.h"
#include "kernel/log.h"
#include "kernel/wait_private.h"

/* wait_data of who waits to write; a reader's is NULL. */
#define WRITES ((void *)1)

void rwlock_init(struct rwlock *l, const char *name)
{
	*l = (struct rwlock){0};
	wait_queue_init(&l->queue, WAIT_KIND_RWLOCK, name, LOCK_RANK_WAITQ);
}

static struct thread *first_waiter(const struct rwlock *l)
{
	struct list_node *n = list_first(&l->queue.waiters);

	return n ? list_entry(n, struct thread, wait_node) : NULL;
}

static bool is_free_for(const struct rwlock *l, bool write)
{
	return !l->writer && !(write && l->readers);
}

static void enter(struct rwlock *l, struct thread *t, bool write)
{
	KASSERT(is_free_for(l, write));
	if (write) {
		l->writer = t;
		l->site = t->wait_site;
	} else {
		l->readers++;
	}
}

/* Lets in as many as may enter, in their order. The queue's lock is held. */
static void let_in(struct rwlock *l)
{
	struct thread *t;

	while ((t = first_waiter(l)) && is_free_for(l, t->wait_data)) {
		bool write = t->wait_data;

		list_remove(&t->wait_node);
		if (!wait_decide(t, 0, WAIT_WOKEN))
			continue;
		enter(l, t, write);
		wait_wake(t);
	}
}

/* Not past one who waits already and is as urgent. */
static bool may_enter(const struct rwlock *l, const struct thread *self, bool write)
{
	const struct thread *t = first_waiter(l);

	return is_free_for(l, write) && (!t || self->se.urgency < t->wait_urgency);
}

/* The queue's lock is held and dropped; interrupts stay off. -EAGAIN after a suspension. */
static int wait_to_enter(struct rwlock *l, unsigned flags, ktime_t deadline, bool write, void *site)
{
	int err;

	thread_current()->wait_data = write ? WRITES : NULL;
	err = wait_block_at(&l->queue, flags, deadline, site);
	if (!err)
		return 0;
	spin_lock(&l->queue.lock);
	let_in(l); /* those who were behind this one */
	spin_unlock(&l->queue.lock);
	return err;
}

static int take(struct rwlock *l, unsigned flags, ktime_t deadline, bool write, void *site)
{
	struct thread *self = thread_current();
	int err = 0;

	do {
		wait_queue_lock(&l->queue);
		self->wait_site = (uintptr_t)site;
		if (l->writer == self)
			err = -EDEADLK;
		else if (may_enter(l, self, write))
			enter(l, self, write), err = 0;
		else if (deadline <= 0)
			err = -ETIMEDOUT;
		else
			err = -EBUSY;
		if (err != -EBUSY)
			break;
		err = wait_to_enter(l, flags, deadline, write, site);
		arch_irq_enable();
		if (err != -EAGAIN)
			return err;
	} while (true);
	wait_queue_unlock(&l->queue);
	return err;
}

/* Who cannot be told that it asks for what it has. */
static void take_or_die(struct rwlock *l, bool write, void *site)
{
	int err = take(l, 0, KTIME_MAX, write, site);

	if (err)
		panic("read-write lock %s: its writer, thread %llu, taken in %pS, asks for it",
			l->queue.name, (unsigned long long)thread_current()->thread_id,
			(void *)l->site);
}

void rwlock_read(struct rwlock *l)
{
	take_or_die(l, false, __builtin_return_address(0));
}

void rwlock_write(struct rwlock *l)
{
	take_or_die(l, true, __builtin_return_address(0));
}

int rwlock_read_until(struct rwlock *l, unsigned flags, ktime_t deadline)
{
	return take(l, flags, deadline, false, __builtin_return_address(0));
}

int rwlock_write_until(struct rwlock *l, unsigned flags, ktime_t deadline)
{
	return take(l, flags, deadline, true, __builtin_return_address(0));
}

bool rwlock_try_read(struct rwlock *l)
{
	return !take(l, 0, 0, false, __builtin_return_address(0));
}

bool rwlock_try_write(struct rwlock *l)
{
	return !take(l, 0, 0, true, __builtin_return_address(0));
}

/* The queue's lock is held and dropped, interrupts go on. */
static int misused(struct rwlock *l, const char *what)
{
	uintptr_t site = l->writer ? l->site : 0;

	wait_queue_unlock(&l->queue);
	log_error("read-write lock %s: %s by thread %llu in %pS; its writer took it in %pS",
		l->queue.name, what, (unsigned long long)thread_current()->thread_id,
		__builtin_return_address(0), (void *)site);
	if (KASSERT_ON)
		panic("read-write lock %s: %s", l->queue.name, what);
	return -EPERM;
}

int rwlock_read_unlock(struct rwlock *l)
{
	wait_queue_lock(&l->queue);
	if (!l->readers)
		return misused(l, "read-unlocked, and nobody reads,");
	l->readers--;
	let_in(l);
	wait_queue_unlock(&l->queue);
	return 0;
}

int rwlock_write_unlock(struct rwlock *l)
{
	wait_queue_lock(&l->queue);
	if (l->writer != thread_current())
		return misused(l, "write-unlocked, not by its writer,");
	l->writer = NULL;
	let_in(l);
	wait_queue_unlock(&l->queue);
	return 0;
}
