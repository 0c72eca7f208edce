/* SPDX-License-Identifier: MIT */
/* The two 8259 interrupt controllers of old PCs, which are not used. */
#ifndef X86_PIC_H
#define X86_PIC_H

/* Moves their vectors away from the exceptions and masks every line. */
void pic_disable(void);

#endif
