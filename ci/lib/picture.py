# SPDX-License-Identifier: MIT
"""Reads characters from a picture of QEMU's screen, by the kernel's own glyphs."""
import re
from pathlib import Path

from .qemu import ROOT

COLUMNS, LINES = 8, 16
CURSOR_LINES = (13, 14)
GLYPH = re.compile(r"\['(\\?.)'\] = \{([^}]*)\}")


def glyphs():
    """Lines of pixels, from the top, to character."""
    found = {}
    for name, lines in GLYPH.findall((ROOT / "arch/x86_64/glyphs.c").read_text()):
        drawn = [int(word, 16) for word in lines.split(",")]
        drawn = [0, 0, 0, *drawn] + [0] * (LINES - 3 - len(drawn))
        found[tuple(drawn)] = name[-1]
    return found


class Picture:
    """A PPM file as QMP's screendump writes it."""

    def __init__(self, path):
        kind, size, depth, self.pixels = Path(path).read_bytes().split(b"\n", 3)
        assert (kind, depth) == (b"P6", b"255"), (kind, depth)
        self.width, self.height = map(int, size.split())
        assert len(self.pixels) == 3 * self.width * self.height
        self.rows, self.columns = self.height // LINES, self.width // COLUMNS

    def pixel(self, x, y):
        at = 3 * (y * self.width + x)
        return tuple(self.pixels[at:at + 3])

    def cell(self, row, column, ink):
        """The lines of a cell as bits: where its pixels have the colour `ink`."""
        lines = []
        for y in range(row * LINES, (row + 1) * LINES):
            bits = 0
            for x in range(column * COLUMNS, (column + 1) * COLUMNS):
                bits = bits << 1 | (self.pixel(x, y) == ink)
            lines.append(bits)
        return lines

    def text(self, ink):
        """Rows of characters; the cursor is not seen, what is no glyph is a question mark."""
        known, rows = glyphs(), []
        for row in range(self.rows):
            line = ""
            for column in range(self.columns):
                lines = self.cell(row, column, ink)
                if all(lines[i] == 0xff for i in CURSOR_LINES):
                    for i in CURSOR_LINES:
                        lines[i] = 0
                line += known.get(tuple(lines), "?")
            rows.append(line.rstrip())
        return rows
