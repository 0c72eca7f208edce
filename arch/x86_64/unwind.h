/* SPDX-License-Identifier: MIT */
/* Rules for one code address, from .eh_frame: what unwind_table.c finds and unwind.c applies. */
#ifndef X86_UNWIND_H
#define X86_UNWIND_H

#include "kernel/types.h"

#define UNWIND_REGISTERS 17 /* sixteen general ones and rip, by DWARF's numbers */

enum unwind_kind {
	UNWIND_SAME,   /* unchanged; the stack pointer: the CFA */
	UNWIND_AT_CFA, /* saved at CFA + offset */
	UNWIND_IS_CFA, /* is CFA + offset */
	UNWIND_UNDEFINED,
};

struct unwind_rule {
	int32_t offset;
	uint8_t kind; /* enum unwind_kind */
};

struct unwind_row {
	struct unwind_rule rule[UNWIND_REGISTERS];
	uint8_t cfa_register;
	bool signal; /* the frame was made by an interrupt, not by a call */
	int32_t cfa_offset;
};

/* False where no function or no rule that is understood covers the address. Any context. */
bool unwind_find_row(uintptr_t pc, struct unwind_row *row);

typedef bool (*unwind_visit)(uintptr_t pc, bool interrupted, void *arg);

#endif
