/* SPDX-License-Identifier: MIT */
/*
 * The console device: the first serial port, and the screen if there is one that we can draw on.
 *
 * The caller serialises arch_putc(); nothing here takes a lock, so that a panic can always print.
 * The serial port is written by polling its line status, as Bochs and real ports need it.
 */
#include "arch/x86_64/console.h"
#include "arch/x86_64/instructions.h"
#include "arch/x86_64/screen.h"
#include "boot/boot_info.h"
#include "boot/entry.h"
#include "kernel/entry.h"
#include <arch/cpu.h>
#include <arch/debug.h>
#include <arch/init.h>
#include <arch/irq.h>
#include <arch/memory.h>

#define SERIAL_PORT       0x3f8
#define SERIAL_LINE       4
#define SERIAL_DATA       (SERIAL_PORT + 0)
#define SERIAL_INTERRUPTS (SERIAL_PORT + 1)
#define SERIAL_FIFO       (SERIAL_PORT + 2)
#define SERIAL_FORMAT     (SERIAL_PORT + 3)
#define SERIAL_MODEM      (SERIAL_PORT + 4)
#define SERIAL_STATUS     (SERIAL_PORT + 5)
#define SERIAL_SCRATCH    (SERIAL_PORT + 7)

#define FORMAT_8N1                0x03
#define FORMAT_DIVISOR            0x80
#define FIFO_ON_AND_CLEAR         0x07
#define MODEM_READY_AND_INTERRUPT 0x0b
#define INTERRUPT_RECEIVED        0x01
#define STATUS_RECEIVED           0x01
#define STATUS_CAN_SEND           0x20
#define STATUS_ALL_SENT           0x40

#define INK   0xc0c0c0 /* light grey on black */
#define PAPER 0x000000

/* A port that does not get ready in this many polls is taken for stuck; the byte is dropped. */
#define SERIAL_POLLS_MAX 100000
/* One interrupt takes at most this many bytes, so that a stuck port cannot hold a CPU. */
#define SERIAL_BURST_MAX 64

static bool serial_present; /* (c) */
static bool screen_present; /* (c) */

static bool serial_probe(void)
{
	out8(SERIAL_SCRATCH, 0x5a);
	if (in8(SERIAL_SCRATCH) != 0x5a)
		return false;
	out8(SERIAL_SCRATCH, 0xa5);
	return in8(SERIAL_SCRATCH) == 0xa5;
}

/* 115200 baud, 8 data bits, no parity, one stop bit. */
static void serial_init(void)
{
	out8(SERIAL_INTERRUPTS, 0);
	out8(SERIAL_FORMAT, FORMAT_DIVISOR);
	out8(SERIAL_DATA, 1);
	out8(SERIAL_INTERRUPTS, 0);
	out8(SERIAL_FORMAT, FORMAT_8N1);
	out8(SERIAL_FIFO, FIFO_ON_AND_CLEAR);
	out8(SERIAL_MODEM, MODEM_READY_AND_INTERRUPT);
}

static bool serial_wait(uint8_t status)
{
	for (unsigned i = 0; i < SERIAL_POLLS_MAX; i++) {
		if (in8(SERIAL_STATUS) & status)
			return true;
		arch_cpu_relax();
	}
	return false;
}

static void serial_put(char c)
{
	if (serial_wait(STATUS_CAN_SEND))
		out8(SERIAL_DATA, (uint8_t)c);
}

void console_flush(void)
{
	if (serial_present)
		(void)serial_wait(STATUS_ALL_SENT);
}

static void serial_interrupt(unsigned line, void *arg)
{
	(void)line;
	(void)arg;
	for (unsigned i = 0; i < SERIAL_BURST_MAX && in8(SERIAL_STATUS) & STATUS_RECEIVED; i++)
		entry_console_input((char)in8(SERIAL_DATA));
}

/* A machine booted by a BIOS starts in text mode unless the loader changed it. */
static bool screen_has_text(const struct boot_info *boot)
{
	return boot->framebuffer.address ? boot->framebuffer.kind == BOOT_TEXT : !boot->efi;
}

/* What the screen shows can be reached below `mapped` in the direct map. NULL: there is none. */
static const struct screen_display *choose_display(const struct boot_info *boot, uint64_t mapped)
{
	const struct boot_framebuffer *f = &boot->framebuffer;

	if (screen_has_text(boot))
		return screen_text_init();
	if (!screen_pixels_fit(f) || f->address + boot_framebuffer_size(f) > mapped)
		return NULL;
	return screen_pixels_init(f, phys_to_virt(f->address), INK, PAPER);
}

static void start_screen(const struct boot_info *boot, uint64_t mapped)
{
	const struct screen_display *display = choose_display(boot, mapped);

	if (display)
		screen_init(display);
	screen_present = display;
}

void arch_console_init(const struct boot_info *boot)
{
	serial_present = serial_probe();
	if (serial_present)
		serial_init();
	start_screen(boot, 1ull << BOOT_MAPPED_BITS);
}

void console_init_late(const struct boot_info *boot)
{
	if (!screen_present)
		start_screen(boot, ARCH_VMAP_BASE - ARCH_DIRECT_MAP);
}

void arch_screen_clear(void)
{
	for (const char *c = "\x1b[H\x1b[2J"; screen_present && *c; c++)
		screen_put(*c);
}

int arch_console_start(void)
{
	int err;

	if (!serial_present)
		return 0;
	err = arch_irq_attach(SERIAL_LINE, 0, serial_interrupt, NULL, "serial");
	if (!err)
		out8(SERIAL_INTERRUPTS, INTERRUPT_RECEIVED);
	return err;
}

void arch_putc(char c)
{
	if (serial_present) {
		if (c == '\n')
			serial_put('\r');
		serial_put(c);
	}
	if (screen_present)
		screen_put(c);
}
