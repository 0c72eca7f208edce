/* SPDX-License-Identifier: MIT */
/* `demo`: starts a demonstration, shows how it goes, ends it. */
#include "kernel/console.h"
#include "kernel/demo.h"
#include "kernel/errno.h"
#include "kernel/monitor_private.h"

#define STOP "stop"

/* The names, and behind them the word that ends what runs. */
const char *monitor_demo_choice(unsigned index)
{
	static unsigned count;

	while (demo_name(count))
		count++;
	return index < count ? demo_name(index) : index == count ? STOP : NULL;
}

static void list_all(void)
{
	for (unsigned i = 0; demo_name(i); i++)
		console_printf("  %-12s %s\n", demo_name(i), demo_text(i));
	console_printf("  %-12s ends the one that runs\n", STOP);
}

/* "12.345" */
static void print_ms(ktime_t ns)
{
	console_printf(" %5lld.%03lld", ns / NSEC_PER_MSEC, ns / NSEC_PER_USEC % 1000);
}

static void show_figures(void)
{
	struct demo_figures f;

	console_printf("   TID   CPU%%  ROUNDS    AVERAGE      WORST  MISSES  NAME\n");
	for (unsigned i = 0; demo_get_figures(i, &f); i++) {
		console_printf("%6llu  " MONITOR_PERCENT " %7u", (unsigned long long)f.thread_id,
			MONITOR_PERCENT_ARGS(f.permille), f.rounds);
		print_ms(f.average);
		console_printf(" ");
		print_ms(f.worst);
		console_printf(" %7llu  %s\n", (unsigned long long)f.misses, f.name);
	}
	console_printf("a round lasts from when it was wanted until it was done, in ms\n");
}

static void start(unsigned index)
{
	unsigned cpu;
	int now = demo_running(&cpu), err = demo_start(index);

	if (err == -EBUSY && now >= 0)
		console_printf(
			"demo: %s runs already, `demo stop` ends it\n", demo_name((unsigned)now));
	else if (err == -ESCHED_CPU)
		console_printf("demo: needs a second CPU, this one is for the prompt\n");
	else if (err)
		console_printf("demo: %s: %s\n", demo_name(index), errno_text(err));
	else if (demo_running(&cpu) >= 0)
		console_printf("%s on CPU %u: %s\n%s\nhow   demo shows the figures, "
			       "demo stop ends it\n",
			demo_name(index), cpu, demo_text(index), demo_advice(index));
}

static void stop(void)
{
	unsigned cpu;
	int now = demo_running(&cpu), err;

	if (now < 0) {
		console_printf("demo: none runs\n");
		return;
	}
	show_figures();
	err = demo_stop();
	if (err)
		console_printf("demo: %s does not end: %s; try again\n", demo_name((unsigned)now),
			errno_text(err));
	else
		console_printf("%s has ended\n", demo_name((unsigned)now));
}

void monitor_demo(const struct command_value *value)
{
	unsigned cpu;
	int now = demo_running(&cpu);

	if (value[0].given && demo_name((unsigned)value[0].number)) {
		start((unsigned)value[0].number);
	} else if (value[0].given) {
		stop();
	} else if (now >= 0) {
		console_printf("%s on CPU %u\n", demo_name((unsigned)now), cpu);
		show_figures();
	} else {
		list_all();
	}
}
