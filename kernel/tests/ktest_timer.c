/* SPDX-License-Identifier: MIT */
/* Timers: order, cancelling, starting again; the trace sees what the scheduler does. */
#include "kernel/tests/threads.h"
#include "kernel/timer.h"
#include "kernel/trace.h"
#include "mm/slab.h"

static struct order order;

struct lettered {
	struct timer timer;
	char name;
	_Atomic unsigned calls;
};

static void note(struct timer *timer)
{
	struct lettered *l = container_of(timer, struct lettered, timer);

	order_note(&order, l->name);
	atomic_fetch_add(&l->calls, 1);
}

KTEST(timer_order)
{
	ktime_t base = test_in(2 * NSEC_PER_MSEC);
	struct lettered l[4] = {0};
	arch_irqflags_t flags;
	bool pending;

	order_clear(&order);
	KTEST_EXPECT_EQ(test_pin(), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(l); i++) {
		l[i].name = (char)('a' + i);
		timer_init(&l[i].timer, note);
	}
	flags = arch_irq_save(); /* a busy host may take longer than 2 ms between two starts */
	timer_start(&l[2].timer, base + 1000);
	timer_start(&l[3].timer, base + 2000);
	timer_start(&l[0].timer, base);
	timer_start(&l[1].timer, base + 1000);
	pending = timer_pending(&l[0].timer);
	arch_irq_restore(flags);
	KTEST_EXPECT(pending);
	thread_sleep_until(base + NSEC_PER_MSEC);
	test_unpin();
	KTEST_EXPECT(!timer_pending(&l[3].timer));
	KTEST_EXPECT_ORDER(&order, "acbd");
}

KTEST(timer_cancel)
{
	struct lettered l = {.name = 'x'};

	order_clear(&order);
	timer_init(&l.timer, note);
	KTEST_EXPECT(!timer_cancel(&l.timer));
	timer_start(&l.timer, test_in(NSEC_PER_SEC));
	KTEST_EXPECT(timer_cancel_sync(&l.timer));
	KTEST_EXPECT(!timer_cancel(&l.timer));
	timer_start(&l.timer, 0);
	while (!atomic_load(&l.calls))
		thread_sleep(1000);
	KTEST_EXPECT(!timer_cancel_sync(&l.timer));
	KTEST_EXPECT_ORDER(&order, "x");
}

static void start_again(struct timer *timer)
{
	struct lettered *l = container_of(timer, struct lettered, timer);

	if (atomic_fetch_add(&l->calls, 1) < 9)
		timer_start(timer, timer->when + 10000);
}

KTEST(timer_starts_again)
{
	struct lettered l = {.name = 'x'};

	timer_init(&l.timer, start_again);
	timer_start(&l.timer, arch_time_now());
	while (atomic_load(&l.calls) < 10)
		thread_sleep(NSEC_PER_MSEC / 10);
	KTEST_EXPECT(!timer_cancel_sync(&l.timer));
}

static int yield_once(void *arg __unused)
{
	thread_yield();
	return 0;
}

/* The last records of this CPU tell the life of a thread that was created and joined here. */
KTEST(trace_tells_a_life)
{
	static struct trace_record last[64];
	bool seen[TRACE_KIND_COUNT] = {0};
	struct thread *t;
	uint64_t id;
	unsigned n;

	if (!trace_on) {
		ktest_skip("trace=off");
		return;
	}
	KTEST_EXPECT_EQ(test_pin(), 0);
	t = test_thread(yield_once, NULL, 0);
	id = t->thread_id;
	KTEST_EXPECT_EQ(test_join(t), 0);
	n = trace_copy_last(arch_cpu_id(), last, ARRAY_SIZE(last));
	test_unpin();
	for (unsigned i = 0; i < n; i++)
		if (last[i].a == id)
			seen[last[i].kind] = true;
	KTEST_EXPECT(
		seen[TRACE_CREATE] && seen[TRACE_WAKE] && seen[TRACE_SWITCH] && seen[TRACE_EXIT]);
	for (unsigned i = 1; i < n; i++)
		KTEST_EXPECT_EQ(last[i].seq, last[i - 1].seq + 1);
}

/* The oldest record's place is the one being written next: it is not to be believed. */
KTEST(trace_leaves_out_the_oldest)
{
	const unsigned max = 4096;
	struct trace_record *last = kmalloc(max * sizeof(*last));
	arch_irqflags_t irqs;
	unsigned n;

	KTEST_EXPECT(last);
	if (!trace_on) {
		kfree(last);
		ktest_skip("trace=off");
		return;
	}
	irqs = arch_irq_save();
	for (unsigned i = 0; i < max; i++)
		trace_write(TRACE_WAKE, 0, i, 0, trace_clock());
	n = trace_copy_last(arch_cpu_id(), last, max);
	arch_irq_restore(irqs);
	/* The capacity is a power of two. */
	KTEST_EXPECT(n > 100 && !(n & (n + 1)));
	KTEST_EXPECT(last[0].a == max - n && last[n - 1].a == max - 1);
	kfree(last);
}

KTEST(trace_text)
{
	struct trace_record r = {.kind = TRACE_SWITCH, .reason = SCHED_EXPIRED, .a = 12, .b = 13};
	char text[64];

	trace_format(&r, text, sizeof(text));
	KTEST_EXPECT(!strcmp(text, "SWITCH left 12 runs 13 EXPIRED"));
	r.kind = 200;
	trace_format(&r, text, sizeof(text));
	KTEST_EXPECT(!strcmp(text, "? kind 200"));
}
