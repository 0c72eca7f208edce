/* SPDX-License-Identifier: MIT */
/*
 * Timers of known frequency. The HPET is finest (10 ns in QEMU), the ACPI PM timer runs at
 * 3.579545 MHz everywhere, and the PIT, 1.193182 MHz, is what every PC has.
 */
#include "arch/x86_64/reference.h"

#include "arch/x86_64/acpi.h"
#include "arch/x86_64/instructions.h"
#include "kernel/log.h"
#include <arch/memory.h>

/* --- HPET (IA-PC HPET specification 1.0a) --------------------------------------------------- */

#define HPET_SIZE       0x400
#define HPET_PERIOD     0x004 /* upper half of the capabilities: femtoseconds per tick */
#define HPET_CONFIG     0x010
#define HPET_COUNTER    0x0f0
#define HPET_CONFIG_RUN 1u
#define HPET_PERIOD_MAX 100000000u
#define FEMTOSECONDS    1000000000000000ull

static volatile uint8_t *hpet_registers;

static volatile uint32_t *hpet_register(unsigned offset)
{
	return (volatile uint32_t *)(hpet_registers + offset);
}

static uint32_t hpet_read(void)
{
	return *hpet_register(HPET_COUNTER);
}

static struct reference hpet = {.name = "HPET", .mask = UINT32_MAX, .read = hpet_read};

static bool hpet_start(void)
{
	paddr_t address = acpi_hpet_address();
	uint32_t period;

	if (!address)
		return false;
	hpet_registers = arch_map_device(address, HPET_SIZE);
	if (!hpet_registers)
		return false;
	period = *hpet_register(HPET_PERIOD);
	if (!period || period > HPET_PERIOD_MAX) {
		log_warn("HPET: period is %u fs, expected 1 to %u; not used", period,
			HPET_PERIOD_MAX);
		return false;
	}
	*hpet_register(HPET_CONFIG) |= HPET_CONFIG_RUN;
	hpet.frequency = FEMTOSECONDS / period;
	return true;
}

/* --- ACPI PM timer -------------------------------------------------------------------------- */

#define PM_TIMER_HZ   3579545u
#define PM_TIMER_MASK 0xffffffu /* machines with 32 bits have these too */

static uint16_t pm_timer_port;

static uint32_t pm_timer_read(void)
{
	return in32(pm_timer_port) & PM_TIMER_MASK;
}

static const struct reference pm_timer = {
	.name = "ACPI PM timer",
	.frequency = PM_TIMER_HZ,
	.mask = PM_TIMER_MASK,
	.read = pm_timer_read,
};

/* Some tables name a port that does not count: it is read until it moves, for a bounded time. */
static bool pm_timer_start(void)
{
	const struct acpi_register *r = &acpi_fadt()->pm_timer;
	uint32_t first;

	if (!r->address || r->space != ACPI_SPACE_IO)
		return false;
	pm_timer_port = (uint16_t)r->address;
	first = pm_timer_read();
	for (unsigned i = 0; i < 100000; i++)
		if (pm_timer_read() != first)
			return true;
	log_warn("ACPI PM timer: port 0x%x stays at %u; not used", pm_timer_port, first);
	return false;
}

/* --- PIT ------------------------------------------------------------------------------------ */

#define PIT_HZ              1193182u
#define PIT_CHANNEL_2       0x42
#define PIT_COMMAND         0x43
#define PIT_GATE            0x61
#define PIT_LATCH_CHANNEL_2 0x80
#define PIT_CHANNEL_2_RATE  0xb4 /* low byte then high byte, mode 2: counts down, starts over */

static uint32_t pit_read(void)
{
	uint32_t low;

	out8(PIT_COMMAND, PIT_LATCH_CHANNEL_2);
	low = in8(PIT_CHANNEL_2);
	return (uint16_t) - (low | (uint32_t)in8(PIT_CHANNEL_2) << 8);
}

static const struct reference pit = {
	.name = "PIT",
	.frequency = PIT_HZ,
	.mask = UINT16_MAX,
	.read = pit_read,
};

/* Gate on, speaker off, the longest period. */
static void pit_start(void)
{
	out8(PIT_GATE, (uint8_t)((in8(PIT_GATE) & ~2u) | 1));
	out8(PIT_COMMAND, PIT_CHANNEL_2_RATE);
	out8(PIT_CHANNEL_2, 0);
	out8(PIT_CHANNEL_2, 0);
}

const struct reference *reference_choose(void)
{
	if (hpet_start())
		return &hpet;
	if (pm_timer_start())
		return &pm_timer;
	pit_start();
	return &pit;
}
