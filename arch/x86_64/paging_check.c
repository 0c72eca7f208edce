/* SPDX-License-Identifier: MIT */
/* A proof by exhaustion: every page of the tables this CPU uses obeys the rules of paging.h. */
#include "arch/x86_64/paging.h"
#include <arch/memory.h>

extern const uint8_t __text_start[], __text_end[], __rodata_start[], __rodata_end[];

/* One walk. Rights add up from the root: all entries must allow writing and user access, one
 * "no execute" is enough. */
struct walk {
	paging_complain complain;
	void *arg;
	unsigned complaints;
	uint64_t no_execute; /* the bit, 0 without the feature: then everything is executable */
};

struct rights {
	bool write, user, execute;
};

static struct rights restrict_by(struct rights r, uint64_t entry)
{
	return (struct rights){
		.write = r.write && entry & PTE_WRITE,
		.user = r.user && entry & PTE_USER,
		.execute = r.execute && !(entry & PTE_NO_EXECUTE),
	};
}

/* Ends are rounded up to pages: the rest of a last page belongs to it. */
static bool overlaps(
	uint64_t start, uint64_t size, const uint8_t *from, const uint8_t *to, uint64_t base)
{
	uint64_t end = ALIGN_UP((uintptr_t)to - base, ARCH_PAGE_SIZE);

	return start < end && (uintptr_t)from - base < start + size;
}

static bool is_text_address(uintptr_t va, uint64_t size)
{
	return va >= (uintptr_t)__text_start && va + size <= (uintptr_t)__text_end;
}

static const char *broken_rule(
	const struct walk *w, uintptr_t va, paddr_t pa, uint64_t size, struct rights r)
{
	if (va < ARCH_DIRECT_MAP)
		return "mapped below the kernel's half";
	if (r.user)
		return "open to user mode";
	if (r.write && overlaps(pa, size, __text_start, __text_end, ARCH_KERNEL_BASE))
		return "kernel text writable";
	if (r.write && overlaps(pa, size, __rodata_start, __rodata_end, ARCH_KERNEL_BASE))
		return "kernel constants writable";
	if (!w->no_execute)
		return NULL;
	if (r.write && r.execute)
		return "writable and executable";
	if (r.execute && !is_text_address(va, size))
		return "executable, but not kernel text";
	return NULL;
}

static void check_page(
	struct walk *w, uintptr_t va, paddr_t pa, unsigned level, struct rights rights)
{
	const char *what =
		broken_rule(w, va, pa & ~(paging_span(level) - 1), paging_span(level), rights);

	if (!what)
		return;
	w->complaints++;
	w->complain(va, paging_span(level), what, w->arg);
}

static void check_table(
	struct walk *w, paddr_t table, uintptr_t va, unsigned level, struct rights rights)
{
	const uint64_t *entry = phys_to_virt(table);

	for (unsigned i = 0; i < PAGING_ENTRIES; i++, va += paging_span(level)) {
		struct rights below = restrict_by(rights, entry[i]);

		if (level == PAGING_LEVELS && i == PAGING_ENTRIES / 2)
			va = ARCH_DIRECT_MAP; /* past the hole in the address space */
		if (!(entry[i] & PTE_PRESENT))
			continue;
		if (level == 1 || entry[i] & PTE_LARGE)
			check_page(w, va, entry[i] & PTE_ADDRESS, level, below);
		else
			check_table(w, entry[i] & PTE_ADDRESS, va, level - 1, below);
	}
}

unsigned arch_memory_walk_check(paging_complain complain, void *arg)
{
	struct walk w = {.complain = complain, .arg = arg, .no_execute = paging_no_execute()};

	check_table(&w, paging_root(), 0, PAGING_LEVELS, (struct rights){true, true, true});
	return w.complaints;
}
