# SPDX-License-Identifier: MIT
"""
The file of a trace. First a line "MOSTRACE 1", then one line of JSON that says what is needed to read
the rest (names of kinds and reasons by number, number of CPUs, the kernel's build), then records as
the kernel writes them (struct trace_record of kernel/trace.h), little-endian, 32 bytes each:

    int64 time (ns)  uint32 seq  uint8 kind  uint8 reason  uint16 cpu  uint64 a  uint64 b

`seq` counts each CPU's records from 0: what is missing was lost, and is counted. A record of kind
RESTART says that the machine has begun anew, and so have its numbers and its time.
"""
import json
import struct

MAGIC = b"MOSTRACE"
VERSION = 1
RECORD = struct.Struct("<qIBBHQQ")
RESTART = 255
SWITCH, WAKE, NAME, PROCESS = "SWITCH", "WAKE", "NAME", "PROCESS"
HEADER_MAX = 1 << 20


class BadTrace(Exception):
    """The file cannot be read as a trace; the text says what was given and what was expected."""


def header_bytes(cpus, kinds, reasons, build, source):
    """`kinds`: [{"name", "a", "b", "text"}] by number; `reasons`: names by number."""
    about = {"cpus": cpus, "kinds": kinds, "reasons": reasons, "build": build, "source": source, "unit": "ns"}
    return b"%s %d\n%s\n" % (MAGIC, VERSION, json.dumps(about).encode())


def restart_bytes():
    return RECORD.pack(0, 0, RESTART, 0, 0, 0, 0)


class Record:
    """One event. `kind` and `reason` are names; `reason` is None but for SWITCH."""

    __slots__ = ("time", "seq", "kind", "reason", "part", "cpu", "a", "b")

    def __init__(self, time, seq, kind, reason, part, cpu, a, b):
        self.time, self.seq, self.kind, self.reason, self.part = time, seq, kind, reason, part
        self.cpu, self.a, self.b = cpu, a, b

    def __getitem__(self, name):
        return getattr(self, name)


class Trace:
    """One file, the last run of the machine in it; records of all CPUs in order of time."""

    def __init__(self, path, run=None):
        self.path = path
        try:
            with open(path, "rb") as file:
                self.about = self._header(file)
                data = file.read()
        except OSError as error:
            raise BadTrace(f"{path}: {error.strerror}") from error
        self.cut = len(data) % RECORD.size
        self.kinds = self._list("kinds")
        self.reasons = self._list("reasons")
        self.cpus = self.about.get("cpus", 0)
        runs = self._runs(data[:len(data) - self.cut])
        self.run_count = len(runs)
        if run is not None and not 1 <= run <= len(runs):
            raise BadTrace(f"{path}: given run {run}, expected 1 to {len(runs)}")
        rows = runs[(run or len(runs)) - 1]
        self.lost = self._count_lost(rows)
        self.records = [self._record(row) for row in sorted(rows, key=lambda row: (row[0], row[4], row[1]))]
        self.names, self.processes = self._who()

    def _header(self, file):
        first = file.readline(64)
        words = first.split()
        if len(words) != 2 or words[0] != MAGIC or not first.endswith(b"\n"):
            raise BadTrace(f"{self.path}: no trace: it begins with {first[:16]!r}, expected 'MOSTRACE {VERSION}'")
        if words[1] != b"%d" % VERSION:
            raise BadTrace(f"{self.path}: a trace of version {words[1].decode(errors='replace')}, "
                           f"expected {VERSION}")
        try:
            about = json.loads(file.readline(HEADER_MAX))
        except ValueError:
            about = None
        if not isinstance(about, dict):
            raise BadTrace(f"{self.path}: its second line is not the JSON object that describes it")
        return about

    def _list(self, name):
        found = self.about.get(name)
        if not isinstance(found, list) or not found:
            raise BadTrace(f"{self.path}: its second line has no list \"{name}\"")
        return found

    @staticmethod
    def _runs(data):
        """Rows of each run of the machine, at least one run."""
        runs = [[]]
        for row in RECORD.iter_unpack(data):
            if row[2] == RESTART:
                runs.append([])
            else:
                runs[-1].append(row)
        return [run for run in runs if run] or [[]]

    @staticmethod
    def _count_lost(rows):
        """{CPU: records that are missing before its last one}."""
        last, count = {}, {}
        for _, seq, _, _, cpu, _, _ in rows:
            last[cpu] = max(last.get(cpu, 0), seq + 1)
            count[cpu] = count.get(cpu, 0) + 1
        return {cpu: last[cpu] - count[cpu] for cpu in last}

    def _record(self, row):
        time, seq, kind, reason, cpu, a, b = row
        name = self.kinds[kind]["name"] if kind < len(self.kinds) else f"KIND_{kind}"
        text = self.reasons[reason] if name == SWITCH and reason < len(self.reasons) else None
        return Record(time, seq, name, text, reason, cpu, a, b)

    def _who(self):
        """({thread: name}, {thread: process}); a thread's number is never used again."""
        parts, processes = {}, {}
        for record in self.records:
            if record.kind == NAME:
                parts.setdefault(record.a, {})[record.part] = record.b.to_bytes(8, "little")
            elif record.kind == PROCESS:
                processes[record.a] = record.b
        names = {tid: b"".join(of[n] for n in sorted(of)).rstrip(b"\0").decode("utf-8", "replace")
                 for tid, of in parts.items()}
        return names, processes

    def name(self, tid):
        return self.names.get(tid) or f"thread-{tid}"

    def is_idle(self, tid):
        """The kernel's name for the threads that run when no other can."""
        return self.names.get(tid) == "idle"

    def operands(self, kind):
        """What a and b of a kind are."""
        return next(((k["a"], k["b"]) for k in self.kinds if k["name"] == kind), ("a", "b"))

    def start(self):
        return self.records[0].time if self.records else 0

    def end(self):
        return self.records[-1].time if self.records else 0
