/* SPDX-License-Identifier: MIT */
/*
 * The allocators under fire from all CPUs: each has a thread that allocates, stamps, frees, and
 * exchanges what it has with whatever the others left in a row of shared places, so that most
 * things are freed on another CPU than they were allocated on.
 */
#include "kernel/dispatch.h"
#include "kernel/ktest.h"
#include "kernel/thread.h"
#include "mm/frame.h"
#include "mm/kstack.h"
#include "mm/slab.h"
#include <arch/cpu.h>
#include <arch/memory.h>

#define PLACES      32u
#define ROUNDS      4000u /* of all hammers together */
#define MANY        1000u
#define THREADS_MAX 64u

enum kind { KIND_FRAME, KIND_OBJECT, KIND_BYTES, KIND_STACK };

/* Lies in the first bytes of what was allocated. */
struct stamp {
	uint64_t address;
	uint64_t kind;
	uint64_t size; /* frames: order */
};

static _Atomic(struct stamp *) place[PLACES];
static struct slab_cache *cache;
static struct thread *hammers[THREADS_MAX];
static unsigned rounds; /* of each hammer; set before they start */
static _Atomic unsigned bad;

static void *allocate_frames(unsigned order)
{
	paddr_t pa = frame_alloc(order, 0);

	return pa == FRAME_NONE ? NULL : phys_to_virt(pa);
}

static struct stamp *allocate(enum kind kind, size_t *size, uint64_t random)
{
	switch (kind) {
	case KIND_FRAME:
		*size = random % 3;
		return allocate_frames((unsigned)*size);
	case KIND_OBJECT:
		return slab_alloc(cache);
	case KIND_BYTES:
		*size = sizeof(struct stamp) + random % 1500;
		return kmalloc(*size);
	case KIND_STACK:
		*size = KSTACK_MIN * (1 + random % 3);
		return kstack_alloc(*size);
	}
	return NULL;
}

static void release(struct stamp *s)
{
	size_t size = s->size;

	if (s->address != (uintptr_t)s)
		atomic_fetch_add(&bad, 1);
	s->address = 0;
	switch ((enum kind)s->kind) {
	case KIND_FRAME:
		frame_free(virt_to_phys(s), (unsigned)size);
		break;
	case KIND_OBJECT:
		slab_free(cache, s);
		break;
	case KIND_BYTES:
		kfree(s);
		break;
	case KIND_STACK:
		kstack_free(s, size);
		break;
	}
}

static void exchange(struct stamp *mine, unsigned where)
{
	struct stamp *other = atomic_exchange(&place[where], mine);

	if (other)
		release(other);
}

static int hammer(void *seed)
{
	uint64_t random = (uintptr_t)seed * 0x9e3779b97f4a7c15ull + 1;

	for (unsigned i = 0; i < rounds; i++) {
		struct stamp *s;
		size_t size = 0;
		enum kind kind;

		random = random * 6364136223846793005ull + 1442695040888963407ull;
		kind = random >> 33 & 3;
		s = allocate(kind, &size, random >> 40);
		if (s)
			*s = (struct stamp){(uintptr_t)s, kind, size};
		exchange(s, (random >> 54) % PLACES);
		if (i % 64 == 0)
			arch_cpu_relax();
	}
	return 0;
}

static bool is_running(unsigned cpu)
{
	return (!cpu || percpu_offset[cpu]) &&
		atomic_load(&cpu_ptr(cpu_schedulers, cpu)->state) == CPU_RUNNING;
}

static unsigned count_running(void)
{
	unsigned n = 0;

	for (unsigned cpu = 0; cpu < CONFIG_MAX_CPUS; cpu++)
		n += is_running(cpu);
	return n;
}

static unsigned start_hammers(void)
{
	unsigned n = 0;

	rounds = ktest_rounds(ROUNDS) / count_running();
	for (unsigned cpu = 0; cpu < CONFIG_MAX_CPUS && n < THREADS_MAX; cpu++) {
		struct cpumask mask = {{0}};
		struct thread_params params = {
			.name = "hammer",
			.entry = hammer,
			.arg = (void *)(uintptr_t)(cpu + 1),
			.affinity = &mask,
		};

		if (!is_running(cpu))
			continue;
		cpumask_set(&mask, cpu);
		if (thread_create(&hammers[n], &params) == 0)
			thread_start(hammers[n++]);
	}
	return n;
}

/* Waits for the hammers and takes what they left; false if anything went wrong. */
static bool join_hammers(unsigned n)
{
	bool good = n > 0;

	for (unsigned i = 0; i < n; i++)
		good &= thread_join(hammers[i], NULL) == 0;
	for (unsigned i = 0; i < PLACES; i++)
		exchange(NULL, i);
	return good && !atomic_load(&bad);
}

KTEST(mm_smp_hammer)
{
	struct kstack_stats before, after;

	cache = slab_cache_create("hammer", sizeof(struct stamp) + 40, 0);
	KTEST_EXPECT(cache);
	kstack_get_stats(&before);
	KTEST_EXPECT(join_hammers(start_hammers()));
	kstack_get_stats(&after);
	KTEST_EXPECT(after.in_use <= before.in_use + THREADS_MAX);
	slab_cache_destroy(cache);
}

/* Stacks linked through their own memory. */
struct many {
	struct many *next;
};

static struct many *take_many(unsigned n)
{
	struct many *list = NULL;

	while (n--) {
		struct many *stack = kstack_alloc(KSTACK_MIN);

		if (!stack)
			break;
		stack->next = list;
		list = stack;
	}
	return list;
}

static unsigned free_many(struct many *list)
{
	unsigned n = 0;

	for (; list; n++) {
		struct many *next = list->next;

		kstack_free(list, KSTACK_MIN);
		list = next;
	}
	return n;
}

/* True as soon as more than `before` stacks have been unmapped; other CPUs may be slow to answer.
 */
static bool wait_unmapped(uint64_t before)
{
	struct kstack_stats stats;

	for (unsigned tries = 0; tries < 1000; tries++) {
		kstack_get_stats(&stats);
		if (stats.unmapped > before)
			return true;
		(void)thread_sleep(10 * NSEC_PER_MSEC);
	}
	return false;
}

/*
 * More stacks than are kept: the surplus is unmapped while other CPUs run, its addresses are used
 * again, and no CPU sees old memory through them.
 */
KTEST(mm_kstack_unmapped)
{
	struct kstack_stats before;
	struct frame_stats memory;
	unsigned many;

	cache = slab_cache_create("hammer", sizeof(struct stamp), 0);
	KTEST_EXPECT(cache);
	frame_get_stats(&memory);
	many = (unsigned)MIN(memory.free / 3, memory.total / 64 + MANY);
	kstack_get_stats(&before);
	for (unsigned round = 0; round < 2; round++) {
		unsigned n = start_hammers();
		unsigned freed = free_many(take_many(many));

		KTEST_EXPECT(join_hammers(n));
		KTEST_EXPECT(freed > many / 2);
	}
	KTEST_EXPECT(wait_unmapped(before.unmapped));
	slab_cache_destroy(cache);
}
