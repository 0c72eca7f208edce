/* SPDX-License-Identifier: MIT */
/*
 * The log's ring buffer. A record is a struct log_record and its text, one after the other, both
 * of which may wrap around the end of the buffer. Invariant: first and end are the starts of
 * records (or equal), end - first <= LOG_RING_SIZE.
 */
#include "kernel/log_ring.h"
#include "kernel/assert.h"
#include "kernel/string.h"

static_assert(LOG_TEXT_MAX <= UINT8_MAX, "the length of a text fits its field");
static_assert((LOG_RING_SIZE & (LOG_RING_SIZE - 1)) == 0, "positions are masked");

static void copy_in(struct log_ring *ring, uint64_t position, const void *from, size_t size)
{
	size_t at = position % LOG_RING_SIZE;
	size_t before_end = MIN(size, LOG_RING_SIZE - at);

	memcpy(ring->data + at, from, before_end);
	memcpy(ring->data, (const char *)from + before_end, size - before_end);
}

static void copy_out(const struct log_ring *ring, uint64_t position, void *to, size_t size)
{
	size_t at = position % LOG_RING_SIZE;
	size_t before_end = MIN(size, LOG_RING_SIZE - at);

	memcpy(to, ring->data + at, before_end);
	memcpy((char *)to + before_end, ring->data, size - before_end);
}

static uint64_t record_end(const struct log_ring *ring, uint64_t position)
{
	struct log_record record;

	copy_out(ring, position, &record, sizeof(record));
	return position + sizeof(record) + record.length;
}

void log_ring_put(struct log_ring *ring, struct log_record *record, const char *text)
{
	size_t size = sizeof(*record) + record->length;

	KASSERT(record->length < LOG_TEXT_MAX);
	while (ring->end + size - ring->first > LOG_RING_SIZE)
		ring->first = record_end(ring, ring->first);
	record->number = ring->count++;
	copy_in(ring, ring->end, record, sizeof(*record));
	copy_in(ring, ring->end + sizeof(*record), text, record->length);
	ring->end += size;
}

bool log_ring_get(
	const struct log_ring *ring, uint64_t *position, struct log_record *record, char *text)
{
	if (*position < ring->first)
		*position = ring->first;
	if (*position >= ring->end)
		return false;
	copy_out(ring, *position, record, sizeof(*record));
	record->length = MIN(record->length, LOG_TEXT_MAX - 1);
	copy_out(ring, *position + sizeof(*record), text, record->length);
	text[record->length] = '\0';
	*position += sizeof(*record) + record->length;
	return true;
}

uint64_t log_ring_last(const struct log_ring *ring, uint64_t n)
{
	uint64_t position = ring->first;
	struct log_record record;

	while (position < ring->end) {
		copy_out(ring, position, &record, sizeof(record));
		if (record.number + n >= ring->count)
			break;
		position += sizeof(record) + record.length;
	}
	return position;
}
