/* SPDX-License-Identifier: MIT */
/*
 * The 8259s stay masked for good. They are initialised all the same: a spurious interrupt, which
 * needs no unmasked line, would else arrive on the vector of an exception.
 */
#include "arch/x86_64/pic.h"

#include "arch/x86_64/apic.h"

#define MASTER_COMMAND 0x20
#define MASTER_DATA    0x21
#define SLAVE_COMMAND  0xa0
#define SLAVE_DATA     0xa1

#define ICW1_INIT_WITH_ICW4  0x11
#define ICW3_SLAVE_ON_LINE_2 (1u << 2)
#define ICW3_SLAVE_IDENTITY  2
#define ICW4_8086            1
#define MASK_ALL             0xff

#define PIT_COMMAND 0x43
#define PIT_CHANNEL0_ONE_SHOT                                                                      \
	0x30 /* both bytes of a count, mode 0: waits for a count that never comes */

static void write(uint16_t port, unsigned value)
{
	out8(port, (uint8_t)value);
	in8(0x80); /* old controllers need a moment between two writes */
}

/*
 * The firmware left the 8254 ticking. Nobody hears it, but an emulator wakes for every tick, and in
 * QEMU under icount the ticks end the CPUs' turns at moments that depend on how long the loader
 * took.
 */
static void pit_stop(void)
{
	write(PIT_COMMAND, PIT_CHANNEL0_ONE_SHOT);
}

void pic_disable(void)
{
	write(MASTER_COMMAND, ICW1_INIT_WITH_ICW4);
	write(SLAVE_COMMAND, ICW1_INIT_WITH_ICW4);
	write(MASTER_DATA, VECTOR_PIC);
	write(SLAVE_DATA, VECTOR_PIC + 8);
	write(MASTER_DATA, ICW3_SLAVE_ON_LINE_2);
	write(SLAVE_DATA, ICW3_SLAVE_IDENTITY);
	write(MASTER_DATA, ICW4_8086);
	write(SLAVE_DATA, ICW4_8086);
	write(MASTER_DATA, MASK_ALL);
	write(SLAVE_DATA, MASK_ALL);
	pit_stop();
}
