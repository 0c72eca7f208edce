/* SPDX-License-Identifier: MIT */
/*
 * Backtraces of allocations and frees, each different one kept once and known by a number that
 * fits beside an object. Debug builds only: nothing calls this in a release build.
 */
#ifndef MM_SITE_H
#define MM_SITE_H

#include "kernel/assert.h"

/* Debug builds remember who allocates and who frees, fill freed memory and check it. */
#define MM_DEBUG KASSERT_ON

#define SITE_NONE    0u /* never happened */
#define SITE_UNKNOWN 1u /* happened, but there was no memory to remember where */

/* Forgets everything. Before the first frame is allocated. */
void site_init(void);

/* The number of the present call chain. Any context but NMI, with any lock of mm/ or below. */
uint32_t site_capture(void);

/* Logs the title and the call chain, one function a line. */
void site_print(const char *title, uint32_t site);

#endif
