/* SPDX-License-Identifier: MIT */
/* What switch.S knows of C structures; asserted in thread.c. */
#ifndef X86_SWITCH_H
#define X86_SWITCH_H

#define ARCH_THREAD_SP         0
#define ARCH_SWITCH_FRAME_SIZE 56

#endif
