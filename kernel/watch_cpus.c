/* SPDX-License-Identifier: MIT */
/*
 * The watchdog of CPUs that are stuck (kernel/watch.h).
 *
 * A CPU is behind while it has been asked to switch, or its timer is due. If it is so at several
 * looks and has neither switched nor set its timer anew between them, it is asked where it is, by
 * NMI, at each further look. A virtual CPU that the host does not run cannot answer either; one
 * that has answered again and again did run, and is reported as stuck with its last answer. One
 * that never answers is given twice the time. A look counts no longer than the time between two
 * looks, in case the host stopped the whole machine.
 *
 * The first two CPUs that are on line and not stuck look, each by a timer of its own, so that the
 * one that is stuck is seen by another. When all CPUs idle at a look the watchdog rests, until one
 * leaves its idle loop. That CPU has need_resched set when it finds the watchdog not resting, and
 * until it has switched; the look that goes to rest looks at that afterwards.
 */
#include "kernel/dispatch.h"
#include "kernel/entry.h"
#include "kernel/log.h"
#include "kernel/params.h"
#include "kernel/string.h"
#include "kernel/thread.h"
#include "kernel/watch.h"
#include <arch/debug.h>
#include <arch/smp.h>
#include <arch/time.h>

#define LOOKS_PER_LIMIT 4
#define LOOKERS         2
#define ANSWERS         2 /* before a CPU is reported */
#define FRAMES          16
#define NOT_BEHIND      UINT64_MAX /* a mark */

_Atomic bool watch_cpus_resting;

static _Atomic ktime_t limit;               /* (a) 0: nobody looks */
static _Atomic bool looking;                /* (a) held for a look */
static ktime_t last_look;                   /* (k) who holds `looking` */
static bool mute;                           /* (k) for tests: asks, but sends no NMI */
static DEFINE_PERCPU(struct timer, looks);  /* started by its own CPU only */
static DEFINE_PERCPU(_Atomic bool, called); /* (a) to look from now on */

/* What the lookers know of a CPU: (k) */
struct watched {
	uint64_t mark;     /* changes when the CPU does what it is behind with */
	ktime_t behind;    /* for so long */
	unsigned asked;    /* how often, ever */
	unsigned answered; /* the answers there were before it was behind */
	bool reported;
};
static DEFINE_PERCPU(struct watched, watched);

/* Written by the CPU itself, in an NMI, when it was asked and before it is asked again. */
struct answer {
	_Atomic unsigned count; /* (a) written last: the answers so far */
	unsigned frames;
	uintptr_t pc[FRAMES];
	uint64_t thread_id;
	char name[THREAD_NAME_SIZE];
};
static DEFINE_PERCPU(struct answer, answers);

/* --- who looks, and when --------------------------------------------------------------------- */

static ktime_t look_interval(void)
{
	return atomic_load(&limit) / LOOKS_PER_LIMIT;
}

/* This CPU looks some time from now. Interrupts off. */
static void stand_watch(void)
{
	struct timer *timer = this_cpu_ptr(looks);

	if (!timer_pending(timer))
		timer_start(timer, arch_time_now() + look_interval());
}

static void call_to_watch(unsigned cpu)
{
	if (cpu == arch_cpu_id()) {
		stand_watch();
	} else if (!timer_pending(cpu_ptr(looks, cpu))) {
		atomic_store(cpu_ptr(called, cpu), true);
		arch_ipi_send(cpu, ARCH_IPI_CALL);
	}
}

void watch_cpus_called(void)
{
	if (atomic_load_explicit(this_cpu_ptr(called), memory_order_relaxed) &&
		atomic_exchange(this_cpu_ptr(called), false))
		stand_watch();
}

/* Those who look already go on. */
static void call_lookers(void)
{
	unsigned cpu, found = 0;
	struct cpumask online;

	cpumask_snapshot(&online, &scheduler.online);
	cpumask_for_each (cpu, &online) {
		if (found == LOOKERS)
			break;
		if (cpu_ptr(watched, cpu)->reported)
			continue;
		found++;
		call_to_watch(cpu);
	}
}

void watch_cpus_begin(void)
{
	KASSERT(arch_irqs_off());
	if (atomic_load(&scheduler.nr_online) > 1 && atomic_exchange(&watch_cpus_resting, false))
		call_lookers();
}

/* --- what a CPU does ------------------------------------------------------------------------- */

/* A look without the lock, which a CPU that is stuck may hold. */
static uint64_t count_switches(const struct sched_rq *rq)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < SCHED_REASON_COUNT; i++)
		sum += *(const volatile uint64_t *)&rq->stats.switches[i];
	return sum;
}

static bool timer_is_due(unsigned cpu)
{
	return timer_armed_at(cpu) < arch_time_now();
}

static bool is_behind(unsigned cpu)
{
	return sched_need_resched(scheduler.rq[cpu]) || timer_is_due(cpu);
}

static uint64_t mark_of(unsigned cpu)
{
	const struct sched_rq *rq = scheduler.rq[cpu];

	return sched_need_resched(rq) ? 2 * count_switches(rq) + 1
				      : 2 * (uint64_t)timer_armed_at(cpu);
}

/* Whose run queue is locked does something. */
static bool is_idle(unsigned cpu)
{
	struct sched_rq *rq = scheduler.rq[cpu];
	bool idle;

	if (!spin_trylock(&rq->lock))
		return false;
	idle = rq->curr == rq->idle && !is_behind(cpu) && !atomic_load(&rq->nr_runnable);
	spin_unlock(&rq->lock);
	return idle;
}

static bool all_idle(void)
{
	struct cpumask online;
	unsigned cpu;

	cpumask_snapshot(&online, &scheduler.online);
	cpumask_for_each (cpu, &online)
		if (!is_idle(cpu))
			return false;
	return true;
}

/* --- reports --------------------------------------------------------------------------------- */

static void report_locks(unsigned cpu)
{
	const struct held_locks *held = cpu_ptr(percpu_held_locks, cpu);
	unsigned count = MIN(held->count, (unsigned)HELD_LOCKS_MAX);

	for (unsigned i = 0; i < count; i++)
		log_warn("    it holds %s, taken in %pS", spin_name(held->lock[i]),
			(void *)held->site[i]);
}

static void report(unsigned cpu)
{
	const struct watched *w = cpu_ptr(watched, cpu);
	const struct answer *a = cpu_ptr(answers, cpu);

	log_warn("CPU %u is stuck: for %lld ms it %s; in thread %llu (%s), in", cpu,
		(long long)(w->behind / NSEC_PER_MSEC),
		w->mark & 1 ? "has not switched, though asked to" : "has not taken its timer",
		(unsigned long long)a->thread_id, a->name);
	for (unsigned i = 0; i < a->frames; i++)
		log_warn("    %pS", (void *)a->pc[i]);
	report_locks(cpu);
}

static void report_silent(unsigned cpu)
{
	const struct watched *w = cpu_ptr(watched, cpu);

	log_warn("CPU %u is stuck: for %lld ms it %s, and it does not answer an NMI", cpu,
		(long long)(w->behind / NSEC_PER_MSEC),
		w->mark & 1 ? "has not switched, though asked to" : "has not taken its timer");
	report_locks(cpu);
}

static bool add_frame(uintptr_t pc, bool irq __unused, void *arg)
{
	struct answer *a = arg;

	a->pc[a->frames++] = pc;
	return a->frames < FRAMES;
}

void entry_show(const struct arch_frame *frame)
{
	struct answer *a = this_cpu_ptr(answers);
	const struct thread *t = thread_current();

	a->frames = 0;
	arch_backtrace(frame, add_frame, a);
	a->thread_id = t->thread_id;
	memcpy(a->name, t->name, sizeof(a->name));
	atomic_fetch_add_explicit(&a->count, 1, memory_order_release);
}

/* --- a look ---------------------------------------------------------------------------------- */

static unsigned count_answers(unsigned cpu)
{
	return atomic_load_explicit(&cpu_ptr(answers, cpu)->count, memory_order_acquire);
}

/* It is behind, or behind with something else, since now. */
static void begin_anew(unsigned cpu, uint64_t mark)
{
	struct watched *w = cpu_ptr(watched, cpu);

	w->mark = mark;
	w->behind = 0;
	w->answered = count_answers(cpu);
	w->reported = false;
}

/* Never twice without an answer: an NMI that is not asked for ends the kernel. */
static void ask(unsigned cpu)
{
	cpu_ptr(watched, cpu)->asked++;
	if (!mute)
		arch_ipi_send(cpu, ARCH_IPI_SHOW);
}

static void look_at(unsigned cpu, ktime_t passed)
{
	struct watched *w = cpu_ptr(watched, cpu);
	ktime_t patience = atomic_load(&limit);
	unsigned answers_now = count_answers(cpu);
	bool silent = answers_now != w->asked;

	w->behind += passed;
	if (w->reported || w->behind < patience / 2)
		return;
	if (!silent && w->behind >= patience && answers_now - w->answered >= ANSWERS) {
		w->reported = true;
		report(cpu);
	} else if (silent && w->behind >= 2 * patience) {
		w->reported = true;
		report_silent(cpu);
	} else if (!silent) {
		ask(cpu);
	}
}

/* Itself too: one that takes its interrupts and does not switch may be the one that looks. */
static void look_at_each(ktime_t passed)
{
	struct cpumask online;
	unsigned cpu;

	cpumask_snapshot(&online, &scheduler.online);
	cpumask_for_each (cpu, &online) {
		bool behind = is_behind(cpu);
		uint64_t mark = behind ? mark_of(cpu) : NOT_BEHIND;

		if (!behind || mark != cpu_ptr(watched, cpu)->mark)
			begin_anew(cpu, mark);
		else
			look_at(cpu, passed);
	}
}

/* The two lookers' times are close to each other: one of them is enough. */
static void look(void)
{
	ktime_t now = arch_time_now(), interval = look_interval();

	if (atomic_exchange(&looking, true))
		return;
	if (now - last_look >= interval / 2) {
		look_at_each(MIN(now - last_look, interval));
		last_look = now;
	}
	atomic_store(&looking, false);
}

static void time_to_look(struct timer *timer __unused)
{
	if (!atomic_load(&limit))
		return;
	look();
	if (all_idle()) {
		atomic_store(&watch_cpus_resting, true);
		if (all_idle())
			return;
		atomic_store(&watch_cpus_resting, false);
	}
	call_lookers();
}

/* --- on and off ------------------------------------------------------------------------------ */

/* What was asked while no CPU heard it will not be answered. */
static void forget_questions(unsigned end)
{
	for (unsigned cpu = 0; cpu < end; cpu++)
		cpu_ptr(watched, cpu)->asked = count_answers(cpu);
}

void watch_cpus_set_limit(ktime_t ns, bool unheard)
{
	unsigned end = atomic_load(&scheduler.cpu_end);

	atomic_store(&limit, ns);
	for (unsigned cpu = 0; cpu < end; cpu++) {
		timer_cancel_sync(cpu_ptr(looks, cpu));
		begin_anew(cpu, NOT_BEHIND); /* or who was reported last would not look */
	}
	if (mute)
		forget_questions(end);
	mute = unheard;
	arch_irq_disable();
	atomic_store(&watch_cpus_resting, ns && end > 1);
	watch_cpus_begin();
	arch_irq_enable();
}

void watch_cpus_start(void)
{
	unsigned end = atomic_load(&scheduler.cpu_end);

	for (unsigned cpu = 0; cpu < end; cpu++)
		timer_init(cpu_ptr(looks, cpu), time_to_look);
	watch_cpus_set_limit(kernel_params.stuck * NSEC_PER_SEC, false);
}
