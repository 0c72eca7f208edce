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
#include "kernel/params.h"
#include "kernel/preempt.h"
#include "kernel/process.h"
#include "kernel/string.h"
#include "kernel/thread.h"
#include "kernel/trace_export.h"
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

#define KIND(name)    (1u << TRACE_##name)
#define KINDS_ALL     (UINT32_MAX >> (32 - TRACE_KIND_COUNT))
#define KINDS_ALWAYS  (KIND(SWITCH) | KIND(WAKE))
#define KINDS_DEFAULT (KINDS_ALL & ~(KIND(IPI) | KIND(IRQ) | KIND(IRQ_END)))

static_assert(TRACE_KIND_COUNT <= 32, "kinds are bits of a word");

bool trace_on;
uint32_t trace_recorded;
static uint32_t selected = KINDS_DEFAULT;
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

/* What a thread that leaves to block waits for: its mutex, or the queue that it is in. */
static __always_inline uint64_t waited_object(const struct thread *t)
{
	if (t->mutex_waited)
		return (uintptr_t)t->mutex_waited;
	return (uintptr_t)atomic_load_explicit(&t->wait_queue, memory_order_relaxed);
}

void sched_env_trace_switch(struct sched_rq *rq, struct sched_entity *prev,
	struct sched_entity *next, enum sched_reason reason)
{
	KASSERT(spin_held(&rq->lock));
	if (reason == SCHED_BLOCK && trace_recorded & KIND(WAIT))
		write_about(
			prev, what_of(TRACE_WAIT, 0), waited_object(thread_of(prev)), rq->clock);
	write_about(prev, what_of(TRACE_SWITCH, reason), thread_of(next)->thread_id, rq->clock);
}

/* rq may be another CPU's, whose lock is held; the record goes into this CPU's ring. */
void sched_env_trace_wake(struct sched_rq *rq, struct sched_entity *se, unsigned from)
{
	KASSERT(spin_held(&rq->lock));
	(void)from;
	write_about(se, what_of(TRACE_WAKE, 0), rq->cpu, rq->clock);
}

static uint32_t kind_of_event(enum sched_event_kind kind)
{
	switch (kind) {
	case SCHED_EVENT_MISS:
		return KIND(MISS);
	case SCHED_EVENT_HOLD:
		return KIND(THROTTLE);
	case SCHED_EVENT_RELEASE:
		return KIND(REPLENISH);
	default:
		return KIND(MIGRATE);
	}
}

void sched_env_trace_event(
	struct sched_rq *rq, struct sched_entity *se, enum sched_event_kind kind, unsigned from)
{
	KASSERT(spin_held(&rq->lock));
	(void)from;
	if (!(trace_recorded & kind_of_event(kind)))
		return;
	if (kind == SCHED_EVENT_MISS)
		write_about(se, what_of(TRACE_MISS, 0), se->stats.misses, rq->clock);
	else if (kind == SCHED_EVENT_HOLD)
		write_about(se, what_of(TRACE_THROTTLE, 0), (uint64_t)se->key, rq->clock);
	else if (kind == SCHED_EVENT_RELEASE)
		write_about(se, what_of(TRACE_REPLENISH, 0), rq->cpu, rq->clock);
	else
		write_about(se, what_of(TRACE_MIGRATE, 0), rq->cpu, rq->clock);
}

/* Eight bytes a record, in the order of `reason`; what is behind the end is 0. */
static void write_name(const struct thread *t)
{
	char text[sizeof(uint64_t)];
	const char *from = t->name;
	uint64_t word;

	for (unsigned part = 0; !part || *from; part++) {
		memset(text, 0, sizeof(text));
		for (unsigned i = 0; i < sizeof(text) && *from; i++)
			text[i] = *from++;
		memcpy(&word, text, sizeof(word));
		trace_write(TRACE_NAME, part, t->thread_id, word, trace_clock());
	}
}

static void write_who(const struct thread *t)
{
	trace_event(TRACE_PROCESS, t->thread_id, t->process->process_id);
	if (trace_recorded & KIND(NAME))
		write_name(t);
}

void trace_thread(const struct thread *t)
{
	trace_event(TRACE_CREATE, t->thread_id, thread_current()->thread_id);
	if (trace_recorded & (KIND(PROCESS) | KIND(NAME)))
		write_who(t);
}

void trace_mark(uint64_t value)
{
	trace_event(TRACE_MARK, thread_current()->thread_id, value);
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
	trace_export_ring(cpu, ring->record, &ring->seq);
	return 0;
}

/* A power of two, so that a place is found by a mask. */
static uint64_t ring_records(unsigned cpus)
{
	uint64_t records = 1;

	if (!kernel_params.tracebuf)
		return cpus <= FEW_CPUS ? RING_RECORDS : RING_RECORDS_SMALL;
	while (records < kernel_params.tracebuf)
		records *= 2;
	return records;
}

int trace_init(void)
{
	unsigned end = atomic_load(&scheduler.cpu_end);
	int err;

	if (mask)
		return 0;
	mask = ring_records(end) - 1;
	err = trace_export_init(end, (unsigned)mask + 1);
	for (unsigned cpu = 0; cpu < end && !err; cpu++)
		err = add_ring(cpu);
	if (!err)
		trace_export_ready();
	return err;
}

static void set_recorded(void)
{
	trace_recorded = trace_on ? selected : 0;
}

uint32_t trace_selected(void)
{
	return selected;
}

/* Letters of either case are the same. */
static bool is_word(const char *word, size_t length, const char *name)
{
	size_t i = 0;

	while (i < length && name[i] && (word[i] | 0x20) == (name[i] | 0x20))
		i++;
	return i == length && !name[i];
}

static size_t word_length(const char *list)
{
	size_t length = 0;

	while (list[length] && list[length] != ',')
		length++;
	return length;
}

/* The kinds that one word of a list means; 0: none has that name. */
static uint32_t kinds_of(const char *word, size_t length)
{
	if (is_word(word, length, "all"))
		return KINDS_ALL;
	if (is_word(word, length, "default"))
		return KINDS_DEFAULT;
	if (is_word(word, length, "none"))
		return KINDS_ALWAYS;
	for (unsigned kind = 0; kind < TRACE_KIND_COUNT; kind++)
		if (is_word(word, length, trace_kind_name(kind)))
			return 1u << kind;
	return 0;
}

const char *trace_select(const char *list)
{
	uint32_t wanted = KINDS_ALWAYS;

	while (*list) {
		size_t length = word_length(list);
		uint32_t kinds = kinds_of(list, length);

		if (!kinds)
			return list;
		wanted |= kinds;
		list += length + (list[length] == ',');
	}
	selected = wanted;
	set_recorded();
	return NULL;
}

int trace_select_kind(enum trace_kind kind, bool recorded)
{
	if (1u << kind & KINDS_ALWAYS)
		return -EPERM;
	selected = recorded ? selected | 1u << kind : selected & ~(1u << kind);
	set_recorded();
	return 0;
}

/* Those that were there before the trace was on. */
static void write_all_names(void)
{
	for (struct thread *t = thread_next(NULL); t; t = thread_next(t))
		write_who(t);
}

void trace_enable(bool on)
{
	unsigned end = atomic_load(&scheduler.cpu_end);

	trace_on = on;
	set_recorded();
	for (unsigned cpu = 0; cpu < end; cpu++) {
		struct sched_rq *rq = &cpu_ptr(cpu_schedulers, cpu)->rq;
		arch_irqflags_t irqs;

		if (!cpumask_test_atomic(&scheduler.online, cpu))
			continue;
		irqs = spin_lock_irqsave(&rq->lock);
		rq->trace = on;
		spin_unlock_irqrestore(&rq->lock, irqs);
	}
	if (on)
		write_all_names();
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

const char *trace_kind_text(unsigned kind)
{
	static const char *const texts[TRACE_KIND_COUNT] = {
#define TRACE(name, a, b, text) text,
#include "kernel/trace.def"
#undef TRACE
	};

	return kind < TRACE_KIND_COUNT ? texts[kind] : "?";
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
	if (r->kind == TRACE_NAME)
		return format_string(buf, size, "NAME thread %llu text \"%.8s\"",
			(unsigned long long)r->a, (const char *)&r->b);
	if (r->kind == TRACE_WAIT)
		return format_string(buf, size, "WAIT thread %llu object 0x%llx",
			(unsigned long long)r->a, (unsigned long long)r->b);
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
