/* SPDX-License-Identifier: MIT */
/* What the CPU has against the kernel's own mistakes. */
#ifndef X86_FEATURES_H
#define X86_FEATURES_H

#include "kernel/types.h"

enum feature {
	FEATURE_NX,   /* pages that cannot be executed */
	FEATURE_WP,   /* read-only pages are read-only for the kernel too */
	FEATURE_SMEP, /* the kernel does not execute user pages */
	FEATURE_SMAP, /* the kernel does not touch user pages by accident */
	FEATURE_UMIP, /* user mode cannot read the descriptor tables' addresses */
	FEATURE_COUNT,
};

/* Turns on what this CPU has. */
void features_init_cpu(void);

/* True when the feature is on, on this CPU. */
bool feature_on(enum feature feature);

#endif
