/* SPDX-License-Identifier: MIT */
/*
 * The PVH start information (Xen's public/arch-x86/hvm/start_info.h): one structure that points to
 * command line, modules and memory map. Version 1 at least, since version 0 has no memory map.
 */
#include "boot/parse.h"
#include "kernel/errno.h"
#include "kernel/string.h"

#define START_MAGIC 0x336ec578u

struct start_info {
	uint32_t magic, version, flags, module_count;
	uint64_t modules, cmdline, rsdp, memory_map;
	uint32_t memory_map_count, reserved;
};

struct start_module {
	uint64_t start, size, cmdline, reserved;
};

struct start_memory {
	uint64_t start, size;
	uint32_t type, reserved;
};

/* The parser's arguments, together. */
struct parser {
	const struct boot_window *window;
	struct boot_ranges *ranges;
	struct boot_info *info;
	struct boot_problem *problem;
};

static int add_table(const struct parser *p, paddr_t start, uint64_t size)
{
	return ranges_add(p->ranges, start, size, BOOT_INFO, p->problem);
}

static int read_header(const struct parser *p, paddr_t start, struct start_info *s)
{
	const void *at = window_at(p->window, start, sizeof(*s));

	if (!at)
		return problem_set(p->problem, -EFAULT,
			"PVH: start information at %#llx is in memory that cannot be read",
			(unsigned long long)start);
	memcpy(s, at, sizeof(*s));
	if (s->magic != START_MAGIC)
		return problem_set(p->problem, -EPROTO,
			"PVH: start information at %#llx begins with %#x, %#x expected: wrong loader",
			(unsigned long long)start, s->magic, START_MAGIC);
	if (s->version < 1)
		return problem_set(p->problem, -EPROTO,
			"PVH: start information of version %u has no memory map, 1 expected",
			s->version);
	return add_table(p, start, sizeof(*s));
}

static int read_cmdline(const struct parser *p, const struct start_info *s)
{
	int err;

	if (!s->cmdline)
		return 0;
	err = window_copy_string(p->window, s->cmdline, p->info->cmdline, sizeof(p->info->cmdline),
		"command line", p->problem);
	return err ? err : add_table(p, s->cmdline, strlen(p->info->cmdline) + 1);
}

static int read_memory_map(const struct parser *p, const struct start_info *s)
{
	uint64_t size = (uint64_t)s->memory_map_count * sizeof(struct start_memory);
	const uint8_t *map = window_at(p->window, s->memory_map, size);
	struct start_memory e;
	int err = 0;

	if (!s->memory_map || !s->memory_map_count)
		return problem_set(p->problem, -EPROTO, "PVH: the loader gave no memory map");
	if (!map)
		return problem_set(p->problem, -EFAULT,
			"PVH: memory map at %#llx with %u entries is in memory that cannot be read",
			(unsigned long long)s->memory_map, s->memory_map_count);
	for (uint32_t i = 0; !err && i < s->memory_map_count; i++) {
		memcpy(&e, map + i * sizeof(e), sizeof(e));
		err = ranges_add(p->ranges, e.start, e.size, ranges_kind_of(e.type), p->problem);
	}
	return err ? err : add_table(p, s->memory_map, size);
}

/* A name that is too long is cut: it only names. */
static int read_module_name(const struct parser *p, paddr_t text, struct boot_module *module)
{
	int err;

	if (!text)
		return 0;
	err = window_copy_string(
		p->window, text, module->name, sizeof(module->name), "a module's name", p->problem);
	if (err != -E2BIG)
		return err;
	p->problem->text[0] = '\0';
	return 0;
}

static int read_module(const struct parser *p, const struct start_module *from)
{
	struct boot_module *to = &p->info->module[p->info->module_count++];
	int err;

	to->start = from->start;
	to->size = from->size;
	err = read_module_name(p, from->cmdline, to);
	return err ? err : ranges_add(p->ranges, to->start, to->size, BOOT_MODULE, p->problem);
}

static int read_modules(const struct parser *p, const struct start_info *s)
{
	uint64_t size = (uint64_t)s->module_count * sizeof(struct start_module);
	const uint8_t *list = window_at(p->window, s->modules, size);
	struct start_module m;
	int err = 0;

	if (!s->module_count)
		return 0;
	if (s->module_count > BOOT_MODULES_MAX)
		return problem_set(p->problem, -ENOSPC, "PVH: %u modules, at most %u are possible",
			s->module_count, BOOT_MODULES_MAX);
	if (!list)
		return problem_set(p->problem, -EFAULT,
			"PVH: module list at %#llx with %u entries is in memory that cannot be read",
			(unsigned long long)s->modules, s->module_count);
	for (uint32_t i = 0; !err && i < s->module_count; i++) {
		memcpy(&m, list + i * sizeof(m), sizeof(m));
		err = read_module(p, &m);
	}
	return err ? err : add_table(p, s->modules, size);
}

int parse_pvh(const struct boot_window *window, paddr_t start, struct boot_ranges *ranges,
	struct boot_info *info, struct boot_problem *problem)
{
	struct parser p = {window, ranges, info, problem};
	struct start_info s;
	int err = read_header(&p, start, &s);

	info->loader = BOOT_PVH;
	if (err)
		return err;
	string_copy(info->loader_name, "direct boot", sizeof(info->loader_name));
	info->rsdp = s.rsdp;
	err = read_cmdline(&p, &s);
	if (!err)
		err = read_memory_map(&p, &s);
	if (!err)
		err = read_modules(&p, &s);
	return err;
}
