/* SPDX-License-Identifier: MIT */
/*
 * Commands about CPUs and run queues. What is shown is copied under the run queue's lock into a
 * buffer of the monitor's, and printed without it.
 */
#include "kernel/format.h"
#include "kernel/monitor_private.h"
#include "kernel/thread.h"
#include "kernel/string.h"
#include "kernel/trace_newest.h"
#include "mm/slab.h"
#include <arch/time.h>

#define RUNQ_SHOWN   12u  /* queued threads of a CPU that are named */
#define CHECK_WALKED 500u /* threads of a CPU whose queue is walked with its lock held */

static const char *const reason_names[] = {
#define REASON(name, text) #name,
#include "sched/reasons.def"
#undef REASON
};

struct queued {
	uint64_t thread_id;
	unsigned level;
	char name[THREAD_NAME_SIZE];
};

/* One run queue as it was at one moment. */
static struct {
	struct queued current;
	struct queued waiting[RUNQ_SHOWN];
	unsigned count;  /* of waiting that are filled */
	unsigned queued; /* all of them */
	struct sched_rq_stats stats;
	ktime_t started;
	ktime_t slice_left; /* KTIME_MAX: no end */
} shot;

void monitor_online(struct cpumask *online)
{
	cpumask_snapshot(online, &scheduler.online);
}

static void copy_entity(struct queued *to, struct sched_entity *se)
{
	const struct thread *t = container_of(se, struct thread, se);

	to->thread_id = t->thread_id;
	to->level = se->level;
	memcpy(to->name, t->name, sizeof(to->name));
}

static void copy_list(const struct list *l)
{
	struct sched_entity *se;

	list_for_each_entry (se, l, node) {
		if (shot.count == RUNQ_SHOWN)
			return;
		copy_entity(&shot.waiting[shot.count++], se);
	}
}

static void copy_tree(const struct rb_tree *tree)
{
	for (struct rb_node *n = rb_first(tree); n && shot.count < RUNQ_SHOWN; n = rb_next(n))
		copy_entity(
			&shot.waiting[shot.count++], rb_entry(n, struct sched_entity, tree_node));
}

/*
 * As many as are shown, however long the queue is. A rank has its entities on the list or, that of
 * a TREE policy, in the tree.
 */
static void copy_queue(const struct sched_rq *rq)
{
	copy_tree(&rq->deadlines);
	for (unsigned rank = 0; rank < SCHED_RANK_IDLE; rank++)
		copy_list(&rq->level[rank]);
	copy_tree(&rq->tree);
	shot.queued = atomic_load(&rq->nr_runnable) - (rq->curr != rq->idle);
}

static void take_shot(struct sched_rq *rq)
{
	arch_irqflags_t flags = spin_lock_irqsave(&rq->lock);
	ktime_t now = arch_time_now();

	shot.count = 0;
	copy_entity(&shot.current, rq->curr);
	copy_queue(rq);
	shot.stats = rq->stats;
	shot.started = rq->started;
	shot.slice_left = rq->slice_end == KTIME_MAX ? KTIME_MAX : MAX(rq->slice_end - now, 0);
	spin_unlock_irqrestore(&rq->lock, flags);
}

void monitor_runq(const struct command_value *value)
{
	struct cpumask online;
	unsigned cpu;

	monitor_online(&online);
	if (value[0].given)
		cpumask_and(&online, &online, &value[0].cpus);
	cpumask_for_each (cpu, &online) {
		take_shot(scheduler.rq[cpu]);
		console_printf("CPU %u runs %llu %s", cpu,
			(unsigned long long)shot.current.thread_id, shot.current.name);
		if (shot.slice_left != KTIME_MAX)
			console_printf(" for %lld us more", shot.slice_left / NSEC_PER_USEC);
		console_printf(", %u waiting\n", shot.queued);
		for (unsigned i = 0; i < shot.count; i++)
			console_printf("  %6llu level %-2u %s\n",
				(unsigned long long)shot.waiting[i].thread_id,
				shot.waiting[i].level, shot.waiting[i].name);
		if (shot.queued > shot.count)
			console_printf("  and %u more\n", shot.queued - shot.count);
	}
}

static uint64_t sum_switches(const struct sched_rq_stats *stats)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < SCHED_REASON_COUNT; i++)
		sum += stats->switches[i];
	return sum;
}

/* Parts in a thousand of the CPU's time on line in which its idle thread did not run. */
static unsigned busy_permille(unsigned cpu, ktime_t started)
{
	struct thread_stats idle;
	ktime_t elapsed = arch_time_now() - started;

	thread_get_stats(cpu_ptr(cpu_schedulers, cpu)->idle, &idle);
	return monitor_permille(elapsed - idle.cpu_time, elapsed);
}

void monitor_cpu(const struct command_value *value __unused)
{
	struct cpumask online;
	unsigned cpu;

	monitor_online(&online);
	console_printf("%3s %6s %4s %9s %9s %9s %7s %9s  %s\n", "CPU", "BUSY%", "LOAD", "SWITCHES",
		"WAKEUPS", "MOVED-IN", "STOLEN", "KICKS", "RUNS");
	cpumask_for_each (cpu, &online) {
		struct sched_rq *rq = scheduler.rq[cpu];

		take_shot(rq);
		console_printf("%3u " MONITOR_PERCENT
			       "%% %4u %9llu %9llu %9llu %7llu %9llu  %llu %s\n",
			cpu, MONITOR_PERCENT_ARGS(busy_permille(cpu, shot.started)),
			atomic_load(&rq->nr_runnable),
			(unsigned long long)sum_switches(&shot.stats),
			(unsigned long long)shot.stats.wakeups,
			(unsigned long long)shot.stats.migrations,
			(unsigned long long)shot.stats.steals, (unsigned long long)shot.stats.kicks,
			(unsigned long long)shot.current.thread_id, shot.current.name);
	}
}

static void print_quanta(void)
{
	console_printf("quantum:   ");
	for (unsigned p = THREAD_PRIORITY_COUNT; p-- > 0;)
		console_printf(" %s %lld ms", thread_priority_name(p),
			scheduler.quantum[thread_priority_level(p)] / NSEC_PER_MSEC);
	console_printf("\n");
}

static void show_settings(void)
{
	const struct sched_config *config = &scheduler.config;
	uint64_t switches[SCHED_REASON_COUNT] = {0};
	struct cpumask online;
	unsigned cpu;

	monitor_online(&online);
	console_printf("algorithm:   %s\n", sched_policy_name(config->algorithm));
	print_quanta();
	console_printf(
		"aging:       a level for %lld ms of waiting\n", config->aging / NSEC_PER_MSEC);
	console_printf("boost:       every %lld ms\n", config->boost_interval / NSEC_PER_MSEC);
	console_printf("balancing:   %s, every %lld ms\n", config->balancing ? "on" : "off",
		config->balance_interval / NSEC_PER_MSEC);
	console_printf("affinity:    %s\n", config->affinity ? "on" : "off");
	console_printf("CPUs:        %u on line, %u idle\n", cpumask_weight(&online),
		atomic_load(&scheduler.nr_idle));
	cpumask_for_each (cpu, &online) {
		take_shot(scheduler.rq[cpu]);
		for (unsigned i = 0; i < SCHED_REASON_COUNT; i++)
			switches[i] += shot.stats.switches[i];
	}
	console_printf("switches:   ");
	for (unsigned i = 0; i < SCHED_REASON_COUNT; i++)
		console_printf(" %s %llu", reason_names[i], (unsigned long long)switches[i]);
	console_printf("\n");
}

void monitor_sched(const struct command_value *value)
{
	if (value[0].given)
		monitor_set(&value[1]);
	else
		show_settings();
}

/* A queue that is too long to be walked with the lock held is checked at its ends only. */
static const char *check_rq(struct sched_rq *rq, bool *whole)
{
	arch_irqflags_t flags = spin_lock_irqsave(&rq->lock);
	const char *wrong;

	*whole = atomic_load(&rq->nr_runnable) <= CHECK_WALKED;
	wrong = *whole ? sched_check_rq(rq) : sched_check_switch(rq);
	spin_unlock_irqrestore(&rq->lock, flags);
	return wrong;
}

void monitor_check(const struct command_value *value __unused)
{
	unsigned cpu, wrong = 0;
	struct cpumask online;

	monitor_online(&online);
	cpumask_for_each (cpu, &online) {
		bool whole;
		const char *text = check_rq(scheduler.rq[cpu], &whole);

		wrong += text != NULL;
		if (text)
			console_printf("CPU %u: %s\n", cpu, text);
		if (!whole)
			console_printf("CPU %u: more than %u threads, their queue not walked\n",
				cpu, CHECK_WALKED);
	}
	console_printf("%u run queues checked, %u wrong\n", cpumask_weight(&online), wrong);
}

static void print_totals(void)
{
	struct trace_totals totals;

	trace_get_totals(&totals);
	console_printf("%llu records, %llu lost, hash %016llx\n",
		(unsigned long long)totals.records, (unsigned long long)totals.lost,
		(unsigned long long)totals.hash);
}

/* In small letters, which are typed faster. */
const char *monitor_event_choice(unsigned index)
{
	static char word[16];
	size_t i = 0;

	if (index >= TRACE_KIND_COUNT)
		return NULL;
	for (const char *name = trace_kind_name(index); name[i] && i < sizeof(word) - 1; i++)
		word[i] = (char)(name[i] == '_' ? '_' : name[i] | 0x20);
	word[i] = 0;
	return word;
}

const char *monitor_on_off_choice(unsigned index)
{
	static const char *const words[] = {"off", "on"};

	return index < ARRAY_SIZE(words) ? words[index] : NULL;
}

static void print_kinds(void)
{
	for (unsigned kind = 0; kind < TRACE_KIND_COUNT; kind++)
		console_printf("%-10s %-4s %s\n", monitor_event_choice(kind),
			trace_selected() >> kind & 1 ? "on" : "off", trace_kind_text(kind));
	if (!trace_on)
		console_printf("the trace is off, start with trace=on\n");
}

void monitor_events(const struct command_value *value)
{
	unsigned kind = (unsigned)value[0].number;
	bool on = !value[1].given || value[1].number;

	if (!value[0].given)
		print_kinds();
	else if (trace_select_kind(kind, on))
		console_printf("events: %s is recorded always\n", monitor_event_choice(kind));
	else
		console_printf("events: %s %s\n", monitor_event_choice(kind), on ? "on" : "off");
}

void monitor_trace(const struct command_value *value)
{
	unsigned n = value[0].given ? (unsigned)value[0].number : 20, cpu;
	struct trace_newest all = {.max = n};
	struct cpumask online;
	char text[128];

	all.record = kmalloc(2 * n * sizeof(*all.record));
	if (!all.record) {
		console_printf("trace: no memory for %u records\n", n);
		return;
	}
	all.of_cpu = all.record + n;
	monitor_online(&online);
	cpumask_for_each (cpu, &online)
		trace_newest_add(&all, cpu);
	for (unsigned i = 0; i < all.count; i++) {
		trace_newest_format(&all.record[i], text, sizeof(text));
		console_printf("%s\n", text);
	}
	print_totals();
	kfree(all.record);
}
