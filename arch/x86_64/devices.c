/* SPDX-License-Identifier: MIT */
/* The order in which the machine's devices come up on the boot CPU. */
#include "arch/x86_64/acpi.h"
#include "arch/x86_64/apic.h"
#include "arch/x86_64/clock.h"
#include "arch/x86_64/console.h"
#include "arch/x86_64/ioapic.h"
#include "arch/x86_64/irq.h"
#include "arch/x86_64/pic.h"
#include "arch/x86_64/smp.h"
#include "arch/x86_64/apic_timer.h"
#include "kernel/log.h"
#include <arch/init.h>

void arch_init_devices(const struct boot_info *boot)
{
	console_init_late(boot);
	acpi_init(boot);
	pic_disable();
	irq_init();
	apic_init();
	apic_init_cpu();
	ioapic_init();
	clock_init();
	apic_timer_init();
	apic_timer_init_cpu();
	smp_init(boot);
	log_info("Interrupts: %s, one-shot timer by %s", apic_x2 ? "x2APIC" : "xAPIC",
		apic_timer_name());
}
