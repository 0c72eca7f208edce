/* SPDX-License-Identifier: MIT */
/*
 * Admission of reservations (rules S6.1, S6.4, S7.1): which CPU can promise an entity its time, and
 * when what it has given up may be promised to others. Everything in integers, costs rounded up.
 *
 * The embedder's admission lock is held, except where an entity ends; no run-queue lock is held
 * while a test is made. Nothing here is on a scheduling path: sums are made anew from the list of a
 * CPU's reservations, so they cannot drift.
 */
#include "sched/arrive.h"

#define LIMIT      ((uint64_t)SCHED_BANDWIDTH_ONE * 95 / 100) /* the rest is time sharing's */
#define TEST_STEPS 10000 /* of the exact test; who needs more is refused */

/* What is asked for, or promised. */
struct demand {
	enum sched_kind kind;
	ktime_t runtime;  /* C, overhead included */
	ktime_t deadline; /* D, at most T */
	ktime_t period;   /* T */
};

static struct demand demand_of(const struct sched *s, const struct sched_entity *se)
{
	return (struct demand){
		se->kind, se->runtime + s->config.overhead, se->deadline, se->period};
}

static struct demand demand_for(const struct sched *s, const struct sched_params *params)
{
	return (struct demand){params->kind, params->runtime + s->config.overhead,
		params->deadline ? params->deadline : params->period, params->period};
}

/* --- bandwidth ------------------------------------------------------------------------------- */

/* part / whole in SCHED_BANDWIDTH_ONE, rounded up, at most twice that. */
static uint64_t ratio(ktime_t part, ktime_t whole)
{
	uint64_t p = (uint64_t)part, w = (uint64_t)whole;

	if (p >= 2 * w)
		return 2 * SCHED_BANDWIDTH_ONE;
	for (; p >> 43; w >>= 1)
		p = (p + 1) >> 1;
	return DIV_ROUND_UP(p * SCHED_BANDWIDTH_ONE, w);
}

static uint64_t density(const struct demand *d)
{
	return ratio(d->runtime, MIN(d->deadline, d->period));
}

/* Of a CPU's reservations of the class without that of `but`, and what has not come back yet. */
static uint64_t sum_density(const struct sched_rq *rq, const struct sched_entity *but, ktime_t now)
{
	const struct sched_entity *se;
	uint64_t sum = 0;

	for (se = rq->reservations; se; se = se->next_reserved) {
		struct demand d = demand_of(rq->sched, se);

		if (se != but && d.kind == SCHED_KIND_DL)
			sum += density(&d);
	}
	for (unsigned i = 0; i < SCHED_RETURNS; i++)
		if (rq->returning[i].at > now)
			sum += rq->returning[i].density;
	return sum;
}

/*
 * A slot of one that is over, or else the last: what is in it comes back with the new one, a little
 * late, and the others do not wait for it.
 */
static void return_later(struct sched_rq *rq, uint64_t amount, ktime_t at, ktime_t now)
{
	struct sched_return *r = rq->returning;
	unsigned i = 0;

	while (i < SCHED_RETURNS - 1 && r[i].at > now)
		i++;
	if (r[i].at <= now)
		r[i] = (struct sched_return){0, at};
	r[i].density += amount;
	r[i].at = MAX(r[i].at, at);
}

/* --- the exact test -------------------------------------------------------------------------- */

/* Time that jobs due within any interval of length t need, at most KTIME_MAX. */
static ktime_t add_demand(ktime_t sum, const struct demand *d, ktime_t t)
{
	ktime_t need;

	if (t < d->deadline)
		return sum;
	if (__builtin_mul_overflow((t - d->deadline) / d->period + 1, d->runtime, &need) ||
		__builtin_add_overflow(sum, need, &sum))
		return KTIME_MAX;
	return sum;
}

/* The last deadline before t of synchronous periodic jobs, or 0. */
static ktime_t deadline_before(const struct demand *d, ktime_t t)
{
	return t <= d->deadline ? 0 : d->deadline + (t - d->deadline - 1) / d->period * d->period;
}

struct set {
	const struct sched_rq *rq;
	const struct sched_entity *but; /* counts as `extra` instead */
	struct demand extra;
};

static ktime_t set_demand(const struct set *set, ktime_t t)
{
	ktime_t sum = add_demand(0, &set->extra, t);
	const struct sched_entity *se;

	for (se = set->rq->reservations; se; se = se->next_reserved) {
		struct demand d = demand_of(set->rq->sched, se);

		if (se != set->but && d.kind == SCHED_KIND_DL)
			sum = add_demand(sum, &d, t);
	}
	return sum;
}

static ktime_t set_deadline_before(const struct set *set, ktime_t t)
{
	ktime_t last = deadline_before(&set->extra, t);
	const struct sched_entity *se;

	for (se = set->rq->reservations; se; se = se->next_reserved) {
		struct demand d = demand_of(set->rq->sched, se);

		if (se != set->but && d.kind == SCHED_KIND_DL)
			last = MAX(last, deadline_before(&d, t));
	}
	return last;
}

/* Sums of C / T, and of (T - D) C / T in ns, rounded up; the largest D. */
struct measure {
	uint64_t utilisation;
	ktime_t slack;
	ktime_t deadline;
};

static void measure(struct measure *m, const struct demand *d)
{
	uint64_t u = ratio(d->runtime, d->period);

	m->utilisation += u;
	if (__builtin_add_overflow(m->slack,
		    ((d->period - d->deadline) / SCHED_BANDWIDTH_ONE + 1) * (ktime_t)u, &m->slack))
		m->slack = KTIME_MAX;
	m->deadline = MAX(m->deadline, d->deadline);
}

static struct measure measure_set(const struct set *set)
{
	const struct sched_entity *se;
	struct measure m = {0};

	measure(&m, &set->extra);
	for (se = set->rq->reservations; se; se = se->next_reserved) {
		struct demand d = demand_of(set->rq->sched, se);

		if (se != set->but && d.kind == SCHED_KIND_DL)
			measure(&m, &d);
	}
	return m;
}

/*
 * Processor demand (Baruah, Rosier and Howell 1990) by quick analysis from the longest interval
 * down (Zhang and Burns 2009): every interval's demand fits into 0.95 of it.
 */
static bool demand_fits(const struct set *set)
{
	struct measure m = measure_set(set);
	ktime_t t;

	if (m.utilisation >= LIMIT || m.slack > KTIME_MAX / 2 / SCHED_BANDWIDTH_ONE)
		return false;
	t = m.slack / (ktime_t)(LIMIT - m.utilisation) * SCHED_BANDWIDTH_ONE;
	t = set_deadline_before(set, MAX(t + SCHED_BANDWIDTH_ONE, m.deadline) + 1);
	for (unsigned step = 0; t && step < TEST_STEPS; step++) {
		ktime_t need = set_demand(set, t), room = t - t / 20 - (t % 20 != 0);

		if (need > room)
			return false;
		t = set_deadline_before(set, t);
	}
	return !t;
}

/* --- fixed priorities by period -------------------------------------------------------------- */

/*
 * Levels from 98 down, so that somebody can be above all. Entities of equal periods share one;
 * who would need more levels than there are is refused.
 */
#define RM_FIRST (SCHED_RANK_FP + 1)
#define RM_LAST  (SCHED_RANK_HANDOVER - 1)

/* Does somebody before `se` on the list have its period? */
static bool period_is_known(
	const struct sched_rq *rq, const struct sched_entity *se, const struct sched_entity *but)
{
	const struct sched_entity *i;

	for (i = rq->reservations; i != se; i = i->next_reserved)
		if (i != but && i->kind == SCHED_KIND_RM && i->period == se->period)
			return true;
	return false;
}

/* One level for each shorter period that another of the CPU's entities has. */
static unsigned rm_rank(const struct sched_rq *rq, const struct sched_entity *but, ktime_t period)
{
	const struct sched_entity *se;
	unsigned rank = RM_FIRST;

	for (se = rq->reservations; se; se = se->next_reserved)
		rank += se != but && se->kind == SCHED_KIND_RM && se->period < period &&
			!period_is_known(rq, se, but);
	return MIN(rank, (unsigned)RM_LAST + 1);
}

/* Time that `other` takes, at most, from a job of `d` that needs `window` to be done. */
static ktime_t add_interference(
	ktime_t sum, const struct demand *other, const struct demand *d, ktime_t window)
{
	ktime_t need, jitter = 0;

	if (other->kind == SCHED_KIND_RM && other->period > d->period)
		return sum;
	if (other->kind == SCHED_KIND_DL) /* late in one period, early in the next */
		jitter = MAX(other->deadline - other->runtime, 0);
	if (__builtin_mul_overflow(
		    DIV_ROUND_UP(window + jitter, other->period), other->runtime, &need) ||
		__builtin_add_overflow(sum, need, &sum))
		return KTIME_MAX;
	return sum;
}

static ktime_t interference(const struct set *set, const struct demand *d,
	const struct sched_entity *self, ktime_t window)
{
	const struct sched_entity *se;
	ktime_t sum = d->runtime;

	for (se = set->rq->reservations; se; se = se->next_reserved) {
		struct demand other = demand_of(set->rq->sched, se);

		if (se != set->but && se != self)
			sum = add_interference(sum, &other, d, window);
	}
	return self ? add_interference(sum, &set->extra, d, window) : sum;
}

/*
 * Exact response-time analysis (Joseph and Pandya 1986): is a job of `d` done in time when all
 * others are released with it? `self` is NULL for set->extra.
 */
static bool responds(const struct set *set, const struct demand *d, const struct sched_entity *self)
{
	ktime_t window = d->runtime;

	for (unsigned step = 0; step < TEST_STEPS && window <= d->deadline; step++) {
		ktime_t next = interference(set, d, self, window);

		if (next == window)
			return true;
		window = next;
	}
	return false;
}

/* The product of 1 + C / T is at most 2 (Bini, Buttazzo and Buttazzo 2001): enough for D = T. */
static bool hyperbolic(const struct set *set)
{
	uint64_t one = SCHED_BANDWIDTH_ONE, product = one;
	const struct sched_entity *se = set->rq->reservations;
	struct demand d = set->extra;

	for (;;) {
		if (d.kind != SCHED_KIND_RM || d.deadline < d.period)
			return false;
		product = DIV_ROUND_UP(product * (one + ratio(d.runtime, d.period)), one);
		if (product > 2 * one)
			return false;
		while (se && se == set->but)
			se = se->next_reserved;
		if (!se)
			return true;
		d = demand_of(set->rq->sched, se);
		se = se->next_reserved;
	}
}

/* Are all rate-monotonic entities done in time, the one that asks among them? */
static bool rm_fits(const struct set *set)
{
	const struct sched_entity *se;

	if (set->extra.kind == SCHED_KIND_RM &&
		(rm_rank(set->rq, set->but, SCHED_PERIOD_MAX + 1) > RM_LAST ||
			!(hyperbolic(set) || responds(set, &set->extra, NULL))))
		return false;
	if (hyperbolic(set))
		return true;
	for (se = set->rq->reservations; se; se = se->next_reserved) {
		struct demand d = demand_of(set->rq->sched, se);

		if (se != set->but && d.kind == SCHED_KIND_RM && !responds(set, &d, se))
			return false;
	}
	return true;
}

/* --- the choice of a CPU --------------------------------------------------------------------- */

static bool dl_fits(const struct set *set, ktime_t now)
{
	const struct sched_rq *rq = set->rq;

	if (sum_density(rq, set->but, now) + density(&set->extra) <= LIMIT)
		return true;
	return rq->sched->config.admission == SCHED_ADMIT_EXACT && demand_fits(set);
}

static bool fits(const struct sched_rq *rq, const struct sched_entity *se, const struct demand *d,
	ktime_t now)
{
	struct set set = {rq, se, *d};

	if (rq->sched->config.admission == SCHED_ADMIT_ALL)
		return true;
	return (d->kind == SCHED_KIND_RM || dl_fits(&set, now)) && rm_fits(&set);
}

/* What is promised on a CPU to anybody. */
static uint64_t sum_promised(const struct sched_rq *rq, const struct sched_entity *but, ktime_t now)
{
	uint64_t sum = sum_density(rq, but, now);
	const struct sched_entity *se;

	for (se = rq->reservations; se; se = se->next_reserved)
		if (se != but && se->kind == SCHED_KIND_RM)
			sum += ratio(se->runtime, se->period);
	return sum;
}

/* Worst fit: of the CPUs that can promise it the one with the most bandwidth left. */
static unsigned choose_cpu(struct sched *s, const struct sched_entity *se,
	const struct cpumask *mask, const struct demand *d, ktime_t now)
{
	unsigned cpu, best = SCHED_NO_CPU;
	uint64_t least = UINT64_MAX;

	cpumask_for_each (cpu, mask) {
		uint64_t sum = sum_promised(s->rq[cpu], se, now);

		if (sum >= least || !fits(s->rq[cpu], se, d, now))
			continue;
		least = sum;
		best = cpu;
	}
	return best;
}

unsigned sched_free_bandwidth(struct sched *s, const struct cpumask *mask, ktime_t now)
{
	uint64_t most = 0;
	unsigned cpu;

	cpumask_for_each (cpu, mask) {
		uint64_t sum = s->rq[cpu] ? sum_density(s->rq[cpu], NULL, now) : LIMIT;

		most = MAX(most, LIMIT - MIN(sum, LIMIT));
	}
	return (unsigned)(most * 1000000 / SCHED_BANDWIDTH_ONE);
}

/* --- being bound ----------------------------------------------------------------------------- */

/* a * b / c, rounded down; the result fits. */
static ktime_t scale(ktime_t a, ktime_t b, ktime_t c)
{
	unsigned __int128 rest = 0, product = (unsigned __int128)a * (uint64_t)b;
	uint64_t quotient = 0;

	for (int bit = 127; bit >= 0; bit--) {
		rest = rest << 1 | (product >> bit & 1);
		quotient <<= 1;
		if (rest >= (uint64_t)c) {
			rest -= (uint64_t)c;
			quotient |= 1;
		}
	}
	return (ktime_t)quotient;
}

/* When se would have used up what it has left, had it used C of every D: rule S6.4. Locked. */
static ktime_t zero_lag(const struct sched_entity *se, ktime_t now)
{
	ktime_t left = se->runtime - (se->stats.time[SCHED_RUNNING] - se->charged_from);

	if (se->release == SCHED_NO_JOB || left >= se->runtime)
		return now;
	return se->release + se->deadline - scale(MAX(left, 0), se->deadline, se->runtime);
}

static void unlink_reservation(struct sched_rq *home, const struct sched_entity *se)
{
	struct sched_entity **link = &home->reservations;

	while (*link != se)
		link = &(*link)->next_reserved;
	*link = se->next_reserved;
}

/* rq, the run queue of se, is locked. */
static void unbind(struct sched_rq *rq, struct sched_entity *se, ktime_t now)
{
	struct sched_rq *home = rq->sched->rq[se->bound];
	struct demand d = demand_of(rq->sched, se);

	now = rq_advance(rq, MAX(now, se->since));
	if (se->state == SCHED_RUNNING)
		entity_account(se, now);
	if (d.kind == SCHED_KIND_DL)
		return_later(home, density(&d), zero_lag(se, now), now);
	unlink_reservation(home, se);
	se->bound = SCHED_NO_CPU;
	sched_entity_set_mask(se, &se->affinity);
}

static void bind(struct sched *s, struct sched_entity *se, unsigned cpu)
{
	se->bound = (uint16_t)cpu;
	se->next_reserved = s->rq[cpu]->reservations;
	s->rq[cpu]->reservations = se;
	sched_entity_set_mask(se, &se->affinity);
}

void sched_give_up_reservation(struct sched_entity *se)
{
	struct sched_rq *rq = entity_rq(se);

	if (se->bound != SCHED_NO_CPU)
		unbind(rq, se, rq->clock);
}

/* Its new reservation is on `cpu`, or it has none; rq, its run queue, is locked and is dropped. */
static void change(struct sched_rq *rq, struct sched_entity *se, const struct sched_params *params,
	unsigned cpu, unsigned from, ktime_t now)
{
	struct sched *s = rq->sched;
	struct sched_change change = {params, 0};

	if (se->bound != cpu && se->bound != SCHED_NO_CPU)
		unbind(rq, se, now);
	if (se->bound != cpu)
		bind(s, se, cpu);
	change.urgency = params->kind == SCHED_KIND_RM
		? MIN(rm_rank(s->rq[cpu], se, params->period), (unsigned)RM_LAST)
		: sched_urgency_given(params);
	sched_change(s, rq, se, &change, from, now);
	sched_move_to_mask(rq, se, from, now);
}

/* The entities of a CPU get the levels that they have now that one more is among them. */
static void order_by_period(
	struct sched *s, const struct sched_rq *home, unsigned from, ktime_t now)
{
	struct sched_entity *se;

	for (se = home->reservations; se; se = se->next_reserved) {
		unsigned rank = MIN(rm_rank(home, NULL, se->period), (unsigned)RM_LAST);
		struct sched_rq *rq;

		if (se->kind != SCHED_KIND_RM || se->own_urgency == rank)
			continue;
		rq = entity_lock(se);
		sched_change(s, rq, se, &(struct sched_change){.urgency = rank}, from, now);
		spin_unlock(&rq->lock);
	}
}

/* A CPU on line that se may run on and that can promise it, its present one if possible. */
static unsigned find_promise(
	struct sched *s, struct sched_entity *se, const struct sched_params *params, ktime_t now)
{
	struct demand d = demand_for(s, params);
	unsigned cpu = se->bound;
	struct cpumask mask;

	cpumask_snapshot(&mask, &s->online);
	cpumask_and(&mask, &mask, &se->affinity);
	if (cpu == SCHED_NO_CPU || !cpumask_test(&mask, cpu) || !fits(s->rq[cpu], se, &d, now))
		cpu = choose_cpu(s, se, &mask, &d, now);
	return cpu;
}

/* The mask was looked at without the run queue's lock: may it be that CPU still? */
static bool promise_holds(const struct sched_entity *se, unsigned cpu)
{
	return cpu == SCHED_NO_CPU || cpumask_test(&se->affinity, cpu);
}

int sched_set_reserved(struct sched *s, struct sched_entity *se, const struct sched_params *params,
	unsigned from, ktime_t now)
{
	unsigned cpu = SCHED_NO_CPU;
	struct sched_rq *rq;

	do {
		if (sched_kind_reserves(params->kind) &&
			(cpu = find_promise(s, se, params, now)) == SCHED_NO_CPU)
			return -EBUSY;
		rq = entity_lock(se);
		if (se->state == SCHED_DEAD) {
			spin_unlock(&rq->lock);
			return -ESRCH;
		}
		if (promise_holds(se, cpu))
			break;
		spin_unlock(&rq->lock);
	} while (true);
	change(rq, se, params, cpu, from, now);
	if (params->kind == SCHED_KIND_RM)
		order_by_period(s, s->rq[cpu], from, now);
	return 0;
}
