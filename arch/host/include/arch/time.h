/* SPDX-License-Identifier: MIT */
/* Virtual time of a host process. */
#ifndef ARCH_TIME_H
#define ARCH_TIME_H

#include "kernel/types.h"

ktime_t arch_time_now(void);
void arch_timer_arm(ktime_t when);

#endif
