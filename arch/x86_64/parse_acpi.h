/* SPDX-License-Identifier: MIT */
/*
 * ACPI tables, read without trusting them. Pure functions: bytes come through a reader, results go
 * to the caller's structs or callbacks, and nothing is remembered. So the same code runs under the
 * fuzzer. Layouts: ACPI specification 6.4, chapter 5; HPET: IA-PC HPET specification 1.0a.
 *
 * Functions return 0, -ENOENT when the table is not there, or -EPROTO when it is malformed, with
 * the reason in `error`: the table, the offset in it, what stands there and what was expected.
 */
#ifndef X86_PARSE_ACPI_H
#define X86_PARSE_ACPI_H

#include "kernel/types.h"

struct acpi_reader {
	/* Copies `size` bytes at physical address `at`; false when there is no such memory. */
	bool (*read)(void *arg, paddr_t at, void *to, size_t size);
	void *arg;
};

struct acpi_error {
	char text[160];
};

#define ACPI_RSDP_SIZE 36u
#define ACPI_TABLE_MAX (16u << 20) /* a longer table is taken for a broken one */

/* Where the list of tables is. */
struct acpi_root {
	paddr_t list;        /* the RSDT's or XSDT's physical address */
	unsigned entry_size; /* 4 in an RSDT, 8 in an XSDT */
};

/* A table whose length and checksum are right. */
struct acpi_table {
	char signature[5];
	uint8_t revision;
	paddr_t at;
	uint32_t size;
};

/* Reads the RSDP from `size` bytes of it: 20 for version 1, 36 and more later. */
int __must_check acpi_parse_rsdp(
	const uint8_t *rsdp, size_t size, struct acpi_root *root, struct acpi_error *error);

/* Looks for an RSDP on 16-byte boundaries of [from, to). */
int __must_check acpi_scan_rsdp(const struct acpi_reader *reader, paddr_t from, paddr_t to,
	struct acpi_root *root, struct acpi_error *error);

/* Reads and checks the header and the checksum of the table at `at`, which is to be `signature`. */
int __must_check acpi_check_table(const struct acpi_reader *reader, paddr_t at,
	const char *signature, struct acpi_table *table, struct acpi_error *error);

/* Finds the first table of this signature in the root's list. */
int __must_check acpi_find_table(const struct acpi_reader *reader, const struct acpi_root *root,
	const char *signature, struct acpi_table *table, struct acpi_error *error);

/* Calls visit for every well-formed table header in the list; what cannot be read is left out. */
int __must_check acpi_visit_tables(const struct acpi_reader *reader, const struct acpi_root *root,
	void (*visit)(const struct acpi_table *table, void *arg), void *arg,
	struct acpi_error *error);

/* --- MADT: interrupt controllers and CPUs (parse_madt.c) ------------------------------------ */

#define ACPI_ALL_CPUS UINT32_MAX

struct acpi_cpu {
	uint32_t uid;     /* the firmware's number of it */
	uint32_t apic_id; /* 8 bits in an xAPIC entry, 32 in an x2APIC entry */
	bool enabled;
	bool online_capable; /* not enabled now, but may be later */
	bool x2apic;
};

struct acpi_ioapic {
	uint8_t id;
	paddr_t address;
	uint32_t first_gsi;
};

/* Polarity and trigger mode of a line. */
struct acpi_line_mode {
	bool low;   /* active low */
	bool level; /* level-triggered */
};

/* An ISA interrupt that arrives on another global line, or in another mode. */
struct acpi_override {
	uint8_t isa_line;
	uint32_t gsi;
	struct acpi_line_mode mode;
};

/* An I/O APIC line that is an NMI. */
struct acpi_nmi_source {
	uint32_t gsi;
	struct acpi_line_mode mode;
};

/* A local APIC pin (LINT0 or LINT1) that is an NMI. */
struct acpi_local_nmi {
	uint32_t uid; /* of the CPU, or ACPI_ALL_CPUS */
	uint8_t lint;
	struct acpi_line_mode mode;
};

/* Called for each entry in the table's order. Members may be NULL. */
struct acpi_madt_visitor {
	void (*cpu)(const struct acpi_cpu *cpu, void *arg);
	void (*ioapic)(const struct acpi_ioapic *ioapic, void *arg);
	void (*override)(const struct acpi_override *override, void *arg);
	void (*nmi_source)(const struct acpi_nmi_source *source, void *arg);
	void (*local_nmi)(const struct acpi_local_nmi *nmi, void *arg);
	void *arg;
};

struct acpi_madt {
	paddr_t local_apic; /* register address, a 64-bit override applied */
	bool has_8259;
};

/* Visits what stands before a malformed entry too. */
int __must_check acpi_parse_madt(const struct acpi_reader *reader, const struct acpi_table *table,
	const struct acpi_madt_visitor *visitor, struct acpi_madt *madt, struct acpi_error *error);

/* --- FADT, DSDT, HPET (parse_fadt.c) -------------------------------------------------------- */

enum acpi_space { ACPI_SPACE_MEMORY = 0, ACPI_SPACE_IO = 1, ACPI_SPACE_PCI = 2 };

/* A register; address 0: there is none. */
struct acpi_register {
	uint8_t space; /* enum acpi_space */
	uint8_t bits;
	paddr_t address;
};

struct acpi_fadt {
	uint8_t revision;
	paddr_t dsdt;
	struct acpi_register pm_timer;
	bool pm_timer_32bit; /* else 24 bits */
	struct acpi_register pm1a_control, pm1b_control;
	uint16_t smi_command; /* 0: ACPI mode is always on */
	uint8_t acpi_enable;
	struct acpi_register reset; /* address 0: not supported */
	uint8_t reset_value;
};

int __must_check acpi_parse_fadt(const struct acpi_reader *reader, const struct acpi_table *table,
	struct acpi_fadt *fadt, struct acpi_error *error);

/* What to write to the PM1 control registers to enter S5, "soft off". */
struct acpi_s5 {
	uint8_t type_a, type_b;
};

/*
 * Scans the DSDT's byte code for the package \_S5_, without an interpreter: only constants are
 * understood, which is what firmware writes there.
 */
int __must_check acpi_parse_s5(const struct acpi_reader *reader, const struct acpi_table *dsdt,
	struct acpi_s5 *s5, struct acpi_error *error);

struct acpi_hpet {
	paddr_t address;
	uint8_t number;
};

int __must_check acpi_parse_hpet(const struct acpi_reader *reader, const struct acpi_table *table,
	struct acpi_hpet *hpet, struct acpi_error *error);

/* --- SRAT: which CPU and which memory is near which (parse_srat.c) -------------------------- */

struct acpi_cpu_node {
	uint32_t apic_id;
	uint32_t node; /* proximity domain */
};

struct acpi_memory_node {
	paddr_t start;
	uint64_t size;
	uint32_t node;
	bool hot_pluggable;
};

/* Called for each enabled entry. Members may be NULL. */
struct acpi_srat_visitor {
	void (*cpu)(const struct acpi_cpu_node *cpu, void *arg);
	void (*memory)(const struct acpi_memory_node *memory, void *arg);
	void *arg;
};

int __must_check acpi_parse_srat(const struct acpi_reader *reader, const struct acpi_table *table,
	const struct acpi_srat_visitor *visitor, struct acpi_error *error);

#endif
