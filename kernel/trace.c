/* SPDX-License-Identifier: MIT */
/*
 * The trace: one ring of records per CPU, written by that CPU with interrupts off, read by anyone.
 *
 * A record is 26 instructions, two of them for a debugger (debug_page.h): what a place of the ring
 * always holds (the CPU) is in it beforehand, and the hash takes one multiplication. It tells apart
 * what differs by chance, and resists nobody who means it to be the same. The CPUs' hashes are
 * combined in CPU order.
 */
#include "kernel/trace.h"
#include "kernel/debug_page.h"
#include "kernel/errno.h"
#include "kernel/format.h"
#include "kernel/log.h"
#include "kernel/preempt.h"
#include "kernel/string.h"
#include "kernel/thread.h"
#include "mm/slab.h"
#include <arch/time.h>

#define HASH_START         0xcbf29ce484222325ull
#define HASH_FACTOR        0x5bd1e995ull /* odd, and short enough for an immediate operand */
#define RING_RECORDS       2048u         /* 64 KiB; few CPUs */
#define RING_RECORDS_SMALL 256u
#define FEW_CPUS           16u

/* (l) written by this CPU only, interrupts off; seq is written last and read by others */
struct trace_ring {
	struct trace_record *record; /* (c) */
	uint64_t hash;               /* (l) */
	_Atomic uint64_t seq;        /* (l) records written; seq & mask is the next place */
};
static DEFINE_PERCPU(struct trace_ring, trace_rings);

bool trace_on;
static uint64_t mask; /* records of a ring, a power of two, less one; 0: there are no rings */

/* --- writing --------------------------------------------------------------------------------- */

static inline uint64_t hash_step(uint64_t hash, unsigned what, uint64_t a, uint64_t b)
{
	return ((hash + a) ^ what) * HASH_FACTOR + b;
}

/* Kind and reason in one number. */
static __always_inline unsigned what_of(unsigned kind, unsigned reason)
{
	return reason << 8 | kind;
}

/* Out of the way: only with a debugger's events armed. */
static __cold __noinline void check_events(
	unsigned what, uint64_t a, uint64_t b, const struct thread *about)
{
	struct debug_record record = {
		.kind = what & 0xff, .reason = what >> 8, .a = a, .b = b, .about = about};

	debug_page_check(&record);
}

static __always_inline void write(
	unsigned what, uint64_t a, uint64_t b, ktime_t time, const struct thread *about)
{
	struct trace_ring *ring = this_cpu_ptr(trace_rings);
	uint64_t seq = atomic_load_explicit(&ring->seq, memory_order_relaxed);
	struct trace_record *r = &ring->record[seq & mask];

	r->time = time;
	r->seq = (uint32_t)seq;
	r->kind = (uint8_t)what;
	r->reason = (uint8_t)(what >> 8);
	r->a = a;
	r->b = b;
	ring->hash = hash_step(ring->hash, what, a, b);
	atomic_store_explicit(&ring->seq, seq + 1, memory_order_release);
	if (unlikely(debug_page.armed))
		check_events(what, a, b, about);
}

void trace_write(enum trace_kind kind, unsigned reason, uint64_t a, uint64_t b, ktime_t time)
{
	arch_irqflags_t irqs = arch_irq_save();

	write(what_of(kind, reason), a, b, time, thread_current());
	arch_irq_restore(irqs);
}

ktime_t trace_clock(void)
{
	return arch_time_now();
}

static inline struct thread *thread_of(struct sched_entity *se)
{
	return container_of(se, struct thread, se);
}

static __always_inline void write_about(
	struct sched_entity *se, unsigned what, uint64_t b, ktime_t time)
{
	write(what, thread_of(se)->thread_id, b, time, thread_of(se));
}

void sched_env_trace_switch(struct sched_rq *rq, struct sched_entity *prev,
	struct sched_entity *next, enum sched_reason reason)
{
	KASSERT(spin_held(&rq->lock));
	write_about(prev, what_of(TRACE_SWITCH, reason), thread_of(next)->thread_id, rq->clock);
}

/* rq may be another CPU's, whose lock is held; the record goes into this CPU's ring. */
void sched_env_trace_wake(struct sched_rq *rq, struct sched_entity *se, unsigned from)
{
	KASSERT(spin_held(&rq->lock));
	(void)from;
	write_about(se, what_of(TRACE_WAKE, 0), rq->cpu, rq->clock);
}

void sched_env_trace_event(
	struct sched_rq *rq, struct sched_entity *se, enum sched_event_kind kind, unsigned from)
{
	KASSERT(spin_held(&rq->lock));
	(void)from;
	if (kind == SCHED_EVENT_MISS)
		write_about(se, what_of(TRACE_MISS, 0), se->stats.misses, rq->clock);
	else if (kind == SCHED_EVENT_HOLD)
		write_about(se, what_of(TRACE_THROTTLE, 0), (uint64_t)se->key, rq->clock);
	else if (kind == SCHED_EVENT_RELEASE)
		write_about(se, what_of(TRACE_REPLENISH, 0), rq->cpu, rq->clock);
	else
		write_about(se, what_of(TRACE_MIGRATE, 0), rq->cpu, rq->clock);
}

/* --- on and off ------------------------------------------------------------------------------ */

static int add_ring(unsigned cpu)
{
	struct trace_ring *ring = cpu_ptr(trace_rings, cpu);

	ring->hash = HASH_START;
	ring->record = kzalloc((mask + 1) * sizeof(*ring->record));
	if (!ring->record)
		return -ENOMEM;
	for (uint64_t i = 0; i <= mask; i++)
		ring->record[i].cpu = (uint16_t)cpu;
	return 0;
}

int trace_init(void)
{
	unsigned end = atomic_load(&scheduler.cpu_end);
	int err = 0;

	if (mask)
		return 0;
	mask = (end <= FEW_CPUS ? RING_RECORDS : RING_RECORDS_SMALL) - 1;
	for (unsigned cpu = 0; cpu < end && !err; cpu++)
		err = add_ring(cpu);
	return err;
}

void trace_enable(bool on)
{
	unsigned end = atomic_load(&scheduler.cpu_end);

	trace_on = on;
	for (unsigned cpu = 0; cpu < end; cpu++) {
		struct sched_rq *rq = &cpu_ptr(cpu_schedulers, cpu)->rq;
		arch_irqflags_t irqs;

		if (!cpumask_test_atomic(&scheduler.online, cpu))
			continue;
		irqs = spin_lock_irqsave(&rq->lock);
		rq->trace = on;
		spin_unlock_irqrestore(&rq->lock, irqs);
	}
}

/* --- reading --------------------------------------------------------------------------------- */

/*
 * Takes away the records of `from`, whose first is number `first`, that the ring's CPU may have
 * overwritten during the copy: a torn one can still have its old number. Place `seq` is written
 * for record seq + capacity, the one that is being written while the ring's count says so.
 */
static unsigned drop_overwritten(
	const struct trace_ring *ring, struct trace_record *from, unsigned count, uint64_t first)
{
	uint64_t capacity = mask + 1, now, gone;

	atomic_thread_fence(memory_order_acquire);
	now = atomic_load_explicit(&ring->seq, memory_order_relaxed);
	if (now < first + capacity)
		return count;
	gone = MIN(now - capacity - first + 1, (uint64_t)count);
	memmove(from, from + gone, (count - gone) * sizeof(*from));
	return count - (unsigned)gone;
}

unsigned trace_copy_last(unsigned cpu, struct trace_record *to, unsigned max)
{
	struct trace_ring *ring = cpu_ptr(trace_rings, cpu);
	uint64_t end = atomic_load_explicit(&ring->seq, memory_order_acquire);
	unsigned count = (unsigned)MIN(MIN(end, mask + 1), max);

	if (!ring->record)
		return 0;
	for (unsigned i = 0; i < count; i++)
		to[i] = ring->record[(end - count + i) & mask];
	return drop_overwritten(ring, to, count, end - count);
}

const char *trace_kind_name(unsigned kind)
{
	static const char *const names[TRACE_KIND_COUNT] = {
#define TRACE(name, a, b, text) #name,
#include "kernel/trace.def"
#undef TRACE
	};

	return kind < TRACE_KIND_COUNT ? names[kind] : "?";
}

static const char *reason_name(unsigned reason)
{
	static const char *const names[SCHED_REASON_COUNT] = {
#define REASON(name, text) #name,
#include "sched/reasons.def"
#undef REASON
	};

	return reason < SCHED_REASON_COUNT ? names[reason] : "?";
}

int trace_format(const struct trace_record *r, char *buf, size_t size)
{
	static const char *const operands[TRACE_KIND_COUNT][2] = {
#define TRACE(name, a, b, text) {a, b},
#include "kernel/trace.def"
#undef TRACE
	};

	if (r->kind >= TRACE_KIND_COUNT)
		return format_string(buf, size, "? kind %u", r->kind);
	return format_string(buf, size, "%s %s %llu %s %llu%s%s", trace_kind_name(r->kind),
		operands[r->kind][0], (unsigned long long)r->a, operands[r->kind][1],
		(unsigned long long)r->b, r->kind == TRACE_SWITCH ? " " : "",
		r->kind == TRACE_SWITCH ? reason_name(r->reason) : "");
}

void trace_get_totals(struct trace_totals *totals)
{
	unsigned end = atomic_load(&scheduler.cpu_end);

	*totals = (struct trace_totals){.hash = HASH_START};
	for (unsigned cpu = 0; cpu < end; cpu++) {
		struct trace_ring *ring = cpu_ptr(trace_rings, cpu);
		uint64_t records = atomic_load(&ring->seq);

		totals->hash = hash_step(totals->hash, 0, ring->hash, 0);
		totals->records += records;
		totals->lost += records > mask + 1 ? records - mask - 1 : 0;
	}
}

void trace_report(void)
{
	struct trace_totals t;

	if (!trace_on)
		return;
	trace_get_totals(&t);
	console_printf("trace hash %016llx (%llu records, %llu lost)\n", (unsigned long long)t.hash,
		(unsigned long long)t.records, (unsigned long long)t.lost);
}
