# SPDX-License-Identifier: MIT
"""
The one reading interface: a live machine or a core behind gdb, or recorded memory in tests. The
model and the commands know nothing else of where bytes come from. Nothing here writes.
"""

from multios import layout


class Unreadable(Exception):
    """Memory that cannot be read now: not mapped, or the machine is not that far yet."""


class Target:
    """What a model needs. `read` returns exactly `size` bytes or raises Unreadable."""

    def read(self, address, size):
        raise NotImplementedError

    def symbol(self, name):
        """
        Link address of a variable or function, or None when the kernel has no such name. A static
        variable whose name others may have too is given as file::name.
        """
        raise NotImplementedError

    def variable(self, name):
        """The decoded value of a variable whose type may have no name, as an array or a struct."""
        raise NotImplementedError

    def layout(self, name):
        """layout.Struct of `struct NAME`."""
        raise NotImplementedError

    def enum(self, name):
        """{value: enumerator} of `enum NAME`; empty when the kernel has no such enum."""
        raise NotImplementedError

    def build_id(self):
        """Of the symbol file, in hexadecimal; None when it has none."""
        raise NotImplementedError

    def struct(self, name, address):
        """Reads a whole `struct NAME`."""
        kind = self.layout(name)
        return kind.decode(self, address, self.read(address, kind.size))

    def integer(self, address, size=8, signed=False):
        return int.from_bytes(self.read(address, size), "little", signed=signed)

    def text(self, address, limit=256):
        """A C string; read in pieces that do not cross a page more often than needed."""
        out = b""
        while len(out) < limit:
            piece = self.read(address + len(out), min(64, 4096 - (address + len(out)) % 4096))
            end = piece.find(b"\0")
            if end >= 0:
                return (out + piece[:end]).decode("utf-8", "replace")
            out += piece
        return out[:limit].decode("utf-8", "replace") + "…"


class RecordedTarget(Target):
    """Recorded memory: {address: bytes}, symbols, layouts and enums given by a test."""

    def __init__(self, memory, symbols=None, layouts=None, enums=None, build=None):
        self.memory, self.symbols = memory, symbols or {}
        self.layouts, self.enums = layouts or {}, enums or {}
        self.build = build

    def read(self, address, size):
        for start, data in self.memory.items():
            if start <= address and address + size <= start + len(data):
                return data[address - start:address - start + size]
        raise Unreadable("0x%x is not in the recording" % address)

    def symbol(self, name):
        return self.symbols.get(name)

    def layout(self, name):
        return self.layouts[name]

    def enum(self, name):
        return self.enums.get(name, {})

    def build_id(self):
        return self.build


def walk_list(target, head, limit):
    """
    Addresses of the nodes of a struct list, at most `limit`. An SMP kernel can be stopped in the
    middle of an insertion: a cycle, a NULL or an unreadable node ends the walk, and the second
    value says so in words; it is None after a clean end.
    """
    nodes, seen = [], {head}
    try:
        node = target.integer(head)
        while node != head:
            if node == 0:
                return nodes, "list at 0x%x has a NULL link" % head
            if node in seen:
                return nodes, "list at 0x%x has a cycle at 0x%x" % (head, node)
            if len(nodes) >= limit:
                return nodes, "list at 0x%x has more than %d nodes; the rest is not shown" % (
                    head, limit)
            seen.add(node)
            nodes.append(node)
            node = target.integer(node)
    except Unreadable as error:
        return nodes, "list at 0x%x: %s" % (head, error)
    return nodes, None
