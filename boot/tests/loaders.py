# SPDX-License-Identifier: MIT
"""Loaders that do it wrong, without a change in the kernel.

QEMU's PVH boot jumps to the address in a note of the ELF file. A copy of the kernel whose note
names another address starts there: at its own multiboot2 entry, or in a few instructions that are
put into memory together with tables of our making.
"""
import dataclasses
import struct
import subprocess
from pathlib import Path

KERNEL_BASE = 0xFFFFFFFF80000000
STUB = 0x1000000
TABLES = STUB + 0x1000
MULTIBOOT2_MAGIC = 0x36D76289
PVH_MAGIC = 0x336EC578
PVH_NOTE = struct.pack("<III4s", 4, 8, 18, b"Xen\0")


def symbol(kernel, name):
    """Linked address."""
    done = subprocess.run(["nm", kernel], text=True, capture_output=True, check=True)
    for line in done.stdout.splitlines():
        words = line.split()
        if words[-1] == name:
            return int(words[0], 16)
    raise KeyError(name)


def file_offset(image, address):
    """Where a linked address is in the ELF file."""
    start, count = struct.unpack_from("<Q", image, 32)[0], struct.unpack_from("<H", image, 56)[0]
    for i in range(count):
        kind, _, offset, linked, _, size = struct.unpack_from("<IIQQQQ", image, start + i * 56)
        if kind == 1 and linked <= address < linked + size:
            return offset + address - linked
    raise ValueError(hex(address))


def entering_at(kernel, folder, address):
    """A copy of the kernel that PVH starts at the physical address."""
    image = bytearray(Path(kernel).read_bytes())
    note = image.index(PVH_NOTE)
    struct.pack_into("<Q", image, note + len(PVH_NOTE), address)
    copy = folder / "entering.elf"
    copy.write_bytes(image)
    return copy


def with_code(kernel, folder, function, code):
    """A copy of the kernel with other instructions at the beginning of one function."""
    image = bytearray(Path(kernel).read_bytes())
    at = file_offset(image, symbol(kernel, function))
    image[at:at + len(code)] = code
    copy = folder / "changed.elf"
    copy.write_bytes(image)
    return copy


def jump(eax, ebx, target):
    """32-bit code: mov eax, mov ebx, mov edx, jmp edx."""
    return struct.pack("<BIBIBI2s", 0xB8, eax, 0xBB, ebx, 0xBA, target, b"\xff\xe2")


@dataclasses.dataclass
class Loaded:
    """What to boot, and the arguments for QEMU that put the rest into memory."""

    kernel: Path
    arguments: tuple


def loaded_by(kernel, folder, entry, eax, tables, address=TABLES):
    """The kernel entered by a loader that puts these tables at TABLES, but says `address`."""
    stub = jump(eax, address, symbol(kernel, entry) - KERNEL_BASE)
    memory = folder / "memory.bin"
    memory.write_bytes(stub.ljust(TABLES - STUB, b"\0") + tables)
    return Loaded(entering_at(kernel, folder, STUB),
                  ("-device", f"loader,file={memory},addr={STUB:#x},force-raw=on"))


def by_multiboot2(kernel, folder, tables, **rest):
    return loaded_by(kernel, folder, "entry_multiboot2", MULTIBOOT2_MAGIC, tables, **rest)


def by_pvh(kernel, folder, tables, **rest):
    return loaded_by(kernel, folder, "entry_pvh", 0, tables, **rest)


def tag(kind, content):
    body = struct.pack("<II", kind, 8 + len(content)) + content
    return body.ljust((len(body) + 7) & ~7, b"\0")


def memory_map(*ranges):
    return tag(6, struct.pack("<II", 24, 0) + b"".join(struct.pack("<QQII", *r, 0) for r in ranges))


def framebuffer(address, width=800, height=600, pitch=None):
    """Pixels of 32 bits."""
    return tag(8, struct.pack("<QIIIBBH", address, pitch or 4 * width, width, height, 32, 1, 0)
               + b"\x10\x08\x08\x08\x00\x08")


END = tag(0, b"")
RAM = (0, 0x9F000, 1), (0x100000, 0x1F000000, 1)
MEMORY = memory_map(*RAM)


def multiboot2(*tags, size=None):
    """The table; `size` is what its header says if that is not the truth."""
    body = b"".join(tags)
    return struct.pack("<II", 8 + len(body) if size is None else size, 0) + body


def pvh(magic=PVH_MAGIC, version=1, modules=(0, 0), cmdline=0, memory=(0, 0)):
    """The start information; pairs are (address, count)."""
    return struct.pack("<IIIIQQQQII", magic, version, 0, modules[1], modules[0], cmdline, 0,
                       *memory, 0)
