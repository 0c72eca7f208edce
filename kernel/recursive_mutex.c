/* SPDX-License-Identifier: MIT */
/* Recursive mutex: a mutex and a count that only the owner touches. */
#include "kernel/recursive_mutex.h"
#include "kernel/errno.h"

void recursive_mutex_init(struct recursive_mutex *r, const char *name)
{
	mutex_init(&r->mutex, name);
	r->depth = 0;
}

/* 0, or -EAGAIN when it cannot be taken once more. */
static int again(struct recursive_mutex *r)
{
	if (r->depth == RECURSIVE_MUTEX_MAX)
		return -EAGAIN;
	r->depth++;
	return 0;
}

/* An owner that ended has left its count behind. */
static int first(struct recursive_mutex *r, int err)
{
	if (!err || err == -EOWNERDEAD)
		r->depth = 0;
	return err;
}

void recursive_mutex_lock(struct recursive_mutex *r)
{
	if (mutex_held(&r->mutex)) {
		BUG_ON(again(r));
		return;
	}
	mutex_lock(&r->mutex);
	r->depth = 0;
}

int recursive_mutex_lock_until(struct recursive_mutex *r, ktime_t deadline)
{
	if (mutex_held(&r->mutex))
		return again(r);
	return first(r, mutex_lock_until(&r->mutex, deadline));
}

int recursive_mutex_lock_killable(struct recursive_mutex *r)
{
	if (mutex_held(&r->mutex))
		return again(r);
	return first(r, mutex_lock_killable(&r->mutex));
}

bool recursive_mutex_trylock(struct recursive_mutex *r)
{
	if (mutex_held(&r->mutex))
		return !again(r);
	if (!mutex_trylock(&r->mutex))
		return false;
	r->depth = 0;
	return true;
}

int recursive_mutex_unlock(struct recursive_mutex *r)
{
	if (mutex_held(&r->mutex) && r->depth) {
		r->depth--;
		return 0;
	}
	return mutex_unlock(&r->mutex);
}
