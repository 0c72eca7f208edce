/* SPDX-License-Identifier: MIT */
/*
 * Put in front of every file that the explorer compiles (ci/make/explore.mk): the operations of
 * <stdatomic.h> and the pause of a spinning lock become places where another virtual CPU may go on.
 *
 * With explore_buffered set, plain stores wait in a buffer of their CPU, as on x86 (Intel SDM
 * 8.2.3): loads of other CPUs do not see them until a read-modify-write, a sequentially consistent
 * store or a fence of that CPU. So a fence that is missing is a store that comes too late.
 */
#ifndef SCHED_TESTS_EXPLORE_ATOMICS_H
#define SCHED_TESTS_EXPLORE_ATOMICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

extern bool explore_buffered;
extern unsigned long explore_points, explore_stop;

void explore_preempt(void);
void explore_relax(void);
void explore_flush(void);
void explore_store(volatile void *to, const void *value, size_t size);
bool explore_own_store(const volatile void *from, void *value, size_t size);

static inline __attribute__((always_inline)) void explore_point(void)
{
	if (__builtin_expect(++explore_points == explore_stop, 0))
		explore_preempt();
}

static inline __attribute__((always_inline)) void explore_fence(void)
{
	explore_point();
	if (__builtin_expect(explore_buffered, 0))
		explore_flush();
}

/* The type of what p points to, without its qualifiers. */
#define explore_typeof(p) __typeof__((void)0, *(p))

#undef atomic_load_explicit
#undef atomic_load
#undef atomic_store_explicit
#undef atomic_store
#undef atomic_exchange_explicit
#undef atomic_exchange
#undef atomic_compare_exchange_weak
#undef atomic_compare_exchange_weak_explicit
#undef atomic_compare_exchange_strong_explicit
#undef atomic_compare_exchange_strong
#undef atomic_fetch_add_explicit
#undef atomic_fetch_add
#undef atomic_fetch_sub_explicit
#undef atomic_fetch_sub
#undef atomic_fetch_or_explicit
#undef atomic_fetch_or
#undef atomic_fetch_and_explicit
#undef atomic_fetch_and
#undef atomic_thread_fence

#define atomic_load_explicit(p, order)                                                             \
	({                                                                                         \
		__auto_type explore_p = (p);                                                       \
		explore_typeof(explore_p) explore_v;                                               \
		explore_point();                                                                   \
		if (!explore_buffered ||                                                           \
			!explore_own_store(explore_p, &explore_v, sizeof(explore_v)))              \
			__atomic_load(explore_p, &explore_v, __ATOMIC_SEQ_CST);                    \
		explore_v;                                                                         \
	})
#define atomic_load(p) atomic_load_explicit(p, memory_order_seq_cst)

#define atomic_store_explicit(p, v, order)                                                         \
	({                                                                                         \
		__auto_type explore_to = (p);                                                      \
		explore_typeof(explore_to) explore_value = (v);                                    \
		explore_point();                                                                   \
		if (explore_buffered && (order) != memory_order_seq_cst) {                         \
			explore_store(explore_to, &explore_value, sizeof(explore_value));          \
		} else {                                                                           \
			if (explore_buffered)                                                      \
				explore_flush();                                                   \
			__atomic_store(explore_to, &explore_value, __ATOMIC_SEQ_CST);              \
		}                                                                                  \
	})
#define atomic_store(p, v) atomic_store_explicit(p, v, memory_order_seq_cst)

#define explore_rmw(builtin, p, v)                                                                 \
	({                                                                                         \
		explore_fence();                                                                   \
		builtin(p, v, __ATOMIC_SEQ_CST);                                                   \
	})
#define atomic_exchange_explicit(p, v, order)  explore_rmw(__atomic_exchange_n, p, v)
#define atomic_exchange(p, v)                  explore_rmw(__atomic_exchange_n, p, v)
#define atomic_fetch_add_explicit(p, v, order) explore_rmw(__atomic_fetch_add, p, v)
#define atomic_fetch_add(p, v)                 explore_rmw(__atomic_fetch_add, p, v)
#define atomic_fetch_sub_explicit(p, v, order) explore_rmw(__atomic_fetch_sub, p, v)
#define atomic_fetch_sub(p, v)                 explore_rmw(__atomic_fetch_sub, p, v)
#define atomic_fetch_or_explicit(p, v, order)  explore_rmw(__atomic_fetch_or, p, v)
#define atomic_fetch_or(p, v)                  explore_rmw(__atomic_fetch_or, p, v)
#define atomic_fetch_and_explicit(p, v, order) explore_rmw(__atomic_fetch_and, p, v)
#define atomic_fetch_and(p, v)                 explore_rmw(__atomic_fetch_and, p, v)
#define atomic_compare_exchange_weak(p, expected, v)                                               \
	({                                                                                         \
		explore_fence();                                                                   \
		__atomic_compare_exchange_n(                                                       \
			p, expected, v, true, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                 \
	})
#define atomic_compare_exchange_weak_explicit(p, expected, v, yes, no)                             \
	atomic_compare_exchange_strong_explicit(p, expected, v, yes, no)
#define atomic_compare_exchange_strong_explicit(p, expected, v, yes, no)                           \
	({                                                                                         \
		explore_fence();                                                                   \
		__atomic_compare_exchange_n(                                                       \
			p, expected, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                \
	})
#define atomic_compare_exchange_strong(p, expected, v)                                             \
	atomic_compare_exchange_strong_explicit(p, expected, v, 0, 0)
#define atomic_thread_fence(order) explore_fence()

#define __builtin_ia32_pause explore_relax

#endif
