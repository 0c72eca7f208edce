/* SPDX-License-Identifier: MIT */
/*
 * The one intrusive doubly linked list. A node that is on no list has next == prev == NULL, so
 * membership can be tested and is asserted on every insertion and removal. A head is a node that
 * is linked to itself when the list is empty. The caller supplies the lock.
 */
#ifndef KERNEL_LIST_H
#define KERNEL_LIST_H

#include "kernel/assert.h"

struct list_node {
	struct list_node *next;
	struct list_node *prev;
};

struct list {
	struct list_node head;
};

#define LIST_INIT(name)                                                                            \
	{                                                                                          \
		{                                                                                  \
			&(name).head, &(name).head                                                 \
		}                                                                                  \
	}

static inline void list_init(struct list *l)
{
	l->head.next = &l->head;
	l->head.prev = &l->head;
}

static inline void list_node_init(struct list_node *n)
{
	n->next = NULL;
	n->prev = NULL;
}

static inline bool list_empty(const struct list *l)
{
	return l->head.next == &l->head;
}

static inline bool list_linked(const struct list_node *n)
{
	return n->next != NULL;
}

static inline void list_insert_between(
	struct list_node *n, struct list_node *prev, struct list_node *next)
{
	KASSERT(!list_linked(n));
	KASSERT(prev->next == next && next->prev == prev);
	n->next = next;
	n->prev = prev;
	prev->next = n;
	next->prev = n;
}

static inline void list_push_front(struct list *l, struct list_node *n)
{
	list_insert_between(n, &l->head, l->head.next);
}

static inline void list_push_back(struct list *l, struct list_node *n)
{
	list_insert_between(n, l->head.prev, &l->head);
}

static inline void list_insert_before(struct list_node *n, struct list_node *pos)
{
	list_insert_between(n, pos->prev, pos);
}

/* list_remove() for a caller who knows the neighbours already. */
static inline void list_remove_between(
	struct list_node *n, struct list_node *prev, struct list_node *next)
{
	KASSERT(list_linked(n) && n->next == next && n->prev == prev);
	KASSERT(next->prev == n && prev->next == n);
	next->prev = prev;
	prev->next = next;
	list_node_init(n);
}

static inline void list_remove(struct list_node *n)
{
	KASSERT(list_linked(n));
	KASSERT(n->next->prev == n && n->prev->next == n);
	n->next->prev = n->prev;
	n->prev->next = n->next;
	list_node_init(n);
}

static inline struct list_node *list_first(const struct list *l)
{
	return list_empty(l) ? NULL : l->head.next;
}

static inline struct list_node *list_last(const struct list *l)
{
	return list_empty(l) ? NULL : l->head.prev;
}

static inline struct list_node *list_next(const struct list *l, const struct list_node *n)
{
	return n->next == &l->head ? NULL : n->next;
}

/* Removes and returns the first node, or NULL. */
static inline struct list_node *list_pop_front(struct list *l)
{
	struct list_node *n = list_first(l);

	if (n)
		list_remove(n);
	return n;
}

/* Moves every node of `from` to the tail of `to`; `from` is empty afterwards. O(1). */
static inline void list_splice_back(struct list *to, struct list *from)
{
	if (list_empty(from))
		return;
	from->head.next->prev = to->head.prev;
	to->head.prev->next = from->head.next;
	from->head.prev->next = &to->head;
	to->head.prev = from->head.prev;
	list_init(from);
}

/* O(n); for checks and displays only. */
static inline size_t list_length(const struct list *l)
{
	size_t n = 0;

	for (const struct list_node *i = l->head.next; i != &l->head; i = i->next)
		n++;
	return n;
}

#define list_entry(node, type, member) container_of(node, type, member)

#define list_first_entry(l, type, member)                                                          \
	(list_empty(l) ? NULL : list_entry((l)->head.next, type, member))

#define list_for_each_entry(pos, l, member)                                                        \
	for (pos = list_entry((l)->head.next, __typeof__(*pos), member);                           \
		&pos->member != &(l)->head;                                                        \
		pos = list_entry(pos->member.next, __typeof__(*pos), member))

/* As above; `pos` may be removed in the body. */
#define list_for_each_entry_safe(pos, tmp, l, member)                                              \
	for (pos = list_entry((l)->head.next, __typeof__(*pos), member),                           \
	    tmp = list_entry(pos->member.next, __typeof__(*pos), member);                          \
		&pos->member != &(l)->head;                                                        \
		pos = tmp, tmp = list_entry(tmp->member.next, __typeof__(*tmp), member))

#endif
