/* SPDX-License-Identifier: MIT */
/*
 * Timers: per CPU a tree by (deadline, order of start) and the one hardware shot, which serves the
 * earlier of the tree's first timer and the scheduler's slice.
 *
 * Lazy: `armed` is what the hardware was told last. Cancelling, or a slice that now ends later,
 * leaves it as it is; the interrupt finds nothing due and arms again.
 *
 * With turns=on a CPU that is not idle also gets an interrupt every millisecond: under icount it
 * ends this CPU's turn, so that all busy CPUs get equal shares of the one virtual clock.
 */
#include "kernel/timer.h"
#include "kernel/preempt.h"
#include "kernel/spinlock.h"
#include "kernel/thread.h"
#include <arch/time.h>

#define TURN NSEC_PER_MSEC

/* (l) only this CPU, interrupts off; (t) lock; (a) atomic, written under the lock */
struct timer_base {
	struct spinlock lock;
	struct rb_tree tree;             /* (t) */
	uint64_t seq;                    /* (t) */
	_Atomic(struct timer *) running; /* (a) whose fn is being called */
	ktime_t slice;                   /* (l) when the scheduler wants to be called */
	_Atomic ktime_t armed; /* (a) what the hardware was told last; written here only */
};
static DEFINE_PERCPU(struct timer_base, timer_bases);

/* Set by timer_take_turns(). */
static bool turns;

static inline struct timer *timer_of(struct rb_node *n)
{
	return rb_entry(n, struct timer, node);
}

static bool goes_before(const struct rb_node *a, const struct rb_node *b)
{
	const struct timer *x = rb_entry(a, struct timer, node);
	const struct timer *y = rb_entry(b, struct timer, node);

	return x->when < y->when || (x->when == y->when && x->seq < y->seq);
}

void timer_init_cpu(unsigned cpu)
{
	struct timer_base *base = cpu_ptr(timer_bases, cpu);

	spin_init(&base->lock, "timers", LOCK_RANK_TIMER);
	base->slice = KTIME_MAX;
	atomic_init(&base->armed, KTIME_MAX);
}

/* Makes the shot come at `when` or earlier. */
static inline void arm_by(struct timer_base *base, ktime_t when)
{
	KASSERT(arch_irqs_off());
	if (when >= atomic_load_explicit(&base->armed, memory_order_relaxed))
		return;
	atomic_store_explicit(&base->armed, when, memory_order_relaxed);
	arch_timer_arm(when);
}

void timer_set_slice(ktime_t when)
{
	struct timer_base *base = this_cpu_ptr(timer_bases);

	base->slice = when;
	arm_by(base, when);
}

void timer_take_turns(void)
{
	turns = true;
	timer_begin_turn();
}

void timer_begin_turn(void)
{
	if (unlikely(turns))
		arm_by(this_cpu_ptr(timer_bases), arch_time_now() + TURN);
}

ktime_t timer_armed_at(unsigned cpu)
{
	return atomic_load_explicit(&cpu_ptr(timer_bases, cpu)->armed, memory_order_relaxed);
}

bool timer_armed_anywhere(void)
{
	for (unsigned cpu = 0; cpu < CONFIG_MAX_CPUS; cpu++) {
		const struct timer_base *base = cpu_ptr(timer_bases, cpu);

		if (cpu && !percpu_offset[cpu])
			continue;
		if (atomic_load_explicit(&base->armed, memory_order_relaxed) != KTIME_MAX)
			return true;
	}
	return false;
}

void timer_init(struct timer *timer, void (*fn)(struct timer *timer))
{
	timer->node = (struct rb_node){0};
	timer->fn = fn;
	atomic_store_explicit(&timer->cpu, 0, memory_order_relaxed);
}

bool timer_pending(const struct timer *timer)
{
	return rb_linked(&timer->node);
}

/* Only the CPU of the last start is looked at, so a timer is never under way on two. */
static inline void wait_for_call_elsewhere(struct timer *timer)
{
	unsigned cpu = atomic_load_explicit(&timer->cpu, memory_order_relaxed);
	struct timer_base *base = cpu_ptr(timer_bases, cpu);

	if (unlikely(cpu != arch_cpu_id()))
		while (atomic_load_explicit(&base->running, memory_order_acquire) == timer)
			arch_cpu_relax();
}

void timer_start(struct timer *timer, ktime_t when)
{
	arch_irqflags_t irqs = arch_irq_save();
	struct timer_base *base = this_cpu_ptr(timer_bases);
	bool first;

	wait_for_call_elsewhere(timer);
	spin_lock(&base->lock);
	timer->when = when;
	timer->seq = base->seq++;
	atomic_store_explicit(&timer->cpu, arch_cpu_id(), memory_order_relaxed);
	rb_insert(&base->tree, &timer->node, goes_before);
	first = rb_first(&base->tree) == &timer->node;
	spin_unlock(&base->lock);
	if (first)
		arm_by(base, when);
	arch_irq_restore(irqs);
}

/* Locks the base on which the timer was started last. */
static struct timer_base *lock_base_of(const struct timer *timer)
{
	for (;;) {
		unsigned cpu = atomic_load(&timer->cpu);
		struct timer_base *base = cpu_ptr(timer_bases, cpu);

		spin_lock(&base->lock);
		if (likely(cpu == atomic_load(&timer->cpu)))
			return base;
		spin_unlock(&base->lock);
	}
}

bool timer_cancel(struct timer *timer)
{
	arch_irqflags_t irqs = arch_irq_save();
	struct timer_base *base = lock_base_of(timer);
	bool pending = timer_pending(timer);

	if (pending)
		rb_remove(&base->tree, &timer->node);
	spin_unlock(&base->lock);
	arch_irq_restore(irqs);
	return pending;
}

static bool is_called(const struct timer *timer)
{
	struct timer_base *base = cpu_ptr(timer_bases, atomic_load(&timer->cpu));

	return atomic_load_explicit(&base->running, memory_order_acquire) == timer;
}

void timer_finish(const struct timer *timer)
{
	KASSERT(!arch_irqs_off());
	while (unlikely(is_called(timer)))
		arch_cpu_relax();
}

bool timer_cancel_sync(struct timer *timer)
{
	bool cancelled = timer_cancel(timer);

	timer_finish(timer);
	return cancelled;
}

/*
 * The first timer that is due, taken out of the tree and marked as being called; or NULL, and the
 * deadline of the first that is not.
 */
static struct timer *take_due(struct timer_base *base, ktime_t now, ktime_t *next)
{
	struct rb_node *n;
	struct timer *timer = NULL;

	*next = KTIME_MAX;
	spin_lock(&base->lock);
	n = rb_first(&base->tree);
	if (n && timer_of(n)->when <= now) {
		timer = timer_of(n);
		rb_remove(&base->tree, n);
	} else if (n) {
		*next = timer_of(n)->when;
	}
	atomic_store_explicit(&base->running, timer, memory_order_release);
	spin_unlock(&base->lock);
	return timer;
}

/*
 * Returns the deadline of the first timer that is left. Only this CPU inserts into its tree, and
 * sees to the hardware when it does: what is the first now stays so, or goes.
 */
static inline ktime_t call_due(struct timer_base *base, ktime_t now)
{
	ktime_t next = KTIME_MAX;
	struct timer *timer;

	while (rb_first(&base->tree) && (timer = take_due(base, now, &next)))
		timer->fn(timer);
	atomic_store_explicit(&base->running, NULL, memory_order_release);
	return next;
}

void timer_interrupt(void)
{
	struct cpu_scheduler *cpu = this_cpu_ptr(cpu_schedulers);
	struct timer_base *base = this_cpu_ptr(timer_bases);
	ktime_t now = arch_time_now(), next;

	KASSERT(arch_irqs_off());
	atomic_store_explicit(&base->armed, KTIME_MAX, memory_order_relaxed);
	next = call_due(base, now);
	if (base->slice <= now) {
		base->slice = KTIME_MAX;
		sched_timer(&cpu->rq, now);
	}
	arm_by(base, MIN(base->slice, next));
	if (thread_current() != cpu->idle)
		timer_begin_turn();
}

/* Both locks, in CPU order. */
static void lock_both(unsigned a, unsigned b)
{
	spin_lock(&cpu_ptr(timer_bases, MIN(a, b))->lock);
	spin_lock_second(&cpu_ptr(timer_bases, MAX(a, b))->lock);
}

/* Both locks are held throughout, so that whoever cancels a timer finds it in one of the trees. */
void timer_take_over(unsigned cpu)
{
	struct timer_base *from = cpu_ptr(timer_bases, cpu), *to = this_cpu_ptr(timer_bases);
	ktime_t first = KTIME_MAX;
	struct rb_node *n;

	KASSERT(arch_irqs_off() && from != to);
	lock_both(cpu, arch_cpu_id());
	while ((n = rb_first(&from->tree))) {
		struct timer *timer = timer_of(n);

		rb_remove(&from->tree, n);
		timer->seq = to->seq++;
		atomic_store_explicit(&timer->cpu, arch_cpu_id(), memory_order_relaxed);
		rb_insert(&to->tree, n, goes_before);
	}
	n = rb_first(&to->tree);
	if (n)
		first = timer_of(n)->when;
	spin_unlock(&from->lock);
	spin_unlock(&to->lock);
	if (first != KTIME_MAX)
		arm_by(to, first);
}

unsigned timer_list(unsigned cpu, ktime_t *when, unsigned max)
{
	struct timer_base *base = cpu_ptr(timer_bases, cpu);
	arch_irqflags_t irqs = spin_lock_irqsave(&base->lock);
	unsigned n = 0;

	for (struct rb_node *i = rb_first(&base->tree); i && n < max; i = rb_next(i))
		when[n++] = timer_of(i)->when;
	spin_unlock_irqrestore(&base->lock, irqs);
	return n;
}
