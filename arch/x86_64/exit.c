/* SPDX-License-Identifier: MIT */
/* The ways out of the machine, each tried until one works. Interrupts are off, nothing returns. */
#include "arch/x86_64/acpi.h"
#include "arch/x86_64/console.h"
#include "arch/x86_64/instructions.h"
#include <arch/cpu.h>
#include <arch/debug.h>
#include <arch/irq.h>

#define DEBUG_EXIT_PORT      0xf4   /* QEMU's isa-debug-exit, as the Makefile configures it */
#define QEMU_POWER_PORT      0x604  /* PM1a control where QEMU's firmware puts it */
#define QEMU_POWER_OFF       0x2000 /* sleep enable, type 0 */
#define BOCHS_POWER_PORT     0x8900
#define RESET_PORT           0xcf9 /* chipset reset control */
#define RESET_SYSTEM         0x02
#define RESET_NOW            0x06
#define KEYBOARD_PORT        0x64
#define KEYBOARD_PULSE_RESET 0xfe

static void bochs_power_off(void)
{
	for (const char *c = "Shutdown"; *c; c++)
		out8(BOCHS_POWER_PORT, (uint8_t)*c);
}

void arch_exit(enum arch_exit code)
{
	arch_irq_disable();
	console_flush();
	out32(DEBUG_EXIT_PORT, code);
	bochs_power_off();
	arch_cpu_stop();
}

void arch_poweroff(void)
{
	arch_irq_disable();
	console_flush();
	acpi_power_off();
	out16(QEMU_POWER_PORT, QEMU_POWER_OFF);
	arch_exit(ARCH_EXIT_POWEROFF);
}

/* An exception without a table to handle it resets every x86 CPU. */
static __noreturn void triple_fault(void)
{
	const struct {
		uint16_t limit;
		uint64_t base;
	} __packed none = {0, 0};

	__asm__ volatile("lidt %0; int3" : : "m"(none) : "memory");
	arch_cpu_stop();
}

void arch_reboot(void)
{
	arch_irq_disable();
	console_flush();
	acpi_reset();
	acpi_reset();
	out8(RESET_PORT, RESET_SYSTEM);
	out8(RESET_PORT, RESET_NOW);
	out8(KEYBOARD_PORT, KEYBOARD_PULSE_RESET);
	triple_fault();
}
