/* SPDX-License-Identifier: MIT */
/*
 * Local APICs. All CPUs use the same mode and the same register address, so both are globals that
 * are set once; every register is the CPU's own.
 */
#include "arch/x86_64/apic.h"

#include "arch/x86_64/acpi.h"
#include "arch/x86_64/trap.h"
#include "kernel/assert.h"
#include "kernel/log.h"
#include <arch/cpu.h>
#include <arch/debug.h>
#include <arch/irq.h>
#include <arch/memory.h>
#include <arch/time.h>

#define MSR_APIC_BASE     0x1bu
#define APIC_BASE_X2      (1u << 10)
#define APIC_BASE_ENABLED (1u << 11)
#define APIC_BASE_ADDRESS 0x000ffffffffff000ull

#define CPUID_EDX_APIC   (1u << 9)
#define CPUID_ECX_X2APIC (1u << 21)

#define SPURIOUS_APIC_ENABLED (1u << 8)
#define COMMAND_ASSERT        (1u << 14)
#define COMMAND_PENDING       (1u << 12)
#define SEND_TICKS_MAX        (1ull << 30)
#define LVT_NMI               (4u << 8)
#define LVT_LOW               (1u << 13)
#define LVT_LEVEL             (1u << 15)
#define IN_SERVICE_WORDS      8
#define XAPIC_ID_MAX          254u

volatile uint8_t *apic_registers;
bool apic_x2;

/* Which pin is the NMI, as the firmware says; LINT1, edge, active high, where it says nothing. */
static struct acpi_local_nmi apic_nmi = {.uid = ACPI_ALL_CPUS, .lint = 1}; /* (c) */

static void note_nmi(const struct acpi_local_nmi *nmi, void *arg)
{
	(void)arg;
	apic_nmi = *nmi;
}

static void read_nmi_pin(void)
{
	const struct acpi_madt_visitor visitor = {.local_nmi = note_nmi};
	struct acpi_table table;
	struct acpi_madt madt;
	struct acpi_error error;

	if (!acpi_get_table("APIC", &table) &&
		acpi_parse_madt(acpi_reader(), &table, &visitor, &madt, &error))
		log_warn("ACPI: %s", error.text);
}

void apic_init(void)
{
	struct cpuid features = cpuid(1, 0);
	paddr_t base;

	if (!(features.edx & CPUID_EDX_APIC)) {
		log_error("This CPU has no local interrupt controller (APIC): CPUID 1 edx is 0x%x, "
			  "bit 9 is needed.",
			features.edx);
		arch_exit(ARCH_EXIT_BOOT);
	}
	apic_x2 = features.ecx & CPUID_ECX_X2APIC;
	base = msr_read(MSR_APIC_BASE) & APIC_BASE_ADDRESS;
	if (!apic_x2)
		apic_registers = arch_map_device(base, ARCH_PAGE_SIZE);
	BUG_ON(!apic_x2 && !apic_registers);
	read_nmi_pin();
}

/* x2APIC can only be entered from xAPIC, never left without a reset. */
static void enable_mode(void)
{
	uint64_t base = msr_read(MSR_APIC_BASE);

	if (!(base & APIC_BASE_ENABLED))
		msr_write(MSR_APIC_BASE, base |= APIC_BASE_ENABLED);
	if (apic_x2 && !(base & APIC_BASE_X2))
		msr_write(MSR_APIC_BASE, base | APIC_BASE_X2);
}

static void mask_local_sources(void)
{
	unsigned last_lvt = apic_read(APIC_VERSION) >> 16 & 0xff;

	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
	apic_write(APIC_LVT_LINT0, APIC_LVT_MASKED);
	apic_write(APIC_LVT_LINT1, APIC_LVT_MASKED);
	if (last_lvt >= 4)
		apic_write(APIC_LVT_COUNTER, APIC_LVT_MASKED);
	if (last_lvt >= 5)
		apic_write(APIC_LVT_THERMAL, APIC_LVT_MASKED);
}

/* INIT leaves the pins masked: without this an NMI from outside reaches the boot CPU only. */
static void open_nmi_pin(void)
{
	uint32_t mode =
		LVT_NMI | (apic_nmi.mode.low ? LVT_LOW : 0) | (apic_nmi.mode.level ? LVT_LEVEL : 0);

	apic_write(apic_nmi.lint ? APIC_LVT_LINT1 : APIC_LVT_LINT0, mode);
}

/*
 * Firmware may leave interrupts unacknowledged, which would hold back all of lower priority. An
 * acknowledgement drops the one of highest priority.
 */
static void drop_in_service(void)
{
	for (unsigned word = IN_SERVICE_WORDS; word-- > 0;)
		for (unsigned i = 0; i < 32 && apic_read(APIC_IN_SERVICE + 16 * word); i++)
			apic_eoi();
}

void apic_init_cpu(void)
{
	KASSERT(arch_irqs_off());
	enable_mode();
	drop_in_service();
	apic_write(APIC_SPURIOUS, SPURIOUS_APIC_ENABLED | VECTOR_SPURIOUS);
	apic_write(APIC_TASK_PRIORITY, 0);
	mask_local_sources();
	apic_write(APIC_LVT_ERROR, VECTOR_ERROR);
	apic_write(APIC_ERROR_STATUS, 0);
	open_nmi_pin();
}

uint32_t apic_id(void)
{
	uint32_t id = apic_read(APIC_ID);

	return apic_x2 ? id : id >> 24;
}

uint32_t apic_id_max(void)
{
	return apic_x2 ? UINT32_MAX - 1 : XAPIC_ID_MAX;
}

/* The last command has left; long before the limit, unless the hardware is broken. */
static void wait_until_sent(void)
{
	uint64_t start = tsc_read();

	while ((apic_read(APIC_COMMAND) & COMMAND_PENDING) && tsc_read() - start < SEND_TICKS_MAX)
		arch_cpu_relax();
}

/* Two writes, between which no interrupt may send a command of its own. */
static void send_xapic(uint32_t id, uint32_t command)
{
	arch_irqflags_t flags = arch_irq_save();

	wait_until_sent();
	apic_write(APIC_COMMAND_HIGH, id << 24);
	apic_write(APIC_COMMAND, command | COMMAND_ASSERT);
	arch_irq_restore(flags);
}

/* A write to an x2APIC register does not wait for earlier stores, which the receiver is to see. */
static void send_x2apic(uint32_t id, uint32_t command)
{
	__asm__ volatile("mfence; lfence" ::: "memory");
	msr_write(0x800 + APIC_COMMAND / 16, (uint64_t)id << 32 | command | COMMAND_ASSERT);
}

void apic_send(uint32_t id, uint32_t command)
{
	KASSERT(id <= apic_id_max());
	if (apic_x2)
		send_x2apic(id, command);
	else
		send_xapic(id, command);
}
