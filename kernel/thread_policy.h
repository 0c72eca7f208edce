/* SPDX-License-Identifier: MIT */
/*
 * How a thread is scheduled beyond its level: real-time classes, deadlines, periods. Times are ns.
 * The rules are those of sched/README.md.
 */
#ifndef KERNEL_THREAD_POLICY_H
#define KERNEL_THREAD_POLICY_H

#include "kernel/thread.h"

struct mutex;

/* What the scheduler library calls the admission lock. */
extern struct mutex thread_admission;

/*
 * What sched_set_params() is given and sched_get_params() answers; the affinity is not touched. 0,
 * -EINVAL for numbers that are none, -EBUSY when no CPU that the thread may run on can promise
 * what a reservation asks for, -ETHREAD_ACCESS for an idle thread, -ETHREAD_NOT_FOUND when it has
 * ended. From now on it does not follow its process's priority. May block.
 */
int __must_check thread_set_params(struct thread *t, const struct sched_params *params);
void thread_get_params(struct thread *t, struct sched_params *params);

/*
 * A fixed priority from 1 to 99 (the most urgent), above all time sharing: SCHED_KIND_FIFO, until
 * the thread leaves its CPU, or SCHED_KIND_RR, in turns of the Normal quantum with those of the
 * same priority. -EINVAL for another kind or priority, else as above.
 */
int __must_check thread_set_fixed(struct thread *t, enum sched_kind kind, unsigned priority);

/*
 * A reservation: up to `runtime` of every `period`, within `deadline` (0: the period) of its begin,
 * before everybody else and whatever others do; not more, though, until the next period. The thread
 * is bound to the CPU that promises it. Errors as above.
 */
int __must_check thread_set_reservation(
	struct thread *t, ktime_t runtime, ktime_t deadline, ktime_t period);

/*
 * Rate-monotonic: a fixed priority by `period`, the shorter the higher, above all time sharing, if
 * response-time analysis shows that `runtime` of every period is done at its end, whatever the
 * reservations of that CPU do. The thread is bound to it. Errors as above.
 */
int __must_check thread_set_rate_monotonic(struct thread *t, ktime_t runtime, ktime_t period);

/* The most that a CPU where `t` may run could still promise, in millionths of it. May block. */
unsigned thread_free_bandwidth(const struct thread *t);

/* The calling thread, which has a reservation, is about to end. */
void thread_give_up_reservation(void);

/*
 * Time sharing with deadlines. Under sched=edf `t` runs before all whose deadlines are later. Its
 * jobs are due `deadline` after their release, and released every `period`, or by each wake-up when
 * that is 0. Deadline 0 with a period is the period; both 0: no deadline. Errors as above; the
 * deadline is at most the period.
 */
int __must_check thread_set_deadline(struct thread *t, ktime_t deadline, ktime_t period);

/*
 * The calling thread's job is done: returns at the release of its next one, at once if that is
 * over. 0, -EINVAL when it has no period, -EINTR when it is to end.
 */
int __must_check thread_end_job(void);

#endif
