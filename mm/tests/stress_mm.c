/* SPDX-License-Identifier: MIT */
/*
 * Frames, slabs and kmalloc used by real threads at once, under ThreadSanitizer. Each thread is a
 * CPU; what one allocates another may free, through a row of shared places.
 */
#include "kernel/types.h"
#include <arch/host_test.h>
#include "mm/leaks.h"
#include "mm/tests/mm_machine.h"
#include <pthread.h>

#define CPUS   4u
#define PLACES 64u
#define ROUNDS 10000ul

struct stamp {
	uintptr_t address;
	unsigned kind; /* 0 to 2: frames of that order; 3: object; 4: kmalloc */
};

static _Atomic(struct stamp *) place[PLACES];
static struct slab_cache *cache;
static uint64_t seed;

static struct stamp *allocate(unsigned kind, struct host_random *r)
{
	paddr_t pa;

	if (kind == 3)
		return slab_alloc(cache);
	if (kind == 4)
		return kmalloc(sizeof(struct stamp) + host_random_below(r, 3000));
	pa = frame_alloc(kind, 0);
	return pa == FRAME_NONE ? NULL : phys_to_virt(pa);
}

static void release(struct stamp *s)
{
	BUG_ON(s->address != (uintptr_t)s);
	if (s->kind == 3)
		slab_free(cache, s);
	else if (s->kind == 4)
		kfree(s);
	else
		frame_free(virt_to_phys(s), s->kind);
}

static void *run(void *cpu)
{
	struct host_random r = {seed + (uintptr_t)cpu};

	arch_host_become((unsigned)(uintptr_t)cpu);
	arch_host_irqs_off = false;
	for (unsigned long i = 0; i < host_rounds(ROUNDS); i++) {
		unsigned kind = host_random_below(&r, 5);
		struct stamp *s = allocate(kind, &r);

		if (s)
			*s = (struct stamp){(uintptr_t)s, kind};
		s = atomic_exchange(&place[host_random_below(&r, PLACES)], s);
		if (s)
			release(s);
		if (i % 1000 == 999)
			slab_reclaim();
	}
	return NULL;
}

int main(void)
{
	pthread_t thread[CPUS];
	struct frame_stats stats;

	arch_host_init(CPUS);
	mm_machine_start(24 * MIB);
	cache = slab_cache_create("stress", sizeof(struct stamp) + 30, 0);
	seed = host_random_start("stress_mm").state;
	for (uintptr_t cpu = 0; cpu < CPUS; cpu++)
		BUG_ON(pthread_create(&thread[cpu], NULL, run, (void *)cpu));
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		pthread_join(thread[cpu], NULL);
	for (unsigned i = 0; i < PLACES; i++)
		if (place[i])
			release(place[i]);
	BUG_ON(mm_report_leaks());
	slab_cache_destroy(cache);
	frame_get_stats(&stats);
	printf("%llu of %llu pages free\n", (unsigned long long)stats.free,
		(unsigned long long)stats.total);
	return stats.failures != 0;
}
