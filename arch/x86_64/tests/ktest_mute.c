/* SPDX-License-Identifier: MIT */
/* A panic when nothing can be printed: every call of panic_printf() is a debug exception. */
#include "kernel/console.h"
#include "kernel/ktest.h"
#include "kernel/log.h"
#include "kernel/params.h"
#include "kernel/string.h"
#include <arch/irq.h>

#define DR7_EXECUTION_OF_DR0 0x2 /* global, one byte, when it is executed */

static void break_at(void (*function)(const char *fmt, ...))
{
	uintptr_t enable = DR7_EXECUTION_OF_DR0;

	__asm__ volatile("movq %0, %%dr0; movq %1, %%dr7" : : "r"(function), "r"(enable));
}

KTEST(panic_dies_mute)
{
	if (strcmp(kernel_params.test, "panic_dies_mute")) {
		ktest_skip("ends the kernel, hence only alone");
		return;
	}
	arch_irq_disable();
	break_at(panic_printf);
	panic("nobody will read this");
}
