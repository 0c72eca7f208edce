/* SPDX-License-Identifier: MIT */
/*
 * What may be asked of a process while it lives: suspend, resume, priority, ground.
 *
 * A request is first noted in the process under process_lock, where threads that enter it later
 * find it, and then carried to the threads it has, one by one with a cursor.
 */
#include "kernel/errno.h"
#include "kernel/process.h"
#include "kernel/process_private.h"
#include "kernel/thread.h"
#include "kernel/thread_private.h"

int process_may_control(struct process *p)
{
	struct process *own = thread_current()->process;
	arch_irqflags_t irqs;
	bool child;

	if (own == p || process_flags(own) & PROCESS_PRIVILEGED)
		return 0;
	irqs = spin_lock_irqsave(&process_lock);
	child = p->parent == own;
	spin_unlock_irqrestore(&process_lock, irqs);
	return child ? 0 : -EPROCESS_ACCESS;
}

/* Changes flags of a living process: those in `clear` go, those in `set` come, none was there. */
static int change_flags(struct process *p, unsigned clear, unsigned set)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&process_lock);
	unsigned before = process_flags(p);
	bool possible =
		process_phase(p) < PROCESS_ENDED && (before & clear) == clear && !(before & set);

	if (possible)
		atomic_store(&p->flags, (before & ~clear) | set);
	spin_unlock_irqrestore(&process_lock, irqs);
	return possible ? 0 : -EPROCESS_STATE;
}

/* --- suspend and resume ---------------------------------------------------------------------- */

static int wait_until_all_stopped(struct process *p, ktime_t deadline)
{
	struct thread *t = NULL;

	while ((t = process_next_thread(p, t))) {
		int err = t == thread_current() ? 0 : thread_wait_stopped(t, deadline);

		if (err && err != -ETHREAD_NOT_FOUND) {
			thread_put(t);
			return err;
		}
	}
	return 0;
}

/* The caller is last, and stops in here. */
static int suspend_own(void)
{
	atomic_fetch_or(&thread_current()->stop, THREAD_STOP_PROCESS);
	if (!(process_flags(thread_current()->process) & PROCESS_SUSPENDED))
		atomic_fetch_and(&thread_current()->stop, ~(unsigned)THREAD_STOP_PROCESS);
	return thread_check_stop() ? -EINTR : 0;
}

int process_suspend(struct process *p, ktime_t deadline)
{
	int err = process_flags(p) & PROCESS_SYSTEM_PROCESS ? -EPROCESS_ACCESS
							    : process_may_control(p);
	struct thread *t = NULL;

	if (!err)
		err = change_flags(p, 0, PROCESS_SUSPENDED);
	if (err)
		return err;
	while ((t = process_next_thread(p, t)))
		if (t != thread_current())
			thread_stop_or_go_with_process(t);
	if (thread_current()->process == p)
		return suspend_own();
	return deadline ? wait_until_all_stopped(p, deadline) : 0;
}

int process_resume(struct process *p)
{
	int err = process_may_control(p);
	struct thread *t = NULL;

	if (!err)
		err = change_flags(p, PROCESS_SUSPENDED, 0);
	if (err)
		return err;
	while ((t = process_next_thread(p, t)))
		thread_stop_or_go_with_process(t);
	return 0;
}

/* --- priority -------------------------------------------------------------------------------- */

/* Each thread reads what is wanted when its turn comes, so of two changes the later one stays. */
static void carry_level(struct process *p)
{
	struct thread *t = NULL;

	while ((t = process_next_thread(p, t)))
		thread_follow_process(t);
}

static void update_level(struct process *p)
{
	KASSERT(spin_held(&process_lock));
	atomic_store(&p->level, process_level(atomic_load(&p->priority), process_flags(p)));
}

int process_set_priority(struct process *p, unsigned priority)
{
	bool privileged = process_flags(thread_current()->process) & PROCESS_PRIVILEGED;
	int err = process_may_control(p);
	arch_irqflags_t irqs;

	if (priority >= PROCESS_PRIORITY_COUNT)
		return -EPROCESS_PRIORITY;
	if (!err && priority == PROCESS_SYSTEM && !privileged)
		err = -EPROCESS_ACCESS;
	if (!err)
		err = change_flags(p, 0, 0);
	if (err)
		return err;
	irqs = spin_lock_irqsave(&process_lock);
	atomic_store(&p->priority, priority);
	update_level(p);
	spin_unlock_irqrestore(&process_lock, irqs);
	carry_level(p);
	return 0;
}

int process_set_ground(struct process *p, unsigned flag)
{
	const unsigned both = PROCESS_FOREGROUND | PROCESS_BACKGROUND;
	int err = process_may_control(p);
	arch_irqflags_t irqs;

	if (flag && flag != PROCESS_FOREGROUND && flag != PROCESS_BACKGROUND)
		return -EINVAL;
	if (!err)
		err = change_flags(p, 0, 0);
	if (err)
		return err;
	irqs = spin_lock_irqsave(&process_lock);
	atomic_store(&p->flags, (process_flags(p) & ~both) | flag);
	update_level(p);
	spin_unlock_irqrestore(&process_lock, irqs);
	carry_level(p);
	return 0;
}
