/* SPDX-License-Identifier: MIT */
/*
 * Runs the in-kernel tests and benchmarks chosen on the command line, one after the other in the
 * calling thread, and reports in KTAP version 1 (kernel.org, dev-tools/ktap). A benchmark is a
 * test whose figures come before its result line. The last line is for programs to look for:
 * "# multios: N passed, N failed". A name that chooses nothing counts as a failure there, and so do
 * a request that was not understood and memory that the tests left in use.
 */
#include "kernel/ktest.h"
#include "kernel/format.h"
#include "kernel/lockdep.h"
#include "kernel/log.h"
#include "kernel/params.h"
#include "kernel/string.h"
#include "kernel/system.h"
#include "mm/slab.h"
#include <arch/debug.h>

#define REASON_MAX  200
#define SAMPLES_MAX 65536u

extern const struct ktest __ktests_start[], __ktests_end[];
extern const struct kbench __kbenches_start[], __kbenches_end[];

enum outcome { PASSED, FAILED, SKIPPED };

/* A test's other threads may report too, hence atomic. */
static _Atomic int outcome;
static char skip_reason[REASON_MAX];
static unsigned passed, failed, result_number;

void ktest_fail(const char *file, int line, const char *fmt, ...)
{
	char reason[REASON_MAX];
	va_list args;

	atomic_store(&outcome, FAILED);
	va_start(args, fmt);
	format_string_va(reason, sizeof(reason), fmt, args);
	va_end(args);
	console_printf("# %s:%d: %s\n", file, line, reason);
}

unsigned ktest_rounds(unsigned rounds)
{
	return (unsigned)MAX((uint64_t)rounds * kernel_params.repeat / 100, 1ull);
}

void ktest_skip(const char *fmt, ...)
{
	int was = PASSED;
	va_list args;

	if (!atomic_compare_exchange_strong(&outcome, &was, SKIPPED))
		return;
	va_start(args, fmt);
	format_string_va(skip_reason, sizeof(skip_reason), fmt, args);
	va_end(args);
}

/* A name is chosen by "all", by itself, or by a beginning of it. */
static bool word_chooses(const char *word, size_t length, const char *name)
{
	return (length == 3 && !memcmp(word, "all", 3)) || !strncmp(name, word, length);
}

/* The next word between commas; its length, 0 at the end. *list moves behind it. */
static size_t next_word(const char **list, const char **word)
{
	size_t length = 0;

	while (**list == ',')
		++*list;
	for (*word = *list; **list && **list != ','; ++*list)
		length++;
	return length;
}

static bool is_chosen(const char *list, const char *name)
{
	const char *word;
	size_t length;

	while ((length = next_word(&list, &word)))
		if (word_chooses(word, length, name))
			return true;
	return false;
}

/* What can be chosen, tests or benchmarks, as one numbered list of names; NULL behind the last. */
typedef const char *(*name_at)(unsigned index);

static const char *test_name(unsigned index)
{
	return __ktests_start + index < __ktests_end ? __ktests_start[index].name : NULL;
}

static const char *bench_name(unsigned index)
{
	return __kbenches_start + index < __kbenches_end ? __kbenches_start[index].id : NULL;
}

static unsigned count_chosen(const char *list, name_at name)
{
	unsigned count = 0;

	for (unsigned i = 0; name(i); i++)
		count += is_chosen(list, name(i));
	return count;
}

static bool word_is_known(const char *word, size_t length, name_at name)
{
	for (unsigned i = 0; name(i); i++)
		if (word_chooses(word, length, name(i)))
			return true;
	return false;
}

/* Complains about each word that chooses nothing; true if there was none. */
static bool check_words(const char *parameter, const char *list, name_at name)
{
	const char *word;
	bool good = true;
	size_t length;

	while ((length = next_word(&list, &word))) {
		if (word_is_known(word, length, name))
			continue;
		good = false;
		console_printf(
			"# %s=%.*s: no such name. There are: all", parameter, (int)length, word);
		for (unsigned i = 0; name(i); i++)
			console_printf(" %s", name(i));
		console_printf("\n");
	}
	return good;
}

static void begin_result(void)
{
	atomic_store(&outcome, PASSED);
	result_number++;
}

static void end_result(const char *name)
{
	int result = atomic_load(&outcome);

	failed += result == FAILED;
	passed += result == PASSED;
	console_printf("%sok %u %s%s%s\n", result == FAILED ? "not " : "", result_number, name,
		result == SKIPPED ? " # SKIP " : "", result == SKIPPED ? skip_reason : "");
}

static void run_test(const struct ktest *test)
{
	unsigned reports;

	begin_result();
	test->run();
	reports = lockdep_take_reports();
	if (reports)
		ktest_fail(__FILE__, __LINE__, "%u reports about locks, see the log", reports);
	end_result(test->name);
}

/* Restores the heap order of sample[0 .. count-1] below `root`. */
static void sift_down(uint32_t *sample, unsigned root, unsigned count)
{
	for (unsigned child; (child = 2 * root + 1) < count; root = child) {
		uint32_t value = sample[root];

		if (child + 1 < count && sample[child + 1] > sample[child])
			child++;
		if (value >= sample[child])
			return;
		sample[root] = sample[child];
		sample[child] = value;
	}
}

/* Heap sort: no recursion, no memory, and never slow. */
static void sort_samples(uint32_t *sample, unsigned count)
{
	for (unsigned root = count / 2; root-- > 0;)
		sift_down(sample, root, count);
	for (unsigned last = count; last-- > 1;) {
		uint32_t largest = sample[0];

		sample[0] = sample[last];
		sample[last] = largest;
		sift_down(sample, 0, last);
	}
}

static void run_bench(const struct kbench *bench)
{
	unsigned n = MIN(bench->samples, SAMPLES_MAX);
	uint32_t *sample = kmalloc(n * sizeof(*sample));

	begin_result();
	if (!sample) {
		ktest_fail(__FILE__, __LINE__, "no memory for %u samples", n);
	} else {
		memset(sample, 0, n * sizeof(*sample));
		bench->run(sample, n);
		sort_samples(sample, n);
	}
	if (atomic_load(&outcome) == PASSED)
		console_printf("# bench %s n=%u min=%u median=%u max=%u\n", bench->id, n, sample[0],
			sample[n / 2], sample[n - 1]);
	kfree(sample);
	end_result(bench->id);
}

static bool check_request(unsigned chosen, bool understood)
{
	if (!understood)
		console_printf("# test= or bench= was refused, see above\n");
	else if (!chosen)
		console_printf("# test= and bench= choose nothing\n");
	return understood && chosen;
}

void ktest_main(const char *tests, const char *benches, bool understood)
{
	bool good = check_words("test", tests, test_name);
	unsigned chosen = count_chosen(tests, test_name) + count_chosen(benches, bench_name);

	good &= check_words("bench", benches, bench_name);
	good &= check_request(chosen, understood);
	console_printf("KTAP version 1\n1..%u\n", chosen);
	for (const struct ktest *test = __ktests_start; test < __ktests_end; test++)
		if (is_chosen(tests, test->name))
			run_test(test);
	for (const struct kbench *bench = __kbenches_start; bench < __kbenches_end; bench++)
		if (is_chosen(benches, bench->id))
			run_bench(bench);
	failed += !good;
	failed += system_report() != 0;
	console_printf("# multios: %u passed, %u failed\n", passed, failed);
	arch_exit(failed ? ARCH_EXIT_FAIL : ARCH_EXIT_PASS);
}
