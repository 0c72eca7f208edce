/* SPDX-License-Identifier: MIT */
/*
 * Statistics of locks: a hash table of places in the code, only ever added to, so that counting
 * takes no lock itself. Its size is more than there are calls that take locks; if it were full all
 * the same, the last place would count for the rest.
 */
#include "kernel/lockstat.h"
#include "kernel/mutex.h"
#include "kernel/spinlock.h"
#include "kernel/string.h"
#include <arch/time.h>

#define PLACES 512u

/* (a) atomic, (c) constant once kind is set */
struct place {
	_Atomic uintptr_t site; /* (a) 0: free */
	_Atomic unsigned kind;  /* (a) enum lockstat_kind + 1, last: the rest is valid */
	char name[LOCKSTAT_NAME];
	_Atomic uint64_t contended, wait, wait_max, held, held_max; /* (a) */
};

static struct place places[PLACES];
static _Atomic bool on;

/* When this CPU began to spin; an interrupt that spins meanwhile makes one figure too small. */
static DEFINE_PERCPU(ktime_t, spinning_since);

void lockstat_set(bool wanted)
{
	atomic_store(&on, wanted);
}

bool lockstat_is_on(void)
{
	return unlikely(atomic_load_explicit(&on, memory_order_relaxed));
}

static struct place *find(enum lockstat_kind kind, uintptr_t site, const char *name)
{
	unsigned at = (unsigned)((site * 0x9e3779b97f4a7c15ull) >> 55);
	struct place *p = &places[at];

	for (unsigned i = 0; i < PLACES; i++, p = &places[(at + i) % PLACES]) {
		uintptr_t seen = atomic_load(&p->site);

		if (seen == site)
			return p;
		if (seen || !atomic_compare_exchange_strong(&p->site, &seen, site))
			continue;
		string_copy(p->name, name, sizeof(p->name));
		atomic_store(&p->kind, kind + 1);
		return p;
	}
	return p;
}

static void add(_Atomic uint64_t *sum, _Atomic uint64_t *max, ktime_t ns)
{
	uint64_t seen = atomic_load(max), now = (uint64_t)MAX(ns, 0);

	atomic_fetch_add(sum, now);
	while (seen < now && !atomic_compare_exchange_weak(max, &seen, now))
		;
}

/* --- what locks tell ------------------------------------------------------------------------- */

static void note_spinning(uintptr_t site, bool over)
{
	struct place *p;

	if (!over) {
		if (lockstat_is_on())
			this_cpu(spinning_since) = arch_time_now();
		return;
	}
	p = find(LOCKSTAT_SPINLOCK, site, "");
	atomic_fetch_add(&p->contended, 1);
	if (lockstat_is_on() && this_cpu(spinning_since))
		add(&p->wait, &p->wait_max, arch_time_now() - this_cpu(spinning_since));
	this_cpu(spinning_since) = 0;
}

void lockstat_init(unsigned cpus)
{
	for (unsigned cpu = 0; cpu < cpus; cpu++)
		cpu_ptr(percpu_held_locks, cpu)->note_spinning = note_spinning;
}

_Atomic uint64_t *lockstat_mutex_count(const struct mutex *m, uintptr_t site)
{
	return &find(LOCKSTAT_MUTEX, site, m->name)->contended;
}

void lockstat_mutex_waited(const struct mutex *m, uintptr_t site, ktime_t ns)
{
	struct place *p = find(LOCKSTAT_MUTEX, site, m->name);

	add(&p->wait, &p->wait_max, ns);
}

void lockstat_mutex_held(const struct mutex *m, ktime_t ns)
{
	struct place *p = find(LOCKSTAT_MUTEX, m->site, m->name);

	add(&p->held, &p->held_max, ns);
}

/* --- questions ------------------------------------------------------------------------------- */

static void copy(struct lockstat *stat, struct place *p)
{
	stat->kind = atomic_load(&p->kind) - 1;
	stat->site = atomic_load(&p->site);
	memcpy(stat->name, p->name, sizeof(stat->name));
	stat->contended = atomic_load(&p->contended);
	stat->wait = (ktime_t)atomic_load(&p->wait);
	stat->wait_max = (ktime_t)atomic_load(&p->wait_max);
	stat->held = (ktime_t)atomic_load(&p->held);
	stat->held_max = (ktime_t)atomic_load(&p->held_max);
}

bool lockstat_get(unsigned i, struct lockstat *stat)
{
	for (unsigned at = 0; at < PLACES; at++) {
		if (!atomic_load(&places[at].kind) || i--)
			continue;
		copy(stat, &places[at]);
		return true;
	}
	return false;
}

void lockstat_clear(void)
{
	for (struct place *p = places; p < places + PLACES; p++) {
		atomic_store(&p->contended, 0);
		atomic_store(&p->wait, 0);
		atomic_store(&p->wait_max, 0);
		atomic_store(&p->held, 0);
		atomic_store(&p->held_max, 0);
	}
}
