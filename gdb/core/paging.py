# SPDX-License-Identifier: MIT
"""
x86-64 page tables in a dump (Intel SDM volume 3, chapter 4.5): one address, or all that is mapped.
"""
import struct

PRESENT, WRITABLE, LARGE, NO_EXECUTE = 1, 2, 1 << 7, 1 << 63
FRAME = (1 << 52) - (1 << 12)
LA57 = 1 << 12  # CR4: five levels
ENTRIES = struct.Struct("<512Q")


class Mapping:
    """A run of virtual addresses that is one run of physical ones, with the same rights."""

    def __init__(self, virtual, physical, size, rights):
        self.virtual, self.physical, self.size, self.rights = virtual, physical, size, rights

    def takes(self, other):
        """Grows by a run that follows it at both ends."""
        if (self.virtual + self.size, self.physical + self.size, self.rights) != (
                other.virtual, other.physical, other.rights):
            return False
        self.size += other.size
        return True


class PageTables:
    def __init__(self, read_physical, cr3, cr4):
        self.read_physical, self.root = read_physical, cr3 & FRAME
        self.levels = 5 if cr4 & LA57 else 4
        self._tables = {}

    def translate(self, address):
        """(physical address, bytes left in its page), or None where nothing is mapped."""
        table = self.root
        for level in range(self.levels, 0, -1):
            shift = 3 + 9 * level
            entry = self._entries(table)[address >> shift & 511]
            if not entry & PRESENT:
                return None
            if level == 1 or level <= 3 and entry & LARGE:
                inside = address & ((1 << shift) - 1)
                return page_of(entry, shift) + inside, (1 << shift) - inside
            table = entry & FRAME
        return None

    def mappings(self):
        """What is mapped, in order, pages that follow one another as one."""
        found = []
        for mapping in self._walk(self.root, self.levels, 0, WRITABLE):
            if not (found and found[-1].takes(mapping)):
                found.append(mapping)
        return found

    def _walk(self, table, level, base, above):
        shift = 3 + 9 * level
        for number, entry in enumerate(self._entries(table)):
            if not entry & PRESENT:
                continue
            virtual = base | number << shift
            rights = above & entry & WRITABLE | (above | entry) & NO_EXECUTE
            if level > 1 and not (level <= 3 and entry & LARGE):
                yield from self._walk(entry & FRAME, level - 1, virtual, rights)
            else:
                yield Mapping(canonical(virtual, self.levels), page_of(entry, shift), 1 << shift, rights)

    def _entries(self, table):
        """Of one table; none where the dump does not have it."""
        if table not in self._tables:
            data = self.read_physical(table, ENTRIES.size)
            self._tables[table] = ENTRIES.unpack(data) if data else (0,) * 512
        return self._tables[table]


def page_of(entry, shift):
    return entry & FRAME & -(1 << shift)


def canonical(address, levels):
    """With the bits above the highest translated one equal to it."""
    top = 1 << (11 + 9 * levels)
    return address | -(top << 1) % (1 << 64) if address & top else address
