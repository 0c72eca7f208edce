/* SPDX-License-Identifier: MIT */
/* What the files behind kernel/mutex.h share among themselves. */
#ifndef KERNEL_MUTEX_PRIVATE_H
#define KERNEL_MUTEX_PRIVATE_H

#include "kernel/mutex.h"

#define MUTEX_CHAIN_MAX 32u /* owners that one change of urgency is passed on to (rule S9.2) */

/*
 * The one lock of all contention: the waiters of every mutex, what they lend to owners, and who
 * waits for what. A chain goes through any number of mutexes and threads, and under one lock it is
 * seen as it is: no change is passed on to one who has just let go, and no cycle is reported that
 * never was. A mutex that nobody waits for does without.
 */
extern struct spinlock mutex_wait_lock;

/* --- mutex_inherit.c; all with mutex_wait_lock held ------------------------------------------ */

/* Does `self`, were it to wait for `m`, wait for itself? */
bool mutex_closes_cycle(const struct mutex *m, const struct thread *self);

/* `t` waits for `m`, which has an owner; what it lends goes up the chain. */
void mutex_add_waiter(struct mutex *m, struct thread *t);

/* `t` waits for `m` no more; what it lent is taken back, up the chain. */
void mutex_remove_waiter(struct mutex *m, struct thread *t);

/* The most urgent waiter that has not ended its wait itself, taken out and woken-to-be; or NULL. */
struct thread *mutex_take_waiter(struct mutex *m);

/* `t` owns `m` no more: it loses what the waiters lend. */
void mutex_disown(struct mutex *m, struct thread *t);

/* `t`, which was the first waiter, owns `m` from now on: the others lend to it. */
void mutex_adopt(struct mutex *m, struct thread *t);

/* NULL, or what is wrong with what `t` lends, inherits and waits for, in words. */
const char *mutex_check(const struct thread *t);

/* --- mutex_misuse.c -------------------------------------------------------------------------- */

/*
 * Says who does what to whose mutex, and where it was taken; then a debug kernel ends. Any kernel
 * ends with `fatal`.
 */
void mutex_report_misuse(const struct mutex *m, const char *what, bool fatal);

/* Says which threads wait for each other, `self` about to be the last of them. */
void mutex_report_cycle(const struct mutex *m, const struct thread *self);

#endif
