/* SPDX-License-Identifier: MIT */
/*
 * What host tests share: cmocka with its includes in the order it wants, and a random source whose
 * seed is printed and can be set: MOS_SEED=… program. MOS_ROUNDS=… multiplies the amount of work.
 */
#ifndef ARCH_HOST_TEST_H
#define ARCH_HOST_TEST_H

#include "kernel/types.h"
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include <arch/host.h>

struct host_random {
	uint64_t state;
};

/* splitmix64: every seed is a good one. */
static inline uint64_t host_random_next(struct host_random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* 0 .. n-1 */
static inline unsigned host_random_below(struct host_random *r, unsigned n)
{
	return (unsigned)(host_random_next(r) % n);
}

static inline uint64_t host_setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

/* Prints the seed, so that a failure can be run again. */
static inline struct host_random host_random_start(const char *what)
{
	struct timespec t;
	uint64_t seed;

	timespec_get(&t, TIME_UTC);
	seed = host_setting("MOS_SEED", (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec);
	printf("%s: MOS_SEED=%#llx\n", what, (unsigned long long)seed);
	return (struct host_random){seed};
}

static inline unsigned long host_rounds(unsigned long rounds)
{
	return rounds * host_setting("MOS_ROUNDS", 1);
}

#endif
