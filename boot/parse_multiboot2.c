/* SPDX-License-Identifier: MIT */
/*
 * The Multiboot2 boot information (Multiboot2 specification 2.0, chapter 3): a header of 8 bytes,
 * then tags, each { type, size, … } at a multiple of 8, the last one of type 0. Tags that are not
 * known are skipped; of those that are known only modules may come twice.
 */
#include "boot/parse.h"
#include "kernel/errno.h"
#include "kernel/string.h"

#define INFO_SIZE_MAX (1u << 20)

enum tag_type {
	TAG_END = 0,
	TAG_CMDLINE = 1,
	TAG_LOADER_NAME = 2,
	TAG_MODULE = 3,
	TAG_MEMORY_MAP = 6,
	TAG_FRAMEBUFFER = 8,
	TAG_EFI32 = 11,
	TAG_EFI64 = 12,
	TAG_RSDP_OLD = 14,
	TAG_RSDP_NEW = 15,
	TAG_TYPES_KNOWN = 32, /* above all that are known */
};

struct info_header {
	uint32_t size, reserved;
};

struct tag {
	uint32_t type, size;
};

struct tag_module {
	struct tag tag;
	uint32_t start, end;
};

struct tag_memory_map {
	struct tag tag;
	uint32_t entry_size, entry_version;
};

struct memory_map_entry {
	uint64_t start, size;
	uint32_t type, reserved;
};

struct tag_framebuffer {
	struct tag tag;
	uint64_t address;
	uint32_t pitch, width, height;
	uint8_t bpp, type;
	uint16_t reserved;
};

/* Behind the framebuffer's tag if its type is BOOT_RGB. */
struct tag_colours {
	struct boot_colour red, green, blue;
};

static_assert(sizeof(struct tag_colours) == 6, "the loader's layout");

/* Where the parser is. All fields belong to the one call of parse_multiboot2(). */
struct parser {
	const uint8_t *tag; /* the tag being read */
	uint32_t size;      /* its size, header included */
	uint32_t type;
	uint32_t seen; /* bit per known type */
	struct boot_ranges *ranges;
	struct boot_info *info;
	struct boot_problem *problem;
};

static int too_small(const struct parser *p, const char *what, size_t wanted)
{
	return problem_set(p->problem, -EPROTO,
		"multiboot2: %s tag of %u bytes is truncated, at least %zu expected", what, p->size,
		wanted);
}

/* The string at `offset` of the tag; NULL when it does not end inside the tag. */
static const char *tag_string(const struct parser *p, size_t offset)
{
	if (offset >= p->size || !memchr(p->tag + offset, '\0', p->size - offset))
		return NULL;
	return (const char *)p->tag + offset;
}

static int read_cmdline(struct parser *p)
{
	const char *text = tag_string(p, sizeof(struct tag));

	if (!text)
		return problem_set(p->problem, -EPROTO,
			"multiboot2: command line of %u bytes has no end", p->size);
	if (!string_copy(p->info->cmdline, text, sizeof(p->info->cmdline)))
		return problem_set(p->problem, -E2BIG,
			"command line of %zu characters is longer than %u", strlen(text),
			BOOT_CMDLINE_MAX - 1);
	return 0;
}

static int read_loader_name(struct parser *p)
{
	const char *text = tag_string(p, sizeof(struct tag));

	if (!text)
		return problem_set(p->problem, -EPROTO,
			"multiboot2: loader's name of %u bytes has no end", p->size);
	string_copy(p->info->loader_name, text, sizeof(p->info->loader_name));
	return 0;
}

static int read_module(struct parser *p)
{
	struct tag_module m;
	const char *name = tag_string(p, sizeof(m));
	struct boot_module *to;

	if (!name)
		return too_small(p, "module", sizeof(m) + 1);
	memcpy(&m, p->tag, sizeof(m));
	if (m.end < m.start)
		return problem_set(p->problem, -EPROTO,
			"multiboot2: module %.40s ends at %#x before it starts at %#x", name, m.end,
			m.start);
	if (p->info->module_count == BOOT_MODULES_MAX)
		return problem_set(
			p->problem, -ENOSPC, "multiboot2: more than %u modules", BOOT_MODULES_MAX);
	to = &p->info->module[p->info->module_count++];
	to->start = m.start;
	to->size = m.end - m.start;
	string_copy(to->name, name, sizeof(to->name));
	return ranges_add(p->ranges, to->start, to->size, BOOT_MODULE, p->problem);
}

static int check_memory_map(const struct parser *p, uint32_t entry_size)
{
	if (entry_size >= sizeof(struct memory_map_entry) && entry_size % 8 == 0 &&
		(p->size - sizeof(struct tag_memory_map)) % entry_size == 0)
		return 0;
	return problem_set(p->problem, -EPROTO,
		"multiboot2: memory map of %u bytes cannot have entries of %u bytes", p->size,
		entry_size);
}

static int read_memory_map(struct parser *p)
{
	struct tag_memory_map map;
	struct memory_map_entry e;
	int err;

	if (p->size < sizeof(map))
		return too_small(p, "memory map", sizeof(map));
	memcpy(&map, p->tag, sizeof(map));
	err = check_memory_map(p, map.entry_size);
	for (uint32_t at = sizeof(map); !err && at < p->size; at += map.entry_size) {
		memcpy(&e, p->tag + at, sizeof(e));
		err = ranges_add(p->ranges, e.start, e.size, ranges_kind_of(e.type), p->problem);
	}
	return err;
}

static bool colour_fits(struct boot_colour colour, uint8_t bpp)
{
	return colour.size && colour.position + colour.size <= bpp;
}

static int read_colours(struct parser *p, struct boot_framebuffer *to)
{
	struct tag_colours c;

	if (p->size < sizeof(struct tag_framebuffer) + sizeof(c))
		return too_small(p, "framebuffer", sizeof(struct tag_framebuffer) + sizeof(c));
	memcpy(&c, p->tag + sizeof(struct tag_framebuffer), sizeof(c));
	to->red = c.red;
	to->green = c.green;
	to->blue = c.blue;
	if (colour_fits(c.red, to->bpp) && colour_fits(c.green, to->bpp) &&
		colour_fits(c.blue, to->bpp))
		return 0;
	return problem_set(p->problem, -EPROTO,
		"multiboot2: colours of %u, %u and %u bits at %u, %u and %u are not in pixels of %u "
		"bits",
		c.red.size, c.green.size, c.blue.size, c.red.position, c.green.position,
		c.blue.position, to->bpp);
}

/* A screen of pixels is a device, whatever the memory map says of it. */
static int read_pixels(struct parser *p, struct boot_framebuffer *to)
{
	int err = 0;

	if ((uint64_t)to->width * to->bpp > 8ull * to->pitch)
		return problem_set(p->problem, -EPROTO,
			"multiboot2: framebuffer lines of %u bytes cannot hold %u pixels of %u bits",
			to->pitch, to->width, to->bpp);
	if (to->kind == BOOT_RGB)
		err = read_colours(p, to);
	if (err)
		return err;
	return ranges_add(
		p->ranges, to->address, boot_framebuffer_size(to), BOOT_FRAMEBUFFER, p->problem);
}

/* What is wrong with it is shown on the screen if there is one, so only a right one is kept. */
static int read_framebuffer(struct parser *p)
{
	struct boot_framebuffer to;
	struct tag_framebuffer f;
	int err;

	if (p->size < sizeof(f))
		return too_small(p, "framebuffer", sizeof(f));
	memcpy(&f, p->tag, sizeof(f));
	if (f.type > BOOT_TEXT)
		return 0; /* of a kind that we cannot show anything on */
	to = (struct boot_framebuffer){
		.address = f.address,
		.width = f.width,
		.height = f.height,
		.pitch = f.pitch,
		.bpp = f.bpp,
		.kind = f.type,
	};
	err = to.kind == BOOT_TEXT ? 0 : read_pixels(p, &to);
	if (!err)
		p->info->framebuffer = to;
	return err;
}

/* Of the copies of the RSDP the newer one wins; the older one has 20 bytes. */
static int read_rsdp(struct parser *p)
{
	size_t wanted = p->type == TAG_RSDP_NEW ? 36 : 20;

	if (p->size < sizeof(struct tag) + wanted)
		return too_small(p, "ACPI RSDP", sizeof(struct tag) + wanted);
	if (p->type == TAG_RSDP_OLD && p->seen >> TAG_RSDP_NEW & 1)
		return 0;
	memcpy(p->info->rsdp_copy, p->tag + sizeof(struct tag), wanted);
	return 0;
}

static int read_efi(struct parser *p)
{
	p->info->efi = true;
	return 0;
}

static int (*const readers[TAG_TYPES_KNOWN])(struct parser *p) = {
	[TAG_CMDLINE] = read_cmdline,
	[TAG_LOADER_NAME] = read_loader_name,
	[TAG_MODULE] = read_module,
	[TAG_MEMORY_MAP] = read_memory_map,
	[TAG_FRAMEBUFFER] = read_framebuffer,
	[TAG_EFI32] = read_efi,
	[TAG_EFI64] = read_efi,
	[TAG_RSDP_OLD] = read_rsdp,
	[TAG_RSDP_NEW] = read_rsdp,
};

static int read_tag(struct parser *p)
{
	uint32_t bit;
	int err;

	if (p->type >= TAG_TYPES_KNOWN || !readers[p->type])
		return 0;
	bit = 1u << p->type;
	if (p->type != TAG_MODULE && (p->seen & bit))
		return problem_set(p->problem, -EPROTO,
			"multiboot2: a second tag of type %u contradicts the first", p->type);
	err = readers[p->type](p);
	p->seen |= bit;
	return err;
}

/* Walks over the tags of a table of `size` bytes until the end tag. */
static int read_tags(struct parser *p, const uint8_t *table, uint32_t size)
{
	uint64_t at = sizeof(struct info_header);
	struct tag tag;
	int err;

	for (; at + sizeof(tag) <= size; at += ALIGN_UP((uint64_t)tag.size, 8)) {
		memcpy(&tag, table + at, sizeof(tag));
		if (tag.type == TAG_END)
			return 0;
		if (tag.size < sizeof(tag) || tag.size > size - at)
			return problem_set(p->problem, -EPROTO,
				"multiboot2: tag of type %u at offset %u has an impossible size of %u "
				"bytes; the table has %u",
				tag.type, (unsigned)at, tag.size, size);
		p->tag = table + at;
		p->size = tag.size;
		p->type = tag.type;
		err = read_tag(p);
		if (err)
			return err;
	}
	return problem_set(p->problem, -EPROTO,
		"multiboot2: table of %u bytes is truncated: it has no end tag", size);
}

static int check_header(const struct boot_window *window, paddr_t start, struct info_header *header,
	struct boot_problem *problem)
{
	const void *at = window_at(window, start, sizeof(*header));

	if (!at || !IS_ALIGNED(start, 8))
		return problem_set(problem, at ? -EPROTO : -EFAULT,
			"multiboot2: no table can be at %#llx", (unsigned long long)start);
	memcpy(header, at, sizeof(*header));
	if (header->size < sizeof(*header) + sizeof(struct tag) || header->size > INFO_SIZE_MAX)
		return problem_set(problem, -EPROTO,
			"multiboot2: table at %#llx has an impossible size of %u bytes",
			(unsigned long long)start, header->size);
	if (!window_at(window, start, header->size))
		return problem_set(problem, -EFAULT,
			"multiboot2: table at %#llx of %u bytes is in memory that cannot be read",
			(unsigned long long)start, header->size);
	return 0;
}

int parse_multiboot2(const struct boot_window *window, paddr_t start, struct boot_ranges *ranges,
	struct boot_info *info, struct boot_problem *problem)
{
	struct parser p = {.ranges = ranges, .info = info, .problem = problem};
	struct info_header header;
	int err = check_header(window, start, &header, problem);

	info->loader = BOOT_MULTIBOOT2;
	if (!err)
		err = read_tags(&p, window_at(window, start, header.size), header.size);
	if (err)
		return err;
	if (!(p.seen >> TAG_MEMORY_MAP & 1))
		return problem_set(problem, -EPROTO, "multiboot2: the loader gave no memory map");
	return ranges_add(ranges, start, header.size, BOOT_INFO, problem);
}
