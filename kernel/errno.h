/* SPDX-License-Identifier: MIT */
/*
 * Error values, from the one list in kernel/errors.def. Functions return 0 or -Exxx: one that Linux
 * has too, or one of ours that says more.
 */
#ifndef KERNEL_ERRNO_H
#define KERNEL_ERRNO_H

enum kernel_errno {
#define ERRNO(name, number, text)                      name = number,
#define ERROR(name, number, abi, text, test, when)     name = number,
#define ERROR_IMPOSSIBLE(name, number, abi, text, why) name = number,
#include "kernel/errors.def"
#undef ERRNO
#undef ERROR
#undef ERROR_IMPOSSIBLE
};

#define ERRNO_CASE(number, result)                                                                 \
	case number:                                                                               \
		return result;

/* "invalid argument" for EINVAL or -EINVAL; "unknown error" for a number not in the list. */
static inline const char *errno_text(int err)
{
	switch (err < 0 ? -err : err) {
#define ERRNO(name, number, text)                      ERRNO_CASE(number, text)
#define ERROR(name, number, abi, text, test, when)     ERRNO_CASE(number, text)
#define ERROR_IMPOSSIBLE(name, number, abi, text, why) ERRNO_CASE(number, text)
#include "kernel/errors.def"
#undef ERRNO
#undef ERROR
#undef ERROR_IMPOSSIBLE
	default:
		return "unknown error";
	}
}

/* "EINVAL" for EINVAL or -EINVAL. */
static inline const char *errno_name(int err)
{
	switch (err < 0 ? -err : err) {
#define ERRNO(name, number, text)                      ERRNO_CASE(number, #name)
#define ERROR(name, number, abi, text, test, when)     ERRNO_CASE(number, #name)
#define ERROR_IMPOSSIBLE(name, number, abi, text, why) ERRNO_CASE(number, #name)
#include "kernel/errors.def"
#undef ERRNO
#undef ERROR
#undef ERROR_IMPOSSIBLE
	default:
		return "E?";
	}
}

/* What the Linux system-call ABI returns for an error: -EAGAIN for -ETHREAD_LIMIT. 0 stays 0. */
static inline int errno_to_linux(int err)
{
	switch (err < 0 ? -err : err) {
#define ERRNO(name, number, text)
#define ERROR(name, number, abi, text, test, when)     ERRNO_CASE(number, -abi)
#define ERROR_IMPOSSIBLE(name, number, abi, text, why) ERRNO_CASE(number, -abi)
#include "kernel/errors.def"
#undef ERRNO
#undef ERROR
#undef ERROR_IMPOSSIBLE
	default:
		return err;
	}
}

#undef ERRNO_CASE
#endif
