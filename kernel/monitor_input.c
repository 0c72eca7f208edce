/* SPDX-License-Identifier: MIT */
/*
 * Typed characters on their way from the interrupt to the monitor's thread: a ring with one writer
 * and one reader, and a semaphore that counts what is in it. What does not fit is dropped.
 */
#include "kernel/entry.h"
#include "kernel/monitor_private.h"
#include "kernel/semaphore.h"

#define INPUT_SIZE 512u /* a power of two */

/* Letters: (w) the interrupt handler only, (m) the monitor only. */
static struct {
	struct semaphore bytes;
	uint32_t written; /* (w) */
	uint32_t read;    /* (m) */
	char ring[INPUT_SIZE];
} input = {.bytes = SEMAPHORE_INIT(input.bytes, 0)};

void entry_console_input(char c)
{
	if (semaphore_units(&input.bytes) >= INPUT_SIZE - 1)
		return;
	input.ring[input.written++ % INPUT_SIZE] = c;
	semaphore_give(&input.bytes);
}

/* Without a deadline it may take for ever, which only a killable wait may. */
static int take(ktime_t deadline)
{
	return deadline == KTIME_MAX ? semaphore_take_killable(&input.bytes)
				     : semaphore_take_until(&input.bytes, deadline);
}

int monitor_read(ktime_t deadline)
{
	if (take(deadline))
		return -1;
	return (unsigned char)input.ring[input.read++ % INPUT_SIZE];
}
