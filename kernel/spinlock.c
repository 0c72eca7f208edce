/* SPDX-License-Identifier: MIT */
/* The locks each CPU holds, for the order check of debug builds and the panic report. */
#include "kernel/spinlock.h"

DEFINE_PERCPU(struct held_locks, percpu_held_locks);
