/* SPDX-License-Identifier: MIT */
/*
 * Telling why there is no boot: by polled output to COM1 and to the screen, because nothing of the
 * kernel runs yet. The 32-bit part of boot/entry.S has its own few lines of this.
 */
#include "boot/fail.h"
#include "arch/x86_64/instructions.h"
#include "arch/x86_64/screen.h"
#include "boot/entry.h"
#include "kernel/format.h"
#include <arch/cpu.h>
#include <arch/debug.h>
#include <arch/memory.h>

#define LINE_STATUS      (BOOT_COM1 + 5)
#define LINE_STATUS_FREE 0x20
#define SCREEN_COLUMNS   80
#define SCREEN_ROWS      25
#define WHITE_ON_RED     0x4f00
#define WHITE            0xffffff
#define RED              0xa00000

static_assert(BOOT_EXIT_CODE == ARCH_EXIT_BOOT, "the assembler's copy of the exit code differs");

/* boot/kernel.ld */
extern const char __kernel_start[], __kernel_end[];

static const struct boot_framebuffer *framebuffer;
static unsigned text_cell;
static bool pixels; /* the screen shows these, not text cells */

static void serial_init(void)
{
	static const uint8_t setup[][2] = {
		{1, 0x00},
		{3, 0x80},
		{0, 0x01},
		{1, 0x00},
		{3, 0x03},
		{2, 0xc7},
		{4, 0x03},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(setup); i++)
		out8(BOOT_COM1 + setup[i][0], setup[i][1]);
}

/* Bounded: a stuck port must not keep the message from the screen and the machine from its end. */
static void serial_put(char c)
{
	for (unsigned i = 0; i < 100000; i++)
		if (in8(LINE_STATUS) & LINE_STATUS_FREE)
			break;
	out8(BOOT_COM1, (uint8_t)c);
}

static void text_put(char c)
{
	volatile uint16_t *cells = phys_to_virt(BOOT_VGA_TEXT);

	if (c == '\n')
		text_cell = (text_cell / SCREEN_COLUMNS + 1) * SCREEN_COLUMNS;
	else if (text_cell < SCREEN_COLUMNS * SCREEN_ROWS)
		cells[text_cell++] = WHITE_ON_RED | (uint8_t)c;
}

static void put(char c, void *arg __unused)
{
	if (c == '\n')
		serial_put('\r');
	serial_put(c);
	if (pixels)
		screen_put(c);
	else
		text_put(c);
}

static void print(const char *text)
{
	for (; *text; text++)
		put(*text, NULL);
}

static __noreturn void leave(void)
{
	out32(BOOT_EXIT_PORT, BOOT_EXIT_CODE);
	arch_cpu_stop();
}

/* A loader that is wrong about it may put it where this code is. */
static bool overlaps_kernel(const struct boot_framebuffer *f)
{
	return f->address < (uintptr_t)__kernel_end - ARCH_KERNEL_BASE &&
		f->address + boot_framebuffer_size(f) >
		(uintptr_t)__kernel_start - ARCH_KERNEL_BASE;
}

/* The first page tables reach no farther. */
static bool can_be_drawn_on(const struct boot_framebuffer *f)
{
	return screen_pixels_fit(f) &&
		f->address + boot_framebuffer_size(f) <= 1ull << BOOT_MAPPED_BITS &&
		!overlaps_kernel(f);
}

void boot_fail_show_on(const struct boot_framebuffer *f)
{
	framebuffer = f;
}

void boot_fail(const char *fmt, ...)
{
	va_list args;

	serial_init();
	pixels = framebuffer && can_be_drawn_on(framebuffer);
	if (pixels)
		screen_init(screen_pixels_init(
			framebuffer, phys_to_virt(framebuffer->address), WHITE, RED));
	print("MultiOS cannot boot: ");
	va_start(args, fmt);
	format_to(put, NULL, fmt, args);
	va_end(args);
	print("\n");
	leave();
}
