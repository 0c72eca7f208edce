/* SPDX-License-Identifier: MIT */
/* One entity onto the ready queue and off it again, with others there. And a thread's size. */
#include "bench/bench.h"
#include "mm/slab.h"
#include "sched/queue.h"

#define ENTITIES 1000u

static uint32_t time_add(struct sched_rq *rq, struct sched_entity *se)
{
	ktime_t began = arch_time_now();

	for (unsigned i = 0; i < ENTITIES; i++)
		queue_enter(rq, &se[i], SCHED_WHY_WAKEUP, rq->clock);
	return bench_per(began, ENTITIES);
}

static uint32_t time_remove(struct sched_rq *rq, struct sched_entity *se)
{
	ktime_t began = arch_time_now();

	for (unsigned i = 0; i < ENTITIES; i++)
		queue_unlink(rq, &se[i]);
	return bench_per(began, ENTITIES);
}

/* They are never counted, so nobody but this function sees them. */
static void measure(uint32_t *sample, unsigned samples, bool removal)
{
	struct sched_rq *rq = &this_cpu_ptr(cpu_schedulers)->rq;
	struct sched_entity *se = kzalloc(ENTITIES * sizeof(*se));
	arch_irqflags_t irqs;

	if (!se) {
		ktest_fail(__FILE__, __LINE__, "no memory");
		return;
	}
	for (unsigned i = 0; i < ENTITIES; i++)
		sched_attach_plain(&scheduler, &se[i], SCHED_LEVEL_NORMAL, rq->clock);
	for (unsigned i = 0; i < samples; i++) {
		uint32_t add, removed;

		irqs = spin_lock_irqsave(&rq->lock);
		add = time_add(rq, se);
		removed = time_remove(rq, se);
		spin_unlock_irqrestore(&rq->lock, irqs);
		sample[i] = removal ? removed : add;
	}
	kfree(se);
}

KBENCH(queue_add, "queue-add", 50)
{
	measure(sample, samples, false);
}

KBENCH(queue_remove, "queue-remove", 50)
{
	measure(sample, samples, true);
}

KBENCH(sizeof_thread, "sizeof-thread", 1)
{
	for (unsigned i = 0; i < samples; i++)
		sample[i] = sizeof(struct thread);
}
