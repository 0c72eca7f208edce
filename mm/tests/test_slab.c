/* SPDX-License-Identifier: MIT */
/*
 * Slab caches and kmalloc against a reference that knows every object; all kinds of wrong use; the
 * leak report; and failure at every possible place.
 */
#include "kernel/types.h"
#include <arch/host_test.h>
#include "mm/inject.h"
#include "mm/leaks.h"
#include "mm/tests/mm_machine.h"

#define MEMORY     (64 * MIB)
#define OPERATIONS 1000000ul
#define HELD_MAX   2000u

struct held {
	unsigned char *ptr;
	size_t size;
	unsigned char stamp;
	struct slab_cache *cache; /* NULL: kmalloc */
};

static struct held held[HELD_MAX];
static unsigned held_count;

static uint64_t free_pages(void)
{
	struct frame_stats stats;

	frame_get_stats(&stats);
	return stats.free;
}

static struct slab_stats wanted;

static void copy_stats(const struct slab_stats *stats, void *name)
{
	if (!strcmp(stats->name, name))
		wanted = *stats;
}

static struct slab_stats stats_of(const char *name)
{
	wanted = (struct slab_stats){0};
	slab_visit(copy_stats, (void *)(uintptr_t)name);
	return wanted;
}

static void take(struct host_random *r, struct slab_cache *cache, size_t size)
{
	struct held *h = &held[held_count];

	h->ptr = cache ? slab_alloc(cache) : kmalloc(size);
	if (!h->ptr)
		return;
	h->size = size;
	h->cache = cache;
	h->stamp = (unsigned char)host_random_next(r);
	assert_true(IS_ALIGNED((uintptr_t)h->ptr, 16));
	memset(h->ptr, h->stamp, size);
	held_count++;
}

static void give(unsigned which)
{
	struct held h = held[which];

	assert_int_equal(h.ptr[0], h.stamp);
	assert_int_equal(h.ptr[h.size / 2], h.stamp);
	assert_int_equal(h.ptr[h.size - 1], h.stamp);
	held[which] = held[--held_count];
	if (h.cache)
		slab_free(h.cache, h.ptr);
	else
		kfree(h.ptr);
}

static size_t random_size(struct host_random *r)
{
	return host_random_below(r, 64) ? 1 + host_random_below(r, 300)
					: 1 + host_random_below(r, 20000);
}

/* What overlaps is seen because each object is filled with a stamp of its own. */
static void test_random_operations(void **state __unused)
{
	struct host_random r = host_random_start("slab");
	struct slab_cache *cache;

	mm_machine_start(MEMORY);
	cache = slab_cache_create("odd", 72, 64);
	for (unsigned long i = 0; i < host_rounds(OPERATIONS); i++) {
		unsigned bias = i / 5000 % 2 ? 5 : 3;

		arch_host_become((unsigned)(i / 50 % 3));
		if (held_count < HELD_MAX && (!held_count || host_random_below(&r, 8) < bias))
			take(&r, i % 3 ? NULL : cache, i % 3 ? random_size(&r) : 72);
		else
			give(host_random_below(&r, held_count));
	}
	assert_int_equal(mm_report_leaks(), held_count);
	while (held_count)
		give(held_count - 1);
	assert_int_equal(mm_report_leaks(), 0);
	assert_int_equal(stats_of("odd").in_use, 0);
	slab_cache_destroy(cache);
	assert_null(stats_of("odd").name);
}

static void test_every_size_of_kmalloc(void **state __unused)
{
	mm_machine_start(MEMORY);
	assert_null(kmalloc(0));
	kfree(NULL);
	for (size_t size = 1; size < 3 * 4096; size++) {
		unsigned char *ptr = kzalloc(size);

		assert_non_null(ptr);
		for (size_t i = 0; i<size; i += size> 64 ? size - 1 : 1)
			assert_int_equal(ptr[i], 0);
		memset(ptr, 0xff, size);
		kfree(ptr);
	}
	assert_null(kmalloc(ARCH_PAGE_SIZE << (FRAME_MAX_ORDER + 1)));
	assert_int_equal(mm_report_leaks(), 0);
}

static void test_alignment_asked_for(void **state __unused)
{
	mm_machine_start(MEMORY);
	for (size_t align = 1; align <= 4096; align *= 2) {
		struct slab_cache *cache = slab_cache_create("aligned", 40, align);
		void *objects[20];

		for (unsigned i = 0; i < ARRAY_SIZE(objects); i++) {
			objects[i] = slab_alloc(cache);
			assert_non_null(objects[i]);
			assert_true(IS_ALIGNED((uintptr_t)objects[i], align));
		}
		for (unsigned i = 0; i < ARRAY_SIZE(objects); i++)
			slab_free(cache, objects[i]);
		slab_cache_destroy(cache);
	}
}

static void test_statistics(void **state __unused)
{
	struct slab_cache *cache;
	void *objects[100];

	mm_machine_start(MEMORY);
	cache = slab_cache_create("counted", 100, 0);
	for (unsigned i = 0; i < 100; i++) {
		arch_host_become(i % 3);
		objects[i] = slab_alloc(cache);
	}
	for (unsigned i = 0; i < 60; i++) {
		arch_host_become(i % 2);
		slab_free(cache, objects[i]);
	}
	assert_int_equal(stats_of("counted").allocs, 100);
	assert_int_equal(stats_of("counted").in_use, 40);
	assert_int_equal(stats_of("counted").object_size, 100);
	assert_true(HOST_PANICS(slab_cache_destroy(cache)));
	assert_non_null(strstr(arch_host_panic_text, "40 objects in use"));
	for (unsigned i = 60; i < 100; i++)
		slab_free(cache, objects[i]);
	slab_cache_destroy(cache);
}

/* After everything was freed and taken back the frames are the allocator's again. */
static void test_memory_comes_back(void **state __unused)
{
	static void *objects[5000];
	struct slab_cache *cache;
	uint64_t before;

	mm_machine_start(MEMORY);
	cache = slab_cache_create("many", 256, 0);
	slab_free(cache, slab_alloc(cache));
	before = free_pages();
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < ARRAY_SIZE(objects); i++)
			objects[i] = slab_alloc(cache);
		for (unsigned i = 0; i < ARRAY_SIZE(objects); i++)
			slab_free(cache, objects[i]);
	}
	assert_true(before - free_pages() < 80);
	assert_true(slab_reclaim() > 0);
	slab_cache_destroy(cache);
	assert_true(free_pages() + 4 >= before);
}

/* The frames run out while one cache has many free objects: another cache gets them. */
static void test_reclaim_before_failure(void **state __unused)
{
	static void *objects[2000];
	struct slab_cache *rich, *poor;

	mm_machine_start(16 * MIB);
	rich = slab_cache_create("rich", 500, 0);
	poor = slab_cache_create("poor", 64, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(objects); i++)
		objects[i] = slab_alloc(rich);
	while (frame_alloc(0, 0) != FRAME_NONE)
		;
	for (unsigned i = 0; i < ARRAY_SIZE(objects); i++)
		slab_free(rich, objects[i]);
	while (frame_alloc(0, 0) != FRAME_NONE)
		;
	assert_non_null(slab_alloc(poor));
}

static void test_failure_is_an_answer(void **state __unused)
{
	struct slab_cache *cache;
	unsigned n = 0;

	mm_machine_start(16 * MIB);
	cache = slab_cache_create("greedy", 1000, 0);
	while (slab_alloc(cache))
		n++;
	assert_in_range(n, 12000, 15000);
	assert_int_equal(stats_of("greedy").failures, 1);
	assert_int_equal(stats_of("greedy").in_use, n);
	assert_null(kmalloc(MIB));
}

static void test_too_many_caches(void **state __unused)
{
	unsigned n = 0;

	mm_machine_start(16 * MIB);
	while (slab_cache_create("one of many", 32, 0))
		n++;
	assert_in_range(n, 30, SLAB_CACHES_MAX - 1);
	assert_non_null(strstr(arch_host_log, "one of many: all 63 caches are in use"));
}

/* A small operation that allocates twice from each kind, undone when something fails. */
static int operation(struct slab_cache *cache)
{
	void *object = slab_alloc(cache);
	void *bytes = kmalloc(100);
	paddr_t page = frame_alloc(0, 0);
	bool all = object && bytes && page != FRAME_NONE;

	if (object)
		slab_free(cache, object);
	kfree(bytes);
	if (page != FRAME_NONE)
		frame_free(page, 0);
	return all ? 0 : -1;
}

static void test_every_failure_position(void **state __unused)
{
	unsigned failed = 0;
	unsigned position = 0;

	do {
		struct slab_cache *cache;

		mm_machine_start(16 * MIB);
		cache = slab_cache_create("fresh", 200, 0);
		mm_inject_failure(++position);
		failed += operation(cache) != 0;
		assert_int_equal(mm_report_leaks(), 0);
	} while (mm_inject_happened());
	assert_in_range(failed, 3, position);
	mm_inject_failure(0);
}

static void expect(const char *text)
{
	if (!strstr(arch_host_panic_text, text))
		fail_msg("panic text is: %s", arch_host_panic_text);
	assert_non_null(strstr(arch_host_log, "allocated by:"));
	assert_non_null(strstr(arch_host_log, "found by:"));
	arch_host_log[0] = '\0';
}

static void test_double_free(void **state __unused)
{
	struct slab_cache *cache;
	char *object;

	mm_machine_start(16 * MIB);
	cache = slab_cache_create("twice", 50, 0);
	object = slab_alloc(cache);
	slab_free(cache, object);
	assert_true(HOST_PANICS(slab_free(cache, object)));
	assert_non_null(strstr(arch_host_log, "freed by:"));
	expect("freed twice");
}

static void test_use_after_free(void **state __unused)
{
	struct slab_cache *cache;
	char *object;

	mm_machine_start(16 * MIB);
	cache = slab_cache_create("stale", 50, 0);
	object = slab_alloc(cache);
	slab_free(cache, object);
	object[49] = 1;
	assert_true(HOST_PANICS(object = slab_alloc(cache)));
	assert_non_null(strstr(arch_host_log, "freed by:"));
	expect("written after it had been freed");
	assert_true(HOST_PANICS(mm_report_leaks()));
	expect("written after it had been freed");
}

/* One byte before or behind, for sizes with and without slack in their class. */
static void write_outside(size_t size, long offset)
{
	char *bytes;

	mm_machine_start(16 * MIB);
	bytes = kmalloc(size);
	bytes[offset]++;
	assert_true(HOST_PANICS(kfree(bytes)));
	expect(offset < 0 ? "before its start" : "beyond its end");
}

static void test_red_zones(void **state __unused)
{
	static const size_t sizes[] = {1, 15, 16, 17, 100, 128, 2000, 2048};

	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		write_outside(sizes[i], -1);
		write_outside(sizes[i], -16);
		write_outside(sizes[i], (long)sizes[i]);
		write_outside(sizes[i], (long)sizes[i] + 7);
	}
	write_outside(3000, 3000);
	write_outside(3000, 4095);
	write_outside(70000, 70001);
}

static void test_far_overflow(void **state __unused)
{
	char *bytes;

	mm_machine_start(16 * MIB);
	bytes = kmalloc(64);
	memset(bytes, 0x41, 64 + 32);
	assert_true(HOST_PANICS(kfree(bytes)));
	expect("overwritten");
}

static void test_wrong_pointers(void **state __unused)
{
	struct slab_cache *cache;
	char *bytes;

	mm_machine_start(16 * MIB);
	cache = slab_cache_create("other", 50, 0);
	bytes = kmalloc(50);
	assert_true(HOST_PANICS(slab_free(cache, bytes)));
	assert_non_null(strstr(arch_host_panic_text, "belongs to kmalloc-64"));
	assert_true(HOST_PANICS(kfree(bytes + 16)));
	assert_non_null(strstr(arch_host_panic_text, "where no object starts"));
	assert_true(HOST_PANICS(kfree(&cache)));
	assert_non_null(strstr(arch_host_panic_text, "kmalloc() never returned this"));
	bytes = kmalloc(5000);
	assert_true(HOST_PANICS(kfree(bytes + 64)));
	assert_true(HOST_PANICS(kfree(bytes + 4096)));
	kfree(bytes);
	assert_true(HOST_PANICS(kfree(bytes)));
	assert_non_null(strstr(arch_host_log, "freed by:"));
}

static void test_leaks_are_named(void **state __unused)
{
	struct slab_cache *cache;
	void *kept, *other;

	mm_machine_start(16 * MIB);
	cache = slab_cache_create("leaky", 50, 0);
	kept = slab_alloc(cache);
	mm_keep_all();
	other = kmalloc(9000);
	assert_int_equal(mm_report_leaks(), 1);
	assert_non_null(strstr(arch_host_log, "leak: 1 blocks of frames"));
	mm_keep(other);
	for (unsigned i = 0; i < 3; i++)
		assert_non_null(slab_alloc(cache));
	arch_host_log[0] = '\0';
	assert_int_equal(mm_report_leaks(), 3);
	assert_non_null(strstr(arch_host_log, "leak: 3 of leaky, 50 bytes each"));
	assert_non_null(strstr(arch_host_log, "allocated by:"));
	slab_free(cache, kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_operations),
		cmocka_unit_test(test_every_size_of_kmalloc),
		cmocka_unit_test(test_alignment_asked_for),
		cmocka_unit_test(test_statistics),
		cmocka_unit_test(test_memory_comes_back),
		cmocka_unit_test(test_reclaim_before_failure),
		cmocka_unit_test(test_failure_is_an_answer),
		cmocka_unit_test(test_too_many_caches),
		cmocka_unit_test(test_every_failure_position),
		cmocka_unit_test(test_double_free),
		cmocka_unit_test(test_use_after_free),
		cmocka_unit_test(test_red_zones),
		cmocka_unit_test(test_far_overflow),
		cmocka_unit_test(test_wrong_pointers),
		cmocka_unit_test(test_leaks_are_named),
	};

	arch_host_init(3);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
