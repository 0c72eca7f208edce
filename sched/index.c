/* SPDX-License-Identifier: MIT */
/*
 * Sets of CPUs by what they run and by how much they have, see sched/index.h.
 *
 * A set has a bit for each word of its mask that is not empty. Two CPUs may change bits of one word
 * at once: who empties a word clears its bit and looks again; who fills one sets it first. All four
 * steps are sequentially consistent, so a word that is not empty never stays without its bit.
 */
#include "sched/index.h"

static_assert(BITMAP_WORDS(CONFIG_MAX_CPUS) <= BITMAP_WORD_BITS, "one word tells of all words");

static void set_add(struct sched_cpu_set *set, unsigned cpu)
{
	uint64_t word = 1ull << (cpu / BITMAP_WORD_BITS);

	cpumask_set_atomic(&set->cpus, cpu);
	if (!(atomic_load(&set->words) & word))
		atomic_fetch_or(&set->words, word);
}

static void set_remove(struct sched_cpu_set *set, unsigned cpu)
{
	_Atomic uint64_t *bits = &set->cpus.bits[cpu / BITMAP_WORD_BITS];
	uint64_t word = 1ull << (cpu / BITMAP_WORD_BITS), bit = 1ull << (cpu % BITMAP_WORD_BITS);

	if (atomic_fetch_and(bits, ~bit) & ~bit)
		return;
	atomic_fetch_and(&set->words, ~word);
	if (atomic_load(bits))
		atomic_fetch_or(&set->words, word);
}

unsigned sched_set_next(const struct sched_cpu_set *set, const struct cpumask *mask,
	const struct cpumask *near, unsigned from, unsigned end)
{
	unsigned first = from / BITMAP_WORD_BITS;
	uint64_t words = atomic_load(&set->words), below = ~0ull << (from % BITMAP_WORD_BITS);

	if (from >= end)
		return SCHED_NO_CPU;
	for (words &= ~0ull << first; words; words &= words - 1) {
		unsigned i = (unsigned)__builtin_ctzll(words), cpu;
		uint64_t bits = atomic_load(&set->cpus.bits[i]) & mask->bits[i];

		bits &= near ? near->bits[i] : ~0ull;
		bits &= i == first ? below : ~0ull;
		if (!bits)
			continue;
		cpu = i * BITMAP_WORD_BITS + (unsigned)__builtin_ctzll(bits);
		return cpu < end ? cpu : SCHED_NO_CPU;
	}
	return SCHED_NO_CPU;
}

/* --- a CPU's place --------------------------------------------------------------------------- */

void sched_rq_index_rank(struct sched_rq *rq, unsigned rank)
{
	struct sched *s = rq->sched;

	KASSERT(spin_held(&rq->lock) && rank < SCHED_RANK_IDLE);
	if (!rq->indexed || rq->index_rank == rank)
		return;
	set_add(&s->urgency[rank], rq->cpu);
	set_remove(&s->urgency[rq->index_rank], rq->cpu);
	rq->index_rank = (uint8_t)rank;
}

/* Who waits is in s->waiting before its waker looks for idle CPUs: see sched/balance.c. */
void sched_rq_index_load(struct sched_rq *rq)
{
	struct sched *s = rq->sched;
	unsigned class = sched_load_class(rq_runnable(rq)), was = rq->index_load;

	KASSERT(spin_held(&rq->lock) && rq->indexed);
	if (class == was)
		return;
	set_add(&s->load[class], rq->cpu);
	set_remove(&s->load[was], rq->cpu);
	if (!was)
		set_add(&s->waiting, rq->cpu);
	else if (!class)
		set_remove(&s->waiting, rq->cpu);
	rq->index_load = (uint8_t) class;
}

void sched_rq_index(struct sched_rq *rq)
{
	struct sched *s = rq->sched;
	unsigned rank = rq_curr_rank(rq);

	KASSERT(spin_held(&rq->lock) && !rq->indexed);
	rq->index_rank = (uint8_t)(rank == SCHED_RANK_IDLE ? SCHED_RANK_TS : rank);
	rq->index_load = (uint8_t)sched_load_class(rq_runnable(rq));
	rq->indexed = true;
	sched_rq_set_balance(rq);
	set_add(&s->urgency[rq->index_rank], rq->cpu);
	set_add(&s->load[rq->index_load], rq->cpu);
	if (rq->index_load)
		set_add(&s->waiting, rq->cpu);
}

void sched_rq_unindex(struct sched_rq *rq)
{
	struct sched *s = rq->sched;

	KASSERT(spin_held(&rq->lock) && rq->indexed);
	rq->indexed = false;
	rq->balance_at = KTIME_MAX;
	set_remove(&s->urgency[rq->index_rank], rq->cpu);
	set_remove(&s->load[rq->index_load], rq->cpu);
	if (rq->index_load)
		set_remove(&s->waiting, rq->cpu);
}

/* --- checks ---------------------------------------------------------------------------------- */

static const char *check_indexed(const struct sched_rq *rq)
{
	const struct sched *s = rq->sched;
	unsigned rank = rq_curr_rank(rq);

	if (rank != SCHED_RANK_IDLE && rank != rq->index_rank)
		return "CPU is filed under another rank than it runs";
	if (rq->index_load != sched_load_class(rq_runnable(rq)))
		return "CPU is filed under another load than it has";
	if (!sched_set_test(&s->urgency[rq->index_rank], rq->cpu) ||
		!sched_set_test(&s->load[rq->index_load], rq->cpu))
		return "CPU is not in the sets it is filed under";
	if (sched_set_test(&s->waiting, rq->cpu) != (rq_runnable(rq) > 1))
		return "CPU is among those where somebody waits, or should be";
	return NULL;
}

const char *sched_index_check(const struct sched_rq *rq)
{
	return rq->indexed ? check_indexed(rq) : NULL;
}
