/* SPDX-License-Identifier: MIT */
/*
 * The command `policy`: how one thread is scheduled. What may be set is a table; each line says
 * which numbers it takes.
 */
#include "kernel/errno.h"
#include "kernel/format.h"
#include "kernel/monitor_private.h"
#include "kernel/thread_policy.h"

struct choice {
	const char *name;
	const char *text;
	unsigned numbers; /* it must be given */
	void (*set)(struct sched_params *params, const ktime_t us[3]);
};

/* `params` has the level and nothing else. */
static void set_plain(struct sched_params *params, const ktime_t us[3])
{
	(void)params;
	(void)us;
}

static void set_edf(struct sched_params *params, const ktime_t us[3])
{
	params->deadline = us[0] * NSEC_PER_USEC;
	params->period = us[1] * NSEC_PER_USEC;
}

static void set_fifo(struct sched_params *params, const ktime_t number[3])
{
	params->kind = SCHED_KIND_FIFO;
	params->priority = (unsigned)MIN(number[0], SCHED_PRIORITY_MAX + 1);
}

static void set_rr(struct sched_params *params, const ktime_t number[3])
{
	set_fifo(params, number);
	params->kind = SCHED_KIND_RR;
}

static void set_rm(struct sched_params *params, const ktime_t us[3])
{
	params->kind = SCHED_KIND_RM;
	params->runtime = us[0] * NSEC_PER_USEC;
	params->period = us[1] * NSEC_PER_USEC;
}

static void set_dl(struct sched_params *params, const ktime_t us[3])
{
	params->kind = SCHED_KIND_DL;
	params->runtime = us[0] * NSEC_PER_USEC;
	params->deadline = us[1] * NSEC_PER_USEC;
	params->period = us[2] * NSEC_PER_USEC;
}

static const struct choice choices[] = {
	{"ts", "time sharing by the system's algorithm, no deadline", 0, set_plain},
	{"edf", "D T: a deadline D after each release, one every T or by wake-ups (0)", 2, set_edf},
	{"fifo", "PRIORITY: 1 to 99, above all time sharing; runs until it leaves", 1, set_fifo},
	{"rr", "PRIORITY: 1 to 99, the same in turns with its equals", 1, set_rr},
	{"rm", "C T: a priority by its period T, if C of every T can be promised", 2, set_rm},
	{"dl", "C D T: a reservation of C in every T, within D (0: T) of its begin", 3, set_dl},
};

const char *monitor_policy_choice(unsigned index)
{
	return index < ARRAY_SIZE(choices) ? choices[index].name : NULL;
}

const char *monitor_policy_text(unsigned index)
{
	return index < ARRAY_SIZE(choices) ? choices[index].text : NULL;
}

static void show(struct thread *t)
{
	struct sched_params params;
	struct thread_stats stats;

	thread_get_params(t, &params);
	thread_get_stats(t, &stats);
	console_printf("policy: thread %llu (%s) ", (unsigned long long)t->thread_id, t->name);
	if (params.kind == SCHED_KIND_TS)
		console_printf(
			"%s level %u", sched_policy_name(scheduler.config.algorithm), params.level);
	else if (params.kind == SCHED_KIND_DL || params.kind == SCHED_KIND_RM)
		console_printf("%s on CPU %u, C %lld us",
			params.kind == SCHED_KIND_DL ? "dl" : "rm", t->se.bound,
			params.runtime / NSEC_PER_USEC);
	else
		console_printf("%s priority %u", params.kind == SCHED_KIND_RR ? "rr" : "fifo",
			params.priority);
	if (params.deadline)
		console_printf(", D %lld us, T %lld us, %llu misses",
			params.deadline / NSEC_PER_USEC, params.period / NSEC_PER_USEC,
			(unsigned long long)stats.misses);
	if (params.kind == SCHED_KIND_DL)
		console_printf(", %llu overruns", (unsigned long long)stats.overruns);
	else if (params.kind == SCHED_KIND_TS && params.deadline &&
		scheduler.config.algorithm != SCHED_POLICY_edf)
		console_printf("; the deadline waits for sched=edf");
	console_printf("\n");
}

static unsigned count_given(const struct command_value *value)
{
	unsigned n = 0;

	while (n < 3 && value[n].given)
		n++;
	return n;
}

static int set(struct thread *t, const struct choice *choice, const struct command_value *value)
{
	ktime_t us[3] = {
		(ktime_t)value[0].number, (ktime_t)value[1].number, (ktime_t)value[2].number};
	struct sched_params now, params = {0};

	thread_get_params(t, &now);
	params.level = now.level;
	choice->set(&params, us);
	return thread_set_params(t, &params);
}

void monitor_policy(const struct command_value *value)
{
	struct thread *t = thread_find(value[0].number);
	const struct choice *choice = value[1].given ? &choices[value[1].number] : NULL;
	unsigned given = count_given(&value[2]);
	int err = 0;

	if (!t) {
		console_printf("policy: there is no thread %llu, `threads` lists them\n",
			(unsigned long long)value[0].number);
		return;
	}
	if (choice && given != choice->numbers)
		console_printf("policy: %s takes %u numbers, not %u: %s\n", choice->name,
			choice->numbers, given, choice->text);
	else if (choice && (err = set(t, choice, &value[2])) == -EBUSY)
		console_printf("policy: %s: no allowed CPU can promise it; "
			       "the most left to reservations is %u ppm\n",
			choice->name, thread_free_bandwidth(t));
	else if (err)
		console_printf("policy: %s: %s; expected %s\n", choice->name, errno_text(err),
			choice->text);
	else
		show(t);
	thread_put(t);
}
