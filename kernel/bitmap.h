/* SPDX-License-Identifier: MIT */
/*
 * Bitmaps over arrays of 64-bit words. The plain operations need the caller's lock; the
 * atomic ones say so in their names.
 */
#ifndef KERNEL_BITMAP_H
#define KERNEL_BITMAP_H

#include "kernel/assert.h"

#define BITMAP_WORD_BITS   64u
#define BITMAP_WORDS(bits) DIV_ROUND_UP((bits), BITMAP_WORD_BITS)

static inline void bitmap_set(uint64_t *map, unsigned bit)
{
	map[bit / BITMAP_WORD_BITS] |= 1ull << (bit % BITMAP_WORD_BITS);
}

static inline void bitmap_clear(uint64_t *map, unsigned bit)
{
	map[bit / BITMAP_WORD_BITS] &= ~(1ull << (bit % BITMAP_WORD_BITS));
}

static inline bool bitmap_test(const uint64_t *map, unsigned bit)
{
	return map[bit / BITMAP_WORD_BITS] >> (bit % BITMAP_WORD_BITS) & 1;
}

/* First set bit at or after `from`, or `bits` when there is none. */
static inline unsigned bitmap_next(const uint64_t *map, unsigned bits, unsigned from)
{
	unsigned word = from / BITMAP_WORD_BITS;
	uint64_t w;

	if (from >= bits)
		return bits;
	w = map[word] & (~0ull << (from % BITMAP_WORD_BITS));
	while (!w) {
		if (++word >= BITMAP_WORDS(bits))
			return bits;
		w = map[word];
	}
	from = word * BITMAP_WORD_BITS + (unsigned)__builtin_ctzll(w);
	return MIN(from, bits);
}

static inline unsigned bitmap_first(const uint64_t *map, unsigned bits)
{
	return bitmap_next(map, bits, 0);
}

/* Bits set in a word. The compiler's own would be a library call where the CPU may lack POPCNT. */
static inline unsigned bitmap_word_weight(uint64_t w)
{
	w -= w >> 1 & 0x5555555555555555ull;
	w = (w & 0x3333333333333333ull) + (w >> 2 & 0x3333333333333333ull);
	w = (w + (w >> 4)) & 0x0f0f0f0f0f0f0f0full;
	return (unsigned)(w * 0x0101010101010101ull >> 56);
}

static inline unsigned bitmap_weight(const uint64_t *map, unsigned bits)
{
	unsigned n = 0;

	for (unsigned i = 0; i < BITMAP_WORDS(bits); i++)
		n += bitmap_word_weight(map[i]);
	return n;
}

#define bitmap_for_each(bit, map, bits)                                                            \
	for ((bit) = bitmap_first(map, bits); (bit) < (bits);                                      \
		(bit) = bitmap_next(map, bits, (bit) + 1))

#endif
