/* SPDX-License-Identifier: MIT */
/*
 * The system's scheduler as the original design calls it: started once, asked for counts, and told
 * about threads by their ids. Who holds a thread uses kernel/thread.h, and saves the look-up.
 */
#ifndef KERNEL_SCHEDULER_H
#define KERNEL_SCHEDULER_H

#include "kernel/thread.h"

/*
 * Starts it, without a CPU yet, with the documented defaults or with others. 0, -ESCHED_READY when
 * it is started, -ESCHED_CONFIG for an algorithm that does not exist or a time out of range.
 */
int __must_check scheduler_init(void);
int __must_check scheduler_init_with_config(const struct sched_config *config);

/*
 * What holds now, and another configuration, under whatever load (rule S1.3): no thread is lost,
 * and none waits longer than by the old algorithm and then by the new one. What is left as it was
 * has no effect; `admission` and `overhead` have to be. While threads that wait change over, about
 * 0.1 us each, the calling CPU does not switch; interrupts come. Threads only, may block. 0,
 * -ESCHED_NOT_READY, or -ESCHED_CONFIG as above.
 */
void scheduler_get_config(struct sched_config *config);
int __must_check scheduler_set_config(const struct sched_config *config);

/* The same for the system algorithm alone. */
int __must_check scheduler_set_algorithm(enum sched_policy_id algorithm);

/* Is it started, and has it a CPU to run threads on? */
bool scheduler_is_ready(void);

/* CPUs on line. */
unsigned scheduler_get_cpu_count(void);

/* Sums over all CPUs; exact for each CPU, which are looked at one after the other. */
struct scheduler_stats {
	uint64_t context_switches;  /* a CPU went from one thread to another, idle ones included */
	uint64_t threads_scheduled; /* threads became ready: wake-ups and first starts */
	uint64_t load_balances;     /* threads changed their CPU, for whatever reason */
	uint64_t steals;            /* those of them that an idle CPU took */
	uint64_t kicks;             /* interrupts sent so that another CPU looks */
	unsigned running;           /* CPUs with a thread that is not the idle one */
	unsigned ready;             /* threads that wait for a CPU */
};

/* 0, or -ESCHED_NOT_READY. */
int __must_check scheduler_get_stats(struct scheduler_stats *stats);

/*
 * The same for one CPU (its load is `ready` and `running`). 0, -ESCHED_NOT_READY, or -ESCHED_CPU
 * for one that is not on line.
 */
int __must_check scheduler_get_cpu_stats(unsigned cpu, struct scheduler_stats *stats);

/* Evens out the CPUs' loads now, as far as balancing is on. 0 or -ESCHED_NOT_READY. */
int __must_check scheduler_balance_load(void);

/*
 * thread_get_stats(), thread_set_affinity(), thread_sleep_other() and thread_wake() of the thread
 * with this id: their errors, or -ESCHED_THREAD when there is none. To wake a thread that does not
 * sleep has no effect and is no error.
 */
int __must_check scheduler_get_thread_stats(uint64_t thread_id, struct thread_stats *stats);
int __must_check scheduler_set_thread_affinity(uint64_t thread_id, const struct cpumask *mask);
int __must_check scheduler_sleep_thread(uint64_t thread_id, unsigned milliseconds);
int __must_check scheduler_wake_thread(uint64_t thread_id);

#endif
