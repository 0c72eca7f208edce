/* SPDX-License-Identifier: MIT */
/*
 * What is said of mutexes that are used wrongly: who, whose, and where it was taken. In a debug
 * build the calls that led there are known, and the panic that follows shows the others.
 */
#include "kernel/callers.h"
#include "kernel/log.h"
#include "kernel/mutex_private.h"

#ifdef CONFIG_DEBUG
static void log_trace(const struct mutex *m)
{
	callers_log(m->trace, MUTEX_TRACE);
}
#else
static void log_trace(const struct mutex *m)
{
	(void)m;
}
#endif

static void log_owner(const struct mutex *m)
{
	const struct thread *owner = mutex_owner(m);

	if (!owner) {
		log_error("mutex %s: nobody owns it", m->name);
		return;
	}
	log_error("mutex %s: its owner is thread %llu (%s), taken in %pS", m->name,
		(unsigned long long)owner->thread_id, owner->name, (void *)m->site);
	log_trace(m);
}

void mutex_report_misuse(const struct mutex *m, const char *what, bool fatal)
{
	const struct thread *self = thread_current();

	log_owner(m);
	if (KASSERT_ON || fatal)
		panic("mutex %s: %s by thread %llu (%s)", m->name, what,
			(unsigned long long)self->thread_id, self->name);
	log_error("mutex %s: %s by thread %llu (%s) in %pS", m->name, what,
		(unsigned long long)self->thread_id, self->name, __builtin_return_address(0));
}

void mutex_report_cycle(const struct mutex *m, const struct thread *self)
{
	const struct thread *waiter = self;

	log_error("mutex %s: deadlock, these threads wait for each other:", m->name);
	for (unsigned depth = 0; m && depth <= MUTEX_CHAIN_MAX; depth++) {
		const struct thread *owner = mutex_owner(m);

		log_error("  thread %llu (%s) waits for mutex %s of thread %llu (%s), taken in %pS",
			(unsigned long long)waiter->thread_id, waiter->name, m->name,
			(unsigned long long)owner->thread_id, owner->name, (void *)m->site);
		log_trace(m);
		if (owner == self)
			return;
		waiter = owner;
		m = owner->mutex_waited;
	}
}
