/* SPDX-License-Identifier: MIT */
/*
 * I/O APICs. Each serves a range of global system interrupts (GSI). The sixteen ISA lines are GSIs
 * of the same number unless the firmware's table overrides that: line 0 is GSI 2 almost everywhere.
 * Intel 82093AA data sheet.
 */
#include "arch/x86_64/ioapic.h"

#include "arch/x86_64/acpi.h"
#include "arch/x86_64/apic.h"
#include "kernel/errno.h"
#include "kernel/log.h"
#include "kernel/spinlock.h"
#include <arch/memory.h>

#define ISA_LINES       16u
#define IOAPICS_MAX     64u
#define DEFAULT_ADDRESS 0xfec00000u
#define REGISTERS_SIZE  0x20u
#define REGISTER_SELECT 0x00u
#define REGISTER_WINDOW 0x10u

#define INDEX_VERSION 1u
#define INDEX_ENTRY   0x10u /* two registers per line */

#define ENTRY_NMI      (4u << 8)
#define ENTRY_LOW      (1u << 13)
#define ENTRY_LEVEL    (1u << 15)
#define ENTRY_MASKED   (1u << 16)
#define ENTRY_ID_SHIFT 24
#define ENTRY_ID_MAX   254u

struct ioapic {
	volatile uint8_t *registers; /* (c) used under ioapic_lock: select, then window */
	uint32_t first_gsi;          /* (c) */
	uint32_t lines;              /* (c) */
};

static struct spinlock ioapic_lock = SPINLOCK_INIT("ioapic", LOCK_RANK_DEVICE);
static struct ioapic ioapics[IOAPICS_MAX];      /* (c) after ioapic_init() */
static unsigned ioapic_count;                   /* (c) */
static struct ioapic_line isa_lines[ISA_LINES]; /* (c) */

static volatile uint32_t *io_register(const struct ioapic *io, unsigned offset)
{
	return (volatile uint32_t *)(io->registers + offset);
}

static uint32_t read_index(const struct ioapic *io, unsigned index)
{
	*io_register(io, REGISTER_SELECT) = index;
	return *io_register(io, REGISTER_WINDOW);
}

static void write_index(const struct ioapic *io, unsigned index, uint32_t value)
{
	*io_register(io, REGISTER_SELECT) = index;
	*io_register(io, REGISTER_WINDOW) = value;
}

/* Masked while its two halves disagree. */
static void write_entry(const struct ioapic *io, unsigned line, uint32_t low, uint32_t apic_id)
{
	arch_irqflags_t flags = spin_lock_irqsave(&ioapic_lock);

	write_index(io, INDEX_ENTRY + 2 * line, ENTRY_MASKED);
	write_index(io, INDEX_ENTRY + 2 * line + 1, apic_id << ENTRY_ID_SHIFT);
	write_index(io, INDEX_ENTRY + 2 * line, low);
	spin_unlock_irqrestore(&ioapic_lock, flags);
}

static const struct ioapic *find_ioapic(uint32_t gsi)
{
	for (unsigned i = 0; i < ioapic_count; i++)
		if (gsi >= ioapics[i].first_gsi && gsi - ioapics[i].first_gsi < ioapics[i].lines)
			return &ioapics[i];
	return NULL;
}

static uint32_t mode_bits(struct acpi_line_mode mode)
{
	return (mode.low ? ENTRY_LOW : 0) | (mode.level ? ENTRY_LEVEL : 0);
}

/* --- finding -------------------------------------------------------------------------------- */

static void add_ioapic(const struct acpi_ioapic *found, void *arg)
{
	struct ioapic *io = &ioapics[ioapic_count];

	(void)arg;
	if (ioapic_count == IOAPICS_MAX) {
		log_warn("I/O APIC %u at 0x%llx left out: more than %u", found->id,
			(unsigned long long)found->address, IOAPICS_MAX);
		return;
	}
	io->registers = arch_map_device(found->address, REGISTERS_SIZE);
	if (!io->registers)
		return;
	io->first_gsi = found->first_gsi;
	io->lines = (read_index(io, INDEX_VERSION) >> 16 & 0xff) + 1;
	for (unsigned line = 0; line < io->lines; line++)
		write_entry(io, line, ENTRY_MASKED, 0);
	ioapic_count++;
}

static void add_override(const struct acpi_override *override, void *arg)
{
	(void)arg;
	isa_lines[override->isa_line] = (struct ioapic_line){override->gsi, override->mode};
}

static void add_nmi_source(const struct acpi_nmi_source *source, void *arg)
{
	const struct ioapic *io = find_ioapic(source->gsi);

	(void)arg;
	if (io)
		write_entry(io, source->gsi - io->first_gsi, ENTRY_NMI | mode_bits(source->mode),
			apic_id());
}

void ioapic_init(void)
{
	const struct acpi_madt_visitor controllers = {
		.ioapic = add_ioapic, .override = add_override};
	const struct acpi_madt_visitor sources = {.nmi_source = add_nmi_source};
	struct acpi_table table;
	struct acpi_madt madt;
	struct acpi_error error;

	for (unsigned line = 0; line < ISA_LINES; line++)
		isa_lines[line] = (struct ioapic_line){.gsi = line};
	if (!acpi_get_table("APIC", &table)) {
		if (acpi_parse_madt(acpi_reader(), &table, &controllers, &madt, &error) ||
			acpi_parse_madt(acpi_reader(), &table, &sources, &madt, &error))
			log_warn("ACPI: %s; the entries before it are used", error.text);
	}
	if (!ioapic_count)
		add_ioapic(&(struct acpi_ioapic){.address = DEFAULT_ADDRESS}, NULL);
}

/* --- routing -------------------------------------------------------------------------------- */

/* Lines beyond the ISA ones are PCI's: level-triggered, active low. */
struct ioapic_line ioapic_resolve(unsigned line)
{
	if (line < ISA_LINES)
		return isa_lines[line];
	return (struct ioapic_line){.gsi = line, .mode = {.low = true, .level = true}};
}

int ioapic_route(struct ioapic_line line, unsigned vector, uint32_t apic_id)
{
	const struct ioapic *io = find_ioapic(line.gsi);

	KASSERT(vector >= VECTOR_LINE && vector < VECTOR_LINE_END);
	if (!io || apic_id > ENTRY_ID_MAX)
		return -EINVAL;
	write_entry(io, line.gsi - io->first_gsi, vector | mode_bits(line.mode), apic_id);
	return 0;
}
