/* SPDX-License-Identifier: MIT */
/* A broken assertion in a host process: the test that expects it goes on, any other aborts. */
#include "kernel/assert.h"
#include <arch/host.h>
#include <arch/percpu.h>
#include <stdio.h>
#include <stdlib.h>

_Thread_local jmp_buf *arch_host_assert_jump;
_Thread_local const char *arch_host_assert_expr;

void assert_fail(const char *expr, const char *file, int line, const char *func)
{
	arch_host_assert_expr = expr;
	if (arch_host_assert_jump)
		longjmp(*arch_host_assert_jump, 1);
	fflush(stdout);
	fprintf(stderr, "%s:%d: %s(): CPU %u: assertion failed: %s\n", file, line, func,
		arch_cpu_id(), expr);
	abort();
}
