/* SPDX-License-Identifier: MIT */
/* The log's ring against a list that remembers everything. */
#include "kernel/types.h"
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "kernel/log_ring.h"

#define RECORDS 5000u

static struct log_ring ring;
static char texts[RECORDS][LOG_TEXT_MAX];

static int setup(void **state)
{
	(void)state;
	memset(&ring, 0, sizeof(ring));
	return 0;
}

static void put(unsigned number)
{
	struct log_record record = {.time = number, .cpu = (uint16_t)(number % 7), .level = 2};
	unsigned length = (unsigned)rand() % LOG_TEXT_MAX;

	for (unsigned i = 0; i < length; i++)
		texts[number][i] = (char)('a' + rand() % 26);
	texts[number][length] = '\0';
	record.length = (uint8_t)length;
	log_ring_put(&ring, &record, texts[number]);
	assert_int_equal(record.number, number);
}

/* Reads from *position to the end; returns the number of the first record. */
static uint64_t read_all(uint64_t *position, uint64_t written)
{
	struct log_record record;
	char text[LOG_TEXT_MAX];
	uint64_t first = written, expected = 0;

	while (log_ring_get(&ring, position, &record, text)) {
		if (first == written)
			first = expected = record.number;
		assert_int_equal(record.number, expected);
		assert_int_equal(record.time, expected);
		assert_int_equal(record.cpu, expected % 7);
		assert_string_equal(text, texts[expected]);
		expected++;
	}
	assert_true(first == written || expected == written);
	return first;
}

static void test_nothing_lost_while_it_fits(void **state)
{
	uint64_t position = 0;

	(void)state;
	for (unsigned i = 0; i < LOG_RING_SIZE / (LOG_TEXT_MAX + sizeof(struct log_record)); i++)
		put(i);
	assert_int_equal(read_all(&position, ring.count), 0);
	assert_int_equal(read_all(&position, ring.count), ring.count);
}

static void test_newest_survive(void **state)
{
	uint64_t behind = 0, begin;

	(void)state;
	for (unsigned i = 0; i < RECORDS; i++) {
		put(i);
		assert_true(ring.end - ring.first <= LOG_RING_SIZE);
		if (i % 97)
			continue;
		begin = 0;
		read_all(&behind, i + 1);
		assert_true(read_all(&begin, i + 1) <= (i < 200 ? 0 : i - 200));
	}
}

static void test_last(void **state)
{
	struct log_record record;
	char text[LOG_TEXT_MAX];
	uint64_t position;

	(void)state;
	assert_int_equal(log_ring_last(&ring, 5), 0);
	for (unsigned i = 0; i < 1000; i++)
		put(i);
	position = log_ring_last(&ring, 3);
	assert_true(log_ring_get(&ring, &position, &record, text));
	assert_int_equal(record.number, 997);
	assert_int_equal(log_ring_last(&ring, 1000000), ring.first);
	assert_int_equal(log_ring_last(&ring, 0), ring.end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_nothing_lost_while_it_fits, setup),
		cmocka_unit_test_setup(test_newest_survive, setup),
		cmocka_unit_test_setup(test_last, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
