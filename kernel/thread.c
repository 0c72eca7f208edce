/* SPDX-License-Identifier: MIT */
/*
 * The life of a thread: create, start, exit, join or detach.
 *
 * References: the handle is one, which is given up only once the thread is on no CPU; so an ending
 * thread that has a handle drops its own before it leaves, and its joiner frees it. A detached one
 * keeps its own until dispatch has left it for good (DISPATCH_REAP). The last put frees.
 */
#include "kernel/thread.h"
#include "kernel/errno.h"
#include "kernel/limits.h"
#include "kernel/log.h"
#include "kernel/mutex.h"
#include "kernel/preempt.h"
#include "kernel/process.h"
#include "kernel/process_private.h"
#include "kernel/string.h"
#include "kernel/thread_policy.h"
#include "kernel/thread_private.h"
#include "kernel/trace.h"
#include "kernel/wait_private.h"
#include <arch/time.h>

#define IDLE_STACK KSTACK_DEFAULT

/* --- references ------------------------------------------------------------------------------ */

struct thread *thread_get(struct thread *t)
{
	unsigned before = atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);

	KASSERT(before);
	(void)before;
	return t;
}

static __always_inline void destroy(struct thread *t)
{
	struct process *p = t->process;
	bool deserted;

	KASSERT(t->se.state == SCHED_DEAD || t->se.state == SCHED_NEW);
	deserted = thread_table_remove(t);
	arch_thread_fini(&t->arch);
	thread_free(t);
	if (unlikely(deserted))
		process_release(p);
}

/* True: that was the last one. */
static __always_inline bool give_up(struct thread *t)
{
	unsigned before = atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel);

	KASSERT(before);
	return before == 1;
}

void thread_put(struct thread *t)
{
	if (give_up(t))
		destroy(t);
}

/* --- creation -------------------------------------------------------------------------------- */

/* With which level a thread begins, and whose it is. */
struct urgency {
	unsigned level;
	uint8_t priority; /* enum thread_priority */
	bool follows;     /* the process's */
};

static __noreturn void begin(void *self);

/* Unrolled: a loop's own instructions would be as many as those that copy. */
static __always_inline void copy_name(char *to, const char *from)
{
#pragma GCC unroll 32
	for (unsigned i = 0; i < THREAD_NAME_SIZE - 1; i++)
		if (!(to[i] = from[i]))
			return;
	to[THREAD_NAME_SIZE - 1] = '\0';
}

/*
 * Everything that needs no memory and cannot fail. What thread_construct() has set is as it left
 * it: a thread that ends leaves it so.
 */
static __always_inline void set_up(struct thread *t, const struct thread_params *params,
	struct process *process, const struct urgency *urgency, ktime_t now)
{
	bool detached = params->flags & THREAD_DETACHED;

	copy_name(t->name, params->name ? params->name : "thread");
	t->process = process;
	atomic_store_explicit(&t->refs, detached ? 1 : 2, memory_order_relaxed);
	atomic_store_explicit(&t->flags, params->flags, memory_order_relaxed);
	atomic_store_explicit(&t->stop, params->flags & THREAD_SUSPENDED ? THREAD_STOP_SUSPEND : 0,
		memory_order_relaxed);
	atomic_store_explicit(&t->exit_state, THREAD_ALIVE, memory_order_relaxed);
	t->joining = detached;
	t->entry_point = params->entry;
	t->entry_arg = params->arg;
	atomic_store_explicit(&t->priority, urgency->priority, memory_order_relaxed);
	atomic_store_explicit(&t->follows_process, urgency->follows, memory_order_relaxed);
	t->created_at = now;
}

/* Levels are valid here, so only the affinity can be wrong. */
static __always_inline int attach(
	struct thread *t, const struct thread_params *params, unsigned level)
{
	struct sched_params sched_params = {.level = level, .affinity = params->affinity};

	if (likely(!params->affinity)) {
		sched_attach_plain(&scheduler, &t->se, level, t->created_at);
		return 0;
	}
	return sched_attach(&scheduler, &t->se, &sched_params, t->created_at) ? -ESCHED_CPU : 0;
}

/* The process's priority may have changed since it was read, before its list had this thread. */
static __always_inline int enter(
	struct thread *t, const struct thread_params *params, const struct urgency *urgency)
{
	int err = attach(t, params, urgency->level);

	if (unlikely(err))
		return err;
	err = thread_table_add(t);
	if (unlikely(err))
		return err;
	if (urgency->follows && unlikely(process_level_now(t->process) != urgency->level))
		thread_follow_process(t);
	arch_thread_init(&t->arch, t->stack_base, t->stack_size, begin, t);
	if (unlikely(trace_recorded))
		trace_thread(t);
	return 0;
}

/* What is wrong with the flags, or NULL. */
static const char *wrong_flags(unsigned flags)
{
	const unsigned both = THREAD_KILLABLE_ANYWHERE | THREAD_UNINTERRUPTIBLE;

	if (flags & ~THREAD_FLAGS_ALL)
		return "some of its flags do not exist";
	if (flags & THREAD_IDLE)
		return "the flag IDLE is reserved";
	if ((flags & both) == both)
		return "both KILLABLE_ANYWHERE and UNINTERRUPTIBLE";
	return NULL;
}

static __noinline int refuse(const char *name, const char *reason)
{
	log_warn("thread_create(%s): %s", name, reason);
	return -EINVAL;
}

#define RARE_FLAGS (~(unsigned)(THREAD_DETACHED | THREAD_SYSTEM | THREAD_KILLABLE_ANYWHERE))

/* 0, or an error with the reason in the log. */
static __always_inline int check_params(const struct thread_params *params, size_t stack_size)
{
	const char *name = params->name ? params->name : "thread";

	if (unlikely(params->has_priority && params->priority >= THREAD_PRIORITY_COUNT)) {
		log_warn("thread_create(%s): priority %u: there are 0 (IDLE) to %u (CRITICAL)",
			name, params->priority, THREAD_PRIORITY_CRITICAL);
		return -ETHREAD_PRIORITY;
	}
	if (unlikely(stack_size < KSTACK_MIN || stack_size > KSTACK_MAX ||
		    !IS_ALIGNED(stack_size, ARCH_PAGE_SIZE))) {
		log_warn("thread_create(%s): stack size %zu: must be a multiple of %lu, %u to %u",
			name, stack_size, ARCH_PAGE_SIZE, KSTACK_MIN, KSTACK_MAX);
		return -ETHREAD_STACK;
	}
	if (unlikely(!params->entry))
		return refuse(name, "no entry point");
	if (unlikely(params->flags & RARE_FLAGS) && wrong_flags(params->flags))
		return refuse(name, wrong_flags(params->flags));
	return 0;
}

/* Its own priority, the creator's, or that of its process. */
static __always_inline struct urgency choose_urgency(
	const struct thread_params *params, struct process *process)
{
	const struct thread *creator = thread_current();

	if (params->inherit_priority)
		return (struct urgency){
			.level = thread_priority_level(atomic_load(&creator->priority)),
			.priority = atomic_load(&creator->priority),
		};
	if (params->has_priority)
		return (struct urgency){
			.level = thread_level_of(params->priority),
			.priority = (uint8_t)params->priority,
		};
	return (struct urgency){
		.level = process_level_now(process),
		.priority = (uint8_t)process_thread_priority(
			atomic_load_explicit(&process->priority, memory_order_relaxed)),
		.follows = true,
	};
}

/* A thread for another process, or one of the system in a process that is none. */
static __noinline int check_access(struct process *process, const struct thread_params *params)
{
	const unsigned system = THREAD_SYSTEM | THREAD_CRITICAL;

	if (params->flags & system && !(atomic_load(&process->flags) & PROCESS_SYSTEM_PROCESS))
		return -ETHREAD_ACCESS;
	return process_may_control(process) ? -ETHREAD_ACCESS : 0;
}

/* Inlined where the parameters are constants, most of this is decided when it is compiled. */
static __always_inline int create(
	struct thread **thread, const struct thread_params *params, ktime_t now)
{
	struct process *process = params->process ? params->process : thread_current()->process;
	size_t stack_size = params->stack_size ? params->stack_size : KSTACK_DEFAULT;
	int err = check_params(params, stack_size);
	struct urgency urgency;
	struct thread *t;

	KASSERT(!preempt_in_interrupt());
	if (unlikely(process != &kernel_process || params->process) && !err)
		err = check_access(process, params);
	if (unlikely(err))
		return err;
	t = thread_alloc(stack_size);
	if (unlikely(!t))
		return -ETHREAD_MEMORY;
	urgency = choose_urgency(params, process);
	set_up(t, params, process, &urgency, now);
	err = enter(t, params, &urgency);
	if (unlikely(err)) {
		thread_free(t);
		return err;
	}
	*thread = t;
	return 0;
}

int thread_create(struct thread **thread, const struct thread_params *params)
{
	return create(thread, params, arch_time_now());
}

static __always_inline void start(struct thread *t, ktime_t now)
{
	arch_irqflags_t irqs;

	if (unlikely(t->process != &kernel_process))
		process_thread_starts(t);
	irqs = arch_irq_save();
	KASSERT(t->se.state == SCHED_NEW || t->se.state == SCHED_STOPPED);
	sched_start_here(&t->se, arch_cpu_id(), now);
	arch_irq_restore(irqs);
	preempt_check();
}

void thread_start(struct thread *t)
{
	start(t, arch_time_now());
}

int thread_run(struct thread **thread, const char *name, thread_entry entry, void *arg)
{
	struct thread_params params = {
		.name = name,
		.entry = entry,
		.arg = arg,
		.flags = thread ? 0 : THREAD_DETACHED,
	};
	ktime_t now = arch_time_now();
	struct thread *t;
	int err = create(&t, &params, now);

	if (unlikely(err))
		return err;
	if (thread)
		*thread = t;
	start(t, now);
	return 0;
}

/* --- the end --------------------------------------------------------------------------------- */

static inline void set_exit_state(struct thread *t, enum thread_exit_state state)
{
	KASSERT(spin_held(&t->exit_queue.lock));
	atomic_store_explicit(&t->exit_state, state, memory_order_relaxed);
}

static inline bool has_ended(const struct thread *t)
{
	return atomic_load_explicit(&t->exit_state, memory_order_relaxed) >= THREAD_ENDED;
}

/*
 * From here on a request to stop fails, so that the clock of those before can be stopped for good.
 * exit_queue locked, also on return. Preemption stays off meanwhile: a thread that may be killed
 * anywhere must not stop here.
 */
static __noinline void refuse_requests(struct thread *self)
{
	set_exit_state(self, THREAD_ENDING);
	this_cpu(preempt_count)++;
	spin_unlock(&self->exit_queue.lock);
	arch_irq_enable();
	timer_cancel_sync(&self->stop_timer);
	arch_irq_disable();
	this_cpu(preempt_count)--;
	spin_lock(&self->exit_queue.lock);
}

static __always_inline __noreturn void end(struct thread *self, int status)
{
	struct thread *joiner;
	unsigned tail = 0;

	KASSERT(self == thread_current() && preempt_may_block());
	KASSERT(!(atomic_load(&self->flags) & THREAD_IDLE));
	if (unlikely(self->held))
		mutex_owner_ends();
	if (unlikely(self->se.bound != SCHED_NO_CPU))
		thread_give_up_reservation();
	if (unlikely(self->process != &kernel_process))
		process_thread_leaves(self, status);
	if (unlikely(atomic_load_explicit(&self->flags, memory_order_relaxed) & THREAD_CRITICAL))
		panic("thread %llu (%s) is critical and has ended with status %d",
			(unsigned long long)self->thread_id, self->name, status);
	trace_event(TRACE_EXIT, self->thread_id, (unsigned)status);
	wait_queue_lock_inline(&self->exit_queue);
	if (unlikely(atomic_load(&self->stop))) {
		refuse_requests(self);
		tail = DISPATCH_STOPPED;
	}
	self->exit_status = status;
	set_exit_state(self, THREAD_ENDED);
	joiner = wait_take_one_inline(&self->exit_queue);
	if (atomic_load_explicit(&self->flags, memory_order_relaxed) & THREAD_DETACHED)
		tail |= DISPATCH_REAP;
	else
		BUG_ON(give_up(self)); /* the handle is another one */
	dispatch_exit(self, &self->exit_queue.lock, joiner, tail);
}

void thread_exit(int status)
{
	end(thread_current(), status);
}

/*
 * A thread's first function and, as most return from theirs, its last. Hot, since compilers make
 * small what never returns (14 instructions of a thread's life).
 */
static __noreturn __attribute__((hot)) void begin(void *arg)
{
	struct thread *self = arg;

	dispatch_tail_inline();
	arch_irq_enable();
	if (unlikely(atomic_load(&self->stop)) && thread_check_stop())
		thread_exit(-EINTR);
	end(self, self->entry_point(self->entry_arg));
}

/*
 * Waits until `t` has ended and is on no CPU; exit_queue locked, also on return. Only the wake-up
 * by the end itself comes after the thread has left its CPU.
 */
static __always_inline int wait_for_end(struct thread *t, ktime_t deadline, void *site)
{
	int err;

	if (has_ended(t)) {
		dispatch_wait_off_cpu(t);
		return 0;
	}
	do {
		err = wait_block_inline(&t->exit_queue, WAIT_KILLABLE, deadline, site);
		spin_lock(&t->exit_queue.lock);
		KASSERT(err || has_ended(t));
		if (likely(!err))
			return 0;
	} while (!has_ended(t) && err == -EAGAIN);
	if (!has_ended(t))
		return err;
	dispatch_wait_off_cpu(t);
	return 0;
}

static __always_inline int join(struct thread *t, int *status, ktime_t deadline, void *site)
{
	int err = -ETHREAD_STATE;

	if (t == thread_current())
		return -EDEADLK;
	wait_queue_lock_inline(&t->exit_queue);
	if (likely(!t->joining)) {
		t->joining = true;
		err = wait_for_end(t, deadline, site);
		if (likely(!err))
			set_exit_state(t, THREAD_JOINED);
		else
			t->joining = false;
		if (status && !err)
			*status = t->exit_status;
	}
	wait_queue_unlock_inline(&t->exit_queue);
	if (likely(!err) && give_up(t))
		destroy(t);
	return err;
}

int thread_join_until(struct thread *t, int *status, ktime_t deadline)
{
	return join(t, status, deadline, __builtin_return_address(0));
}

int thread_join(struct thread *t, int *status)
{
	return join(t, status, KTIME_MAX, __builtin_return_address(0));
}

int thread_detach(struct thread *t)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&t->exit_queue.lock);
	bool given_up = t->joining;

	t->joining = true;
	if (!given_up)
		atomic_fetch_or(&t->flags, THREAD_DETACHED);
	if (!given_up && has_ended(t))
		dispatch_wait_off_cpu(t);
	spin_unlock_irqrestore(&t->exit_queue.lock, irqs);
	if (given_up)
		return -ETHREAD_STATE;
	thread_put(t);
	return 0;
}

/* --- idle threads and start-up --------------------------------------------------------------- */

static void set_up_idle(struct thread *t)
{
	struct thread_params params = {.name = "idle", .flags = THREAD_SYSTEM | THREAD_IDLE};
	const struct urgency urgency = {.level = SCHED_LEVEL_IDLE};

	set_up(t, &params, &kernel_process, &urgency, arch_time_now());
	t->arch = (struct arch_thread){0};
}

int thread_init(void)
{
	static struct thread boot_idle;

	limits_init();
	process_init();
	timer_init_cpu(arch_cpu_id());
	thread_construct(&boot_idle);
	set_up_idle(&boot_idle);
	boot_idle.stack_size = arch_boot_stack(&boot_idle.stack_base);
	dispatch_add_cpu(arch_cpu_id(), &boot_idle);
	return thread_alloc_init() ? -ENOMEM : thread_table_add(&boot_idle);
}

/* Until the CPU runs, the idle thread is an ordinary one that nobody starts. */
static int enter_idle(struct thread *t)
{
	struct sched_params params = {.level = SCHED_LEVEL_IDLE};
	int err;

	set_up_idle(t);
	err = sched_attach(&scheduler, &t->se, &params, t->created_at);
	return err ? err : thread_table_add(t);
}

int thread_prepare_cpu(unsigned cpu)
{
	struct thread *t = thread_alloc(IDLE_STACK);
	int err = t ? enter_idle(t) : -ENOMEM;

	if (err && t)
		thread_free(t);
	if (err)
		return err;
	timer_init_cpu(cpu);
	cpu_ptr(cpu_schedulers, cpu)->idle = t;
	atomic_store(&cpu_ptr(cpu_schedulers, cpu)->state, CPU_STARTING);
	return 0;
}
