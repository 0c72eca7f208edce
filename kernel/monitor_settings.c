/* SPDX-License-Identifier: MIT */
/*
 * The command `sched set`: what may be changed of the scheduler's configuration while it runs. A
 * setting takes the values of the boot parameter that it begins with, in the same units.
 */
#include "kernel/errno.h"
#include "kernel/format.h"
#include "kernel/monitor_private.h"
#include "kernel/params.h"
#include "kernel/scheduler.h"
#include "kernel/string.h"

struct setting {
	const char *name;
	const char *parameter;
	void (*set)(struct sched_config *config, const struct kernel_params *params);
};

static void set_algorithm(struct sched_config *config, const struct kernel_params *params)
{
	config->algorithm = params->sched;
}

static void set_quantum(struct sched_config *config, const struct kernel_params *params)
{
	config->quantum = params->quantum * NSEC_PER_MSEC;
}

static void set_aging(struct sched_config *config, const struct kernel_params *params)
{
	config->aging = params->aging * NSEC_PER_MSEC;
}

static void set_boost(struct sched_config *config, const struct kernel_params *params)
{
	config->boost_interval = params->boost * NSEC_PER_MSEC;
}

static void set_balance(struct sched_config *config, const struct kernel_params *params)
{
	config->balance_interval = params->balance * NSEC_PER_MSEC;
}

static void set_affinity(struct sched_config *config, const struct kernel_params *params)
{
	config->affinity = params->affinity;
}

static void set_balancing(struct sched_config *config, const struct kernel_params *params)
{
	config->balancing = params->balancing;
}

static const struct setting settings[] = {
	{"algorithm", "sched", set_algorithm},
	{"quantum", "quantum", set_quantum},
	{"aging", "aging", set_aging},
	{"boost", "boost", set_boost},
	{"balance", "balance", set_balance},
	{"affinity", "affinity", set_affinity},
	{"balancing", "balancing", set_balancing},
};

/* Whatever is no number in any of them. The algorithms come first. */
static const char *const words[] = {
#define POLICY(name, text) #name,
#include "sched/policies.def"
#undef POLICY
};
static const char *const switches[] = {"on", "off"};

const char *monitor_set_choice(unsigned index)
{
	return index ? NULL : "set";
}

static const struct param *parameter_of(const struct setting *setting)
{
	return param_find(setting->parameter, strlen(setting->parameter));
}

const char *monitor_setting_name(unsigned index)
{
	return index < ARRAY_SIZE(settings) ? settings[index].name : NULL;
}

const char *monitor_setting_text(unsigned index)
{
	return index < ARRAY_SIZE(settings) ? parameter_of(&settings[index])->text : NULL;
}

const char *monitor_setting_word(unsigned index)
{
	if (index < SCHED_ALGORITHM_COUNT)
		return words[index];
	index -= SCHED_ALGORITHM_COUNT;
	return index < ARRAY_SIZE(switches) ? switches[index] : NULL;
}

/* As it was typed. */
static void format_value(const struct command_value *value, char *buf, size_t size)
{
	if (value->is_choice)
		string_copy(buf, monitor_setting_word((unsigned)value->number), size);
	else
		format_string(buf, size, "%llu", (unsigned long long)value->number);
}

static int apply(const struct setting *setting, const char *text)
{
	static struct kernel_params params; /* too large for a stack; the monitor is one thread */
	const struct param *parameter = parameter_of(setting);
	struct sched_config config;

	params_set_defaults(&params);
	if (param_set(parameter, &params, text))
		return -EINVAL;
	scheduler_get_config(&config);
	setting->set(&config, &params);
	return scheduler_set_config(&config);
}

static void expect(const struct setting *setting, const char *given)
{
	char choices[64];

	param_format_choices(parameter_of(setting), choices, sizeof(choices));
	console_printf("sched: %s is %s, expected %s\n", setting->name, given, choices);
}

void monitor_set(const struct command_value *value)
{
	const struct setting *setting = &settings[value[0].number];
	char given[24] = "missing";

	if (!value[0].given) {
		console_printf("sched: what is to be set? algorithm, quantum, aging, boost, "
			       "balance, affinity or balancing\n");
		return;
	}
	if (value[1].given)
		format_value(&value[1], given, sizeof(given));
	if (!value[1].given || apply(setting, given))
		expect(setting, given);
	else
		console_printf("sched: %s is now %s\n", setting->name, given);
}
