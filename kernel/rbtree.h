/* SPDX-License-Identifier: MIT */
/*
 * An intrusive red-black tree that knows its smallest and its largest node. Equal keys keep the
 * order of insertion. A node that is in no tree is all zeros, so membership can be tested and is
 * asserted; an empty tree is all zeros too. A key must not change while its node is in a tree. The
 * caller supplies the lock and the order.
 *
 * Invariants: a red node has no red child; every way from the root down passes the same number of
 * black nodes; so the height is at most 2 log2(n + 1). (Guibas and Sedgewick, 1978.)
 */
#ifndef KERNEL_RBTREE_H
#define KERNEL_RBTREE_H

#include "kernel/assert.h"

enum rb_colour {
	RB_UNLINKED,
	RB_RED,
	RB_BLACK,
};

/* A side is an index: mirrored cases are one piece of code. */
enum rb_side {
	RB_LEFT,
	RB_RIGHT,
};

struct rb_node {
	struct rb_node *parent;
	struct rb_node *child[2];
	enum rb_colour colour;
};

struct rb_tree {
	struct rb_node *root;
	struct rb_node *end[2]; /* smallest, largest */
};

/* Does `a` go before `b`? */
typedef bool (*rb_less)(const struct rb_node *a, const struct rb_node *b);

#define rb_entry(node, type, member) container_of(node, type, member)

static inline bool rb_linked(const struct rb_node *n)
{
	return n->colour != RB_UNLINKED;
}

static inline bool rb_empty(const struct rb_tree *t)
{
	return !t->root;
}

/* The smallest node, or NULL. O(1). */
static inline struct rb_node *rb_first(const struct rb_tree *t)
{
	return t->end[RB_LEFT];
}

/* The largest node, or NULL. O(1). */
static inline struct rb_node *rb_last(const struct rb_tree *t)
{
	return t->end[RB_RIGHT];
}

static inline struct rb_node *rb_outermost(struct rb_node *n, unsigned side)
{
	while (n->child[side])
		n = n->child[side];
	return n;
}

/* The neighbour on that side in the order, or NULL. */
static inline struct rb_node *rb_step(const struct rb_node *n, unsigned side)
{
	if (n->child[side])
		return rb_outermost(n->child[side], !side);
	while (n->parent && n == n->parent->child[side])
		n = n->parent;
	return n->parent;
}

static inline struct rb_node *rb_next(const struct rb_node *n)
{
	return rb_step(n, RB_RIGHT);
}

static inline struct rb_node *rb_prev(const struct rb_node *n)
{
	return rb_step(n, RB_LEFT);
}

/* --- balance; private ------------------------------------------------------------------------ */

static inline bool rb_red(const struct rb_node *n)
{
	return n && n->colour == RB_RED;
}

static inline unsigned rb_side_of(const struct rb_node *n)
{
	return n == n->parent->child[RB_RIGHT];
}

/* Puts `to`, which may be NULL, where `from` hangs. */
static inline void rb_replace(struct rb_tree *t, struct rb_node *from, struct rb_node *to)
{
	if (!from->parent)
		t->root = to;
	else
		from->parent->child[rb_side_of(from)] = to;
	if (to)
		to->parent = from->parent;
}

/* n goes down on `side`; its other child takes its place. */
static inline void rb_rotate(struct rb_tree *t, struct rb_node *n, unsigned side)
{
	struct rb_node *up = n->child[!side], *inner = up->child[side];

	rb_replace(t, n, up);
	n->child[!side] = inner;
	if (inner)
		inner->parent = n;
	up->child[side] = n;
	n->parent = up;
}

/* n is red and may have a red parent, which then is not the root. */
static inline void rb_fix_insertion(struct rb_tree *t, struct rb_node *n)
{
	while (rb_red(n->parent)) {
		struct rb_node *parent = n->parent, *grand = parent->parent;
		unsigned side = rb_side_of(parent);
		struct rb_node *uncle = grand->child[!side];

		if (rb_red(uncle)) {
			parent->colour = uncle->colour = RB_BLACK;
			grand->colour = RB_RED;
			n = grand;
			continue;
		}
		if (rb_side_of(n) != side) {
			rb_rotate(t, parent, side);
			parent = n;
		}
		parent->colour = RB_BLACK;
		grand->colour = RB_RED;
		rb_rotate(t, grand, !side);
		break;
	}
	t->root->colour = RB_BLACK;
}

/*
 * The ways through parent's child on `side` lack one black node and that child is black or missing.
 * Its sibling therefore exists. Returns the node that lacks one next, or NULL when all is well.
 */
static inline struct rb_node *rb_fix_removal_at(
	struct rb_tree *t, struct rb_node *parent, unsigned side)
{
	struct rb_node *sibling = parent->child[!side];

	if (rb_red(sibling)) {
		sibling->colour = RB_BLACK;
		parent->colour = RB_RED;
		rb_rotate(t, parent, side);
		sibling = parent->child[!side];
	}
	if (!rb_red(sibling->child[RB_LEFT]) && !rb_red(sibling->child[RB_RIGHT])) {
		sibling->colour = RB_RED;
		return parent;
	}
	if (!rb_red(sibling->child[!side])) {
		sibling->child[side]->colour = RB_BLACK;
		sibling->colour = RB_RED;
		rb_rotate(t, sibling, !side);
		sibling = parent->child[!side];
	}
	sibling->colour = parent->colour;
	parent->colour = RB_BLACK;
	sibling->child[!side]->colour = RB_BLACK;
	rb_rotate(t, parent, side);
	return NULL;
}

static inline void rb_fix_removal(
	struct rb_tree *t, struct rb_node *n, struct rb_node *parent, unsigned side)
{
	while (parent && !rb_red(n)) {
		n = rb_fix_removal_at(t, parent, side);
		if (!n)
			return;
		parent = n->parent;
		side = parent ? rb_side_of(n) : RB_LEFT;
	}
	if (n)
		n->colour = RB_BLACK;
}

/* --- insertion and removal ------------------------------------------------------------------- */

static inline void rb_hang(
	struct rb_tree *t, struct rb_node *n, struct rb_node *parent, unsigned side)
{
	*n = (struct rb_node){.parent = parent, .colour = RB_RED};
	parent->child[side] = n;
	if (t->end[side] == parent)
		t->end[side] = n;
	rb_fix_insertion(t, n);
}

/* O(log n); O(1) steps of comparison for a node that goes last, as queues often want. */
static inline void rb_insert(struct rb_tree *t, struct rb_node *n, rb_less less)
{
	struct rb_node *parent = t->end[RB_RIGHT];
	unsigned side = RB_RIGHT;

	KASSERT(!rb_linked(n));
	if (!parent) { /* the first node */
		*n = (struct rb_node){.colour = RB_BLACK};
		*t = (struct rb_tree){n, {n, n}};
		return;
	}
	if (less(n, parent)) {
		for (struct rb_node *i = t->root; i; i = i->child[side]) {
			parent = i;
			side = !less(n, i);
		}
	}
	rb_hang(t, n, parent, side);
}

/* The next larger node, which has no left child, takes the place and colour of n. */
static inline void rb_inherit(struct rb_tree *t, struct rb_node *n, struct rb_node *heir)
{
	if (heir != n->child[RB_RIGHT]) {
		rb_replace(t, heir, heir->child[RB_RIGHT]);
		heir->child[RB_RIGHT] = n->child[RB_RIGHT];
		heir->child[RB_RIGHT]->parent = heir;
	}
	heir->child[RB_LEFT] = n->child[RB_LEFT];
	heir->child[RB_LEFT]->parent = heir;
	heir->colour = n->colour;
	rb_replace(t, n, heir);
}

static inline void rb_remove(struct rb_tree *t, struct rb_node *n)
{
	struct rb_node *left = n->child[RB_LEFT], *right = n->child[RB_RIGHT];
	struct rb_node *child = left ? left : right, *parent = n->parent;
	unsigned side = parent ? rb_side_of(n) : RB_LEFT;
	enum rb_colour gone = n->colour;

	KASSERT(rb_linked(n));
	if (t->end[RB_LEFT] == t->end[RB_RIGHT]) { /* the only node */
		*t = (struct rb_tree){0};
		*n = (struct rb_node){0};
		return;
	}
	for (unsigned end = RB_LEFT; end <= RB_RIGHT; end++)
		if (t->end[end] == n)
			t->end[end] = rb_step(n, !end);
	if (left && right) {
		struct rb_node *heir = rb_outermost(right, RB_LEFT);

		child = heir->child[RB_RIGHT];
		parent = heir == right ? heir : heir->parent;
		side = heir == right ? RB_RIGHT : RB_LEFT;
		gone = heir->colour;
		rb_inherit(t, n, heir);
	} else {
		rb_replace(t, n, child);
	}
	if (gone == RB_BLACK)
		rb_fix_removal(t, child, parent, side);
	*n = (struct rb_node){0};
}

/* --- for checks ------------------------------------------------------------------------------ */

/*
 * NULL, or what is wrong with the tree, in words. At every node the two edges that face each other
 * below it must pass the same number of black nodes; if that holds everywhere, all ways down do.
 */
static inline const char *rb_check_node(const struct rb_node *n, rb_less less)
{
	unsigned below[2] = {0, 0};

	for (unsigned side = RB_LEFT; side <= RB_RIGHT; side++) {
		for (const struct rb_node *i = n->child[side]; i; i = i->child[!side])
			below[side] += i->colour == RB_BLACK;
		if (n->child[side] && n->child[side]->parent != n)
			return "child does not know its parent";
		if (rb_red(n) && rb_red(n->child[side]))
			return "red node has a red child";
	}
	if (below[RB_LEFT] != below[RB_RIGHT])
		return "two ways down pass different numbers of black nodes";
	if (!rb_linked(n))
		return "node in the tree is not linked";
	if (rb_next(n) && less(rb_next(n), n))
		return "nodes are out of order";
	return NULL;
}

static inline const char *rb_check(const struct rb_tree *t, rb_less less)
{
	const char *wrong = NULL;

	if (!t->root)
		return t->end[RB_LEFT] || t->end[RB_RIGHT] ? "empty tree has an end" : NULL;
	if (t->root->parent || rb_red(t->root))
		return "root is red or has a parent";
	if (t->end[RB_LEFT] != rb_outermost(t->root, RB_LEFT) ||
		t->end[RB_RIGHT] != rb_outermost(t->root, RB_RIGHT))
		return "smallest or largest node is not the one that is cached";
	for (const struct rb_node *n = rb_first(t); n && !wrong; n = rb_next(n))
		wrong = rb_check_node(n, less);
	return wrong;
}

#endif
