/* SPDX-License-Identifier: MIT */
/*
 * What a thread waits for, and its place there, seen from outside.
 *
 * What it waits for may be on somebody's stack, and gone as soon as the wait is over. While the
 * thread's run-queue lock is held and its wait is undecided, it cannot come back from the wait: so
 * long the queue exists. Its lock comes before the run queue's, hence is only tried for.
 */
#include "kernel/format.h"
#include "kernel/mutex_private.h"
#include "kernel/wait_private.h"

/* The queue in which `t` is bound to stay while the lock of `rq`, its run queue, is held. */
static struct wait_queue *stable_queue(const struct thread *t)
{
	if (t->se.state != SCHED_BLOCKED || !(atomic_load(&t->wait_state) & WAIT_WAITING))
		return NULL;
	return wait_queue_of(t);
}

/* The run queue's lock is held. False: the queue's lock was not to be had, try again. */
static bool try_requeue(struct thread *t)
{
	struct wait_queue *q = stable_queue(t);

	if (!q)
		return true;
	if (!spin_trylock(&q->lock))
		return false;
	if (q == wait_queue_of(t) && list_linked(&t->wait_node) &&
		t->wait_urgency != t->se.urgency) {
		list_remove(&t->wait_node);
		wait_enqueue(q, t);
	}
	spin_unlock(&q->lock);
	return true;
}

void wait_urgency_changed(struct thread *t)
{
	bool done;

	do {
		arch_irqflags_t irqs = arch_irq_save();
		struct sched_rq *rq = dispatch_lock_rq_of(t);

		done = !rq || try_requeue(t);
		if (rq)
			spin_unlock(&rq->lock);
		arch_irq_restore(irqs);
		if (!done)
			arch_cpu_relax();
	} while (!done);
}

static const char *kind_text(const struct wait_queue *q)
{
	static const char *const texts[] = {
#define WAIT_KIND(name, text) text,
#include "kernel/wait_kinds.def"
#undef WAIT_KIND
	};

	return q->kind < ARRAY_SIZE(texts) ? texts[q->kind] : "?";
}

static int describe_queue(const struct wait_queue *q, char *buf, size_t size)
{
	const struct thread *joined = container_of(q, struct thread, exit_queue);

	if (q->kind != WAIT_KIND_JOIN)
		return format_string(buf, size, "%s %s", kind_text(q), q->name);
	return format_string(buf, size, "%s %llu (%s)", kind_text(q),
		(unsigned long long)joined->thread_id, joined->name);
}

static int describe_mutex(const struct mutex *m, char *buf, size_t size)
{
	const struct thread *owner = mutex_owner(m);

	if (!owner)
		return format_string(buf, size, "mutex %s", m->name);
	return format_string(buf, size, "mutex %s of %llu (%s)", m->name,
		(unsigned long long)owner->thread_id, owner->name);
}

/* The run queue's lock is held. */
static int describe_stable(const struct thread *t, char *buf, size_t size)
{
	const struct wait_queue *q = stable_queue(t);

	if (q)
		return describe_queue(q, buf, size);
	return format_string(buf, size, "%s", t->se.state == SCHED_BLOCKED ? "time" : "");
}

int wait_describe(struct thread *t, char *buf, size_t size)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&mutex_wait_lock);
	struct sched_rq *rq = dispatch_lock_rq_of(t);
	int length;

	if (t->mutex_waited)
		length = describe_mutex(t->mutex_waited, buf, size);
	else
		length = rq ? describe_stable(t, buf, size) : format_string(buf, size, "%s", "");
	if (rq)
		spin_unlock(&rq->lock);
	spin_unlock_irqrestore(&mutex_wait_lock, irqs);
	return length;
}
