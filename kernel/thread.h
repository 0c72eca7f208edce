/* SPDX-License-Identifier: MIT */
/*
 * Threads: their control block and their life. create, start, run, exit, join or detach; yield and
 * sleep; priority and affinity; kill and suspend.
 *
 * A struct thread is counted: thread_create() returns a reference, the handle, which thread_join()
 * or thread_detach() gives up; thread_find() and thread_next() return others, for thread_put().
 * The running thread holds one itself. The last put frees. An id is never used twice, and finds
 * nothing any more once a join has returned.
 *
 * Kill and suspend never strand a lock or memory. A thread stops only in a blocking call that is
 * killable (it gets -EINTR and unwinds itself), at thread_check_stop(), or, if it was created
 * THREAD_KILLABLE_ANYWHERE, at its next preemption with no mutex held. One that does none of
 * these within thread_stop_patience is reported by name and place.
 */
#ifndef KERNEL_THREAD_H
#define KERNEL_THREAD_H

#include "kernel/dispatch.h"
#include "kernel/timer.h"
#include "kernel/wait.h"
#include "mm/kstack.h"
#include "sched/sched.h"
#include <arch/thread.h>

struct mutex;
struct process;

/* Ascending, as the original design has it; the levels of the scheduler descend (0 is best). */
enum thread_priority {
	THREAD_PRIORITY_IDLE,
	THREAD_PRIORITY_LOW,
	THREAD_PRIORITY_NORMAL,
	THREAD_PRIORITY_HIGH,
	THREAD_PRIORITY_CRITICAL,
	THREAD_PRIORITY_COUNT,
};

/* Derived from the scheduler's state when asked. */
enum thread_state {
	THREAD_READY,
	THREAD_RUNNING,
	THREAD_WAITING,
	THREAD_STOPPED,
	THREAD_TERMINATED,
};

enum thread_flags {
	THREAD_DETACHED = 1,          /* nobody joins it; its memory goes when it ends */
	THREAD_SYSTEM = 2,            /* kill and suspend are refused with -ETHREAD_ACCESS */
	THREAD_KILLABLE_ANYWHERE = 4, /* owns nothing: kill and suspend act at any preemption */
	THREAD_IDLE = 8,              /* a CPU's idle thread */
	THREAD_DAEMON = 16,           /* its process ends without waiting for it */
	THREAD_CRITICAL = 32,         /* its end is a panic */
	THREAD_UNINTERRUPTIBLE = 64,  /* kill and suspend end no wait: only thread_check_stop() */
	THREAD_SUSPENDED = 128,       /* is born suspended: thread_resume() lets it begin */
};

/* What thread_create() takes; THREAD_IDLE is reserved. */
#define THREAD_FLAGS_ALL 255u

/* What a thread has been asked to do. */
enum thread_stop {
	THREAD_STOP_KILL = 1,
	THREAD_STOP_SUSPEND = 2,
	THREAD_STOP_PROCESS = 4, /* suspended with its process */
	THREAD_STOP_SLEEP = 8,   /* to sleep until sleep_until */
};

#define THREAD_NAME_SIZE 32

typedef int (*thread_entry)(void *arg);

/* What a join waits for. */
enum thread_exit_state {
	THREAD_ALIVE,
	THREAD_ENDING, /* it was asked to stop, and does; no more requests */
	THREAD_ENDED,  /* exit_status is valid */
	THREAD_JOINED, /* and was taken: there is no such thread for thread_find() */
};

/*
 * thread_control_block. Name, id and state (se.state) stand first, where a debugger looks.
 *
 * (c) constant after thread_create(), (l) only the thread itself, (r) its run-queue lock,
 * (a) atomic, (p) process_lock, (q) lock of the queue it waits in, (j) exit_queue.lock,
 * (m) mutex_wait_lock, (w) only the watchdog's thread, (f) while it is free: the CPU in whose cache
 * it is, interrupts off
 *
 * `held` is followed by held_next, as long as the owner is this thread: while a mutex is being
 * taken or given up, the first in the list may be another's.
 */
struct thread {
	char name[THREAD_NAME_SIZE]; /* (c) */
	uint64_t thread_id;          /* (c) */
	struct sched_entity se;      /* (r) state, level, affinity, CPU, run time */
	struct arch_thread arch;     /* (r) saved stack pointer, FPU area */
	struct process *process;     /* (c) */
	_Atomic unsigned refs;       /* (a) */
	_Atomic unsigned flags;      /* (a) enum thread_flags */

	_Atomic unsigned stop;       /* (a) enum thread_stop: what was asked for */
	struct mutex *held;          /* (l) what it took last, see below; NULL: nothing */
	_Atomic unsigned wait_state; /* (a) enum wait_state */
	uint8_t wait_urgency;        /* (q) its place in that order */
	uint8_t mutex_urgency;       /* (m) the same in mutex_waited */
	_Atomic(struct wait_queue *) wait_queue; /* (a) where it waits; NULL: sleeps, or no wait */
	void *wait_data;                         /* (q) what the queue's owner knows of the wait */
	struct list_node wait_node;              /* (q) */
	struct timer wait_timer;                 /* (l) the timeout of the present wait */
	uintptr_t wait_site;                     /* (l) who called the blocking function */

	struct mutex *mutex_waited; /* (m) which mutex it waits for, or NULL */
	struct rb_node mutex_node;  /* (m) among those who wait for it */
	uint64_t mutex_arrival;     /* (m) first come, first served among equals */
	struct rb_tree donors;      /* (m) mutexes it owns and others wait for */

	struct wait_queue exit_queue; /* its joiner */
	_Atomic unsigned exit_state;  /* (j) enum thread_exit_state; read without it too */
	int exit_status;              /* (j) */

	void *stack_base;              /* (c) lowest usable address */
	size_t stack_size;             /* (c) */
	thread_entry entry_point;      /* (c) */
	void *entry_arg;               /* (c) */
	bool joining;                  /* (j) the handle is given up or about to be */
	_Atomic uint8_t priority;      /* (a) enum thread_priority it was given last */
	_Atomic bool follows_process;  /* (a) never set on its own: has its process's priority */
	bool counted;                  /* (p) among its process's live threads */
	bool belongs;                  /* (p) the handle goes with the process */
	_Atomic ktime_t sleep_until;   /* (a) with THREAD_STOP_SLEEP */
	ktime_t created_at;            /* (c) */
	struct timer stop_timer;       /* (j) started; reports a thread that does not stop */
	struct list_node process_node; /* (p) on process->threads */
	struct thread *cache_next;     /* (f) the next in that cache */
	ktime_t hung_since;            /* (w) beginning of the wait that was reported last */
};

/* Of a zeroed struct every field is a sensible default. */
struct thread_params {
	const char *name;   /* copied, cut to THREAD_NAME_SIZE - 1; NULL: "thread" */
	thread_entry entry; /* its result is the exit status */
	void *arg;
	size_t stack_size;       /* whole pages, KSTACK_MIN .. KSTACK_MAX; 0: KSTACK_DEFAULT */
	bool has_priority;       /* else its process's, also when that changes later */
	unsigned priority;       /* enum thread_priority, when has_priority */
	bool inherit_priority;   /* the creator's, instead of priority */
	unsigned flags;          /* enum thread_flags */
	struct process *process; /* NULL: the creator's own */
	const struct cpumask *affinity; /* NULL: every CPU */
};

/* Tables, caches, process 0; then the boot CPU's idle thread becomes the current one. */
int __must_check thread_init(void);

/* An idle thread and everything else that CPU `cpu` needs before it starts. 0 or -ENOMEM. */
int __must_check thread_prepare_cpu(unsigned cpu);

/*
 * A new thread that does not run yet. 0; -ETHREAD_STACK, -ETHREAD_PRIORITY, -ESCHED_CPU for an
 * affinity without a CPU on line, -EINVAL for no entry or contradictory flags, with the reason in
 * the log; -ETHREAD_LIMIT; -ETHREAD_MEMORY; -EPROCESS_STATE when its process ends;
 * -ETHREAD_ACCESS for a thread in another process that the caller may not control. The caller owns
 * the handle; with THREAD_DETACHED there is none after thread_start(). Handles that a process's own
 * threads hold go with the process. May not be called in interrupts.
 */
int __must_check thread_create(struct thread **thread, const struct thread_params *params);

/* First wake-up of a created thread; once. Any context. */
void thread_start(struct thread *t);

/* Creates and starts a NORMAL thread with defaults. `thread` NULL: detached. */
int __must_check thread_run(
	struct thread **thread, const char *name, thread_entry entry, void *arg);

/* Ends the calling thread. */
__noreturn void thread_exit(int status);

/*
 * Waits for the end of `t`, takes its exit status (`status` may be NULL) and gives up the handle.
 * The thread is on no CPU then. -ETHREAD_STATE when the handle is given up already, -EDEADLK for
 * the caller itself, -ETIMEDOUT, -EINTR when the caller is to end: the handle is kept. A suspension
 * of the caller takes effect in here.
 */
int __must_check thread_join(struct thread *t, int *status);
int __must_check thread_join_until(struct thread *t, int *status, ktime_t deadline);

/* Gives up the handle; the thread is freed when it ends. -ETHREAD_STATE when given up already. */
int __must_check thread_detach(struct thread *t);

/* Lets the others of equal urgency go first. */
void thread_yield(void);

/*
 * Sleeps; ends early by thread_wake() or a kill. 0 or -EINTR. A suspension takes effect in here;
 * the deadline stays.
 */
int thread_sleep(ktime_t ns);
int thread_sleep_until(ktime_t deadline);

/* Wakes a sleeping thread; false, and no effect, if it does not sleep. Any context. */
bool thread_wake(struct thread *t);

/*
 * 0, -ETHREAD_PRIORITY for one that does not exist, -ETHREAD_ACCESS for an idle thread,
 * -ETHREAD_NOT_FOUND when it has ended. From now on it does not follow its process's priority.
 */
int __must_check thread_set_priority(struct thread *t, unsigned priority);

/* A level 0 (best) to 39 between the named priorities. Errors as above. */
int __must_check thread_set_level(struct thread *t, unsigned level);

/*
 * 0, -ESCHED_CPU when no CPU on line is in the mask, -ETHREAD_ACCESS for an idle thread or when
 * affinity=off, -ETHREAD_NOT_FOUND when it has ended.
 */
int __must_check thread_set_affinity(struct thread *t, const struct cpumask *mask);

/*
 * Asks `t` to end, see above. Sticky. 0, -ETHREAD_ACCESS for a system thread, -ETHREAD_NOT_FOUND
 * when it has ended.
 */
int __must_check thread_kill(struct thread *t);

/*
 * Asks `t` to stop and waits until it has, at most until `deadline` (0: does not wait). 0,
 * -ETIMEDOUT (the request stands), -EAGAIN when it was taken back meanwhile, -EINTR,
 * -ETHREAD_ACCESS for a system thread, -ETHREAD_NOT_FOUND when it has ended.
 */
int __must_check thread_suspend(struct thread *t, ktime_t deadline);

/* After how long a thread that does not stop is reported: 5 s. */
extern ktime_t thread_stop_patience;

/*
 * Takes a suspension back; that of its process stays. 0, -ETHREAD_STATE when none was asked for,
 * -ETHREAD_NOT_FOUND when it has ended. Interrupts on.
 */
int __must_check thread_resume(struct thread *t);

/*
 * Asks `t` to sleep for so many nanoseconds from now. It begins where a suspension would take
 * effect; what is over by then is not slept. thread_wake() ends it. The caller itself sleeps at
 * once. 0, -EINTR for the caller itself, -ETHREAD_ACCESS for a system thread, -ETHREAD_NOT_FOUND
 * when it has ended.
 */
int thread_sleep_other(struct thread *t, ktime_t ns);

/*
 * A point where the calling thread may stop: suspends it if that was asked for. True when it is to
 * end: the caller unwinds and returns. With no mutex held. May block.
 */
bool __must_check thread_check_stop(void);

/* True when the calling thread has been asked to end. */
bool thread_killed(void);

/* A counted reference, or NULL when there is no such thread (any more). Any context but NMI. */
struct thread *thread_find(uint64_t thread_id);

/*
 * The same with the reason why not: 0, -ETHREAD_ID for an id that no thread ever had,
 * -ETHREAD_NOT_FOUND for one whose thread is gone.
 */
int __must_check thread_lookup(uint64_t thread_id, struct thread **thread);

struct thread *thread_get(struct thread *t);
void thread_put(struct thread *t);

/*
 * The thread after `previous` (NULL: the first), over all processes, counted; gives `previous`
 * back.
 */
struct thread *thread_next(struct thread *previous);

enum thread_state thread_get_state(const struct thread *t);
/* Where it runs, or was or is queued last. */
unsigned thread_get_cpu(const struct thread *t);
const char *thread_state_name(enum thread_state state);
const char *thread_priority_name(unsigned priority);
/* The named priority whose level is nearest. */
unsigned thread_priority_of_level(unsigned level);
unsigned thread_priority_level(unsigned priority);

/* thread_stats of the original design and more; the current turn is included. */
struct thread_stats {
	char name[THREAD_NAME_SIZE];
	uint64_t process_id;
	enum thread_state state;
	unsigned cpu;
	unsigned level;
	ktime_t cpu_time;
	ktime_t created_at;
	uint64_t switches;
	uint64_t misses;     /* jobs not done at their deadline */
	uint64_t overruns;   /* times a reservation was used up */
	uintptr_t wait_site; /* 0 unless WAITING */
};
void thread_get_stats(struct thread *t, struct thread_stats *stats);

/*
 * thread_context of the original design: the registers with which a thread goes on that is on no
 * CPU. 0, -ETHREAD_STATE while it runs, as the caller does, -ETHREAD_NOT_FOUND when it has ended.
 * Any context but NMI; what it says is out of date as soon as the thread may run.
 */
int __must_check thread_get_context(struct thread *t, struct arch_context *context);

/* Gives this CPU's cached control blocks and stacks back: for leak reports. */
void thread_drain_cache(void);

/* Threads there are now. How many there may be: kernel/limits.h. */
unsigned thread_count(void);

#endif
