/* SPDX-License-Identifier: MIT */
/*
 * list, bitmap, cpumask: each operation against a plain array that says what should be there,
 * under random operations; and the misuse that assertions must catch.
 */
#include "kernel/cpumask.h"
#include "kernel/list.h"
#include <arch/host_test.h>

/* --- list ------------------------------------------------------------------------------------ */

#define ITEMS 12

struct item {
	unsigned id;
	struct list_node node;
};

/* A list and the sequence it must have. */
struct listed {
	struct list l;
	unsigned id[ITEMS], n;
};

static void listed_insert(struct listed *x, unsigned at, unsigned id)
{
	memmove(&x->id[at + 1], &x->id[at], (x->n - at) * sizeof(x->id[0]));
	x->id[at] = id;
	x->n++;
}

static unsigned listed_delete(struct listed *x, unsigned at)
{
	unsigned id = x->id[at];

	x->n--;
	memmove(&x->id[at], &x->id[at + 1], (x->n - at) * sizeof(x->id[0]));
	return id;
}

static void listed_compare(struct listed *x)
{
	const struct item *i;
	unsigned n = 0;

	list_for_each_entry (i, &x->l, node)
		assert_int_equal(i->id, x->id[n++]);
	assert_int_equal(n, x->n);
	assert_int_equal(list_length(&x->l), x->n);
	assert_int_equal(list_empty(&x->l), !x->n);
	assert_true(!x->n || list_entry(list_first(&x->l), struct item, node)->id == x->id[0]);
	assert_true(!x->n || list_entry(list_last(&x->l), struct item, node)->id == x->id[n - 1]);
	assert_true(x->n || (!list_first(&x->l) && !list_last(&x->l)));
	for (const struct list_node *b = x->l.head.prev; b != &x->l.head; b = b->prev)
		assert_int_equal(list_entry(b, struct item, node)->id, x->id[--n]);
}

static void listed_add(struct listed *x, struct item *i, unsigned how, struct item *items)
{
	if (how == 0) {
		list_push_front(&x->l, &i->node);
		listed_insert(x, 0, i->id);
	} else if (how == 1 || !x->n) {
		list_push_back(&x->l, &i->node);
		listed_insert(x, x->n, i->id);
	} else {
		unsigned at = how % x->n;

		list_insert_before(&i->node, &items[x->id[at]].node);
		listed_insert(x, at, i->id);
	}
}

static void list_random_operations(void **state)
{
	struct host_random r = host_random_start("list");
	struct item items[ITEMS] = {0};
	struct listed x[2] = {0};

	(void)state;
	list_init(&x[0].l);
	list_init(&x[1].l);
	for (unsigned i = 0; i < ITEMS; i++)
		items[i].id = i;
	for (unsigned long round = host_rounds(200000); round; round--) {
		struct listed *to = &x[host_random_below(&r, 2)];
		struct item *i = &items[host_random_below(&r, ITEMS)];

		if (!list_linked(&i->node)) {
			listed_add(to, i, host_random_below(&r, 6), items);
		} else if (host_random_below(&r, 8) == 0) {
			list_splice_back(&x[0].l, &x[1].l);
			while (x[1].n)
				listed_insert(&x[0], x[0].n, listed_delete(&x[1], 0));
		} else if (to->n && host_random_below(&r, 2)) {
			struct list_node *n = list_first(&to->l);

			if (host_random_below(&r, 2))
				assert_ptr_equal(list_pop_front(&to->l), n);
			else
				list_remove_between(n, &to->l.head, n->next);
			assert_false(list_linked(n));
			assert_int_equal(
				list_entry(n, struct item, node)->id, listed_delete(to, 0));
		} else if (to->n) {
			unsigned at = host_random_below(&r, to->n);

			list_remove(&items[listed_delete(to, at)].node);
		}
		listed_compare(&x[0]);
		listed_compare(&x[1]);
	}
}

static void list_misuse_is_caught(void **state)
{
	struct list l = LIST_INIT(l);
	struct item a = {0}, b = {0};

	(void)state;
	assert_null(list_pop_front(&l));
	assert_true(HOST_ASSERTS(list_remove(&a.node)));
	list_push_back(&l, &a.node);
	list_push_back(&l, &b.node);
	assert_true(HOST_ASSERTS(list_push_back(&l, &a.node)));
	assert_ptr_equal(list_next(&l, &a.node), &b.node);
	assert_null(list_next(&l, &b.node));
	a.node.next = &a.node;
	assert_true(HOST_ASSERTS(list_remove(&a.node)));
}

static void list_safe_walk_allows_removal(void **state)
{
	struct list l = LIST_INIT(l);
	struct item items[ITEMS] = {0}, *i, *next;

	(void)state;
	for (unsigned n = 0; n < ITEMS; n++)
		list_push_back(&l, &items[n].node);
	list_for_each_entry_safe (i, next, &l, node)
		list_remove(&i->node);
	assert_true(list_empty(&l));
}

/* --- bitmap and cpumask ---------------------------------------------------------------------- */

#define BITS 200

static void bitmap_compare(const uint64_t *map, const bool *want)
{
	unsigned weight = 0, bit, from = 0;

	for (unsigned i = 0; i < BITS; i++)
		weight += want[i];
	assert_int_equal(bitmap_weight(map, BITS), weight);
	bitmap_for_each (bit, map, BITS) {
		assert_true(want[bit]);
		for (; from < bit; from++)
			assert_false(want[from]);
		from = bit + 1;
		weight--;
	}
	assert_int_equal(weight, 0);
}

static void bitmap_random_operations(void **state)
{
	struct host_random r = host_random_start("bitmap");
	uint64_t map[BITMAP_WORDS(BITS)] = {0};
	bool want[BITS] = {0};

	(void)state;
	for (unsigned long round = host_rounds(20000); round; round--) {
		unsigned bit = host_random_below(&r, BITS);

		want[bit] = host_random_below(&r, 2);
		if (want[bit])
			bitmap_set(map, bit);
		else
			bitmap_clear(map, bit);
		assert_int_equal(bitmap_test(map, bit), want[bit]);
		bitmap_compare(map, want);
	}
	assert_int_equal(bitmap_next(map, BITS, BITS), BITS);
}

static void cpumask_sets(void **state)
{
	struct cpumask a, b, both;

	(void)state;
	for (unsigned n = 0; n <= 130; n++) {
		cpumask_set_first(&a, n);
		assert_int_equal(cpumask_weight(&a), n);
		assert_int_equal(cpumask_first(&a), n ? 0 : CONFIG_MAX_CPUS);
		assert_int_equal(cpumask_next(&a, n), CONFIG_MAX_CPUS);
		assert_int_equal(cpumask_empty(&a), !n);
	}
	cpumask_set_first(&a, CONFIG_MAX_CPUS);
	assert_int_equal(cpumask_weight(&a), CONFIG_MAX_CPUS);
	cpumask_clear_all(&b);
	assert_false(cpumask_intersects(&a, &b));
	cpumask_set(&b, CONFIG_MAX_CPUS - 1);
	assert_true(cpumask_intersects(&a, &b));
	cpumask_and(&both, &a, &b);
	assert_true(cpumask_equal(&both, &b));
	cpumask_clear(&a, CONFIG_MAX_CPUS - 1);
	assert_false(cpumask_intersects(&a, &b));
	assert_false(cpumask_equal(&a, &b));
}

static void cpumask_claim_has_one_winner(void **state)
{
	static struct cpumask_atomic m;
	struct cpumask seen;

	(void)state;
	cpumask_set_atomic(&m, 77);
	assert_true(cpumask_test_atomic(&m, 77));
	cpumask_snapshot(&seen, &m);
	assert_int_equal(cpumask_first(&seen), 77);
	assert_true(cpumask_claim_atomic(&m, 77));
	assert_false(cpumask_claim_atomic(&m, 77));
	assert_false(cpumask_test_atomic(&m, 77));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(list_random_operations),
		cmocka_unit_test(list_misuse_is_caught),
		cmocka_unit_test(list_safe_walk_allows_removal),
		cmocka_unit_test(bitmap_random_operations),
		cmocka_unit_test(cpumask_sets),
		cmocka_unit_test(cpumask_claim_has_one_winner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
