/* SPDX-License-Identifier: MIT */
/* Assembly that the in-kernel tests of this folder call. */
#ifndef X86_KTEST_USER_H
#define X86_KTEST_USER_H

#include "kernel/types.h"

/* Goes to user mode with interrupts off. */
__noreturn void ktest_enter_user(uintptr_t rip, uintptr_t rsp);

/* Fills vector and x87 registers with values that depend on the seed; wide: AVX's halves too. */
void ktest_fpu_fill(uint64_t seed, bool wide);

/* True when they still hold what ktest_fpu_fill() put there. */
bool ktest_fpu_holds(uint64_t seed, bool wide);

#endif
