/* SPDX-License-Identifier: MIT */
/*
 * The console as a thing that several parts share: log lines, the output of commands, the line
 * being typed, a panic. console_printf() is in kernel/log.h.
 */
#ifndef KERNEL_CONSOLE_H
#define KERNEL_CONSOLE_H

#include "kernel/types.h"

#define CONSOLE_INPUT_LINE_MAX 160

/* Writes text as it is, in one piece. Any context but NMI. */
void console_write(const char *text, size_t length);

/* Shows what the log has and the console has not. Any context but NMI. */
void console_show_log(void);

/*
 * Draws the line that is being typed, as it is to look on the screen: from now on a log line takes
 * its place and it is drawn again below. `back` is how many columns the cursor stands before its
 * end. NULL: it is complete; what follows goes below it. At most CONSOLE_INPUT_LINE_MAX - 1
 * characters.
 */
void console_set_input_line(const char *line, unsigned back);

/* While a command paints the whole screen log lines wait in the ring. */
void console_hold(bool hold);

/* From now on only panic_printf() writes, whatever state the console was in. */
void console_take_for_panic(void);

/* Straight to the device, without a lock: in a panic and in NMI. */
void panic_printf(const char *fmt, ...) __printf(1, 2);

#endif
