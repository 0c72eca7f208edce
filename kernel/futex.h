/* SPDX-License-Identifier: MIT */
/*
 * Futex: waiting for a word of memory to change. Whoever owns the word decides in it, with atomics,
 * whether there is anything to wait for; only then is the kernel asked, and what it keeps exists
 * only while somebody waits. (Franke, Russell and Kirkwood, "Fuss, Futexes and Furwocks", 2002.)
 *
 * A word is known by its key: an address and the space in which that is one (NULL: the kernel's).
 */
#ifndef KERNEL_FUTEX_H
#define KERNEL_FUTEX_H

#include "kernel/wait.h"

struct futex_key {
	const void *space;
	uintptr_t address;
};

/*
 * Waits until woken if the word still is `expected`; may block. `flags` 0 or WAIT_KILLABLE. 0: was
 * woken; -EAGAIN: the word was another; -ETIMEDOUT; -EINTR when the caller is to end; -EINVAL for
 * an address that is not aligned. May return 0 without a wake-up (after a suspension): look at the
 * word again.
 */
int __must_check futex_wait(
	const _Atomic uint32_t *word, uint32_t expected, unsigned flags, ktime_t deadline);

/* Wakes at most `max` who wait, most urgent first, FIFO among equals; how many. Any context. */
unsigned futex_wake(const _Atomic uint32_t *word, unsigned max);

/*
 * Wakes at most `wake` and lets at most `move` others wait for the word `to` from now on, if the
 * first word still is `expected`: how many were woken or moved; -EAGAIN, -EINVAL. Any context.
 */
int __must_check futex_requeue(const _Atomic uint32_t *word, uint32_t expected, unsigned wake,
	const _Atomic uint32_t *to, unsigned move);

/*
 * The same by key, for words that are not simply readable. `changed` is asked with a spinlock held:
 * it must not sleep or fault.
 */
int __must_check futex_wait_key(const struct futex_key *key, bool (*changed)(const void *arg),
	const void *arg, unsigned flags, ktime_t deadline);
unsigned futex_wake_key(const struct futex_key *key, unsigned max);

#endif
