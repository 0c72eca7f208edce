/* SPDX-License-Identifier: MIT */
/* Names of the kernel's functions by address, from a table that the build links in. */
#ifndef KERNEL_SYMBOLS_H
#define KERNEL_SYMBOLS_H

#include "kernel/types.h"

/*
 * The function that `address` lies in and how far behind its start, or NULL outside the kernel's
 * text. Any context. %pS in formats asks this.
 */
const char *symbols_lookup(uintptr_t address, size_t *offset);

/* The address of a function by its name, or 0. Any context. */
uintptr_t symbols_find(const char *name);

#endif
