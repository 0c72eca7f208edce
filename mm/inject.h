/* SPDX-License-Identifier: MIT */
/*
 * Allocation failure on demand, to test every way out of a function that allocates. Counted are
 * frame_alloc(), slab_alloc(), kmalloc() and kstack_alloc(), and those they call in turn.
 */
#ifndef MM_INJECT_H
#define MM_INJECT_H

#include "kernel/types.h"

extern _Atomic unsigned mm_inject_left;

/* Makes the nth allocation from now fail, on whichever CPU; 1 is the next one, 0 none. */
void mm_inject_failure(unsigned nth);

/* True if the failure asked for has happened. Asking with 0 forgets it. */
bool mm_inject_happened(void);

bool mm_inject_count_down(void);

/* One of these at the start of every allocation. */
static inline bool mm_inject_now(void)
{
	return unlikely(atomic_load_explicit(&mm_inject_left, memory_order_relaxed)) &&
		mm_inject_count_down();
}

#endif
