/* SPDX-License-Identifier: MIT */
/*
 * Ids that count upwards and are never used twice, and the objects that have them.
 *
 * The lower bits of an id are its slot, so one load and one comparison find an object. Each slot
 * holds one object: an id whose slot is taken is skipped, and as the table is at most half full,
 * few are. It grows slot by slot (linear hashing: Litwin, "Linear hashing: a new tool for file and
 * table addressing", VLDB 1980): each new slot takes from one old one whatever differs from it in
 * the next bit. So no insertion ever moves more than a few objects. The slots lie in segments that
 * double in size and never move; memory for the next one is had without the lock.
 *
 * An object takes part with a uint64_t, its id. The user's lock protects the table; only
 * id_table_extend() is called without it.
 */
#ifndef KERNEL_ID_TABLE_H
#define KERNEL_ID_TABLE_H

#include "kernel/assert.h"

#define ID_TABLE_FIRST_SHIFT 6
#define ID_TABLE_FIRST       (1u << ID_TABLE_FIRST_SHIFT) /* slots that are there from the start */
#define ID_TABLE_SEGMENTS    32u

/* All protected by the user's lock. */
struct id_table {
	uint64_t **segment[ID_TABLE_SEGMENTS]; /* slot i >= FIRST: segment of its highest bit */
	uint64_t *first[ID_TABLE_FIRST];
	unsigned segments; /* that are there */
	uint64_t size;     /* slots in use */
	uint64_t mask;     /* size, rounded up to a power of two, less 1 */
	uint64_t next_id;
	uint64_t count; /* objects */
};

#define ID_TABLE_INIT                                                                              \
	{                                                                                          \
		.size = ID_TABLE_FIRST, .mask = ID_TABLE_FIRST - 1                                 \
	}

static inline uint64_t **id_table_slot_at(struct id_table *table, uint64_t index)
{
	unsigned bit;

	if (likely(index < ID_TABLE_FIRST))
		return &table->first[index];
	bit = 63 - (unsigned)__builtin_clzll(index);
	return &table->segment[bit - ID_TABLE_FIRST_SHIFT][index - (1ull << bit)];
}

static inline uint64_t **id_table_slot(struct id_table *table, uint64_t id)
{
	uint64_t index = id & table->mask;

	if (index >= table->size)
		index &= table->mask >> 1;
	return id_table_slot_at(table, index);
}

/* The id of the object that has it, or NULL: for container_of(). */
static inline uint64_t *id_table_find(struct id_table *table, uint64_t id)
{
	uint64_t *found = *id_table_slot(table, id);

	return found && *found == id ? found : NULL;
}

/* Slots there is memory for. */
static inline uint64_t id_table_capacity(const struct id_table *table)
{
	return (uint64_t)ID_TABLE_FIRST << table->segments;
}

/* May one more object be added? If not, id_table_extend() helps. */
static inline bool id_table_has_room(const struct id_table *table)
{
	return 2 * (table->count + 1) <= id_table_capacity(table);
}

/* One slot more. */
void id_table_split(struct id_table *table);

/* Gives the object the next id. There is room. */
static inline void id_table_add(struct id_table *table, uint64_t *id)
{
	uint64_t **slot;

	KASSERT(id_table_has_room(table));
	while (unlikely(2 * (table->count + 1) > table->size))
		id_table_split(table);
	while (unlikely(*(slot = id_table_slot(table, table->next_id))))
		table->next_id++;
	*slot = id;
	*id = table->next_id++;
	table->count++;
}

static inline void id_table_remove(struct id_table *table, uint64_t *id)
{
	uint64_t **slot = id_table_slot(table, *id);

	KASSERT(*slot == id);
	*slot = NULL;
	table->count--;
}

struct spinlock;

/*
 * Memory for as many slots again, had without `lock` and entered under it. 0, also when somebody
 * else was faster, or -ENOMEM. Thread context.
 */
int __must_check id_table_extend(struct id_table *table, struct spinlock *lock);

#endif
