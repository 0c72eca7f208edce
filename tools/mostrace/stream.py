# SPDX-License-Identifier: MIT
"""
Records a running machine from outside, by its memory, which QEMU shares with us as a file. The machine
is not asked and does nothing for it: what is recorded is what would have happened without. Records
that a CPU has overwritten before they were read are missing in the file, which counts them
(kernel/trace_export.h).
"""
import mmap
import os
import struct
import threading
import time

from mostrace import file as trace_file

EXPORT = struct.Struct("<8sIIIIQQQIII4x")
KIND, RING = struct.Struct("<4Q"), struct.Struct("<2Q")
VERSION = 1
KERNEL_BASE = 0xffffffff80000000  # boot/kernel.ld: the image's addresses are physical ones and this
GIB = 1 << 30
LOW_END = 4 * GIB
POLL = 0.005  # seconds


def low_memory(size):
    """Bytes of q35's memory below 4 GiB; the rest begins there (QEMU, hw/i386/pc_q35.c)."""
    return min(size, 0xb0000000 if size < 0xb0000000 else 0x80000000)


class Memory:
    """The machine's, by physical address."""

    def __init__(self, path):
        self.size = os.path.getsize(path)
        with open(path, "rb") as file:
            self.map = mmap.mmap(file.fileno(), self.size, access=mmap.ACCESS_READ)
        self.low = low_memory(self.size)

    def read(self, address, size):
        at = address if address < LOW_END else address - LOW_END + self.low
        data = self.map[at:at + size]
        if len(data) != size:
            raise ValueError(f"the machine has no memory at {address:#x}")
        return data

    def unpack(self, layout, address):
        return layout.unpack(self.read(address, layout.size))

    def text(self, virtual):
        """A constant string of the kernel's image."""
        data = self.read(virtual - KERNEL_BASE, 256)
        return data.split(b"\0", 1)[0].decode("utf-8", "replace")


class Recorder:
    """Copies what comes into a file, until it is closed."""

    def __init__(self, memory, export, path, build):
        """`export`: address of trace_export in the kernel."""
        self.memory, self.export, self.build = memory, export - KERNEL_BASE, build
        self.file = open(path, "wb")
        self.rings, self.written, self.records, self.lost = [], [], 0, 0
        self._has_header = False
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._thread.start()

    def close(self):
        """Takes what is left; the machine has ended."""
        self._done.set()
        self._thread.join()
        self._poll()
        self.file.close()

    def _run(self):
        while not self._done.wait(POLL):
            self._poll()

    def _poll(self):
        try:
            self._follow()
        except ValueError:
            self.rings = []  # memory that is being set up anew
        self.file.flush()

    def _follow(self):
        magic, version, size, _, _, _, _, rings, cpus, capacity, ready = \
            self.memory.unpack(EXPORT, self.export)
        if magic != trace_file.MAGIC or version != VERSION or not ready or size != trace_file.RECORD.size:
            self.rings = []
            return
        if not self.rings:
            self._begin(rings, cpus)
        for cpu, (records, seq_at) in enumerate(self.rings):
            self._copy(cpu, records, seq_at, capacity)

    def _begin(self, rings, cpus):
        """The machine has come up, for the first time or again."""
        self.rings = [self.memory.unpack(RING, rings + cpu * RING.size) for cpu in range(cpus)]
        self.written = [0] * cpus
        if self._has_header:
            self.file.write(trace_file.restart_bytes())
        else:
            self.file.write(self._header(cpus))
        self._has_header = True

    def _header(self, cpus):
        *_, kind_count, reason_count, kinds, reasons = self.memory.unpack(EXPORT, self.export)[:7]
        found = []
        for number in range(kind_count):
            row = self.memory.unpack(KIND, kinds - KERNEL_BASE + number * KIND.size)
            found.append(dict(zip(("name", "a", "b", "text"), map(self.memory.text, row))))
        names = struct.unpack(f"<{reason_count}Q", self.memory.read(reasons - KERNEL_BASE, 8 * reason_count))
        return trace_file.header_bytes(cpus, found, [self.memory.text(name) for name in names], self.build,
                                       "machine")

    def _seq(self, seq_at):
        return struct.unpack("<Q", self.memory.read(seq_at, 8))[0]

    def _copy(self, cpu, records, seq_at, capacity):
        """What a CPU has written since the last time; a record that may be torn is left out."""
        size = trace_file.RECORD.size
        end, first = self._seq(seq_at), self.written[cpu]
        if end < first:
            self.rings = []  # a reset: all begins anew
            return
        self.lost += max(0, end - capacity - first)
        first = max(first, end - capacity)
        begin, stop = first % capacity, first % capacity + end - first
        data = self.memory.read(records + begin * size, (min(stop, capacity) - begin) * size)
        if stop > capacity:
            data += self.memory.read(records, (stop - capacity) * size)
        torn = min(max(0, self._seq(seq_at) - capacity - first + 1), end - first)
        self.lost += torn
        self.file.write(data[torn * size:])
        self.records += end - first - torn
        self.written[cpu] = end


def memory_arguments(path, size):
    """QEMU's arguments for memory that is a file others can read."""
    return ["-object", f"memory-backend-file,id=memory,size={size},mem-path={path},share=on",
            "-machine", "memory-backend=memory"]


def wait_for_memory(path, seconds=10):
    """The file, once QEMU has made it as large as it is to be."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if os.path.exists(path) and os.path.getsize(path):
            return Memory(path)
        time.sleep(0.01)
    raise OSError(f"{path}: QEMU did not make this file within {seconds} s")
