/* SPDX-License-Identifier: MIT */
/* The command: mos-sim [an option] SCENARIO. */
#include "tools/sim/sim.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: mos-sim [--json | --gantt | --svg | --trace | --quiet] SCENARIO\n"
	"Runs the kernel's scheduler on virtual time. SCENARIO is a file in JSON or YAML, or -.\n"
	"  --json      the result as JSON instead of a table\n"
	"  --gantt     a chart of who ran where, before the table\n"
	"  --svg       a picture of it instead of the table\n"
	"  --trace     all of it for Perfetto's viewer (ui.perfetto.dev), instead of the table\n"
	"  --quiet     only the number of switches\n"
	"  --policies  the algorithms a scenario may name, one a line\n"
	"tools/sim/README.md describes scenario, result and the rules for ties.\n";

/* What is printed: by number, the option without its dashes. */
enum form { FORM_TABLE, FORM_JSON, FORM_GANTT, FORM_SVG, FORM_TRACE, FORM_QUIET, FORM_COUNT };
static const char *const forms[FORM_COUNT] = {"table", "json", "gantt", "svg", "trace", "quiet"};

struct options {
	enum form form;
	const char *path;
};

static __noreturn void fail(const char *what, const char *argument)
{
	fprintf(stderr, "mos-sim: %s%s\n%s", what, argument, usage);
	exit(2);
}

static __noreturn void print_and_exit(const char *text)
{
	printf("%s", text);
	exit(0);
}

static __noreturn void print_policies(void)
{
	puts(scenario_policies("\n"));
	exit(0);
}

static bool read_form(struct options *o, const char *argument)
{
	for (unsigned i = FORM_TABLE + 1; i < FORM_COUNT; i++) {
		if (strncmp(argument, "--", 2) || strcmp(argument + 2, forms[i]))
			continue;
		if (o->form != FORM_TABLE)
			fail("expected one of --json, --gantt, --svg, --trace, --quiet", "");
		o->form = (enum form)i;
		return true;
	}
	return false;
}

static void read_option(struct options *o, const char *argument)
{
	if (read_form(o, argument))
		return;
	if (!strcmp(argument, "--help"))
		print_and_exit(usage);
	else if (!strcmp(argument, "--policies"))
		print_policies();
	else if (argument[0] == '-' && argument[1])
		fail("there is no option ", argument);
	else if (o->path)
		fail("one scenario at a time; the second is ", argument);
	else
		o->path = argument;
}

static void report(struct sim *sim, enum form form)
{
	switch (form) {
	case FORM_JSON:
		report_json(sim);
		return;
	case FORM_SVG:
		report_svg(sim);
		return;
	case FORM_TRACE:
		report_trace(sim);
		return;
	case FORM_QUIET:
		printf("%llu switches\n", (unsigned long long)sim->switches);
		return;
	case FORM_GANTT:
		report_gantt(sim);
		break;
	default:
		break;
	}
	report_table(sim);
}

static bool needs_turns(enum form form)
{
	return form == FORM_GANTT || form == FORM_SVG || form == FORM_TRACE;
}

int main(int count, char **arguments)
{
	static struct sim sim;
	struct options options = {0};
	struct scenario scenario;

	for (int i = 1; i < count; i++)
		read_option(&options, arguments[i]);
	if (!options.path)
		fail("expected a scenario", "");
	scenario_read(&scenario, options.path);
	sim_run(&sim, &scenario, needs_turns(options.form));
	report(&sim, options.form);
	sim_free(&sim);
	scenario_free(&scenario);
	return fflush(stdout) ? 1 : 0;
}
