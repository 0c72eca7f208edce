/* SPDX-License-Identifier: MIT */
/* The table of ids against a plain array of who is there; its growth in steps of one slot. */
#include "kernel/types.h"
#include <arch/host_test.h>
#include "kernel/id_table.h"
#include "kernel/errno.h"
#include "kernel/spinlock.h"
#include "mm/inject.h"
#include "mm/tests/mm_machine.h"

#define OBJECTS 3000u

static uint64_t ids[OBJECTS];
static bool present[OBJECTS];
static struct spinlock lock = SPINLOCK_INIT("ids", LOCK_RANK_PROCESS);

static void add(struct id_table *table, unsigned i)
{
	if (!id_table_has_room(table))
		assert_int_equal(id_table_extend(table, &lock), 0);
	id_table_add(table, &ids[i]);
	present[i] = true;
}

static void remove_one(struct id_table *table, unsigned i)
{
	id_table_remove(table, &ids[i]);
	present[i] = false;
}

/* All that are there are found, nothing else is, and the table is at most half full. */
static void compare(struct id_table *table)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < OBJECTS; i++) {
		count += present[i];
		if (present[i])
			assert_ptr_equal(id_table_find(table, ids[i]), &ids[i]);
		else if (ids[i])
			assert_null(id_table_find(table, ids[i]));
	}
	assert_int_equal(table->count, count);
	assert_true(2 * count <= table->size && table->size <= id_table_capacity(table));
	assert_null(id_table_find(table, table->next_id));
	assert_null(id_table_find(table, UINT64_MAX));
}

static void start(struct id_table *table)
{
	mm_machine_start(16 * MIB);
	*table = (struct id_table)ID_TABLE_INIT;
	memset(ids, 0, sizeof(ids));
	memset(present, 0, sizeof(present));
}

static void finds_what_is_there(void **state)
{
	struct host_random random = host_random_start("ids");
	static struct id_table table;
	uint64_t last = 0;

	(void)state;
	start(&table);
	for (unsigned long round = 0; round < host_rounds(60000); round++) {
		unsigned i = host_random_below(&random, 1 + (unsigned)(round / 20) % OBJECTS);

		if (present[i]) {
			remove_one(&table, i);
		} else {
			add(&table, i);
			assert_true(!last || ids[i] > last);
			last = ids[i];
		}
		if (!(round % 500))
			compare(&table);
	}
	compare(&table);
}

/* One addition makes at most two slots, wherever the table is in its doubling. */
static void grows_in_small_steps(void **state)
{
	static struct id_table table;

	(void)state;
	start(&table);
	for (unsigned i = 0; i < OBJECTS; i++) {
		uint64_t size = table.size;

		add(&table, i);
		assert_true(table.size - size <= 2);
	}
	compare(&table);
}

/* Ids whose slots belong to those who stay are passed over. */
static void skips_taken_slots(void **state)
{
	static struct id_table table;

	(void)state;
	start(&table);
	add(&table, 0);
	for (unsigned i = 1; i <= 2 * ID_TABLE_FIRST; i++) {
		add(&table, 1);
		assert_true(ids[1] % ID_TABLE_FIRST != ids[0] % ID_TABLE_FIRST);
		remove_one(&table, 1);
	}
	assert_int_equal(table.size, ID_TABLE_FIRST);
	assert_true(ids[1] > 2 * ID_TABLE_FIRST);
}

static void survives_without_memory(void **state)
{
	static struct id_table table;

	(void)state;
	start(&table);
	for (unsigned i = 0; i < ID_TABLE_FIRST / 2; i++)
		add(&table, i);
	assert_false(id_table_has_room(&table));
	mm_inject_failure(1);
	assert_int_equal(id_table_extend(&table, &lock), -ENOMEM);
	mm_inject_failure(0);
	compare(&table);
	add(&table, ID_TABLE_FIRST / 2);
	compare(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_is_there),
		cmocka_unit_test(grows_in_small_steps),
		cmocka_unit_test(skips_taken_slots),
		cmocka_unit_test(survives_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
