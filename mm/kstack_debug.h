/* SPDX-License-Identifier: MIT */
/* Debug builds: what is known of a stack is in struct frame of its lowest page. */
#ifndef MM_KSTACK_DEBUG_H
#define MM_KSTACK_DEBUG_H

#include "mm/site.h"

/* A stack that was just mapped. */
void kstack_debug_new(void *base, size_t size);

/* Checks that nobody wrote to the first `size` bytes of a free stack. */
void kstack_debug_check(const void *base, size_t size);

/* Remembers who has the stack from now on. */
void kstack_debug_alloc(const void *base);

/* Checks that somebody has the stack, remembers who freed it and fills `size` bytes. */
void kstack_debug_free(void *base, size_t size);

/* No leak; a leak of whoever calls. */
void kstack_debug_keep(const void *base);
void kstack_debug_claim(const void *base);

#endif
