/* SPDX-License-Identifier: MIT */
/*
 * How many threads there can be, and how often one can come and go. Each takes long in a debug
 * build, so they run only when asked for by name (kernel/tests/test_many.py does).
 */
#include "kernel/log.h"
#include "kernel/params.h"
#include "kernel/semaphore.h"
#include "kernel/string.h"
#include "kernel/tests/threads.h"
#include "mm/frame.h"

#define MANY  100000u
#define LOT   10000u /* of which the cost is compared */
#define PAIRS 1000000u

static bool is_alone(const char *name)
{
	if (!strcmp(kernel_params.test, name))
		return true;
	ktest_skip("takes long: runs only as test=%s", name);
	return false;
}

static uint64_t free_pages(void)
{
	struct frame_stats memory;

	frame_get_stats(&memory);
	return memory.free;
}

static struct semaphore gate;

static int wait_at_gate(void *arg __unused)
{
	semaphore_take(&gate);
	return 0;
}

/* Creates `count`, each with a handle less to keep; the time it took. 0: one could not be made. */
static ktime_t create(unsigned count)
{
	ktime_t before = arch_time_now();

	for (unsigned i = 0; i < count; i++)
		if (thread_run(NULL, "one of many", wait_at_gate, NULL))
			return 0;
	return arch_time_now() - before;
}

/* All wait at the same place, then all end. What the last ones cost to make, the first did too. */
KTEST(thread_hundred_thousand)
{
	unsigned before = thread_count();
	ktime_t first, last = 0;

	if (!is_alone("thread_hundred_thousand"))
		return;
	semaphore_init(&gate, "gate", 0);
	KTEST_EXPECT(create(LOT)); /* out of caches that the start left full */
	first = create(LOT);
	for (unsigned made = 2 * LOT; made < MANY; made += LOT)
		last = create(LOT);
	KTEST_EXPECT(first && last);
	KTEST_EXPECT_EQ(thread_count(), before + MANY);
	log_info("%u threads, %llu KiB free; %u took %lld us early, %lld us at last", MANY,
		(unsigned long long)(free_pages() * ARCH_PAGE_SIZE / 1024), LOT,
		(long long)(first / NSEC_PER_USEC), (long long)(last / NSEC_PER_USEC));
	KTEST_EXPECT(last <= first + first / 50);
	for (unsigned i = 0; i < MANY; i++)
		semaphore_give(&gate);
	while (thread_count() > before)
		KTEST_EXPECT_EQ(thread_sleep(NSEC_PER_MSEC), 0);
}

static int end_at_once(void *arg __unused)
{
	return 0;
}

static bool come_and_go(unsigned pairs)
{
	struct thread *t;

	for (unsigned i = 0; i < pairs; i++)
		if (thread_run(&t, "one after another", end_at_once, NULL) || thread_join(t, NULL))
			return false;
	return true;
}

/* Caches are full after the first; from then on not one page goes. */
KTEST(thread_million_times)
{
	uint64_t before;

	if (!is_alone("thread_million_times"))
		return;
	KTEST_EXPECT(come_and_go(LOT));
	before = free_pages();
	KTEST_EXPECT(come_and_go(PAIRS));
	log_info("%u threads came and went: %llu pages free before, %llu after", PAIRS,
		(unsigned long long)before, (unsigned long long)free_pages());
	KTEST_EXPECT_EQ(free_pages(), before);
}
