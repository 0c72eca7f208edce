/* SPDX-License-Identifier: MIT */
/*
 * Message queue. Senders wait only while it is full and receivers only while it is empty, so one
 * queue has only one kind of them at a time. Whoever comes does the other's copy: a woken thread
 * has sent or received.
 */
#include "kernel/message_queue.h"
#include "kernel/errno.h"
#include "kernel/string.h"
#include "kernel/wait_private.h"
#include "mm/slab.h"

int message_queue_init(struct message_queue *m, const char *name, uint32_t size, uint32_t capacity)
{
	if (!size || size > MESSAGE_SIZE_MAX || !capacity)
		return -EINVAL;
	*m = (struct message_queue){.size = size, .capacity = capacity};
	m->messages = kmalloc((size_t)size * capacity);
	if (!m->messages)
		return -ENOMEM;
	wait_queue_init(&m->queue, WAIT_KIND_MESSAGES, name, LOCK_RANK_WAITQ);
	return 0;
}

int message_queue_destroy(struct message_queue *m)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&m->queue.lock);
	bool busy = !wait_queue_empty(&m->queue);
	char *messages = m->messages;

	if (!busy)
		m->messages = NULL;
	spin_unlock_irqrestore(&m->queue.lock, irqs);
	if (busy)
		return -EBUSY;
	kfree(messages);
	return 0;
}

uint32_t message_queue_count(const struct message_queue *m)
{
	return *(const volatile uint32_t *)&m->count;
}

/* --- the ring; the queue's lock is held ------------------------------------------------------ */

static void push(struct message_queue *m, const void *message)
{
	uint32_t at = (uint32_t)(((uint64_t)m->first + m->count) % m->capacity);

	KASSERT(m->count < m->capacity);
	memcpy(m->messages + (size_t)at * m->size, message, m->size);
	m->count++;
}

static void pop(struct message_queue *m, void *message)
{
	KASSERT(m->count);
	memcpy(message, m->messages + (size_t)m->first * m->size, m->size);
	m->first = m->first + 1 == m->capacity ? 0 : m->first + 1;
	m->count--;
}

/* 0 or -EAGAIN. A receiver waits only while the ring is empty: it gets this message. */
static int send_now(struct message_queue *m, const void *message)
{
	struct thread *receiver;

	if (!m->messages)
		return -EINVAL;
	if (m->count == m->capacity)
		return -EAGAIN;
	receiver = m->count ? NULL : wait_take_one(&m->queue);
	if (!receiver) {
		push(m, message);
		return 0;
	}
	memcpy(receiver->wait_data, message, m->size);
	wait_wake(receiver);
	return 0;
}

/* A sender waits only while the ring is full: its message fills the place that is free now. */
static int receive_now(struct message_queue *m, void *message)
{
	struct thread *sender;
	bool was_full = m->count == m->capacity;

	if (!m->messages)
		return -EINVAL;
	if (!m->count)
		return -EAGAIN;
	pop(m, message);
	sender = was_full ? wait_take_one(&m->queue) : NULL;
	if (sender) {
		push(m, sender->wait_data);
		wait_wake(sender);
	}
	return 0;
}

/* --- calls ----------------------------------------------------------------------------------- */

int message_queue_try_send(struct message_queue *m, const void *message)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&m->queue.lock);
	int err = send_now(m, message);

	spin_unlock_irqrestore(&m->queue.lock, irqs);
	preempt_check();
	return err;
}

int message_queue_try_receive(struct message_queue *m, void *message)
{
	arch_irqflags_t irqs = spin_lock_irqsave(&m->queue.lock);
	int err = receive_now(m, message);

	spin_unlock_irqrestore(&m->queue.lock, irqs);
	preempt_check();
	return err;
}

/* Until `message` has gone, or come, by this thread's or another's doing. */
static int transfer(struct message_queue *m, void *message, bool send, unsigned flags,
	ktime_t deadline, void *site)
{
	int err;

	wait_queue_lock(&m->queue);
	do {
		err = send ? send_now(m, message) : receive_now(m, message);
		if (err != -EAGAIN) {
			wait_queue_unlock(&m->queue);
			return err;
		}
		thread_current()->wait_data = message;
		err = wait_block_at(&m->queue, flags, deadline, site);
		if (err == -EAGAIN)
			spin_lock(&m->queue.lock);
	} while (err == -EAGAIN);
	arch_irq_enable();
	return err;
}

int message_queue_send(
	struct message_queue *m, const void *message, unsigned flags, ktime_t deadline)
{
	return transfer(
		m, (void *)(uintptr_t)message, true, flags, deadline, __builtin_return_address(0));
}

int message_queue_receive(struct message_queue *m, void *message, unsigned flags, ktime_t deadline)
{
	return transfer(m, message, false, flags, deadline, __builtin_return_address(0));
}
