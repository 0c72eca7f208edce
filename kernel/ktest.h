/* SPDX-License-Identifier: MIT */
/*
 * Tests and benchmarks that run inside the kernel, as threads, chosen by test= and bench= on the
 * command line. Results are KTAP on the console.
 *
 *	KTEST(mm_frame_split)
 *	{
 *		KTEST_EXPECT(frame_alloc(0, 0) != FRAME_NONE);
 *		KTEST_EXPECT_EQ(count, 3);
 *	}
 *
 * The first failed expectation ends the test by returning from it: clean up is the test's business
 * only on success. A name is SUBSYSTEM_what.
 */
#ifndef KERNEL_KTEST_H
#define KERNEL_KTEST_H

#include "kernel/types.h"

struct ktest {
	const char *name;
	void (*run)(void);
};

/* Marks the running test failed and says why. */
void ktest_fail(const char *file, int line, const char *fmt, ...) __printf(3, 4);

/* Marks the running test skipped, with the reason. Return afterwards. */
void ktest_skip(const char *fmt, ...) __printf(1, 2);

#define KTEST(test)                                                                                \
	static void ktest_run_##test(void);                                                        \
	static const struct ktest ktest_##test __used __section(".ktests")                         \
		__aligned(8) = {#test, ktest_run_##test};                                          \
	static void ktest_run_##test(void)

#define KTEST_EXPECT(cond)                                                                         \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			ktest_fail(__FILE__, __LINE__, "expected %s", #cond);                      \
			return;                                                                    \
		}                                                                                  \
	} while (0)

#define KTEST_EXPECT_EQ(got, want)                                                                 \
	do {                                                                                       \
		long long ktest_got = (long long)(got), ktest_want = (long long)(want);            \
		if (ktest_got != ktest_want) {                                                     \
			ktest_fail(__FILE__, __LINE__, "%s is %lld, expected %lld", #got,          \
				ktest_got, ktest_want);                                            \
			return;                                                                    \
		}                                                                                  \
	} while (0)

/* How often a test that looks for races does something, when `rounds` is usual: see repeat=. */
unsigned ktest_rounds(unsigned rounds);

/*
 * A benchmark measures `samples` values in guest instructions (clock ticks of the CPU when one
 * instruction takes one) into
 * the buffer; the runner prints n, minimum, median, maximum. Run with one CPU, nothing else ready.
 */
struct kbench {
	const char *id;
	unsigned samples;
	void (*run)(uint32_t *sample, unsigned samples);
};

#define KBENCH(name, id_text, count)                                                               \
	static void kbench_run_##name(uint32_t *sample, unsigned samples);                         \
	static const struct kbench kbench_##name __used __section(".kbenches")                     \
		__aligned(8) = {id_text, count, kbench_run_##name};                                \
	static void kbench_run_##name(uint32_t *sample, unsigned samples)

/*
 * Runs the chosen ones and ends the machine with pass or fail. `understood`: the request for them
 * was; else, and if it chooses nothing, that is a failure. Thread context.
 */
__noreturn void ktest_main(const char *tests, const char *benches, bool understood);

#endif
