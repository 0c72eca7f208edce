/* SPDX-License-Identifier: MIT */
/* Completion: something that happens, once per complete(), and threads that wait for it. */
#ifndef KERNEL_COMPLETION_H
#define KERNEL_COMPLETION_H

#include "kernel/wait.h"

#define COMPLETION_ALL UINT32_MAX

/* (q) lock of the queue */
struct completion {
	uint32_t done; /* (q) events nobody has waited for yet, or COMPLETION_ALL */
	struct wait_queue queue;
};

#define COMPLETION_INIT(c)                                                                         \
	{                                                                                          \
		0, WAIT_QUEUE_INIT((c).queue, c, WAIT_KIND_COMPLETION, LOCK_RANK_WAITQ)            \
	}

void completion_init(struct completion *c, const char *name);

/* One event: lets one thread pass, the first waiting one or the next to come. Any context. */
void completion_complete(struct completion *c);

/* Lets every thread pass, now and later, until completion_init(). Any context. */
void completion_complete_all(struct completion *c);

/* Waits for an event, not to be interrupted. */
void completion_wait(struct completion *c);

/* 0 or -ETIMEDOUT. */
int __must_check completion_wait_until(struct completion *c, ktime_t deadline);

/* 0 or -EINTR when the caller is to end. A suspension takes effect in here. */
int __must_check completion_wait_killable(struct completion *c);

#endif
