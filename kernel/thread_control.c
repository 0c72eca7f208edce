/* SPDX-License-Identifier: MIT */
/*
 * What one thread may ask of another, or of itself: yield, sleep, priority, affinity, kill,
 * suspend, resume; and what it may ask about it.
 *
 * A request to stop is a bit in t->stop, set before the target is looked for: in a killable wait
 * (interrupted), running (its CPU is made to look), or neither (it looks itself before it blocks).
 */
#include "kernel/dispatch_private.h"
#include "kernel/errno.h"
#include "kernel/log.h"
#include "kernel/mutex.h"
#include "kernel/preempt.h"
#include "kernel/process.h"
#include "kernel/string.h"
#include "kernel/thread.h"
#include "kernel/thread_private.h"
#include "kernel/trace.h"
#include <arch/time.h>

/* Those who wait for a suspension to take effect, of whatever thread: they are few. */
static struct wait_queue stop_waiters =
	WAIT_QUEUE_INIT(stop_waiters, stop_waiters, WAIT_KIND_OTHER, LOCK_RANK_THREAD);

/* --- the calling thread ---------------------------------------------------------------------- */

int thread_sleep_until(ktime_t deadline)
{
	return wait_sleep(deadline);
}

int thread_sleep(ktime_t ns)
{
	ktime_t now = arch_time_now();

	return wait_sleep(ns < KTIME_MAX - now ? now + MAX(ns, 0) : KTIME_MAX);
}

bool thread_wake(struct thread *t)
{
	bool woken = wait_wake_sleeper(t);

	preempt_check();
	return woken;
}

/* --- stopping -------------------------------------------------------------------------------- */

bool thread_killed(void)
{
	return atomic_load(&thread_current()->stop) & THREAD_STOP_KILL;
}

#define SUSPENSIONS (THREAD_STOP_SUSPEND | THREAD_STOP_PROCESS)

/* A kill comes before a suspension. */
static bool suspension_wanted(const struct thread *self)
{
	unsigned stop = atomic_load(&self->stop);

	return stop & SUSPENSIONS && !(stop & THREAD_STOP_KILL);
}

static void suspend_while_wanted(struct thread *self)
{
	while (suspension_wanted(self))
		dispatch_stop(suspension_wanted);
}

static bool take_sleep_request(struct thread *self)
{
	return atomic_fetch_and(&self->stop, ~(unsigned)THREAD_STOP_SLEEP) & THREAD_STOP_SLEEP;
}

/* A suspension on the way does not shorten it, a new request replaces it, a kill ends it. */
static void sleep_if_wanted(struct thread *self)
{
	bool wanted = take_sleep_request(self);

	while (wanted && !thread_killed() && atomic_load(&self->sleep_until) > arch_time_now()) {
		wanted = !wait_sleep_here(atomic_load(&self->sleep_until));
		suspend_while_wanted(self);
		wanted |= take_sleep_request(self);
	}
}

void thread_suspend_here(void)
{
	struct thread *self = thread_current();

	KASSERT(arch_irqs_off() && !preempt_disabled());
	KASSERT(!self->held || !suspension_wanted(self));
	suspend_while_wanted(self);
	if (unlikely(atomic_load(&self->stop) & THREAD_STOP_SLEEP) && !self->held)
		sleep_if_wanted(self);
}

void thread_stop_here(void)
{
	thread_suspend_here();
	if (thread_killed()) {
		arch_irq_enable();
		thread_exit(-EINTR);
	}
}

bool thread_check_stop(void)
{
	KASSERT(preempt_may_block());
	KASSERT(!thread_current()->held);
	if (likely(!atomic_load(&thread_current()->stop)))
		return false;
	arch_irq_disable();
	thread_suspend_here();
	arch_irq_enable();
	return thread_killed();
}

void thread_note_stopped(void)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&stop_waiters.lock);

	wait_wake_all(&stop_waiters);
	spin_unlock_irqrestore(&stop_waiters.lock, irqs);
}

/* 0 if `t` may be asked to stop. */
static int may_stop(struct thread *t)
{
	if (atomic_load(&t->flags) & THREAD_SYSTEM)
		return -ETHREAD_ACCESS;
	return thread_get_state(t) == THREAD_TERMINATED ? -ETHREAD_NOT_FOUND : 0;
}

/* The request is in t->stop: finds the thread wherever it is. */
static void press(struct thread *t)
{
	arch_irqflags_t irqs = arch_irq_save();

	if (!(atomic_load(&t->flags) & THREAD_UNINTERRUPTIBLE))
		wait_interrupt(t);
	if (atomic_load(&t->flags) & THREAD_KILLABLE_ANYWHERE)
		dispatch_kick(t);
	arch_irq_restore(irqs);
}

/* The first request starts the clock, and a kill starts it anew. */
static void start_clock(struct thread *t)
{
	timer_cancel(&t->stop_timer);
	timer_start(&t->stop_timer, arch_time_now() + thread_stop_patience);
}

/* exit_queue's lock and exit_state keep the timer from a dead thread. */
static int request(struct thread *t, enum thread_stop what)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&t->exit_queue.lock);
	int err = atomic_load(&t->exit_state) == THREAD_ALIVE ? 0 : -ETHREAD_NOT_FOUND;
	unsigned before;

	if (!err) {
		before = atomic_fetch_or(&t->stop, what);
		before &= ~(unsigned)THREAD_STOP_SLEEP;
		if (t != thread_current() && what != THREAD_STOP_SLEEP &&
			(!before || what & ~before & THREAD_STOP_KILL))
			start_clock(t);
	}
	spin_unlock_irqrestore(&t->exit_queue.lock, irqs);
	return err;
}

static void go_on(struct thread *t)
{
	arch_irqflags_t irqs = arch_irq_save();

	sched_resume(&scheduler, &t->se, arch_cpu_id(), arch_time_now());
	arch_irq_restore(irqs);
	preempt_check();
}

static int kill(struct thread *t)
{
	int err = request(t, THREAD_STOP_KILL);

	if (err)
		return err;
	trace_event(TRACE_KILL, t->thread_id, thread_current()->thread_id);
	press(t);
	go_on(t);
	return 0;
}

int thread_kill(struct thread *t)
{
	int err = may_stop(t);

	return err ? err : kill(t);
}

void thread_kill_with_process(struct thread *t)
{
	(void)!kill(t); /* one that has ended needs no kill */
}

/* What a suspension has come to: 0, an error, or -EBUSY while nothing is decided. */
static int outcome_of_suspension(struct thread *t)
{
	enum thread_state state = thread_get_state(t);

	if (state == THREAD_STOPPED)
		return 0;
	if (state == THREAD_TERMINATED)
		return -ETHREAD_NOT_FOUND;
	return atomic_load(&t->stop) & SUSPENSIONS ? -EBUSY : -EAGAIN;
}

/* Waits until `t` is STOPPED, has ended, or is no longer to stop. */
int thread_wait_stopped(struct thread *t, ktime_t deadline)
{
	int result, err = deadline ? 0 : -ETIMEDOUT;

	wait_queue_lock(&stop_waiters);
	while ((result = outcome_of_suspension(t)) == -EBUSY && !err)
		err = wait_block_locked(&stop_waiters, WAIT_KILLABLE, deadline);
	wait_queue_unlock(&stop_waiters);
	return result == -EBUSY ? err : result;
}

static int suspend_self(void)
{
	atomic_fetch_or(&thread_current()->stop, THREAD_STOP_SUSPEND);
	return thread_check_stop() ? -EINTR : 0;
}

int thread_suspend(struct thread *t, ktime_t deadline)
{
	int err = may_stop(t);

	if (!err && t == thread_current())
		return suspend_self();
	if (!err)
		err = request(t, THREAD_STOP_SUSPEND);
	if (err)
		return err;
	trace_event(TRACE_SUSPEND, t->thread_id, thread_current()->thread_id);
	press(t);
	return thread_wait_stopped(t, deadline);
}

/* The clock of a request that was taken back stops, unless a kill is still waited for. */
static bool take_back_suspension(struct thread *t, unsigned which)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&t->exit_queue.lock);
	unsigned before = atomic_fetch_and(&t->stop, ~which);

	if (!(before & ~which & (SUSPENSIONS | THREAD_STOP_KILL)))
		timer_cancel(&t->stop_timer);
	spin_unlock_irqrestore(&t->exit_queue.lock, irqs);
	return before & which;
}

/* False when it was not suspended so. It goes on if that was the only reason not to. */
static bool resume(struct thread *t, unsigned which)
{
	if (!take_back_suspension(t, which))
		return false;
	/* A report that has begun looks at the thread, which has no more reason to wait for it. */
	timer_finish(&t->stop_timer);
	trace_event(TRACE_RESUME, t->thread_id, thread_current()->thread_id);
	thread_note_stopped();
	if (!(atomic_load(&t->stop) & SUSPENSIONS))
		go_on(t);
	return true;
}

int thread_resume(struct thread *t)
{
	if (thread_get_state(t) == THREAD_TERMINATED)
		return -ETHREAD_NOT_FOUND;
	return resume(t, THREAD_STOP_SUSPEND) ? 0 : -ETHREAD_STATE;
}

static bool is_to_stop_with_process(const struct thread *t)
{
	return atomic_load(&t->process->flags) & PROCESS_SUSPENDED;
}

/* Who changes the flag comes here after it: of two at once the last look sees the last change. */
void thread_stop_or_go_with_process(struct thread *t)
{
	bool stop;

	do {
		stop = is_to_stop_with_process(t);
		if (!stop)
			resume(t, THREAD_STOP_PROCESS);
		else if (!request(t, THREAD_STOP_PROCESS))
			press(t);
	} while (stop != is_to_stop_with_process(t));
}

/* --- sleep ----------------------------------------------------------------------------------- */

int thread_sleep_other(struct thread *t, ktime_t ns)
{
	ktime_t now = arch_time_now();
	int err = may_stop(t);

	if (!err && t == thread_current())
		return thread_sleep(ns);
	if (err)
		return err;
	atomic_store(&t->sleep_until, ns < KTIME_MAX - now ? now + MAX(ns, 0) : KTIME_MAX);
	err = request(t, THREAD_STOP_SLEEP);
	if (!err)
		press(t);
	return err;
}

/* --- priority and affinity ------------------------------------------------------------------- */

unsigned thread_priority_level(unsigned priority)
{
	return thread_level_of(priority);
}

unsigned thread_priority_of_level(unsigned level)
{
	unsigned distance_from_critical = (level + 5) / 10;

	return THREAD_PRIORITY_CRITICAL - MIN(distance_from_critical, THREAD_PRIORITY_CRITICAL);
}

/* The entity's level and the name that goes with it. exit_queue locked, for one at a time. */
static int set_level(struct thread *t, unsigned level, unsigned priority)
{
	int err;

	KASSERT(spin_held(&t->exit_queue.lock));
	err = sched_set_level(&scheduler, &t->se, level, arch_cpu_id(), arch_time_now());
	if (err)
		return err == -ESRCH ? -ETHREAD_NOT_FOUND : -ETHREAD_PRIORITY;
	atomic_store(&t->priority, (uint8_t)priority);
	trace_event(TRACE_PRIORITY, t->thread_id, level);
	return 0;
}

static bool is_idle(const struct thread *t)
{
	return atomic_load_explicit(&t->flags, memory_order_relaxed) & THREAD_IDLE;
}

/* Whoever it waits with or lends to is told. */
static void urgency_changed(struct thread *t)
{
	mutex_urgency_changed(t);
	wait_urgency_changed(t);
}

static int set_own_level(struct thread *t, unsigned level, unsigned priority)
{
	arch_irqflags_t irqs;
	int err;

	if (is_idle(t))
		return -ETHREAD_ACCESS;
	irqs = spin_lock_irqsave(&t->exit_queue.lock);
	err = set_level(t, level, priority);
	if (!err)
		atomic_store(&t->follows_process, false);
	spin_unlock_irqrestore(&t->exit_queue.lock, irqs);
	if (!err)
		urgency_changed(t);
	preempt_check();
	return err;
}

int thread_set_level(struct thread *t, unsigned level)
{
	if (level >= SCHED_LEVEL_COUNT)
		return -ETHREAD_PRIORITY;
	return set_own_level(t, level, thread_priority_of_level(level));
}

int thread_set_priority(struct thread *t, unsigned priority)
{
	if (priority >= THREAD_PRIORITY_COUNT)
		return -ETHREAD_PRIORITY;
	return set_own_level(t, thread_priority_level(priority), priority);
}

void thread_follow_process(struct thread *t)
{
	struct process *p = t->process;
	arch_irqflags_t irqs = spin_lock_irqsave(&t->exit_queue.lock);

	/* One that has ended needs no level. */
	if (atomic_load(&t->follows_process) && !is_idle(t))
		(void)!set_level(t, atomic_load(&p->level),
			process_thread_priority(atomic_load(&p->priority)));
	spin_unlock_irqrestore(&t->exit_queue.lock, irqs);
	urgency_changed(t);
	preempt_check();
}

int thread_set_affinity(struct thread *t, const struct cpumask *mask)
{
	arch_irqflags_t irqs;
	int err;

	if (!scheduler.config.affinity || is_idle(t))
		return -ETHREAD_ACCESS;
	irqs = arch_irq_save();
	err = sched_set_affinity(&scheduler, &t->se, mask, arch_cpu_id(), arch_time_now());
	arch_irq_restore(irqs);
	if (err)
		return err == -ESRCH ? -ETHREAD_NOT_FOUND : -ESCHED_CPU;
	trace_event(TRACE_AFFINITY, t->thread_id, mask->bits[0]);
	preempt_check();
	return 0;
}

/* --- questions ------------------------------------------------------------------------------- */

/* Under its run queue's lock nobody begins to run, and whoever has left has been saved. */
int thread_get_context(struct thread *t, struct arch_context *context)
{
	arch_irqflags_t irqs = arch_irq_save();
	struct sched_rq *rq = dispatch_lock_rq_of(t);
	int err = 0;

	if (t->se.state == SCHED_RUNNING)
		err = -ETHREAD_STATE;
	else if (t->se.state == SCHED_DEAD)
		err = -ETHREAD_NOT_FOUND;
	else
		arch_thread_get_context(&t->arch, context);
	spin_unlock(&rq->lock);
	arch_irq_restore(irqs);
	return err;
}

enum thread_state thread_get_state(const struct thread *t)
{
	static const uint8_t states[SCHED_STATE_COUNT] = {
		[SCHED_NEW] = THREAD_WAITING,
		[SCHED_QUEUED] = THREAD_READY,
		[SCHED_RUNNING] = THREAD_RUNNING,
		[SCHED_BLOCKED] = THREAD_WAITING,
		[SCHED_THROTTLED] = THREAD_WAITING,
		[SCHED_WAKING] = THREAD_READY,
		[SCHED_STOPPED] = THREAD_STOPPED,
		[SCHED_DEAD] = THREAD_TERMINATED,
	};

	return states[*(const volatile enum sched_state *)&t->se.state];
}

unsigned thread_get_cpu(const struct thread *t)
{
	const struct sched_rq *rq = atomic_load(&t->se.rq);

	return rq ? rq->cpu : 0;
}

const char *thread_state_name(enum thread_state state)
{
	static const char *const names[] = {"READY", "RUNNING", "WAITING", "STOPPED", "TERMINATED"};

	return state < ARRAY_SIZE(names) ? names[state] : "?";
}

const char *thread_priority_name(unsigned priority)
{
	static const char *const names[] = {"IDLE", "LOW", "NORMAL", "HIGH", "CRITICAL"};

	return priority < ARRAY_SIZE(names) ? names[priority] : "?";
}

static uint64_t count_switches(const struct sched_entity *se)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < SCHED_LEAVING_COUNT; i++)
		sum += se->stats.switches[i];
	return sum;
}

void thread_get_stats(struct thread *t, struct thread_stats *stats)
{
	arch_irqflags_t irqs = arch_irq_save();

	memcpy(stats->name, t->name, sizeof(stats->name));
	stats->process_id = t->process->process_id;
	stats->state = thread_get_state(t);
	stats->cpu = thread_get_cpu(t);
	stats->level = t->se.level;
	stats->cpu_time = sched_runtime(&scheduler, &t->se, arch_time_now());
	stats->created_at = t->created_at;
	stats->switches = count_switches(&t->se);
	stats->misses = t->se.stats.misses;
	stats->overruns = t->se.stats.overruns;
	stats->wait_site = t->se.state == SCHED_BLOCKED ? t->wait_site : 0;
	arch_irq_restore(irqs);
}
