/* SPDX-License-Identifier: MIT */
/* Growth of a table of ids: see kernel/id_table.h. */
#include "kernel/id_table.h"
#include "kernel/errno.h"
#include "kernel/spinlock.h"
#include "mm/leaks.h"
#include "mm/slab.h"

void id_table_split(struct id_table *table)
{
	uint64_t **from, **to, made = table->size;

	KASSERT(made < id_table_capacity(table));
	if (made > table->mask)
		table->mask = 2 * table->mask + 1;
	from = id_table_slot_at(table, made & (table->mask >> 1));
	to = id_table_slot_at(table, made);
	KASSERT(!*to);
	table->size++;
	if (!*from || (**from & table->mask) != made)
		return;
	*to = *from;
	*from = NULL;
}

int id_table_extend(struct id_table *table, struct spinlock *lock)
{
	arch_irqflags_t irqs = spin_lock_irqsave(lock);
	unsigned segments = table->segments;
	uint64_t **segment;
	bool used;

	spin_unlock_irqrestore(lock, irqs);
	KASSERT(segments < ID_TABLE_SEGMENTS);
	segment = kzalloc(((size_t)ID_TABLE_FIRST << segments) * sizeof(*segment));
	if (!segment)
		return -ENOMEM;
	irqs = spin_lock_irqsave(lock);
	used = table->segments == segments;
	if (used)
		table->segment[table->segments++] = segment;
	spin_unlock_irqrestore(lock, irqs);
	if (used)
		mm_keep(segment);
	else
		kfree(segment);
	return 0;
}
