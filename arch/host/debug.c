/* SPDX-License-Identifier: MIT */
/*
 * Log, panic and exit in a host process. The log is kept for tests to look at and printed only
 * when MOS_LOG is set; a panic that no test expects prints it and aborts.
 */
#include "kernel/format.h"
#include "kernel/log.h"
#include <arch/debug.h>
#include <arch/host.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BACKTRACE_DEPTH 6
#define FRAME_SIZE_MAX  16384

_Thread_local jmp_buf *arch_host_panic_jump;
_Thread_local char arch_host_panic_text[256];
_Thread_local char arch_host_log[8192];

static void append(const char *text)
{
	size_t used = strlen(arch_host_log);
	size_t length = strlen(text);

	if (used + length + 2 > sizeof(arch_host_log))
		used = 0;
	snprintf(arch_host_log + used, sizeof(arch_host_log) - used, "%s\n", text);
	if (getenv("MOS_LOG"))
		fprintf(stderr, "%s\n", text);
}

static void append_va(const char *fmt, va_list args)
{
	char text[512];

	format_string_va(text, sizeof(text), fmt, args);
	append(text);
}

void log_printf(enum log_level level __unused, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	append_va(fmt, args);
	va_end(args);
}

void console_printf(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	append_va(fmt, args);
	va_end(args);
}

static __noreturn void leave(const char *what, int code)
{
	if (arch_host_panic_jump)
		longjmp(*arch_host_panic_jump, 1);
	fprintf(stderr, "%s\n%s: %s\n", arch_host_log, what, arch_host_panic_text);
	if (code == ARCH_EXIT_PANIC)
		abort();
	exit(code);
}

void panic(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	format_string_va(arch_host_panic_text, sizeof(arch_host_panic_text), fmt, args);
	va_end(args);
	leave("panic", ARCH_EXIT_PANIC);
}

void arch_exit(enum arch_exit code)
{
	format_string(arch_host_panic_text, sizeof(arch_host_panic_text), "exit %d", (int)code);
	leave("arch_exit", code);
}

/* Where a fibre was left is the host library's secret. */
void arch_backtrace_thread(const struct arch_thread *t __unused,
	bool (*visit)(uintptr_t pc, bool irq, void *arg) __unused, void *arg __unused)
{
}

/* Along the frame pointers, which host programs keep, as long as they lead up the stack. */
__attribute__((no_sanitize("address", "thread"))) void arch_backtrace(
	const struct arch_frame *frame __unused, bool (*visit)(uintptr_t pc, bool irq, void *arg),
	void *arg)
{
	const uintptr_t *fp = __builtin_frame_address(0);

	for (unsigned depth = 0; depth < BACKTRACE_DEPTH && visit(fp[1], false, arg); depth++) {
		uintptr_t next = fp[0];

		if (next <= (uintptr_t)fp || next - (uintptr_t)fp > FRAME_SIZE_MAX || next % 16)
			break;
		fp = (const uintptr_t *)next;
	}
}
