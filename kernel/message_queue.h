/* SPDX-License-Identifier: MIT */
/*
 * Message queue: messages of one size, first in, first out. Who sends waits while it is full, who
 * receives while it is empty; both are served by urgency, FIFO among equals. A message for which
 * somebody waits goes to its buffer directly.
 */
#ifndef KERNEL_MESSAGE_QUEUE_H
#define KERNEL_MESSAGE_QUEUE_H

#include "kernel/wait.h"

#define MESSAGE_SIZE_MAX 256u /* bytes; they are copied with interrupts off */

/* (q) lock of the queue, (c) constant */
struct message_queue {
	struct wait_queue queue; /* those who send while it is full, or receive while it is empty */
	char *messages;          /* (q) a ring; NULL after message_queue_destroy() */
	uint32_t size;           /* (c) bytes of a message */
	uint32_t capacity;       /* (c) messages */
	uint32_t first, count;   /* (q) where the oldest is; how many there are */
};

/* 0; -EINVAL for a size of 0 or above MESSAGE_SIZE_MAX, or no capacity; -ENOMEM. May block. */
int __must_check message_queue_init(
	struct message_queue *m, const char *name, uint32_t size, uint32_t capacity);

/*
 * Frees the ring; messages in it are lost. 0, or -EBUSY while somebody waits. Any other call
 * answers -EINVAL afterwards.
 */
int __must_check message_queue_destroy(struct message_queue *m);

/*
 * Send and receive one message, of the queue's size; may block. `flags` 0 or WAIT_KILLABLE. 0,
 * -ETIMEDOUT, -EINTR when the caller is to end, -EINVAL. Messages and buffers are in kernel memory.
 */
int __must_check message_queue_send(
	struct message_queue *m, const void *message, unsigned flags, ktime_t deadline);
int __must_check message_queue_receive(
	struct message_queue *m, void *message, unsigned flags, ktime_t deadline);

/* The same without waiting: -EAGAIN when it is full or empty. Any context but NMI. */
int __must_check message_queue_try_send(struct message_queue *m, const void *message);
int __must_check message_queue_try_receive(struct message_queue *m, void *message);

/* Messages there now; may be out of date as soon as it is read. */
uint32_t message_queue_count(const struct message_queue *m);

#endif
