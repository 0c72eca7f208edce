/* SPDX-License-Identifier: MIT */
/* The monitor: a thread that reads commands from the console and shows and changes the system. */
#ifndef KERNEL_MONITOR_H
#define KERNEL_MONITOR_H

#include "kernel/types.h"

/* Starts the thread, and the console's input. 0, or why not. May block. */
int __must_check monitor_start(void);

#endif
