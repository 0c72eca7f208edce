/* SPDX-License-Identifier: MIT */
/*
 * Processes: what threads share. Process 0 is the kernel's; it never ends.
 *
 * A struct process is counted. process_create() returns a reference, which process_wait() or
 * process_detach() gives up; process_find(), process_lookup() and process_next() return others, for
 * process_put(). The last put frees. An id is never used twice.
 *
 * A process ends when the last of its threads that is no daemon has ended, or when it is
 * terminated: then its other threads are asked to end. Once all are gone, control blocks and
 * stacks too, what its threads have allocated and not freed is reported and freed. Its status is
 * kept until process_wait(). Children of a process that ends go to process 0, which asks for no
 * status: they are reaped when they end.
 *
 * One lock, process_lock, protects the processes, each process's thread list and the tables of ids.
 * Lists are enumerated with a cursor that is a counted reference, while processes come and go:
 *
 *	struct process *p = NULL;
 *	while ((p = process_next(p)))
 *		show(p);
 *
 * Who may control a process (terminate, suspend, resume, change it, create threads in it): its own
 * threads, those of its parent, and those of privileged processes. Others get -EPROCESS_ACCESS.
 */
#ifndef KERNEL_PROCESS_H
#define KERNEL_PROCESS_H

#include "kernel/thread.h"
#include "kernel/list.h"
#include "kernel/spinlock.h"
#include "kernel/wait.h"

struct thread;
struct thread_params;

/* 0 is best, as the original design has it; thread priorities ascend. */
enum process_priority {
	PROCESS_SYSTEM, /* only by privileged processes; its threads are CRITICAL */
	PROCESS_HIGH,
	PROCESS_NORMAL,
	PROCESS_LOW,
	PROCESS_IDLE,
	PROCESS_PRIORITY_COUNT,
};

/*
 * Derived from the states of the threads when asked. RUNNING and WAITING become each other, both
 * become STOPPED by process_suspend() and come back by process_resume(), each becomes TERMINATED,
 * which is final. Anything else is refused with -EPROCESS_STATE.
 */
enum process_state {
	PROCESS_RUNNING, /* some thread is ready or running */
	PROCESS_WAITING, /* none is */
	PROCESS_STOPPED, /* suspended */
	PROCESS_TERMINATED,
};

enum process_flags {
	PROCESS_PRIVILEGED = 1,     /* may control every process and create privileged ones */
	PROCESS_SYSTEM_PROCESS = 2, /* cannot be terminated or suspended */
	PROCESS_CRITICAL = 4,       /* its end is a panic */
	PROCESS_FOREGROUND = 8,     /* its threads are PROCESS_GROUND_LEVELS better */
	PROCESS_BACKGROUND = 16,    /* and so much worse */
	PROCESS_SUSPENDED = 32,     /* its state is STOPPED and its threads do not run */
	PROCESS_DETACHED = 64,      /* nobody waits for it: it is reaped when it ends */
};
#define PROCESS_FLAGS_ALL 127u

/* Levels of sched/ between a process in the foreground or background and an ordinary one. */
#define PROCESS_GROUND_LEVELS 5

/* How far it has come. */
enum process_phase {
	PROCESS_ALIVE,
	PROCESS_ENDING, /* it was terminated and has threads that have not ended yet */
	PROCESS_ENDED,  /* it has none: TERMINATED */
	PROCESS_GONE,   /* and none of their control blocks or stacks, no memory, no children */
	PROCESS_REAPED, /* nobody finds it any more */
};

#define PROCESS_NAME_SIZE 32

/*
 * process_control_block. Name and id stand first, where a debugger looks.
 *
 * (c) constant, (p) process_lock, (a) atomic, (w) atomic and written under process_lock,
 * (m) memory_lock
 */
struct process {
	char name[PROCESS_NAME_SIZE]; /* (c) */
	uint64_t process_id;          /* (c) */
	uint64_t parent_id;           /* (p) */
	_Atomic unsigned flags;       /* (w) enum process_flags */
	_Atomic unsigned priority;    /* (w) enum process_priority */
	_Atomic unsigned level;       /* (w) of its threads that are never set on their own */
	_Atomic unsigned phase;       /* (w) enum process_phase */
	int exit_status;              /* (p) */
	bool has_status;              /* (p) exit_status was decided before the main thread's end */
	bool waited_for;              /* (p) somebody is in process_wait() */
	bool settled;                 /* (p) ENDED, and has given up all handles and children */
	bool doomed;                  /* (p) in a tree that is being terminated */
	_Atomic unsigned refs;        /* (a) */
	ktime_t created_at;           /* (c) */
	ktime_t cpu_time;             /* (p) of threads that have ended */
	struct list threads;          /* (p) struct thread by process_node, in order of creation */
	unsigned thread_count;        /* (p) on the list, ended but still referenced ones too */
	unsigned live;                /* (p) threads that may run or will be started */
	unsigned workers;             /* (p) those of them that are no daemons */
	struct thread *main_thread;   /* (p) NULL before it is created and once it is freed */
	struct list_node node;        /* (p) on process_list */
	struct process *parent;       /* (p) NULL for process 0 */
	struct list children;         /* (p) struct process by sibling, in order of creation */
	struct list_node sibling;     /* (p) */
	struct wait_queue ended;      /* who waits for phase GONE */
	_Atomic uint64_t max_threads; /* (a) limit of thread_count */
	_Atomic uint64_t max_memory;  /* (a) limit of memory in bytes */
	uint64_t stack_bytes;         /* (p) of the threads on the list */
	_Atomic uint64_t data_bytes;  /* (a) by process_alloc() */
	bool limit_told;              /* (p) it is in the log that a limit was reached */
	struct spinlock memory_lock;
	struct list blocks; /* (m) what process_alloc() gave out */
};

/* Of a zeroed struct every field is a sensible default, but the priority: SYSTEM. */
struct process_create_params {
	const char *name;              /* copied, cut to PROCESS_NAME_SIZE - 1; NULL: "process" */
	unsigned priority;             /* enum process_priority */
	unsigned flags;                /* enum process_flags */
	int (*entry_point)(void *arg); /* NULL: no thread yet */
	void *arg;
	const struct thread_params *thread_params; /* of the main thread; NULL: defaults */
};

/* Rank LOCK_RANK_PROCESS, interrupts off. */
extern struct spinlock process_lock;
extern struct list process_list;
extern struct process kernel_process;

/* Process 0. */
void process_init(void);

/*
 * A new process, whose parent is the caller's, with its main thread started if there is an entry
 * point. 0; -EINVAL for flags that do not exist or contradict each other; -EPROCESS_PRIORITY;
 * -EPROCESS_ACCESS for flags or a priority that only privileged ones may give; -EPROCESS_STATE when
 * the parent is ending; -EPROCESS_LIMIT; -EPROCESS_MEMORY; -EPROCESS_THREAD with the reason in the
 * log. `process` NULL: as if detached at once. Thread context.
 */
int __must_check process_create(
	struct process **process, const struct process_create_params *params);

/*
 * Asks all its threads to end; it ends with this status unless that was decided before. Does not
 * wait. Twice is not an error. 0 or -EPROCESS_ACCESS. May be called by its own threads, which then
 * have to unwind. Thread context.
 */
int __must_check process_terminate(struct process *p, int status);

/* The same for it and all its descendants; those of the system are left out. */
int __must_check process_terminate_tree(struct process *p, int status);

/* Ends the calling thread's process. In process 0 only the thread. */
__noreturn void process_exit(int status);

/*
 * Waits until the process is gone, takes its status (`status` may be NULL), reaps it and gives up
 * the reference. Handles of its threads that the caller holds must be given up before. 0;
 * -EPROCESS_STATE when it is detached or somebody else waits; -EDEADLK from its own threads;
 * -EPROCESS_ACCESS; -ETIMEDOUT; -EINTR when the caller is to end. With an error the reference is
 * kept. A suspension of the caller takes effect in here.
 */
int __must_check process_wait(struct process *p, int *status, ktime_t deadline);

/* Nobody will wait: gives up the reference. 0 or -EPROCESS_STATE when detached or waited for. */
int __must_check process_detach(struct process *p);

/*
 * Suspends all its threads, also those it gets later, and waits at most until `deadline` (0: does
 * not wait) until all have stopped. Threads suspended on their own stay so afterwards. 0;
 * -EPROCESS_STATE when suspended or ended; -EPROCESS_ACCESS; -ETIMEDOUT: the request stands;
 * -EAGAIN: it was taken back meanwhile; -EINTR.
 */
int __must_check process_suspend(struct process *p, ktime_t deadline);

/* The reverse. 0, -EPROCESS_STATE when it is not suspended, -EPROCESS_ACCESS. Interrupts on. */
int __must_check process_resume(struct process *p);

/*
 * Its threads that were never given a priority on their own follow. 0, -EPROCESS_PRIORITY,
 * -EPROCESS_ACCESS, -EPROCESS_STATE when it has ended. Thread context.
 */
int __must_check process_set_priority(struct process *p, unsigned priority);

/* PROCESS_FOREGROUND, PROCESS_BACKGROUND or 0 for neither. Errors as above, -EINVAL for others. */
int __must_check process_set_ground(struct process *p, unsigned flag);

/* 0 if the calling thread may control `p`, else -EPROCESS_ACCESS. */
int __must_check process_may_control(struct process *p);

/* A counted reference, or NULL when there is no such process (any more). */
struct process *process_find(uint64_t process_id);

/*
 * The same with the reason why not: 0, -EPROCESS_ID for an id that no process ever had,
 * -EPROCESS_NOT_FOUND for one whose process is gone.
 */
int __must_check process_lookup(uint64_t process_id, struct process **process);

struct process *process_get(struct process *p);
void process_put(struct process *p);

/*
 * The process after `previous` (NULL: the first), counted; gives `previous` back. NULL at the end.
 * In order of creation. One that is created or reaped meanwhile is there or not, all others are,
 * once.
 */
struct process *process_next(struct process *previous);

/* The same for the threads of one process. */
struct thread *process_next_thread(struct process *p, struct thread *previous);

/* Processes there are now. */
unsigned process_count(void);

/* Takes no lock for longer than one thread takes. */
enum process_state process_get_state(struct process *p);
const char *process_state_name(enum process_state state);
const char *process_priority_name(unsigned priority);

/* SYSTEM: CRITICAL, else the thread priority of the same name. */
static inline unsigned process_thread_priority(unsigned priority)
{
	static const uint8_t priorities[PROCESS_PRIORITY_COUNT] = {
		[PROCESS_SYSTEM] = THREAD_PRIORITY_CRITICAL,
		[PROCESS_HIGH] = THREAD_PRIORITY_HIGH,
		[PROCESS_NORMAL] = THREAD_PRIORITY_NORMAL,
		[PROCESS_LOW] = THREAD_PRIORITY_LOW,
		[PROCESS_IDLE] = THREAD_PRIORITY_IDLE,
	};

	KASSERT(priority < PROCESS_PRIORITY_COUNT);
	return priorities[priority];
}

/*
 * CPU time of all its threads, ended ones and current turns included. Threads that end while it is
 * summed up may be missing.
 */
ktime_t process_cpu_time(struct process *p);

/* --- memory (kernel/process_memory.c) -------------------------------------------------------- */

/* In bytes. */
struct process_memory_stats {
	uint64_t total;
	uint64_t shared; /* with other processes: none before there are user programs */
	uint64_t code;   /* the kernel's is nobody's: 0 before there are user programs */
	uint64_t data;   /* control blocks of threads, and process_alloc() */
	uint64_t stack;  /* of threads */
};
void process_get_memory_stats(struct process *p, struct process_memory_stats *stats);

/*
 * Memory that belongs to the calling thread's process: it counts for its limit, and what is not
 * freed when the process ends is reported in the log and freed. Aligned to 16. NULL when out of
 * memory or above the limit. Thread context.
 */
void *__must_check process_alloc(size_t size);

/* By any thread. NULL is allowed and does nothing. */
void process_free(void *memory);

/*
 * Limits of one process; system-wide ones and the defaults: kernel/limits.h. What exists stays. 0
 * or -EPROCESS_ACCESS.
 */
int __must_check process_set_limits(struct process *p, uint64_t threads, uint64_t memory);

#endif
