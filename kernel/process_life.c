/* SPDX-License-Identifier: MIT */
/*
 * The life of a process: create, run, end, wait.
 *
 * `live` counts the threads that may still run: those somebody outside created, and those of its
 * own that were started. When the last of them leaves, the process has ended: whatever its own
 * threads created and never started or joined is given up by nobody else, so it is given up here.
 * Once `settled` (no child, no handle) and without a control block it is deserted: whoever sees
 * that first, under process_lock, releases what is left.
 *
 * References: one is the process's own, until it is reaped; the creator's is the handle.
 */
#include "kernel/errno.h"
#include "kernel/limits.h"
#include "kernel/log.h"
#include "kernel/preempt.h"
#include "kernel/process.h"
#include "kernel/process_private.h"
#include "kernel/string.h"
#include "kernel/thread.h"
#include "kernel/thread_private.h"
#include "mm/slab.h"
#include <arch/time.h>

/* --- reaping --------------------------------------------------------------------------------- */

/* Nobody will ask any more: true if the caller is to drop the process's own reference. */
static bool may_reap(struct process *p)
{
	KASSERT(spin_held(&process_lock));
	if (process_phase(p) != PROCESS_GONE || p->waited_for ||
		!(process_flags(p) & PROCESS_DETACHED))
		return false;
	atomic_store(&p->phase, PROCESS_REAPED);
	list_remove(&p->sibling);
	return true;
}

static void reap_if_due(struct process *p)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&process_lock);
	bool reap = may_reap(p);

	spin_unlock_irqrestore(&process_lock, irqs);
	if (reap)
		process_put(p);
}

/* --- the end --------------------------------------------------------------------------------- */

void process_release(struct process *p)
{
	arch_irqflags_t irqs;

	KASSERT(process_phase(p) == PROCESS_ENDED);
	process_memory_release(p);
	process_get(p);
	irqs = spin_lock_irqsave(&process_lock);
	spin_lock(&p->ended.lock);
	atomic_store(&p->phase, PROCESS_GONE);
	wait_wake_all(&p->ended);
	spin_unlock(&p->ended.lock);
	spin_unlock_irqrestore(&process_lock, irqs);
	reap_if_due(p);
	process_put(p);
}

/* The first child, now process 0's and counted, or NULL. */
static struct process *give_child_away(struct process *p)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&process_lock);
	struct list_node *n = list_first(&p->children);
	struct process *child = n ? list_entry(n, struct process, sibling) : NULL;

	if (child) {
		process_get(child);
		list_remove(&child->sibling);
		list_push_back(&kernel_process.children, &child->sibling);
		child->parent = &kernel_process;
		child->parent_id = kernel_process.process_id;
		atomic_fetch_or(&child->flags, PROCESS_DETACHED);
	}
	spin_unlock_irqrestore(&process_lock, irqs);
	return child;
}

/*
 * A thread that its process never started, and that was perhaps asked to end with it: its handle
 * and its own reference go.
 */
static void drop_unborn(struct thread *t)
{
	timer_cancel_sync(&t->stop_timer);
	if (!(atomic_load(&t->flags) & THREAD_DETACHED))
		thread_put(t);
	thread_put(t);
}

/* What the process's own threads would have given up. The calling thread may be one of them. */
static void give_up_handles(struct process *p)
{
	struct thread *t = NULL;

	while ((t = process_next_thread(p, t))) {
		if (!t->belongs)
			continue;
		if (t->se.state == SCHED_NEW)
			drop_unborn(t);
		else if (thread_detach(t))
			continue; /* it was given up before */
	}
}

static void settle(struct process *p)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&process_lock);
	bool deserted;

	p->settled = true;
	deserted = process_is_deserted(p);
	spin_unlock_irqrestore(&process_lock, irqs);
	if (deserted)
		process_release(p);
}

/* The last live thread leaves, or there was none. Called once, by who set the phase. */
static void end(struct process *p)
{
	struct process *child;

	KASSERT(process_phase(p) == PROCESS_ENDED);
	if (process_flags(p) & PROCESS_CRITICAL)
		panic("process %llu (%s) is critical and has ended with status %d",
			(unsigned long long)p->process_id, p->name, p->exit_status);
	give_up_handles(p);
	while ((child = give_child_away(p))) {
		reap_if_due(child);
		process_put(child);
	}
	settle(p);
}

/* --- its threads ----------------------------------------------------------------------------- */

static void tell_limit(struct process *p, const char *what, uint64_t limit)
{
	if (!p->limit_told)
		log_warn("process %llu (%s): limit of %llu %s reached, creation refused",
			(unsigned long long)p->process_id, p->name, (unsigned long long)limit,
			what);
	p->limit_told = true;
}

static int check_limits(struct process *p, const struct thread *t)
{
	uint64_t max = atomic_load(&p->max_threads);

	if (p->thread_count >= max) {
		tell_limit(p, "threads", max);
		return -ETHREAD_LIMIT;
	}
	if (process_memory_refused(p, t->stack_size + sizeof(*t))) {
		tell_limit(p, "bytes", atomic_load(&p->max_memory));
		return -ETHREAD_MEMORY;
	}
	return 0;
}

static void count(struct process *p, struct thread *t)
{
	KASSERT(!t->counted);
	t->counted = true;
	p->live++;
	p->workers += !(atomic_load(&t->flags) & THREAD_DAEMON);
}

int process_admit_thread(struct process *p, struct thread *t)
{
	int err;

	KASSERT(spin_held(&process_lock));
	if (process_phase(p) != PROCESS_ALIVE)
		return -EPROCESS_STATE;
	err = check_limits(p, t);
	if (err)
		return err;
	t->counted = false;
	t->belongs = thread_current()->process == p;
	if (!t->belongs)
		count(p, t);
	if (process_flags(p) & PROCESS_SUSPENDED)
		atomic_fetch_or(&t->stop, THREAD_STOP_PROCESS);
	return 0;
}

void process_thread_starts(struct thread *t)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&process_lock);

	KASSERT(process_phase(t->process) < PROCESS_ENDED);
	if (!t->counted)
		count(t->process, t);
	spin_unlock_irqrestore(&process_lock, irqs);
}

/* Asks all threads but the caller, which may hold the cursor, to end. */
static void kill_others(struct process *p)
{
	struct thread *t = NULL;

	while ((t = process_next_thread(p, t)))
		if (t != thread_current())
			thread_kill_with_process(t);
}

/* What a thread's leaving means for its process. */
enum leaving { LEAVES_OTHERS, LEAVES_DAEMONS, LEAVES_NOBODY };

static enum leaving take_leave(struct process *p, struct thread *self, int status)
{
	KASSERT(spin_held(&process_lock) && p->live);
	self->counted = false;
	if (p->main_thread == self && !p->has_status)
		p->exit_status = status;
	p->workers -= !(atomic_load(&self->flags) & THREAD_DAEMON);
	if (!--p->live) {
		atomic_store(&p->phase, PROCESS_ENDED);
		return LEAVES_NOBODY;
	}
	if (p->workers || process_phase(p) != PROCESS_ALIVE ||
		atomic_load(&self->flags) & THREAD_DAEMON)
		return LEAVES_OTHERS;
	atomic_store(&p->phase, PROCESS_ENDING);
	return LEAVES_DAEMONS;
}

/* From here on it stops nowhere: it holds cursors, and may not leave twice. */
void process_thread_leaves(struct thread *self, int status)
{
	struct process *p = self->process;
	enum leaving leaving;
	arch_irqflags_t irqs;

	KASSERT(self == thread_current() && p != &kernel_process);
	atomic_fetch_and(&self->flags, ~(unsigned)THREAD_KILLABLE_ANYWHERE);
	irqs = spin_lock_irqsave(&process_lock);
	leaving = self->counted ? take_leave(p, self, status) : LEAVES_OTHERS;
	spin_unlock_irqrestore(&process_lock, irqs);
	if (leaving == LEAVES_DAEMONS)
		kill_others(p);
	if (leaving == LEAVES_NOBODY)
		end(p);
}

/* --- creation -------------------------------------------------------------------------------- */

#define PRIVILEGED_FLAGS (PROCESS_PRIVILEGED | PROCESS_SYSTEM_PROCESS | PROCESS_CRITICAL)

static int check_params(const struct process_create_params *params)
{
	const char *name = params->name ? params->name : "process";
	unsigned both = PROCESS_FOREGROUND | PROCESS_BACKGROUND, flags = params->flags;
	bool privileged = process_flags(thread_current()->process) & PROCESS_PRIVILEGED;

	if (params->priority >= PROCESS_PRIORITY_COUNT) {
		log_warn("process_create(%s): priority %u: there are 0 (SYSTEM) to %u (IDLE)", name,
			params->priority, PROCESS_IDLE);
		return -EPROCESS_PRIORITY;
	}
	if (flags & ~PROCESS_FLAGS_ALL || (flags & both) == both) {
		log_warn("process_create(%s): flags %#x: %s", name, flags,
			(flags & both) == both ? "both FOREGROUND and BACKGROUND"
					       : "some of them do not exist");
		return -EINVAL;
	}
	if (!privileged && (flags & PRIVILEGED_FLAGS || params->priority == PROCESS_SYSTEM))
		return -EPROCESS_ACCESS;
	return 0;
}

static void set_up(struct process *p, const struct process_create_params *params)
{
	string_copy(p->name, params->name ? params->name : "process", sizeof(p->name));
	atomic_store(&p->flags, params->flags);
	atomic_store(&p->priority, params->priority);
	atomic_store(&p->level, process_level(params->priority, params->flags));
	atomic_store(&p->max_threads, limit_get(LIMIT_PROCESS_THREADS));
	atomic_store(&p->max_memory, limit_get(LIMIT_PROCESS_MEMORY));
	atomic_store(&p->refs, 2);
	p->parent = thread_current()->process;
	p->created_at = arch_time_now();
	list_init(&p->threads);
	list_init(&p->children);
	list_init(&p->blocks);
	spin_init(&p->memory_lock, "process_memory", LOCK_RANK_SYNC);
	wait_queue_init(&p->ended, WAIT_KIND_PROCESS, p->name, LOCK_RANK_THREAD);
}

/* Its handle is the process's own: given up when that ends. */
static void adopt_main(struct process *p, struct thread *t)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&process_lock);

	t->belongs = true;
	p->main_thread = t;
	spin_unlock_irqrestore(&process_lock, irqs);
}

static int start_main(struct process *p, const struct process_create_params *params)
{
	struct thread_params main = {0};
	struct thread *t;
	int err;

	if (params->thread_params)
		main = *params->thread_params;
	if (!main.name)
		main.name = p->name;
	main.entry = params->entry_point;
	main.arg = params->arg;
	main.process = p;
	err = thread_create(&t, &main);
	if (err) {
		log_warn("process_create(%s): its main thread: %s", p->name, errno_text(err));
		return -EPROCESS_THREAD;
	}
	adopt_main(p, t);
	thread_start(t);
	return 0;
}

/* True if the caller is the one to call end(). */
static bool begin_end(struct process *p, int status)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&process_lock);
	bool alive = process_phase(p) == PROCESS_ALIVE;
	bool ends = alive && !p->live;

	if (alive) {
		p->exit_status = status;
		p->has_status = true;
		atomic_store(&p->phase, ends ? PROCESS_ENDED : PROCESS_ENDING);
	}
	spin_unlock_irqrestore(&process_lock, irqs);
	return ends;
}

/* A process without a thread that nobody has seen but by enumeration. */
static void take_back(struct process *p)
{
	if (begin_end(p, 0))
		end(p);
	if (process_detach(p))
		process_put(p); /* it was created detached, or somebody waits already */
}

int process_create(struct process **process, const struct process_create_params *params)
{
	int err = check_params(params);
	struct process *p;

	KASSERT(preempt_may_block());
	if (err)
		return err;
	p = kzalloc(sizeof(*p));
	if (!p)
		return -EPROCESS_MEMORY;
	set_up(p, params);
	err = process_table_add(p);
	if (err) {
		kfree(p);
		return err;
	}
	err = params->entry_point ? start_main(p, params) : 0;
	if (err) {
		take_back(p);
		return err;
	}
	if (process)
		*process = p;
	else if (process_detach(p))
		process_put(p); /* it was created detached */
	return 0;
}

/* --- termination ----------------------------------------------------------------------------- */

static void terminate(struct process *p, int status)
{
	if (begin_end(p, status))
		end(p);
	else
		kill_others(p);
	if (thread_current()->process == p)
		thread_kill_with_process(thread_current());
}

static int may_terminate(struct process *p)
{
	if (process_flags(p) & PROCESS_SYSTEM_PROCESS)
		return -EPROCESS_ACCESS;
	return process_may_control(p);
}

int process_terminate(struct process *p, int status)
{
	int err = may_terminate(p);

	if (!err)
		terminate(p, status);
	return err;
}

/* Those are doomed whose parent is; a parent comes before its children in the list. */
static void doom_descendants(struct process *root)
{
	struct process *p = process_get(root);

	while ((p = process_next(p))) {
		arch_irqflags_t irqs = spin_lock_irqsave(&process_lock);

		if (p->parent && p->parent->doomed && p->parent != &kernel_process)
			p->doomed = true;
		spin_unlock_irqrestore(&process_lock, irqs);
	}
}

/*
 * The root first, so that it gets no more children; those a child creates meanwhile are found
 * behind it in the list, or refused.
 */
int process_terminate_tree(struct process *root, int status)
{
	int err = may_terminate(root);
	struct process *p;
	arch_irqflags_t irqs;

	if (err)
		return err;
	irqs = spin_lock_irqsave(&process_lock);
	root->doomed = true;
	spin_unlock_irqrestore(&process_lock, irqs);
	doom_descendants(root);
	p = process_get(root);
	do
		if (p->doomed && !(process_flags(p) & PROCESS_SYSTEM_PROCESS))
			terminate(p, status);
	while ((p = process_next(p)));
	return 0;
}

void process_exit(int status)
{
	struct process *p = thread_current()->process;

	if (p != &kernel_process)
		terminate(p, status);
	thread_exit(status);
}

/* --- waiting --------------------------------------------------------------------------------- */

static int claim_wait(struct process *p)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&process_lock);
	int err = p->waited_for || process_flags(p) & PROCESS_DETACHED ? -EPROCESS_STATE : 0;

	if (!err)
		p->waited_for = true;
	spin_unlock_irqrestore(&process_lock, irqs);
	return err;
}

/* With the status taken nobody else will ask; without it somebody may. */
static void end_wait(struct process *p, bool taken)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&process_lock);

	p->waited_for = false;
	if (taken)
		atomic_fetch_or(&p->flags, PROCESS_DETACHED);
	spin_unlock_irqrestore(&process_lock, irqs);
	reap_if_due(p);
}

static int wait_until_gone(struct process *p, ktime_t deadline)
{
	int err = 0;

	wait_queue_lock(&p->ended);
	while (process_phase(p) < PROCESS_GONE && !err)
		err = wait_block_locked(&p->ended, WAIT_KILLABLE, deadline);
	wait_queue_unlock(&p->ended);
	return process_phase(p) >= PROCESS_GONE ? 0 : err;
}

int process_wait(struct process *p, int *status, ktime_t deadline)
{
	int err = process_may_control(p);

	if (thread_current()->process == p)
		return -EDEADLK;
	if (!err)
		err = claim_wait(p);
	if (err)
		return err;
	err = wait_until_gone(p, deadline);
	if (!err && status)
		*status = p->exit_status;
	end_wait(p, !err);
	if (!err)
		process_put(p);
	return err;
}

int process_detach(struct process *p)
{
	int err = claim_wait(p);

	if (err)
		return err;
	end_wait(p, true);
	process_put(p);
	return 0;
}
