/* SPDX-License-Identifier: MIT */
/*
 * Reading .eh_frame: the linker's sorted table of functions (.eh_frame_hdr) leads to a function's
 * record (FDE), that to what it shares with others (CIE), and the byte code of both to the row of
 * rules for an address.
 *
 * The tables are part of the read-only image, but are not trusted: every read is bounded by the
 * record, every record by the section; what is not understood ends the search.
 */
#include "arch/x86_64/unwind.h"
#include "kernel/string.h"

extern const uint8_t __eh_frame_hdr[], __eh_frame_start[], __eh_frame_end[];

/* How a pointer is encoded: what it is relative to, and its size. The two that are used. */
#define POINTER_PCREL_S32 0x1b
#define POINTER_TABLE_S32 0x3b
#define POINTER_U32       0x03

#define HEADER_VERSION 1

struct header {
	uint8_t version;
	uint8_t section_encoding;
	uint8_t count_encoding;
	uint8_t table_encoding;
	int32_t section;
	uint32_t count;
	struct entry {
		int32_t function; /* both relative to the header */
		int32_t record;
	} entry[];
};

/* Byte code. The two upper bits, or all of them where those are 0. */
enum instruction {
	CFA_ADVANCE = 0x40,
	CFA_OFFSET = 0x80,
	CFA_RESTORE = 0xc0,
	CFA_NOP = 0x00,
	CFA_ADVANCE1 = 0x02,
	CFA_ADVANCE2 = 0x03,
	CFA_ADVANCE4 = 0x04,
	CFA_OFFSET_EXTENDED = 0x05,
	CFA_RESTORE_EXTENDED = 0x06,
	CFA_UNDEFINED = 0x07,
	CFA_SAME_VALUE = 0x08,
	CFA_REMEMBER = 0x0a,
	CFA_RECALL = 0x0b,
	CFA_DEFINE = 0x0c,
	CFA_DEFINE_REGISTER = 0x0d,
	CFA_DEFINE_OFFSET = 0x0e,
	CFA_OFFSET_SIGNED = 0x11,
	CFA_DEFINE_SIGNED = 0x12,
	CFA_DEFINE_OFFSET_SIGNED = 0x13,
	CFA_VALUE_OFFSET = 0x14,
	CFA_ARGUMENTS_SIZE = 0x2e,
};
#define SHORT_OPERAND 0x3f

#define REMEMBERED_MAX 2

/* A bounded reader: after a read beyond the end everything reads as 0 and `bad` is set. */
struct reader {
	const uint8_t *at, *end;
	bool bad;
};

/* What a CIE says. */
struct common {
	uint64_t code_factor;
	int64_t data_factor;
	bool signal;
	struct reader code;
};

/* The byte code's machine. */
struct machine {
	const struct common *common;
	uintptr_t at;     /* the row holds from here on */
	uintptr_t target; /* the address whose row is wanted */
	struct unwind_row row, initial, remembered[REMEMBERED_MAX];
	unsigned depth;
};

static uint64_t read_bytes(struct reader *r, size_t size)
{
	uint64_t value = 0;

	if (r->bad || (size_t)(r->end - r->at) < size) {
		r->bad = true;
		return 0;
	}
	memcpy(&value, r->at, size);
	r->at += size;
	return value;
}

static uint64_t read_unsigned(struct reader *r)
{
	uint64_t value = 0;
	uint8_t byte;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		byte = (uint8_t)read_bytes(r, 1);
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	r->bad = true;
	return 0;
}

static int64_t read_signed(struct reader *r)
{
	const uint8_t *start = r->at;
	uint64_t value = read_unsigned(r);
	unsigned bits = (unsigned)(r->at - start) * 7;

	if (r->bad || bits >= 64 || !(r->at[-1] & 0x40))
		return (int64_t)value;
	return (int64_t)(value | ~0ull << bits);
}

/* A record's contents, after its length. Bad for one that is empty or does not lie in .eh_frame. */
static struct reader open_record(const uint8_t *at)
{
	struct reader r = {at, __eh_frame_end, at < __eh_frame_start || at >= __eh_frame_end};
	uint64_t length = read_bytes(&r, 4);

	if (!length || length > (size_t)(r.end - r.at))
		r.bad = true;
	else
		r.end = r.at + length;
	return r;
}

/* The letters after "z": how pointers are encoded (only one way is), signal frame. */
static bool read_augmentation(struct reader *r, const char *text, struct common *common)
{
	uint64_t size = read_unsigned(r);
	struct reader data = *r;

	if (r->bad || size > (size_t)(r->end - r->at))
		return false;
	r->at += size;
	data.end = r->at;
	for (text++; *text; text++) {
		if (*text == 'S')
			common->signal = true;
		else if (*text != 'R' || read_bytes(&data, 1) != POINTER_PCREL_S32)
			return false;
	}
	return !data.bad;
}

static bool read_common(const uint8_t *record, struct common *common)
{
	struct reader r = open_record(record);
	const char *text;

	if (read_bytes(&r, 4) != 0 || read_bytes(&r, 1) != 1)
		return false;
	text = (const char *)r.at;
	while (read_bytes(&r, 1)) {
	}
	common->code_factor = read_unsigned(&r);
	common->data_factor = read_signed(&r);
	if (read_bytes(&r, 1) != UNWIND_REGISTERS - 1 || r.bad || text[0] != 'z')
		return false;
	if (!read_augmentation(&r, text, common))
		return false;
	common->code = r;
	return true;
}

/* The last entry of the table that begins at or before the address. */
static const struct entry *find_entry(uintptr_t pc)
{
	const struct header *h = (const struct header *)__eh_frame_hdr;
	uint32_t low = 0, high = h->count;

	if (h->version != HEADER_VERSION || h->count_encoding != POINTER_U32 ||
		h->table_encoding != POINTER_TABLE_S32)
		return NULL;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if ((uintptr_t)h + (uintptr_t)(intptr_t)h->entry[middle].function <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &h->entry[low - 1] : NULL;
}

static void set_rule(struct machine *m, uint64_t reg, enum unwind_kind kind, int64_t offset)
{
	if (reg < UNWIND_REGISTERS)
		m->row.rule[reg] = (struct unwind_rule){(int32_t)offset, (uint8_t)kind};
}

static void restore_rule(struct machine *m, uint64_t reg)
{
	if (reg < UNWIND_REGISTERS)
		m->row.rule[reg] = m->initial.rule[reg];
}

static bool set_cfa_register(struct machine *m, uint64_t reg)
{
	m->row.cfa_register = (uint8_t)reg;
	return reg < UNWIND_REGISTERS;
}

static bool remember(struct machine *m)
{
	if (m->depth == REMEMBERED_MAX)
		return false;
	m->remembered[m->depth++] = m->row;
	return true;
}

static bool recall(struct machine *m)
{
	if (!m->depth)
		return false;
	m->row = m->remembered[--m->depth];
	return true;
}

/* Rules for registers. False for an instruction that is not one of them. */
static bool run_register(struct machine *m, struct reader *r, unsigned code)
{
	uint64_t reg = read_unsigned(r);

	switch (code) {
	case CFA_OFFSET_EXTENDED:
		set_rule(m, reg, UNWIND_AT_CFA, (int64_t)read_unsigned(r) * m->common->data_factor);
		return true;
	case CFA_OFFSET_SIGNED:
		set_rule(m, reg, UNWIND_AT_CFA, read_signed(r) * m->common->data_factor);
		return true;
	case CFA_VALUE_OFFSET:
		set_rule(m, reg, UNWIND_IS_CFA, (int64_t)read_unsigned(r) * m->common->data_factor);
		return true;
	case CFA_RESTORE_EXTENDED:
		restore_rule(m, reg);
		return true;
	case CFA_UNDEFINED:
		set_rule(m, reg, UNWIND_UNDEFINED, 0);
		return true;
	case CFA_SAME_VALUE:
		set_rule(m, reg, UNWIND_SAME, 0);
		return true;
	default:
		return false;
	}
}

/* Rules for the CFA and for rows as a whole; the others go on to run_register(). */
static bool run_long(struct machine *m, struct reader *r, unsigned code)
{
	switch (code) {
	case CFA_NOP:
		return true;
	case CFA_REMEMBER:
		return remember(m);
	case CFA_RECALL:
		return recall(m);
	case CFA_DEFINE:
		return set_cfa_register(m, read_unsigned(r)) && run_long(m, r, CFA_DEFINE_OFFSET);
	case CFA_DEFINE_SIGNED:
		return set_cfa_register(m, read_unsigned(r)) &&
			run_long(m, r, CFA_DEFINE_OFFSET_SIGNED);
	case CFA_DEFINE_REGISTER:
		return set_cfa_register(m, read_unsigned(r));
	case CFA_DEFINE_OFFSET:
		m->row.cfa_offset = (int32_t)read_unsigned(r);
		return true;
	case CFA_DEFINE_OFFSET_SIGNED:
		m->row.cfa_offset = (int32_t)(read_signed(r) * m->common->data_factor);
		return true;
	case CFA_ARGUMENTS_SIZE:
		read_unsigned(r);
		return true;
	default:
		return run_register(m, r, code);
	}
}

static bool run_short(struct machine *m, struct reader *r, unsigned code)
{
	unsigned reg = code & SHORT_OPERAND;

	if ((code & ~SHORT_OPERAND) == CFA_OFFSET)
		set_rule(m, reg, UNWIND_AT_CFA, (int64_t)read_unsigned(r) * m->common->data_factor);
	else
		restore_rule(m, reg);
	return true;
}

static bool is_advance(unsigned code)
{
	return (code & ~SHORT_OPERAND) == CFA_ADVANCE ||
		(code >= CFA_ADVANCE1 && code <= CFA_ADVANCE4);
}

/* How far the instruction advances the address, in units of code. */
static uint64_t read_advance(struct reader *r, unsigned code)
{
	if ((code & ~SHORT_OPERAND) == CFA_ADVANCE)
		return code & SHORT_OPERAND;
	return read_bytes(r, 1u << (code - CFA_ADVANCE1));
}

/* Runs until the row for the target is complete. False for what is not understood. */
static bool run(struct machine *m, struct reader code)
{
	while (code.at < code.end) {
		unsigned instruction = (unsigned)read_bytes(&code, 1);
		bool ok = true;

		if (is_advance(instruction)) {
			m->at += read_advance(&code, instruction) * m->common->code_factor;
			if (m->at > m->target)
				return true;
		} else if (instruction & ~SHORT_OPERAND) {
			ok = run_short(m, &code, instruction);
		} else {
			ok = run_long(m, &code, instruction);
		}
		if (!ok || code.bad)
			return false;
	}
	return true;
}

/* The rest of a function's record: its range, then its code. */
static bool run_function(
	struct reader r, const struct common *common, uintptr_t pc, struct unwind_row *row)
{
	struct machine m = {.common = common, .target = UINTPTR_MAX};
	uintptr_t field = (uintptr_t)r.at;
	uintptr_t start = field + (uintptr_t)(intptr_t)(int32_t)read_bytes(&r, 4);
	uint64_t size = read_bytes(&r, 4), extra = read_unsigned(&r);

	if (r.bad || pc < start || pc - start >= size || extra > (size_t)(r.end - r.at))
		return false;
	r.at += extra;
	if (!run(&m, common->code))
		return false;
	m.initial = m.row;
	m.at = start;
	m.target = pc;
	if (!run(&m, r))
		return false;
	*row = m.row;
	row->signal = common->signal;
	return true;
}

bool unwind_find_row(uintptr_t pc, struct unwind_row *row)
{
	const struct entry *entry = find_entry(pc);
	struct common common = {.signal = false};
	const uint8_t *back;
	struct reader r;
	uint64_t distance;

	if (!entry)
		return false;
	r = open_record(__eh_frame_hdr + entry->record);
	back = r.at;
	distance = read_bytes(&r, 4);
	if (r.bad || !distance || distance > (size_t)(back - __eh_frame_start))
		return false;
	return read_common(back - distance, &common) && run_function(r, &common, pc, row);
}
