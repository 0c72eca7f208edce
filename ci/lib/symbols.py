# SPDX-License-Identifier: MIT
"""Names for addresses, from the symbol table of an ELF file (System V ABI, chapter 4)."""
import bisect
import struct

SHT_SYMTAB = 2
BUILD_ID_NOTE = struct.pack("<III4s", 4, 20, 3, b"GNU")  # sizes of name and contents, type, name
STT_NOTYPE, STT_FUNC = 0, 2
SHN_UNDEF, SHN_LORESERVE = 0, 0xff00


def _sections(data):
    """(type, offset, size, link, entry size) of each section."""
    if data[:4] != b"\x7fELF":
        raise ValueError("not an ELF file")
    wide = data[4] == 2
    if wide:
        start, size, count = struct.unpack_from("<Q", data, 40)[0], *struct.unpack_from("<HH", data, 58)
        layout = "<4xIQQQQI4xQQ"
    else:
        start, size, count = struct.unpack_from("<I", data, 32)[0], *struct.unpack_from("<HH", data, 46)
        layout = "<4xIIIIII4xII"
    for i in range(count):
        kind, _, _, offset, length, link, _, entry = struct.unpack_from(layout, data, start + i * size)
        yield kind, offset, length, link, entry


def _symbols(data):
    """(address, size, type, section index, name) of each symbol."""
    sections = list(_sections(data))
    wide = data[4] == 2
    for kind, offset, length, link, entry in sections:
        if kind != SHT_SYMTAB:
            continue
        names = sections[link][1]
        for at in range(offset, offset + length, entry):
            if wide:
                name, info, _, section, value, size = struct.unpack_from("<IBBHQQ", data, at)
            else:
                name, value, size, info, _, section = struct.unpack_from("<IIIBBH", data, at)
            start = names + name
            text = data[start:data.index(b"\0", start)].decode(errors="replace")
            yield value, size, info & 15, section, text


def address_of(path, name):
    """The address of a variable or function; None when the file has no such symbol."""
    with open(path, "rb") as file:
        data = file.read()
    return next((value for value, _, _, section, other in _symbols(data)
                 if other == name and section != SHN_UNDEF), None)


def build_id_of(path):
    """In hexadecimal, from the note that a linker makes (`--build-id`); None without one."""
    with open(path, "rb") as file:
        data = file.read()
    at = data.find(BUILD_ID_NOTE)
    return data[at + len(BUILD_ID_NOTE):at + len(BUILD_ID_NOTE) + 20].hex() if at >= 0 else None


class Symbols:
    """Looks up code addresses. An unreadable file gives a table that knows nothing."""

    def __init__(self, path):
        self._table = []
        try:
            with open(path, "rb") as file:
                data = file.read()
            self._table = sorted(
                (value, size, name) for value, size, kind, section, name in _symbols(data)
                if name and SHN_UNDEF < section < SHN_LORESERVE and kind in (STT_NOTYPE, STT_FUNC))
        except (OSError, ValueError, struct.error):
            pass
        self._starts = [entry[0] for entry in self._table]

    def name(self, address):
        """`function+0x12`, or None outside of everything known."""
        i = bisect.bisect_right(self._starts, address) - 1
        if i < 0:
            return None
        start, size, name = self._table[i]
        if address >= start + max(size, 1) and (size or address >= start + 4096):
            return None
        return f"{name}+{address - start:#x}" if address > start else name

    def __contains__(self, address):
        return self.name(address) is not None
