/* SPDX-License-Identifier: MIT */
/* Timers of known frequency, to measure others against. */
#ifndef X86_REFERENCE_H
#define X86_REFERENCE_H

#include "kernel/types.h"

/* A counter that counts up and wraps around at its mask; read at least once per 50 ms. */
struct reference {
	const char *name;
	uint64_t frequency; /* Hz */
	uint32_t mask;
	uint32_t (*read)(void);
};

/* The best this machine has: HPET, ACPI PM timer, PIT. Starts it. Boot CPU only. */
const struct reference *reference_choose(void);

#endif
