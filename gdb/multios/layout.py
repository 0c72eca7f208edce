# SPDX-License-Identifier: MIT
"""
Structure layouts and decoding. A layout says where the fields of a C struct are; it comes from
DWARF through gdb, or from a recording in tests. Structs are read whole and decoded here, because
one large read from the stub costs as much as a small one.
"""

import struct

_SCALARS = {(1, False): "B", (1, True): "b", (2, False): "H", (2, True): "h",
            (4, False): "I", (4, True): "i", (8, False): "Q", (8, True): "q"}


class Scalar:
    """An integer, a bool or an enum; `names` maps values to enumerators."""

    def __init__(self, size, signed=False, names=None, boolean=False):
        self.size, self.signed, self.names, self.boolean = size, signed, names, boolean

    def decode(self, target, address, data):
        value = struct.unpack_from("<" + _SCALARS[self.size, self.signed], data)[0]
        return bool(value) if self.boolean else value


class Bits:
    """A bit field inside a storage unit of `size` bytes."""

    def __init__(self, size, shift, width):
        self.size, self.shift, self.width = size, shift, width

    def decode(self, target, address, data):
        return int.from_bytes(data[:self.size], "little") >> self.shift & (1 << self.width) - 1


class Pointer:
    """An address; `to` is the name of the struct it points to, or None."""

    size = 8

    def __init__(self, to=None):
        self.to = to

    def decode(self, target, address, data):
        return int.from_bytes(data[:8], "little")


class Array:
    """`count` elements; of char, decoded as text up to the first NUL."""

    def __init__(self, element, count, text=False):
        self.element, self.count, self.text = element, count, text
        self.size = element.size * count

    def decode(self, target, address, data):
        if self.text:
            return bytes(data[:self.size]).split(b"\0")[0].decode("utf-8", "replace")
        step = self.element.size
        return [self.element.decode(target, address + i * step, data[i * step:(i + 1) * step])
                for i in range(self.count)]


class Struct:
    """A struct or union: name, size and (offset, type) of each field, in order."""

    def __init__(self, name, size, fields):
        self.name, self.size, self.fields = name, size, fields

    def decode(self, target, address, data):
        return Value(target, self, address, data)

    def offset_of(self, path):
        """Offset of a field named by a dotted path: "se.link"."""
        offset, layout = 0, self
        for part in path.split("."):
            here, layout = layout.fields[part]
            offset += here
        return offset


class Value:
    """A decoded struct: fields are attributes; nested structs are Values over the same bytes."""

    def __init__(self, target, layout, address, data):
        self._target, self._layout, self._data = target, layout, data
        self.address = address

    def __getattr__(self, name):
        try:
            offset, kind = self._layout.fields[name]
        except KeyError:
            raise AttributeError("struct %s has no field %s: these scripts do not fit this kernel"
                                 % (self._layout.name, name)) from None
        return kind.decode(self._target, self.address + offset,
                           self._data[offset:offset + kind.size])

    def has(self, name):
        return name in self._layout.fields

    def name_of(self, field):
        """The enumerator of an enum field, lower case without the given prefix's words."""
        kind = self._layout.fields[field][1]
        value = getattr(self, field)
        return (kind.names or {}).get(value, str(value))

    def address_of(self, path):
        return self.address + self._layout.offset_of(path)
