/* SPDX-License-Identifier: MIT */
/* The parts of the monitor to each other. All run in its one thread unless they say otherwise. */
#ifndef KERNEL_MONITOR_PRIVATE_H
#define KERNEL_MONITOR_PRIVATE_H

#include "kernel/dispatch.h"
#include "kernel/log.h"
#include "kernel/monitor_args.h"

/* kernel/monitor_commands.c: the table. Its limits of CPUs are filled in by
 * monitor_commands_init(). */
extern struct command monitor_commands[];
void monitor_commands_init(void);

/* kernel/monitor_input.c: the next byte from the console, or -1 at `deadline`. May block. */
int monitor_read(ktime_t deadline);

/* Nanoseconds as seconds with `decimals` of 3: "12.345". */
#define MONITOR_SECONDS "%lld.%03lld"
#define MONITOR_SECONDS_ARGS(t)                                                                    \
	(long long)((t) / NSEC_PER_SEC), (long long)((t) / NSEC_PER_MSEC % 1000)

/* Parts in a thousand of `whole`, as "12.3". */
#define MONITOR_PERCENT                "%3u.%u"
#define MONITOR_PERCENT_ARGS(permille) (permille) / 10, (permille) % 10
static inline unsigned monitor_permille(ktime_t part, ktime_t whole)
{
	if (part <= 0 || whole <= 0)
		return 0;
	return (unsigned)MIN(part * 1000 / whole, 1000);
}

/* The CPUs on line now. */
void monitor_online(struct cpumask *online);
#define monitor_cpu_end() atomic_load_explicit(&scheduler.cpu_end, memory_order_acquire)

/* kernel/monitor_threads.c */
void monitor_ps(const struct command_value *value);
void monitor_threads(const struct command_value *value);
void monitor_spawn(const struct command_value *value);
void monitor_kill(const struct command_value *value);
void monitor_prio(const struct command_value *value);
void monitor_affinity(const struct command_value *value);
void monitor_suspend(const struct command_value *value);
void monitor_resume(const struct command_value *value);
/* The id of the index-th thread as text, for completion; NULL behind the last. */
/* kernel/monitor_policy.c */
void monitor_policy(const struct command_value *value);
const char *monitor_policy_choice(unsigned index);
const char *monitor_policy_text(unsigned index);

const char *monitor_thread_choice(unsigned index);

void monitor_sleep(const struct command_value *value);
void monitor_wake(const struct command_value *value);

/* kernel/monitor_process.c; kill, suspend, resume and prio are called for a process only. */
struct process;
void monitor_kill_process(const struct command_value *value);
void monitor_suspend_process(const struct command_value *value);
void monitor_resume_process(const struct command_value *value);
void monitor_prio_process(const struct command_value *value);
void monitor_ground(const struct command_value *value);
const char *monitor_ground_choice(unsigned index);
void monitor_limit(const struct command_value *value);
const char *monitor_limit_choice(unsigned index);
/* Counted, or NULL and a complaint. */
struct process *monitor_find_process(const char *command, const struct command_value *value);
struct process *monitor_new_process(const char *command, const char *name, unsigned priority);

/* kernel/monitor_demo.c */
void monitor_demo(const struct command_value *value);
const char *monitor_demo_choice(unsigned index);

/* kernel/monitor_locks.c */
void monitor_locks(const struct command_value *value);
const char *monitor_locks_choice(unsigned index);

/* kernel/monitor_top.c */
void monitor_top(const struct command_value *value);

/* kernel/monitor_sched.c */
void monitor_cpu(const struct command_value *value);
void monitor_runq(const struct command_value *value);
void monitor_sched(const struct command_value *value);
void monitor_check(const struct command_value *value);
void monitor_trace(const struct command_value *value);
void monitor_events(const struct command_value *value);
const char *monitor_event_choice(unsigned index);
const char *monitor_on_off_choice(unsigned index);

/* kernel/monitor_settings.c: `sched set`; value[0] is the index of the setting. */
void monitor_set(const struct command_value *value);
const char *monitor_set_choice(unsigned index);
const char *monitor_setting_name(unsigned index);
const char *monitor_setting_text(unsigned index);
const char *monitor_setting_word(unsigned index);

/* kernel/monitor_gantt.c */
void monitor_gantt(const struct command_value *value);

/* kernel/monitor_cpus.c */
void monitor_topology(const struct command_value *value);
void monitor_offline(const struct command_value *value);
void monitor_online_cpu(const struct command_value *value);
void monitor_latency(const struct command_value *value);
void monitor_stats(const struct command_value *value);
void monitor_balance(const struct command_value *value);

/* kernel/monitor_system.c */
void monitor_mem(const struct command_value *value);
void monitor_irq(const struct command_value *value);
void monitor_log(const struct command_value *value);
void monitor_params(const struct command_value *value);
void monitor_panic(const struct command_value *value);
void monitor_reboot(const struct command_value *value);
void monitor_poweroff(const struct command_value *value);
const char *monitor_log_choice(unsigned index);

#endif
