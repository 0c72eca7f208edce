/* SPDX-License-Identifier: MIT */
/*
 * Control blocks with their stacks. A pair whose stack has the default size is kept together, in a
 * short list per CPU: most threads are created soon after another has ended. List and count
 * belong to the CPU, interrupts off.
 */
#include "kernel/errno.h"
#include "kernel/thread.h"
#include "kernel/thread_private.h"
#include "mm/leaks.h"
#include "mm/slab.h"

#define CACHE_MAX 16u

/* (l) own CPU only, interrupts off */
struct thread_cache {
	struct thread *first; /* (l) linked by cache_next */
	unsigned count;       /* (l) */
};
static DEFINE_PERCPU(struct thread_cache, thread_caches);
static struct slab_cache *thread_slab;

int thread_alloc_init(void)
{
	thread_slab = slab_cache_create("thread", sizeof(struct thread), ARCH_CACHE_LINE);
	return thread_slab ? 0 : -ENOMEM;
}

void thread_construct(struct thread *t)
{
	t->se = (struct sched_entity){0};
	t->arch = (struct arch_thread){0};
	t->held = NULL;
	t->mutex_waited = NULL;
	t->hung_since = 0;
	t->mutex_node = (struct rb_node){0};
	t->donors = (struct rb_tree){0};
	wait_init_thread(t);
	wait_queue_init(&t->exit_queue, WAIT_KIND_JOIN, "exit_queue", LOCK_RANK_THREAD);
	thread_stop_timer_init(t);
	list_node_init(&t->process_node);
}

/* Is everything that thread_construct() sets as it was? */
static inline void assert_rests(const struct thread *t)
{
	KASSERT(!t->held && !t->mutex_waited && rb_empty(&t->donors));
	KASSERT(atomic_load(&t->wait_state) == WAIT_NONE && !atomic_load(&t->wait_queue));
	KASSERT(!list_linked(&t->wait_node) && !list_linked(&t->process_node));
	KASSERT(list_empty(&t->exit_queue.waiters) && !spin_held(&t->exit_queue.lock));
	KASSERT(!timer_pending(&t->wait_timer) && !timer_pending(&t->stop_timer));
	(void)t;
}

static inline struct thread *take_cached(void)
{
	arch_irqflags_t irqs = arch_irq_save();
	struct thread_cache *cache = this_cpu_ptr(thread_caches);
	struct thread *t = cache->first;

	if (t) {
		cache->first = t->cache_next;
		cache->count--;
	}
	arch_irq_restore(irqs);
	if (t) {
		mm_claim(t);
		kstack_claim(t->stack_base);
	}
	return t;
}

static inline bool put_cached(struct thread *t)
{
	arch_irqflags_t irqs = arch_irq_save();
	struct thread_cache *cache = this_cpu_ptr(thread_caches);
	bool room = cache->count < CACHE_MAX;

	if (room) {
		mm_keep(t);
		kstack_keep(t->stack_base);
		t->cache_next = cache->first;
		cache->first = t;
		cache->count++;
	}
	arch_irq_restore(irqs);
	return room;
}

static __noinline struct thread *allocate(size_t stack_size)
{
	struct thread *t = slab_alloc(thread_slab);

	if (!t)
		return NULL;
	thread_construct(t);
	t->stack_size = stack_size;
	t->stack_base = kstack_alloc(stack_size);
	if (t->stack_base)
		return t;
	slab_free(thread_slab, t);
	return NULL;
}

struct thread *thread_alloc(size_t stack_size)
{
	struct thread *t = stack_size == KSTACK_DEFAULT ? take_cached() : NULL;

	return t ? t : allocate(stack_size);
}

static __noinline void release(struct thread *t)
{
	kstack_free(t->stack_base, t->stack_size);
	slab_free(thread_slab, t);
}

void thread_free(struct thread *t)
{
	assert_rests(t);
	if (t->stack_size != KSTACK_DEFAULT || !put_cached(t))
		release(t);
}

void thread_drain_cache(void)
{
	struct thread *t;

	while ((t = take_cached()))
		release(t);
}
