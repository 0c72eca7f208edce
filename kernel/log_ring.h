/* SPDX-License-Identifier: MIT */
/*
 * A ring of log records of varying length in one fixed buffer; the oldest give way to the newest.
 * Positions count bytes since the beginning and never wrap, so that a reader notices what it
 * missed. No lock of its own, runs on the host.
 */
#ifndef KERNEL_LOG_RING_H
#define KERNEL_LOG_RING_H

#include "kernel/types.h"

#define LOG_RING_SIZE 65536u /* a power of two */
#define LOG_TEXT_MAX  240    /* with the terminator; a longer text is cut */

struct log_record {
	ktime_t time;
	uint64_t number; /* 0, 1, 2 … in the order of arrival */
	uint16_t cpu;
	uint8_t level;
	uint8_t length; /* of the text, without a terminator */
};

struct log_ring {
	uint64_t first, end; /* positions of the oldest record and behind the newest */
	uint64_t count;      /* records ever written */
	char data[LOG_RING_SIZE];
};

/* Appends; fills in record->number. */
void log_ring_put(struct log_ring *ring, struct log_record *record, const char *text);

/*
 * Copies the record at *position, or the oldest one left if that has gone, with a terminated text
 * of up to LOG_TEXT_MAX, and moves *position behind it. False when there is none.
 */
bool log_ring_get(
	const struct log_ring *ring, uint64_t *position, struct log_record *record, char *text);

/* The position of the n-th record from the end, or of the oldest. */
uint64_t log_ring_last(const struct log_ring *ring, uint64_t n);

#endif
