/* SPDX-License-Identifier: MIT */
/* The monitor's commands, in the order in which `help` lists them. */
#include "kernel/console.h"
#include "kernel/monitor_private.h"
#include "kernel/string.h"
#include "kernel/thread.h"
#include "kernel/workload.h"

#define LEVEL_LAST        (SCHED_LEVEL_COUNT - 1)
#define SPAWN_MAX         10000
#define SHOW_MAX          10000 /* records of log or trace */
#define GANTT_MAX         10000 /* ms */
#define REFRESH_MAX       60
#define SLEEP_MAX         (24 * 3600 * 1000u) /* ms */
#define POLICY_NUMBER_MAX (SCHED_PERIOD_MAX / NSEC_PER_USEC)

static void monitor_help(const struct command_value *value);

static const char *command_choice(unsigned index)
{
	return monitor_commands[index].name;
}

/* The names in small letters, as they are typed. Valid until the next call. */
static const char *priority_choice(unsigned index)
{
	static char name[16];
	unsigned i;

	if (index >= THREAD_PRIORITY_COUNT)
		return NULL;
	string_copy(name, thread_priority_name(index), sizeof(name));
	for (i = 0; name[i]; i++)
		name[i] |= 'a' - 'A';
	return name;
}

static const char *new_choice(unsigned index)
{
	return index ? NULL : "new";
}

static const char *tree_choice(unsigned index)
{
	return index ? NULL : "tree";
}

#define THREAD_ARG                                                                                 \
	{                                                                                          \
		.name = "thread", .kind = ARG_THREAD                                               \
	}
/* The same, or a process. */
#define TARGET_ARG                                                                                 \
	{                                                                                          \
		.name = "thread", .kind = ARG_TARGET                                               \
	}
#define PRIORITY_ARG .name = "priority", .choice = priority_choice, .min = 0, .max = LEVEL_LAST
#define CPUS_ARG     .name = "cpus", .kind = ARG_CPUS, .optional = true

#define POLICY_NUMBER(text) .name = text, .optional = true, .min = 0, .max = POLICY_NUMBER_MAX

struct command monitor_commands[] = {
	{.name = "help",
		.help = "list the commands, or explain one",
		.arg = {{.name = "command", .choice = command_choice, .optional = true}},
		.run = monitor_help},
	{.name = "ps", .help = "show the tree of processes", .run = monitor_ps},
	{.name = "threads", .help = "list the threads", .run = monitor_threads},
	{.name = "top",
		.help = "watch threads and CPUs, every so many seconds; q leaves",
		.arg = {{.name = "seconds", .optional = true, .min = 1, .max = REFRESH_MAX}},
		.run = monitor_top},
	{.name = "cpu", .help = "show what each CPU does and has done", .run = monitor_cpu},
	{.name = "topology",
		.help = "show where each CPU sits and which others are near",
		.run = monitor_topology},
	{.name = "offline",
		.help = "take a CPU off line; its threads go elsewhere",
		.arg = {{.name = "cpu", .min = 1, .max = CONFIG_MAX_CPUS - 1}},
		.run = monitor_offline},
	{.name = "online",
		.help = "bring a CPU back",
		.arg = {{.name = "cpu", .min = 1, .max = CONFIG_MAX_CPUS - 1}},
		.run = monitor_online_cpu},
	{.name = "latency",
		.help = "show how long woken threads, and CPUs beside waiting ones, waited",
		.arg = {{CPUS_ARG}},
		.run = monitor_latency},
	{.name = "stats",
		.help = "show the scheduler's counts of each CPU and of all",
		.arg = {{CPUS_ARG}},
		.run = monitor_stats},
	{.name = "balance",
		.help = "even out the CPUs' loads now, not at the end of the interval",
		.run = monitor_balance},
	{.name = "runq",
		.help = "show who runs and who waits on each CPU",
		.arg = {{CPUS_ARG}},
		.run = monitor_runq},
	{.name = "mem", .help = "show memory: pages and allocator caches", .run = monitor_mem},
	{.name = "irq", .help = "count interrupts by vector", .run = monitor_irq},
	{.name = "log",
		.help = "show the last log records, or those as urgent as a level",
		.arg = {{.name = "n",
			.choice = monitor_log_choice,
			.optional = true,
			.min = 1,
			.max = SHOW_MAX}},
		.run = monitor_log},
	{.name = "trace",
		.help = "show the last scheduler events of all CPUs",
		.arg = {{.name = "n", .optional = true, .min = 1, .max = SHOW_MAX}},
		.run = monitor_trace},
	{.name = "events",
		.help = "show which kinds of events the trace records, or change that",
		.arg = {{.name = "kind", .choice = monitor_event_choice, .optional = true},
			{.name = "on|off", .choice = monitor_on_off_choice, .optional = true}},
		.run = monitor_events},
	{.name = "gantt",
		.help = "draw who ran on each CPU in the last so many ms",
		.arg = {{.name = "ms", .optional = true, .min = 1, .max = GANTT_MAX}},
		.run = monitor_gantt},
	{.name = "spawn",
		.help = "start n threads of a built-in workload",
		.arg = {{.name = "workload", .choice = workload_name},
			{.name = "n", .optional = true, .min = 1, .max = SPAWN_MAX},
			{PRIORITY_ARG, .optional = true}, {CPUS_ARG},
			{.name = "process",
				.kind = ARG_PROCESS,
				.choice = new_choice,
				.optional = true}},
		.run = monitor_spawn},
	{.name = "demo",
		.help = "start a demonstration, show how it goes, or stop it",
		.arg = {{.name = "name", .choice = monitor_demo_choice, .optional = true}},
		.run = monitor_demo},
	{.name = "kill",
		.help = "end a thread, a process, or a process with all its descendants",
		.arg = {TARGET_ARG, {.name = "tree", .choice = tree_choice, .optional = true}},
		.run = monitor_kill},
	{.name = "prio",
		.help = "set a thread's priority by name or level (0 is best), or a process's",
		.arg = {TARGET_ARG, {PRIORITY_ARG}},
		.run = monitor_prio},
	{.name = "ground",
		.help = "put a process's threads some levels up or down",
		.arg = {{.name = "process", .kind = ARG_PROCESS},
			{.name = "where", .choice = monitor_ground_choice}},
		.run = monitor_ground},
	{.name = "limit",
		.help = "show or set how much there may be, in the system or a process",
		.arg = {{.name = "what", .choice = monitor_limit_choice, .optional = true},
			{.name = "n", .optional = true, .min = 1, .max = UINT32_MAX},
			{.name = "process", .kind = ARG_PROCESS, .optional = true}},
		.run = monitor_limit},
	{.name = "policy",
		.help = "show or set how a thread is scheduled; times in us",
		.arg = {THREAD_ARG,
			{.name = "policy", .choice = monitor_policy_choice, .optional = true},
			{POLICY_NUMBER("first")}, {POLICY_NUMBER("second")},
			{POLICY_NUMBER("third")}},
		.run = monitor_policy},
	{.name = "affinity",
		.help = "show or set the CPUs a thread may run on",
		.arg = {THREAD_ARG, {CPUS_ARG}},
		.run = monitor_affinity},
	{.name = "suspend",
		.help = "stop a thread or a process",
		.arg = {TARGET_ARG},
		.run = monitor_suspend},
	{.name = "resume", .help = "let it go on", .arg = {TARGET_ARG}, .run = monitor_resume},
	{.name = "sleep",
		.help = "send a thread to sleep for so many ms",
		.arg = {THREAD_ARG, {.name = "ms", .min = 1, .max = SLEEP_MAX}},
		.run = monitor_sleep},
	{.name = "wake",
		.help = "wake a thread that sleeps",
		.arg = {THREAD_ARG},
		.run = monitor_wake},
	{.name = "sched",
		.help = "show the scheduler's settings and counts, or change a setting",
		.arg = {{.name = "set", .choice = monitor_set_choice, .optional = true},
			{.name = "what", .choice = monitor_setting_name, .optional = true},
			{.name = "value",
				.choice = monitor_setting_word,
				.optional = true,
				.min = 0,
				.max = UINT_MAX}},
		.run = monitor_sched},
	{.name = "locks",
		.help = "show where locks are waited for; turn times on or off, clear counts",
		.arg = {{.name = "what", .choice = monitor_locks_choice, .optional = true}},
		.run = monitor_locks},
	{.name = "check", .help = "check every run queue's invariants", .run = monitor_check},
	{.name = "params", .help = "show the boot parameters", .run = monitor_params},
	{.name = "panic", .help = "stop with a report of every CPU", .run = monitor_panic},
	{.name = "reboot", .help = "start the machine anew", .run = monitor_reboot},
	{.name = "poweroff", .help = "turn the machine off", .run = monitor_poweroff},
	COMMAND_END,
};

void monitor_commands_init(void)
{
	for (struct command *command = monitor_commands; command->name; command++)
		for (unsigned i = 0; i < COMMAND_ARGS; i++)
			if (command->arg[i].kind == ARG_CPUS)
				command->arg[i].max = monitor_cpu_end() - 1;
}

static void explain(const struct command *command)
{
	char text[256];

	command_usage(command, text, sizeof(text));
	console_printf("%s: %s\n", text, command->help);
	for (unsigned i = 0; i < COMMAND_ARGS && command->arg[i].name; i++) {
		command_expected(&command->arg[i], text, sizeof(text));
		console_printf("  %-10s %s\n", command->arg[i].name, text);
	}
	for (unsigned i = 0; command->run == monitor_spawn && workload_name(i); i++)
		console_printf("  %-13s %s\n", workload_name(i), workload_text(i));
	for (unsigned i = 0; command->run == monitor_sched && monitor_setting_name(i); i++)
		console_printf("  %-13s %s\n", monitor_setting_name(i), monitor_setting_text(i));
	for (unsigned i = 0; command->run == monitor_policy && monitor_policy_choice(i); i++)
		console_printf("  %-13s %s\n", monitor_policy_choice(i), monitor_policy_text(i));
}

static void monitor_help(const struct command_value *value)
{
	char usage[96];

	if (value[0].given && value[0].is_choice) {
		explain(&monitor_commands[value[0].number]);
		return;
	}
	for (const struct command *command = monitor_commands; command->name; command++) {
		command_usage(command, usage, sizeof(usage));
		console_printf("%-37s %s\n", usage, command->help);
	}
	console_printf("Tab completes, up and down recall lines, ctrl-a/e/k/u/w/y edit.\n");
}
