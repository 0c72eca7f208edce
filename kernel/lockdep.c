/* SPDX-License-Identifier: MIT */
/*
 * Lock dependencies. Classes and the edges between them only become more, so what is known already,
 * which is nearly always everything, is found without a lock, in one bit. The graph never has a
 * cycle: an edge that would close one is reported and marked, and not entered.
 *
 * The tables have room for what a kernel of this size can have; when one is full that is said, and
 * nothing more is learnt.
 */
#include "kernel/lockdep.h"
#include "kernel/bitmap.h"
#include "kernel/callers.h"
#include "kernel/log.h"
#include "kernel/mutex.h"
#include "kernel/spinlock.h"
#include "kernel/string.h"
#include <arch/irq.h>

#define CLASSES 256u
#define EDGES   1024u
#define TRACE   6u

static _Atomic unsigned reports;

unsigned lockdep_take_reports(void)
{
	return atomic_exchange(&reports, 0);
}

#ifdef CONFIG_DEBUG

/* (g) graph_lock */
struct lock_class {
	const char *name;
	uint8_t use;               /* (g) enum spin_use: ever */
	uintptr_t taken[2][TRACE]; /* (g) the first time with each */
};

/* `first` comes before `then`: once a thread took the latter while it owned the former. */
struct edge {
	uint16_t first, then;
	uintptr_t held[TRACE]; /* where it had taken the first */
	uintptr_t taken[TRACE];
};

/* Held with interrupts off, inside any other lock and without a place in their order. */
static struct spinlock graph_lock = SPINLOCK_INIT("lock graph", LOCK_RANK_LOG);

static struct lock_class classes[CLASSES]; /* 0 is none */
static _Atomic unsigned class_count = 1;   /* (a) written under graph_lock */
static struct edge edges[EDGES];
static _Atomic unsigned edge_count; /* (a) written under graph_lock */
static _Atomic uint64_t known[CLASSES][CLASSES / BITMAP_WORD_BITS]; /* (a) edges, or reported */

static arch_irqflags_t lock_graph(void)
{
	arch_irqflags_t irqs = arch_irq_save();

	spin_lock_unchecked(&graph_lock);
	return irqs;
}

static void unlock_graph(arch_irqflags_t irqs)
{
	atomic_store_explicit(&graph_lock.locked, 0, memory_order_release);
	arch_irq_restore(irqs);
}

static bool is_known(unsigned first, unsigned then)
{
	return atomic_load_explicit(&known[first][then / BITMAP_WORD_BITS], memory_order_relaxed) >>
		then % BITMAP_WORD_BITS &
		1;
}

static void set_known(unsigned first, unsigned then)
{
	atomic_fetch_or(&known[first][then / BITMAP_WORD_BITS], 1ull << then % BITMAP_WORD_BITS);
}

static void tell_full(const char *what)
{
	static _Atomic bool told;

	if (!atomic_exchange(&told, true))
		log_warn("lock dependencies: the table of %s is full, no more are learnt", what);
}

/* 0: the table is full. graph_lock is held. */
static unsigned find_class(const char *name)
{
	unsigned count = atomic_load(&class_count);

	for (unsigned i = 1; i < count; i++)
		if (classes[i].name == name || !strcmp(classes[i].name, name))
			return i;
	if (count == CLASSES)
		return 0;
	classes[count].name = name;
	atomic_store(&class_count, count + 1);
	return count;
}

/* --- order of mutexes ------------------------------------------------------------------------ */

static unsigned class_of(struct mutex *m)
{
	arch_irqflags_t irqs;

	if (unlikely(!m->lock_class && m->name)) {
		irqs = lock_graph();
		m->lock_class = (uint16_t)find_class(m->name);
		unlock_graph(irqs);
		if (!m->lock_class)
			tell_full("lock classes");
	}
	return m->lock_class;
}

/*
 * The edge by which each class that comes behind `from` was reached, breadth first; true if `to` is
 * one of them. graph_lock is held.
 */
static bool find_path(unsigned from, unsigned to, uint16_t *by)
{
	static uint16_t queue[CLASSES]; /* graph_lock */
	unsigned begin = 0, end = 0, count = atomic_load(&edge_count);

	memset(by, 0xff, CLASSES * sizeof(*by));
	queue[end++] = (uint16_t)from;
	while (begin < end && by[to] == UINT16_MAX) {
		unsigned class = queue[begin++];

		for (unsigned i = 0; i < count; i++) {
			if (edges[i].first != class || by[edges[i].then] != UINT16_MAX ||
				edges[i].then == from)
				continue;
			by[edges[i].then] = (uint16_t)i;
			queue[end++] = edges[i].then;
		}
	}
	return by[to] != UINT16_MAX;
}

static void log_edge(const struct edge *e)
{
	log_error("  mutex %s was taken", classes[e->then].name);
	callers_log(e->taken, TRACE);
	log_error("  while mutex %s was held, taken", classes[e->first].name);
	callers_log(e->held, TRACE);
}

/* From the wrong edge back to where its chain begins. Edges that exist do not change. */
static void report_order(const struct edge *wrong, const uint16_t *by)
{
	const struct thread *self = thread_current();
	unsigned class = wrong->first;

	log_error("lock order: mutex %s is about to be taken by thread %llu (%s), which holds %s:",
		classes[wrong->then].name, (unsigned long long)self->thread_id, self->name,
		classes[wrong->first].name);
	callers_log(wrong->taken, TRACE);
	log_error("  it took mutex %s", classes[wrong->first].name);
	callers_log(wrong->held, TRACE);
	log_error("before, it was the other way round:");
	do {
		log_edge(&edges[by[class]]);
		class = edges[by[class]].first;
	} while (class != wrong->then);
	atomic_fetch_add(&reports, 1);
}

/* A new pair: enters it, unless the reverse is known. True: it is reported by the caller. */
static bool learn(const struct edge *e, uint16_t *by)
{
	arch_irqflags_t irqs = lock_graph();
	unsigned count = atomic_load(&edge_count);
	bool wrong = false, full = count == EDGES;

	if (!is_known(e->first, e->then)) {
		set_known(e->first, e->then);
		wrong = find_path(e->then, e->first, by);
		if (!wrong && !full) {
			edges[count] = *e;
			atomic_store(&edge_count, count + 1);
		}
	}
	unlock_graph(irqs);
	if (full)
		tell_full("orders");
	return wrong;
}

static __noinline void compare(struct mutex *held, struct mutex *m)
{
	struct edge e = {.first = (uint16_t)class_of(held), .then = (uint16_t)class_of(m)};
	uint16_t by[CLASSES];

	if (!e.first || !e.then || e.first == e.then)
		return;
	memcpy(e.held, held->trace, sizeof(e.held));
	callers_note(e.taken, TRACE);
	if (learn(&e, by))
		report_order(&e, by);
}

void lockdep_before(struct mutex *m)
{
	static_assert(TRACE == MUTEX_TRACE, "the trace of a mutex is copied");
	for (struct mutex *held = thread_current()->held; held; held = held->held_next)
		if (!is_known(class_of(held), class_of(m)))
			compare(held, m);
}

bool lockdep_get(unsigned i, const char **first, const char **then, uintptr_t *site)
{
	if (i >= atomic_load(&edge_count))
		return false;
	*first = classes[edges[i].first].name;
	*then = classes[edges[i].then].name;
	*site = edges[i].taken[0];
	return true;
}

/* --- spinlocks and interrupts ---------------------------------------------------------------- */

static void report_use(const struct lock_class *c)
{
	log_error("lock context: spinlock %s is taken in interrupts, and elsewhere with them on:",
		c->name);
	log_error("  in an interrupt");
	callers_log(c->taken[0], TRACE);
	log_error("  with interrupts on");
	callers_log(c->taken[1], TRACE);
	atomic_fetch_add(&reports, 1);
}

/* The lock is held; `use` is new to it, perhaps not to its class. */
static void note_use(struct spinlock *l, unsigned use)
{
	struct lock_class *c;
	arch_irqflags_t irqs;
	bool wrong = false;

	l->use |= (uint8_t)use;
	if (l->rank >= LOCK_RANK_CONSOLE)
		return; /* a report could not be printed */
	irqs = lock_graph();
	c = &classes[find_class(l->name)];
	if (c->name && use & ~c->use) {
		c->use |= (uint8_t)use;
		callers_note(c->taken[use == SPIN_IRQS_ON], TRACE);
		wrong = c->use == (SPIN_IN_IRQ | SPIN_IRQS_ON);
	}
	unlock_graph(irqs);
	if (wrong)
		report_use(c);
}

void lockdep_init(unsigned cpus)
{
	for (unsigned cpu = 0; cpu < cpus; cpu++)
		cpu_ptr(percpu_held_locks, cpu)->note_use = note_use;
}

#else

void lockdep_init(unsigned cpus)
{
	(void)cpus;
}

void lockdep_before(struct mutex *m)
{
	(void)m;
}

bool lockdep_get(unsigned i, const char **first, const char **then, uintptr_t *site)
{
	(void)i;
	(void)first;
	(void)then;
	(void)site;
	return false;
}

#endif
