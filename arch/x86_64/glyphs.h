/* SPDX-License-Identifier: MIT */
/* Pictures of the printable ASCII characters, 8 by 16 pixels each. Pure data. */
#ifndef X86_GLYPHS_H
#define X86_GLYPHS_H

#include "kernel/types.h"

#define GLYPH_COLUMNS 8u
#define GLYPH_LINES   16u

#define GLYPH_TOP 3u /* the lines above are blank */

/* From GLYPH_TOP down to GLYPH_LINES; of a line's bits the highest is the left pixel. */
const uint8_t *glyph_drawn(char c);

static inline uint8_t glyph_line(char c, unsigned line)
{
	return line < GLYPH_TOP ? 0 : glyph_drawn(c)[line - GLYPH_TOP];
}

#endif
