/* SPDX-License-Identifier: MIT */
/*
 * The firmware's tables in this machine's memory: finds them, keeps what fixed hardware needs,
 * and turns the machine off. The parsers do the reading; here is only where bytes come from.
 */
#include "arch/x86_64/acpi.h"

#include "arch/x86_64/instructions.h"
#include "arch/x86_64/paging.h"
#include "boot/boot_info.h"
#include "kernel/errno.h"
#include "kernel/log.h"
#include "kernel/string.h"
#include <arch/cpu.h>
#include <arch/memory.h>

#define EBDA_SEGMENT_POINTER 0x40e
#define EBDA_SEARCH          1024
#define BIOS_START           0xe0000
#define BIOS_END             0x100000

#define PM1_SLEEP_ENABLE     (1u << 13)
#define PM1_SLEEP_TYPE_SHIFT 10
#define PM1_SLEEP_TYPE_MASK  (7u << PM1_SLEEP_TYPE_SHIFT)
#define PM1_ACPI_MODE        1u

/* (c) after acpi_init() */
static struct acpi_root acpi_tables;
static struct acpi_fadt acpi_fixed;
static struct acpi_s5 acpi_soft_off;
static bool acpi_soft_off_known;
static paddr_t acpi_hpet_registers;

/* --- bytes of physical memory --------------------------------------------------------------- */

/*
 * One page of addresses for whatever is not in the direct map. It is mapped anew for each page
 * asked for, so that tables far apart cost no more addresses than one; hence only one CPU may read
 * at a time, and it flushes its own translation.
 */
static const uint8_t *map_in_window(paddr_t page)
{
	static const uint8_t *window;
	static paddr_t mapped_page;

	if (window && mapped_page == page)
		return window;
	if (!window) {
		window = arch_map_device(page, ARCH_PAGE_SIZE);
	} else {
		arch_unmap_page((uintptr_t)window);
		if (arch_map_page((uintptr_t)window, page, ARCH_PROT_WRITE | ARCH_PROT_DEVICE))
			return NULL; /* cannot be: the tables of this address exist */
	}
	mapped_page = page;
	return window;
}

/* The page's address in the direct map if it is there, else in the window. */
static const uint8_t *map_page(paddr_t page)
{
	paddr_t pa;
	unsigned prot;

	if (page >= paging_physical_limit())
		return NULL;
	if (arch_query_page((uintptr_t)phys_to_virt(page), &pa, &prot))
		return phys_to_virt(page);
	return map_in_window(page);
}

static bool read_physical(void *arg, paddr_t at, void *to, size_t size)
{
	uint8_t *out = to;

	(void)arg;
	if (at > UINT64_MAX - size)
		return false;
	while (size) {
		size_t offset = at & (ARCH_PAGE_SIZE - 1),
		       here = MIN(size, ARCH_PAGE_SIZE - offset);
		const uint8_t *page = map_page(at - offset);

		if (!page)
			return false;
		memcpy(out, page + offset, here);
		out += here;
		at += here;
		size -= here;
	}
	return true;
}

static const struct acpi_reader physical_reader = {.read = read_physical};

const struct acpi_reader *acpi_reader(void)
{
	return &physical_reader;
}

/* --- finding -------------------------------------------------------------------------------- */

static int find_in_low_memory(struct acpi_error *error)
{
	uint16_t segment = 0;
	int err;

	if (!read_physical(NULL, EBDA_SEGMENT_POINTER, &segment, sizeof(segment)))
		segment = 0;
	err = segment ? acpi_scan_rsdp(&physical_reader, segment * 16u, segment * 16u + EBDA_SEARCH,
				&acpi_tables, error)
		      : -ENOENT;
	if (err)
		err = acpi_scan_rsdp(&physical_reader, BIOS_START, BIOS_END, &acpi_tables, error);
	return err;
}

/* The loader's copy first, then its pointer, then where BIOSes put it. */
static int find_root(const struct boot_info *boot, struct acpi_error *error)
{
	uint8_t rsdp[ACPI_RSDP_SIZE];

	if (boot->rsdp_copy[0] &&
		!acpi_parse_rsdp(boot->rsdp_copy, sizeof(boot->rsdp_copy), &acpi_tables, error))
		return 0;
	if (boot->rsdp && read_physical(NULL, boot->rsdp, rsdp, sizeof(rsdp)) &&
		!acpi_parse_rsdp(rsdp, sizeof(rsdp), &acpi_tables, error))
		return 0;
	if (boot->efi)
		return -ENOENT;
	return find_in_low_memory(error);
}

/* Some firmware defines it in one of the secondary tables. */
static void look_for_soft_off(const struct acpi_table *listed, void *arg)
{
	struct acpi_error error;
	struct acpi_table table;

	(void)arg;
	if (acpi_soft_off_known || memcmp(listed->signature, "SSDT", 4))
		return;
	acpi_soft_off_known =
		!acpi_check_table(&physical_reader, listed->at, "SSDT", &table, &error) &&
		!acpi_parse_s5(&physical_reader, &table, &acpi_soft_off, &error);
}

static void read_soft_off(void)
{
	struct acpi_error error, list_error;
	struct acpi_table dsdt;
	int err = acpi_check_table(&physical_reader, acpi_fixed.dsdt, "DSDT", &dsdt, &error);

	if (!err)
		err = acpi_parse_s5(&physical_reader, &dsdt, &acpi_soft_off, &error);
	acpi_soft_off_known = !err;
	if (err &&
		acpi_visit_tables(
			&physical_reader, &acpi_tables, look_for_soft_off, NULL, &list_error))
		log_warn("ACPI: %s", list_error.text);
	if (!acpi_soft_off_known)
		log_warn("ACPI: power-off is not known: %s", error.text);
}

static void read_fixed(void)
{
	struct acpi_error error;
	struct acpi_table table;
	int err = acpi_find_table(&physical_reader, &acpi_tables, "FACP", &table, &error);

	if (!err)
		err = acpi_parse_fadt(&physical_reader, &table, &acpi_fixed, &error);
	if (err)
		log_warn("ACPI: %s", error.text);
	else
		read_soft_off();
}

static void read_hpet(void)
{
	struct acpi_hpet hpet;
	struct acpi_error error;
	struct acpi_table table;
	int err = acpi_find_table(&physical_reader, &acpi_tables, "HPET", &table, &error);

	if (err)
		return;
	err = acpi_parse_hpet(&physical_reader, &table, &hpet, &error);
	if (err)
		log_warn("ACPI: %s", error.text);
	else
		acpi_hpet_registers = hpet.address;
}

void acpi_init(const struct boot_info *boot)
{
	struct acpi_error error = {"no RSDP"};

	if (find_root(boot, &error)) {
		acpi_tables = (struct acpi_root){0};
		log_warn("ACPI: %s; one CPU, default interrupt lines", error.text);
		return;
	}
	read_fixed();
	read_hpet();
}

int acpi_get_table(const char *signature, struct acpi_table *table)
{
	struct acpi_error error;
	int err;

	if (!acpi_tables.list)
		return -ENOENT;
	err = acpi_find_table(&physical_reader, &acpi_tables, signature, table, &error);
	if (err && err != -ENOENT)
		log_warn("ACPI: %s", error.text);
	return err;
}

const struct acpi_fadt *acpi_fadt(void)
{
	return &acpi_fixed;
}

paddr_t acpi_hpet_address(void)
{
	return acpi_hpet_registers;
}

/* --- power-off and reset -------------------------------------------------------------------- */

static bool is_port(const struct acpi_register *r)
{
	return r->address && r->space == ACPI_SPACE_IO;
}

/* Firmware answers the SMI command by setting the mode bit; a while later, hence the wait. */
static void enter_acpi_mode(uint16_t control)
{
	if (!acpi_fixed.smi_command || !acpi_fixed.acpi_enable || (in16(control) & PM1_ACPI_MODE))
		return;
	out8(acpi_fixed.smi_command, acpi_fixed.acpi_enable);
	for (unsigned i = 0; i < 100000 && !(in16(control) & PM1_ACPI_MODE); i++)
		arch_cpu_relax();
}

static void write_sleep(const struct acpi_register *control, uint8_t type)
{
	uint16_t port = (uint16_t)control->address, value;

	if (!is_port(control))
		return;
	value = (uint16_t)((in16(port) & ~PM1_SLEEP_TYPE_MASK) | type << PM1_SLEEP_TYPE_SHIFT);
	out16(port, value);
	out16(port, (uint16_t)(value | PM1_SLEEP_ENABLE));
}

void acpi_power_off(void)
{
	if (!acpi_soft_off_known || !is_port(&acpi_fixed.pm1a_control))
		return;
	enter_acpi_mode((uint16_t)acpi_fixed.pm1a_control.address);
	write_sleep(&acpi_fixed.pm1a_control, acpi_soft_off.type_a);
	write_sleep(&acpi_fixed.pm1b_control, acpi_soft_off.type_b);
	for (unsigned i = 0; i < 100000; i++)
		arch_cpu_relax();
}

void acpi_reset(void)
{
	if (is_port(&acpi_fixed.reset))
		out8((uint16_t)acpi_fixed.reset.address, acpi_fixed.reset_value);
	for (unsigned i = 0; i < 100000; i++)
		arch_cpu_relax();
}
