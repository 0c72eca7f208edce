/* SPDX-License-Identifier: MIT */
/*
 * What the loader told us, in our own words. Filled by boot/ from multiboot2 or PVH, constant
 * afterwards. Everything is copied: nothing points into the loader's memory but the modules.
 */
#ifndef BOOT_BOOT_INFO_H
#define BOOT_BOOT_INFO_H

#include "kernel/types.h"

#define BOOT_CMDLINE_MAX 4096 /* with the terminator; a longer one stops the boot */
#define BOOT_RANGES_MAX  1024 /* after merging neighbours of one kind */

enum boot_loader { BOOT_MULTIBOOT2, BOOT_PVH };

enum boot_range_kind {
	BOOT_USABLE,
	BOOT_RESERVED, /* and every kind that is not known */
	BOOT_ACPI,     /* tables; usable after they have been read, not taken for now */
	BOOT_ACPI_NVS,
	BOOT_BAD,
	BOOT_KERNEL, /* this image */
	BOOT_MODULE,
	BOOT_INFO,        /* the loader's own tables */
	BOOT_FRAMEBUFFER, /* pixels: a device */
};

struct boot_range {
	paddr_t start;
	uint64_t size;
	uint32_t kind;
};

/* Where in a pixel a colour's bits are. */
struct boot_colour {
	uint8_t position, size;
};

enum boot_framebuffer_kind { BOOT_PALETTE, BOOT_RGB, BOOT_TEXT };

struct boot_framebuffer {
	paddr_t address;               /* 0: none */
	uint32_t width, height, pitch; /* pixels or cells, lines, bytes per line */
	uint8_t bpp;
	enum boot_framebuffer_kind kind;
	struct boot_colour red, green, blue; /* of BOOT_RGB */
};

/* In bytes. */
static inline uint64_t boot_framebuffer_size(const struct boot_framebuffer *f)
{
	return (uint64_t)f->pitch * f->height;
}

struct boot_module {
	paddr_t start;
	uint64_t size;
	char name[64];
};
#define BOOT_MODULES_MAX 16

struct boot_info {
	enum boot_loader loader;
	char loader_name[64];
	bool efi;
	char cmdline[BOOT_CMDLINE_MAX];
	unsigned range_count;
	/* Sorted, without overlaps, page-aligned where usable. */
	struct boot_range range[BOOT_RANGES_MAX];
	paddr_t rsdp;          /* 0: none found by the loader; look for it in low memory */
	uint8_t rsdp_copy[36]; /* multiboot2 gives a copy; all zero: none */
	struct boot_framebuffer framebuffer;
	unsigned module_count;
	struct boot_module module[BOOT_MODULES_MAX];
};

const char *boot_range_kind_name(enum boot_range_kind kind);

#endif
