/* SPDX-License-Identifier: MIT */
/* The ways out of the machine, each tried until one works. Interrupts are off, nothing returns. */
#include "arch/x86_64/acpi.h"
#include "arch/x86_64/console.h"
#include "arch/x86_64/instructions.h"
#include <arch/cpu.h>
#include <arch/debug.h>
#include <arch/irq.h>

#define DEBUG_EXIT_PORT      0xf4   /* QEMU's isa-debug-exit, as the Makefile configures it */
#define PANIC_PORT           0x505  /* QEMU's pvpanic (docs/specs/pvpanic) */
#define PANIC_EVENT          0x01   /* reads as set where it is understood */
#define NO_DEVICE            0xff   /* what an empty port reads as */
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

/* Whoever runs the machine may stop it here and look at it (`make run CORE=1`). */
static void tell_of_panic(void)
{
	uint8_t events = in8(PANIC_PORT);

	if (events != NO_DEVICE && events & PANIC_EVENT)
		out8(PANIC_PORT, PANIC_EVENT);
}

void arch_exit(enum arch_exit code)
{
	arch_irq_disable();
	console_flush();
	if (code == ARCH_EXIT_PANIC)
		tell_of_panic();
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
