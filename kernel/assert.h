/* SPDX-License-Identifier: MIT */
/*
 * Broken invariants. KASSERT costs nothing in a release build (the condition is still compiled),
 * BUG_ON is checked in every build. Both end in assert_fail(), which the embedder supplies:
 * the kernel panics, a host test aborts.
 */
#ifndef KERNEL_ASSERT_H
#define KERNEL_ASSERT_H

#include "kernel/types.h"

#ifdef CONFIG_DEBUG
#define KASSERT_ON 1
#else
#define KASSERT_ON 0
#endif

__noreturn __cold void assert_fail(const char *expr, const char *file, int line, const char *func);

#define BUG_ON(cond)                                                                               \
	do {                                                                                       \
		if (unlikely(cond))                                                                \
			assert_fail("BUG_ON(" #cond ")", __FILE__, __LINE__, __func__);            \
	} while (0)

#define KASSERT(cond)                                                                              \
	do {                                                                                       \
		if (KASSERT_ON && unlikely(!(cond)))                                               \
			assert_fail(#cond, __FILE__, __LINE__, __func__);                          \
	} while (0)

#endif
