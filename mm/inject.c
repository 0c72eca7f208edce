/* SPDX-License-Identifier: MIT */
/* Allocation failure on demand: one counter, which each allocation lowers until it reaches zero. */
#include "mm/inject.h"

_Atomic unsigned mm_inject_left;
static _Atomic bool happened;

void mm_inject_failure(unsigned nth)
{
	atomic_store(&happened, false);
	atomic_store(&mm_inject_left, nth);
}

bool mm_inject_happened(void)
{
	return atomic_load(&happened);
}

/* Of several CPUs that get here at once, one takes the counter to zero. */
__noinline bool mm_inject_count_down(void)
{
	unsigned left = atomic_load(&mm_inject_left);

	while (left)
		if (atomic_compare_exchange_weak(&mm_inject_left, &left, left - 1))
			break;
	if (left != 1)
		return false;
	atomic_store(&happened, true);
	return true;
}
