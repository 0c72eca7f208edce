/* SPDX-License-Identifier: MIT */
/* Frames, slabs and kernel stacks in the kernel itself, on one CPU. */
#include "kernel/errno.h"
#include "kernel/ktest.h"
#include "kernel/string.h"
#include "kernel/tests/threads.h"
#include "kernel/thread.h"
#include "mm/frame_internal.h"
#include "mm/inject.h"
#include "mm/kstack.h"
#include "mm/slab.h"
#include <arch/memory.h>

#define BLOCKS  200u
#define OBJECTS 500u
#define STACKS  40u
#define SLACK   20u /* frames that others may take or give back meanwhile */

static uint64_t free_frames(void)
{
	struct frame_stats stats;

	frame_get_stats(&stats);
	return stats.free;
}

static uint64_t stacks_in_use(void)
{
	struct kstack_stats stats;

	kstack_get_stats(&stats);
	return stats.in_use;
}

/*
 * Takes blocks of all small orders, each stamped in its first and last word; false if one is bad.
 */
static bool stamp_blocks(paddr_t *block)
{
	for (unsigned i = 0; i < BLOCKS; i++) {
		uint64_t size = ARCH_PAGE_SIZE << i % 4;
		char *bytes;

		block[i] = frame_alloc(i % 4, i % 3 ? 0 : FRAME_ZERO);
		if (block[i] == FRAME_NONE || !IS_ALIGNED(block[i], size))
			return false;
		bytes = phys_to_virt(block[i]);
		if (i % 3 == 0 && (bytes[0] || bytes[size - 1]))
			return false;
		memset(bytes, (int)i, 8);
		memset(bytes + size - 8, (int)i, 8);
	}
	return true;
}

/* Gives them back; false if a stamp has changed. */
static bool free_blocks(const paddr_t *block)
{
	bool good = true;

	for (unsigned i = 0; i < BLOCKS; i++) {
		const unsigned char *bytes = phys_to_virt(block[i]);

		good &= bytes[0] == i && bytes[(ARCH_PAGE_SIZE << i % 4) - 1] == i;
		frame_free(block[i], i % 4);
	}
	return good;
}

KTEST(mm_frame_blocks)
{
	static paddr_t block[BLOCKS];
	uint64_t before = 0;

	for (unsigned round = 0; round < 3; round++) {
		KTEST_EXPECT(stamp_blocks(block));
		KTEST_EXPECT(free_blocks(block));
		if (round)
			KTEST_EXPECT(free_frames() + SLACK >= before);
		before = free_frames();
	}
	KTEST_EXPECT_EQ(frame_alloc(FRAME_MAX_ORDER + 1, 0), FRAME_NONE);
}

/* Takes blocks, each remembering the one before in its first word, until one is above the limit. */
static paddr_t take_until_above(paddr_t limit, paddr_t *last)
{
	paddr_t pa = frame_alloc(FRAME_MAX_ORDER, 0);

	*last = FRAME_NONE;
	for (; pa != FRAME_NONE && pa < limit; pa = frame_alloc(FRAME_MAX_ORDER, 0)) {
		*(paddr_t *)phys_to_virt(pa) = *last;
		*last = pa;
	}
	return pa;
}

KTEST(mm_frame_above_4g)
{
	paddr_t high_end = frame_table_base + (frame_table_count << ARCH_PAGE_SHIFT);
	paddr_t pa, last;
	uint64_t *word;

	if (high_end <= 1ull << 32) {
		ktest_skip("no memory above 4 GiB");
		return;
	}
	pa = take_until_above(1ull << 32, &last);
	KTEST_EXPECT(pa != FRAME_NONE);
	word = phys_to_virt(pa);
	word[0] = 0x1234567890abcdef;
	word[(ARCH_PAGE_SIZE << FRAME_MAX_ORDER) / 8 - 1] = 0xfedcba0987654321;
	KTEST_EXPECT_EQ(word[0], 0x1234567890abcdef);
	frame_free(pa, FRAME_MAX_ORDER);
	for (; last != FRAME_NONE; last = pa) {
		pa = *(paddr_t *)phys_to_virt(last);
		frame_free(last, FRAME_MAX_ORDER);
	}
}

KTEST(mm_slab_objects)
{
	static uint64_t *object[OBJECTS];
	struct slab_cache *cache = slab_cache_create("ktest", 72, 64);

	KTEST_EXPECT(cache);
	for (unsigned i = 0; i < OBJECTS; i++) {
		object[i] = slab_alloc(cache);
		KTEST_EXPECT(object[i] && IS_ALIGNED((uintptr_t)object[i], 64));
		object[i][0] = object[i][8] = i;
	}
	for (unsigned i = 0; i < OBJECTS; i++) {
		KTEST_EXPECT(object[i][0] == i && object[i][8] == i);
		slab_free(cache, object[i]);
	}
	slab_cache_destroy(cache);
}

KTEST(mm_kmalloc_sizes)
{
	for (size_t size = 1; size < 40000; size += size / 5 + 1) {
		unsigned char *bytes = kzalloc(size);

		KTEST_EXPECT(bytes && IS_ALIGNED((uintptr_t)bytes, 16));
		KTEST_EXPECT(!bytes[0] && !bytes[size - 1]);
		memset(bytes, 0xff, size);
		kfree(bytes);
	}
	KTEST_EXPECT(!kmalloc(0));
	kfree(NULL);
}

KTEST(mm_kstack_sizes)
{
	uint64_t before = stacks_in_use();

	for (size_t size = KSTACK_MIN; size <= KSTACK_MAX; size += KSTACK_MIN) {
		char *stack = kstack_alloc(size);

		KTEST_EXPECT(stack && IS_ALIGNED((uintptr_t)stack, ARCH_PAGE_SIZE));
		memset(stack, 0x11, size);
		KTEST_EXPECT(!kstack_guard_hit((uintptr_t)stack));
		KTEST_EXPECT(!kstack_guard_hit((uintptr_t)stack + size - 1));
		KTEST_EXPECT(kstack_guard_hit((uintptr_t)stack - 1));
		KTEST_EXPECT(kstack_guard_hit((uintptr_t)stack - ARCH_PAGE_SIZE));
		kstack_free(stack, size);
	}
	KTEST_EXPECT(!kstack_guard_hit((uintptr_t)&before));
	KTEST_EXPECT(!kstack_guard_hit(0));
	KTEST_EXPECT_EQ(stacks_in_use(), before);
}

/* Takes them all and gives them back; false if memory ran out. */
static bool use_stacks(void)
{
	void *stack[STACKS];
	unsigned n = 0;
	bool enough;

	while (n < STACKS && (stack[n] = kstack_alloc(3 * ARCH_PAGE_SIZE)))
		n++;
	enough = n == STACKS;
	while (n > 0)
		kstack_free(stack[--n], 3 * ARCH_PAGE_SIZE);
	return enough;
}

/*
 * Frames of stacks that are unmapped come back when the other CPUs have answered: waits for
 * `wanted` free ones, or five seconds.
 */
static uint64_t await_free_frames(uint64_t wanted)
{
	for (unsigned i = 0; i < 5000 && free_frames() < wanted; i++)
		thread_sleep(NSEC_PER_MSEC);
	return free_frames();
}

/* Pinned: each CPU that it came to would keep some stacks, and others be made for the next one. */
KTEST(mm_kstack_recycled)
{
	uint64_t before = 0, now = 0;
	bool enough = !test_pin();

	for (unsigned round = 0; round < 4 && enough; round++) {
		before = now;
		enough = use_stacks();
		now = await_free_frames(round > 1 ? before - SLACK : 0);
		if (round > 1 && now + SLACK < before)
			ktest_fail(__FILE__, __LINE__, "%llu free frames became %llu",
				(unsigned long long)before, (unsigned long long)now);
	}
	test_unpin();
	KTEST_EXPECT(enough);
}

static int do_nothing(void *arg __unused)
{
	return 0;
}

/* Creates a thread while the nth allocation fails. */
static int create_thread(unsigned nth, size_t stack_size)
{
	const struct thread_params params = {
		.name = "fails", .entry = do_nothing, .stack_size = stack_size};
	struct thread *t;
	int err;

	thread_drain_cache();
	mm_inject_failure(nth);
	err = thread_create(&t, &params);
	if (err)
		return err;
	thread_start(t);
	return thread_join(t, NULL);
}

/* Every place where creation can fail, until none is left that an allocation reaches. */
KTEST(mm_thread_create_failures)
{
	uint64_t before;
	unsigned failures = 0;
	unsigned nth = 1;

	KTEST_EXPECT_EQ(create_thread(0, KSTACK_DEFAULT), 0);
	thread_drain_cache();
	before = stacks_in_use();
	do {
		int err = create_thread(nth, KSTACK_MIN * (40 + nth));

		KTEST_EXPECT(!err || err == -ETHREAD_MEMORY);
		failures += err != 0;
		thread_drain_cache();
		KTEST_EXPECT_EQ(stacks_in_use(), before);
	} while (mm_inject_happened() && ++nth < 20);
	mm_inject_failure(0);
	KTEST_EXPECT(failures >= 2);
}
