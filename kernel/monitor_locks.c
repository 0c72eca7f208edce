/* SPDX-License-Identifier: MIT */
/* The command `locks`: where locks are waited for, and which threads wait for which mutexes now. */
#include "kernel/lockdep.h"
#include "kernel/lockstat.h"
#include "kernel/monitor_private.h"
#include "kernel/thread.h"
#include "kernel/wait.h"

enum choice { CHOICE_OFF, CHOICE_ON, CHOICE_CLEAR };

const char *monitor_locks_choice(unsigned index)
{
	static const char *const names[] = {
		[CHOICE_OFF] = "off", [CHOICE_ON] = "on", [CHOICE_CLEAR] = "clear"};

	return index < ARRAY_SIZE(names) ? names[index] : NULL;
}

static void print_place(const struct lockstat *s)
{
	console_printf("%-8s %9llu %9lld %9lld %9lld %9lld  %s%s%pS\n",
		s->kind == LOCKSTAT_MUTEX ? "mutex" : "spinlock", (unsigned long long)s->contended,
		(long long)(s->wait / NSEC_PER_USEC), (long long)(s->wait_max / NSEC_PER_USEC),
		(long long)(s->held / NSEC_PER_USEC), (long long)(s->held_max / NSEC_PER_USEC),
		s->name, s->name[0] ? " in " : "in ", (void *)s->site);
}

static void print_places(void)
{
	struct lockstat stat;

	console_printf("%-8s %9s %9s %9s %9s %9s  %s\n", "KIND", "CONTENDED", "WAIT-US", "MAX",
		"HELD-US", "MAX", "WHERE");
	for (unsigned i = 0; lockstat_get(i, &stat); i++)
		if (stat.contended)
			print_place(&stat);
	if (!lockstat_is_on())
		console_printf("times are off: `locks on` takes them\n");
}

static void print_waiters(void)
{
	struct thread *t = NULL;
	char text[80];

	while ((t = thread_next(t))) {
		if (!t->mutex_waited)
			continue;
		wait_describe(t, text, sizeof(text));
		console_printf("thread %llu (%s) waits for %s\n", (unsigned long long)t->thread_id,
			t->name, text);
	}
}

static void print_orders(void)
{
	const char *first, *then;
	uintptr_t site;

	for (unsigned i = 0; lockdep_get(i, &first, &then, &site); i++)
		console_printf("order: %s before %s, first in %pS\n", first, then, (void *)site);
}

void monitor_locks(const struct command_value *value)
{
	if (!value[0].given) {
		print_places();
		print_orders();
		print_waiters();
	} else if (value[0].number == CHOICE_CLEAR) {
		lockstat_clear();
	} else {
		lockstat_set(value[0].number == CHOICE_ON);
	}
}
