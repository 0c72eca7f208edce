/* SPDX-License-Identifier: MIT */
/*
 * Tests that end the kernel or need all its memory. Each runs only when test= names it alone;
 * test_mm_boots.py does.
 */
#include "kernel/errno.h"
#include "kernel/ktest.h"
#include "kernel/params.h"
#include "kernel/string.h"
#include "kernel/thread.h"
#include "mm/frame.h"
#include "mm/kstack.h"
#include "mm/slab.h"
#include <arch/memory.h>

#define MANY_STACKS 100000u
#define PATIENCE    1000u /* times 10 ms without progress: the other CPUs may be slow to answer */

static bool is_alone(const char *name)
{
	if (!strcmp(kernel_params.test, name))
		return true;
	ktest_skip("runs only as test=%s", name);
	return false;
}

KTEST(mm_dies_double_free)
{
	char *bytes;

	if (!is_alone("mm_dies_double_free"))
		return;
	bytes = kmalloc(100);
	kfree(bytes);
	kfree(bytes);
}

KTEST(mm_dies_use_after_free)
{
	char *bytes;

	if (!is_alone("mm_dies_use_after_free"))
		return;
	bytes = kmalloc(100);
	kfree(bytes);
	*(volatile char *)&bytes[50] = 1;
	bytes = kmalloc(100);
	kfree(bytes);
}

KTEST(mm_dies_overflow)
{
	char *bytes;

	if (!is_alone("mm_dies_overflow"))
		return;
	bytes = kmalloc(100);
	*(volatile char *)&bytes[100] = 1;
	kfree(bytes);
}

KTEST(mm_dies_frame_double_free)
{
	paddr_t pa;

	if (!is_alone("mm_dies_frame_double_free"))
		return;
	pa = frame_alloc(1, 0);
	frame_free(pa, 1);
	frame_free(pa, 1);
}

KTEST(mm_dies_stack_double_free)
{
	void *stack;

	if (!is_alone("mm_dies_stack_double_free"))
		return;
	stack = kstack_alloc(KSTACK_DEFAULT);
	kstack_free(stack, KSTACK_DEFAULT);
	kstack_free(stack, KSTACK_DEFAULT);
	ktest_skip("survived");
}

KTEST(mm_dies_stack_use_after_free)
{
	char *stack;

	if (!is_alone("mm_dies_stack_use_after_free"))
		return;
	stack = kstack_alloc(KSTACK_DEFAULT);
	kstack_free(stack, KSTACK_DEFAULT);
	*(volatile char *)&stack[5000] = 1;
	stack = kstack_alloc(KSTACK_DEFAULT);
	kstack_free(stack, KSTACK_DEFAULT);
	ktest_skip("survived");
}

static __noinline unsigned descend(unsigned depth)
{
	volatile char frame[512];

	frame[depth % sizeof(frame)] = (char)depth;
	return depth == UINT_MAX ? 0 : descend(depth + 1) + (unsigned)frame[0];
}

static int descend_thread(void *arg __unused)
{
	return (int)descend(0);
}

KTEST(mm_dies_stack_overflow)
{
	struct thread *t;

	if (!is_alone("mm_dies_stack_overflow"))
		return;
	KTEST_EXPECT_EQ(thread_run(&t, "deep", descend_thread, NULL), 0);
	KTEST_EXPECT_EQ(thread_join(t, NULL), 0);
}

static int sleep_long(void *arg __unused)
{
	return thread_sleep(3600 * NSEC_PER_SEC);
}

/* What a thread that is left over uses is no leak, and is not to be looked at. */
KTEST(mm_leaks_thread)
{
	if (is_alone("mm_leaks_thread"))
		KTEST_EXPECT_EQ(thread_run(NULL, "left over", sleep_long, NULL), 0);
}

KTEST(mm_leaks)
{
	if (is_alone("mm_leaks"))
		KTEST_EXPECT(kmalloc(300) && frame_alloc(0, 0) != FRAME_NONE);
}

/* Pages linked through their own memory. */
static paddr_t take_every_page(void)
{
	paddr_t list = FRAME_NONE;
	paddr_t pa;

	while ((pa = frame_alloc(0, 0)) != FRAME_NONE) {
		*(paddr_t *)phys_to_virt(pa) = list;
		list = pa;
	}
	return list;
}

static void free_pages(paddr_t list)
{
	while (list != FRAME_NONE) {
		paddr_t next = *(paddr_t *)phys_to_virt(list);

		frame_free(list, 0);
		list = next;
	}
}

static int do_nothing(void *arg __unused)
{
	return 0;
}

static int run_thread(void)
{
	struct thread_params params = {
		.name = "large", .entry = do_nothing, .stack_size = KSTACK_MAX};
	struct thread *t;
	int err = thread_create(&t, &params);

	if (err)
		return err;
	thread_start(t);
	return thread_join(t, NULL);
}

KTEST(mm_out_of_memory)
{
	paddr_t pages;
	void *bytes;
	int err;

	if (!is_alone("mm_out_of_memory"))
		return;
	pages = take_every_page();
	bytes = kmalloc(100000);
	err = run_thread();
	free_pages(pages);
	KTEST_EXPECT(!bytes);
	KTEST_EXPECT_EQ(err, -ETHREAD_MEMORY);
	KTEST_EXPECT_EQ(run_thread(), 0);
}

/* Waits while stacks are still being unmapped; how many are at the end. */
static uint64_t wait_for_unmapping(uint64_t wanted)
{
	struct kstack_stats stats;
	uint64_t before = 0;

	kstack_get_stats(&stats);
	for (unsigned tries = 0; stats.unmapped < wanted && tries < PATIENCE; tries++) {
		if (stats.unmapped > before)
			tries = 0;
		before = stats.unmapped;
		(void)thread_sleep(10 * NSEC_PER_MSEC);
		kstack_get_stats(&stats);
	}
	return stats.unmapped;
}

/* In each stack: no memory but theirs is needed to find them again. */
struct link {
	struct link *before;
	unsigned number;
};

KTEST(mm_hundred_thousand_stacks)
{
	struct link *stack = NULL;

	if (!is_alone("mm_hundred_thousand_stacks"))
		return;
	for (unsigned i = 0; i < MANY_STACKS; i++) {
		struct link *next = kstack_alloc(KSTACK_DEFAULT);

		KTEST_EXPECT(next);
		*next = (struct link){.before = stack, .number = i};
		stack = next;
	}
	for (unsigned i = MANY_STACKS; i-- > 0;) {
		struct link *before = stack->before;

		KTEST_EXPECT_EQ(stack->number, i);
		kstack_free(stack, KSTACK_DEFAULT);
		stack = before;
	}
	KTEST_EXPECT(wait_for_unmapping(MANY_STACKS * 9ull / 10) >= MANY_STACKS * 9ull / 10);
}
