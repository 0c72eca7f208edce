# SPDX-License-Identifier: MIT
"""
What QEMU's `dump-guest-memory` writes (docs/interop and include/sysemu/dump.h of QEMU): an ELF core
with a PT_LOAD segment per piece of physical memory and, per virtual CPU, a note named QEMU with its
registers (target/i386/arch_dump.c). Here it is the machine that the model and the proxy's list of
threads read, in place of a gdb stub.
"""
import struct

from core.paging import PageTables

HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
NOTE_HEADER = struct.Struct("<III")
PT_LOAD, PT_NOTE = 1, 4
ET_CORE, EM_X86_64, EM_386 = 4, 62, 3

GENERAL = ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp", "r8", "r9", "r10", "r11", "r12", "r13",
           "r14", "r15", "rip", "eflags")
SEGMENTS = ("cs", "ds", "es", "fs", "gs", "ss", "ldt", "tr", "gdt", "idt")
CONTROL = ("cr0", "cr1", "cr2", "cr3", "cr4")
SEGMENT = struct.Struct("<IIIIQ")  # selector, limit, flags, padding, base
CPU_STATE = struct.Struct("<II18Q" + "IIIIQ" * len(SEGMENTS) + "5Q")
PAGING, LONG_CODE = 1 << 31, 1 << 21  # CR0.PG; bit L in QEMU's flags of CS


class Unfit(Exception):
    """The file is not such a dump; the text says what was found."""


class Piece:
    """Physical memory that lies in the file in one run."""

    def __init__(self, start, size, offset):
        self.start, self.end, self.offset = start, start + size, offset


class Dump:
    """The interface of proxy.stub.Stub, as far as a list of threads needs it."""

    def __init__(self, file):
        self.file = file
        self.pieces, self.states = [], []
        for kind, offset, start, size in self._segments():
            if kind == PT_LOAD:
                self.pieces.append(Piece(start, size, offset))
            elif kind == PT_NOTE:
                self.states += [cpu_state(data) for name, data in self._notes(offset, size) if name == b"QEMU"]
        if not self.states:
            raise Unfit("no dump of QEMU's: no note of QEMU's tells the CPUs' registers")
        self.cpus = list(range(1, len(self.states) + 1))
        self._tables = {}

    def read_physical(self, address, size):
        """Bytes, or None if not all of them are in the file."""
        for piece in self.pieces:
            if piece.start <= address and address + size <= piece.end:
                self.file.seek(piece.offset + address - piece.start)
                data = self.file.read(size)
                return data if len(data) == size else None
        return None

    def tables(self, cpu):
        """The page tables of a CPU, or None where it uses none of 64 bits."""
        state = self.states[cpu - 1]
        if not (state["cr0"] & PAGING and state["cs_flags"] & LONG_CODE):
            return None
        key = (state["cr3"], state["cr4"])
        if key not in self._tables:
            self._tables[key] = PageTables(self.read_physical, *key)
        return self._tables[key]

    def read(self, address, size, cpu):
        """Memory as this CPU sees it, or None."""
        tables = self.tables(cpu)
        if tables is None:
            return self.read_physical(address, size)
        out = b""
        while len(out) < size:
            found = tables.translate(address + len(out))
            if found is None:
                return None
            physical, rest = found
            data = self.read_physical(physical, min(rest, size - len(out)))
            if data is None:
                return None
            out += data
        return out

    def register(self, cpu, name):
        """The value of a register, or None if the dump does not tell."""
        return self.states[cpu - 1].get(name)

    def describe(self, cpu):
        return f"CPU#{cpu - 1}"

    def _segments(self):
        """(type, offset, physical address, size) of each."""
        data = self.file.read(HEADER.size)
        if len(data) < HEADER.size or data[:4] != b"\x7fELF":
            raise Unfit("no dump of QEMU's: it is no ELF file")
        header = HEADER.unpack(data)
        if header[1:3] == (ET_CORE, EM_386):
            raise Unfit("its first CPU was not in 64-bit mode yet, but in firmware or a loader")
        if header[1:3] != (ET_CORE, EM_X86_64):
            raise Unfit(f"no dump of QEMU's: an ELF file of type {header[1]} for machine {header[2]}, expected a core "
                        f"({ET_CORE}) of x86-64 ({EM_X86_64})")
        self.file.seek(header[5])
        table = self.file.read(header[10] * PROGRAM_HEADER.size)
        if len(table) < header[10] * PROGRAM_HEADER.size:
            raise Unfit("no dump of QEMU's: it ends within its program headers")
        for kind, _, offset, _, start, size, _, _ in PROGRAM_HEADER.iter_unpack(table):
            yield kind, offset, start, size

    def _notes(self, offset, size):
        """(name, contents) of each note of a segment."""
        self.file.seek(offset)
        data, at = self.file.read(size), 0
        while at + NOTE_HEADER.size <= len(data):
            name_size, size, _ = NOTE_HEADER.unpack_from(data, at)
            name = at + NOTE_HEADER.size
            contents = name + aligned(name_size)
            yield data[name:name + name_size].rstrip(b"\0"), data[contents:contents + size]
            at = contents + aligned(size)


def aligned(size):
    """Names and contents of notes begin at multiples of four bytes."""
    return (size + 3) // 4 * 4


def cpu_state(data):
    """{name: value} of QEMU's note about one CPU; its last word, the other GS base, came later."""
    if len(data) < CPU_STATE.size:
        raise Unfit(f"no dump of QEMU's: a CPU's note has {len(data)} bytes, expected {CPU_STATE.size}")
    values = CPU_STATE.unpack_from(data)
    state = dict(zip(GENERAL, values[2:20]))
    for number, name in enumerate(SEGMENTS):
        selector, _, flags, _, base = values[20 + 5 * number:25 + 5 * number]
        state.update({name: selector, f"{name}_flags": flags, f"{name}_base": base})
    state.update(zip(CONTROL, values[-5:]))
    if len(data) >= CPU_STATE.size + 8:
        state["k_gs_base"], = struct.unpack_from("<Q", data, CPU_STATE.size)
    return state
