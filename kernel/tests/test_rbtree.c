/* SPDX-License-Identifier: MIT */
/* The tree against a sorted array, and its own invariants after every operation. */
#include "kernel/rbtree.h"
#include <arch/host_test.h>

#define NODES 100

struct keyed {
	int key;
	struct rb_node node;
};

static bool less(const struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct keyed, node)->key < rb_entry(b, struct keyed, node)->key;
}

/* The tree and the sequence it must have: by key, and equal keys by insertion. */
struct sorted {
	struct rb_tree t;
	struct keyed *at[NODES];
	unsigned n;
};

static void sorted_insert(struct sorted *s, struct keyed *k)
{
	unsigned i = s->n++;

	for (; i && s->at[i - 1]->key > k->key; i--)
		s->at[i] = s->at[i - 1];
	s->at[i] = k;
	rb_insert(&s->t, &k->node, less);
}

static void sorted_remove(struct sorted *s, struct keyed *k)
{
	unsigned i = 0;

	while (s->at[i] != k)
		i++;
	s->n--;
	memmove(&s->at[i], &s->at[i + 1], (s->n - i) * sizeof(s->at[0]));
	rb_remove(&s->t, &k->node);
}

static void sorted_compare(const struct sorted *s)
{
	const struct rb_node *node = rb_first(&s->t);
	const char *wrong = rb_check(&s->t, less);

	if (wrong)
		fail_msg("%s", wrong);
	assert_int_equal(rb_empty(&s->t), !s->n);
	for (unsigned i = 0; i < s->n; i++, node = rb_next(node))
		assert_ptr_equal(node, &s->at[i]->node);
	assert_null(node);
	node = rb_last(&s->t);
	for (unsigned i = s->n; i; i--, node = rb_prev(node))
		assert_ptr_equal(node, &s->at[i - 1]->node);
	assert_null(node);
}

static void rbtree_S2_2_random_operations(void **state)
{
	static struct keyed nodes[NODES];
	struct host_random r = host_random_start("rbtree");
	struct sorted s = {0};

	(void)state;
	for (unsigned long round = host_rounds(60000); round; round--) {
		/* Phases of growing and shrinking visit every size. */
		unsigned part = round / 1000 % 2 ? NODES : NODES / 8;
		struct keyed *k = &nodes[host_random_below(&r, part)];

		if (rb_linked(&k->node)) {
			sorted_remove(&s, k);
		} else {
			k->key = (int)host_random_below(&r, round % 3 ? 1000 : 10);
			sorted_insert(&s, k);
		}
		sorted_compare(&s);
	}
}

static unsigned depth(const struct rb_node *n)
{
	unsigned left, right;

	if (!n)
		return 0;
	left = depth(n->child[RB_LEFT]);
	right = depth(n->child[RB_RIGHT]);
	return 1 + MAX(left, right);
}

/* Rising and falling keys are the worst for a tree without balance. */
static void rbtree_S2_2_height_is_logarithmic(void **state)
{
	static struct keyed nodes[1 << 12];

	(void)state;
	for (int sign = -1; sign <= 1; sign += 2) {
		struct rb_tree t = {0};

		for (int i = 0; i < (int)ARRAY_SIZE(nodes); i++) {
			nodes[i].key = sign * i;
			rb_insert(&t, &nodes[i].node, less);
		}
		assert_null(rb_check(&t, less));
		assert_true(depth(t.root) <= 2 * 13);
		while (rb_first(&t))
			rb_remove(&t, rb_first(&t));
		assert_true(rb_empty(&t) && !rb_last(&t));
	}
}

static void rbtree_misuse_is_caught(void **state)
{
	struct keyed a = {.key = 1}, b = {.key = 2};
	struct rb_tree t = {0};

	(void)state;
	assert_true(HOST_ASSERTS(rb_remove(&t, &a.node)));
	rb_insert(&t, &a.node, less);
	assert_true(HOST_ASSERTS(rb_insert(&t, &a.node, less)));
	rb_insert(&t, &b.node, less);
	assert_null(rb_check(&t, less));
	a.key = 3;
	assert_string_equal(rb_check(&t, less), "nodes are out of order");
	a.key = 1;
	a.node.colour = RB_RED;
	assert_string_equal(rb_check(&t, less), "root is red or has a parent");
	a.node.colour = RB_BLACK;
	b.node.colour = RB_BLACK;
	assert_string_equal(
		rb_check(&t, less), "two ways down pass different numbers of black nodes");
	b.node.colour = RB_RED;
	t.end[RB_RIGHT] = &a.node;
	assert_string_equal(
		rb_check(&t, less), "smallest or largest node is not the one that is cached");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rbtree_S2_2_random_operations),
		cmocka_unit_test(rbtree_S2_2_height_is_logarithmic),
		cmocka_unit_test(rbtree_misuse_is_caught),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
