/* SPDX-License-Identifier: MIT */
/*
 * Who called: short backtraces that are cheap enough to be taken at every lock of a debug build.
 * They follow frame pointers, which debug builds have; a panic's own backtrace needs none.
 */
#ifndef KERNEL_CALLERS_H
#define KERNEL_CALLERS_H

#include "kernel/types.h"

/*
 * Stores the addresses behind the calls that led here, innermost first; at most `max`, zeros behind
 * the last. Any context.
 */
void callers_note(uintptr_t *pc, unsigned max);

/* Logs them as errors, one line each. Any context in which log_error() works. */
void callers_log(const uintptr_t *pc, unsigned max);

#endif
