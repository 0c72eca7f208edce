/* SPDX-License-Identifier: MIT */
/*
 * The words every file may use: fixed-width integers, attributes, container_of, ktime_t.
 * Layer 0: includes nothing of the kernel, compiles for every machine and for the host.
 */
#ifndef KERNEL_TYPES_H
#define KERNEL_TYPES_H

#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Nanoseconds since boot. Never ticks. */
typedef int64_t ktime_t;
#define KTIME_MAX     INT64_MAX
#define NSEC_PER_USEC 1000LL
#define NSEC_PER_MSEC 1000000LL
#define NSEC_PER_SEC  1000000000LL

/* A physical address. */
typedef uint64_t paddr_t;

/* The host's C library has this name too. */
#undef __always_inline

#define __must_check        __attribute__((warn_unused_result))
#define __noreturn          __attribute__((noreturn))
#define __noinline          __attribute__((noinline))
#define __always_inline     inline __attribute__((always_inline))
#define __packed            __attribute__((packed))
#define __aligned(n)        __attribute__((aligned(n)))
#define __unused            __attribute__((unused))
#define __used              __attribute__((used))
#define __section(name)     __attribute__((section(name)))
#define __cold              __attribute__((cold))
#define __printf(fmt, args) __attribute__((format(printf, fmt, args)))

#define likely(x)        __builtin_expect(!!(x), 1)
#define unlikely(x)      __builtin_expect(!!(x), 0)
#define barrier()        __asm__ volatile("" ::: "memory")
/* The compiler forgets how a value came about: it keeps it instead of computing it again. */
#define keep_computed(x) __asm__("" : "+r"(x))

#define ARRAY_SIZE(a)      (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)          ((a) < (b) ? (a) : (b))
#define MAX(a, b)          ((a) > (b) ? (a) : (b))
#define DIV_ROUND_UP(n, d) (((n) + (d)-1) / (d))
/* `to` is a power of two. */
#define ALIGN_UP(n, to)    (((n) + (to)-1) & ~((__typeof__(n))(to)-1))
#define ALIGN_DOWN(n, to)  ((n) & ~((__typeof__(n))(to)-1))
#define IS_ALIGNED(n, to)  (((n) & ((__typeof__(n))(to)-1)) == 0)

#define container_of(ptr, type, member)                                                            \
	((type *)((char *)(1 ? (ptr) : &((type *)0)->member) - offsetof(type, member)))

#define static_assert _Static_assert

#endif
