# SPDX-License-Identifier: MIT
"""
The trace rings, and what can be computed from their records: who ran when, and how long threads
waited. Needs no gdb.
"""

from multios.access import Unreadable

SWITCH, WAKE, MIGRATE = "SWITCH", "WAKE", "MIGRATE"


def names_of_enum(target, enum, prefix):
    return {value: name[len(prefix):] for value, name in target.enum(enum).items()
            if name.startswith(prefix)}


def texts(kernel, field, count):
    """The strings of a table of pointers that the manifest names."""
    manifest = kernel.target.struct("debug_manifest", kernel.address("debug_manifest"))
    table = getattr(manifest, field)
    return [kernel.text_at(kernel.target.integer(table + 8 * i)) for i in range(count)]


class Rings:
    """The records of all CPUs at one stop."""

    def __init__(self, kernel):
        self.kernel, self.target = kernel, kernel.target
        self.kinds = names_of_enum(self.target, "trace_kind", "TRACE_")
        self.reasons = names_of_enum(self.target, "sched_reason", "SCHED_")
        self.layout = self.target.layout("trace_record")
        self.on = bool(self.target.integer(kernel.address("trace_on"), 1))

    def capacity(self):
        mask = self.target.integer(self.kernel.address("kernel/trace.c::mask"))
        return mask + 1 if mask else 0

    def of_cpu(self, cpu):
        """
        (records of one CPU, oldest first; how many have been overwritten). The place that is
        written next may be half written: in a full ring it is left out.
        """
        ring = self.target.struct("trace_ring", self.kernel.percpu("trace_rings", cpu))
        capacity = self.capacity()
        if not ring.record or not capacity:
            return [], 0
        first = max(0, ring.seq - capacity + 1)
        size = self.layout.size
        data = self.target.read(ring.record, size * capacity)
        return [self._record(data[i % capacity * size:], cpu) for i in range(first, ring.seq)], \
            max(0, ring.seq - capacity)

    def _record(self, data, cpu):
        value = self.layout.decode(self.target, 0, data)
        kind = self.kinds.get(value.kind, str(value.kind))
        return {"time": value.time, "cpu": cpu, "seq": value.seq, "kind": kind,
                "reason": self.reasons.get(value.reason) if kind == SWITCH else None,
                "a": value.a, "b": value.b}

    def merged(self):
        """(records of all CPUs by time, how many have been overwritten)."""
        found, lost = [], 0
        for cpu in self.kernel.cpu_numbers():
            records, gone = self.of_cpu(cpu)
            found += records
            lost += gone
        return sorted(found, key=lambda r: (r["time"], r["cpu"], r["seq"])), lost

    def operands(self, kind):
        """What a record's a and b are, by the kernel's own table."""
        manifest = self.target.struct("debug_manifest", self.kernel.address("debug_manifest"))
        number = next((v for v, name in self.kinds.items() if name == kind), None)
        if number is None:
            return "a", "b"
        size = self.target.layout("debug_trace_kind").size
        row = self.target.struct("debug_trace_kind", manifest.trace_kinds + number * size)
        return self.kernel.text_at(row.a), self.kernel.text_at(row.b)


def concerns(record, tid):
    """Is a record about this thread?"""
    return record["a"] == tid or record["kind"] == SWITCH and record["b"] == tid


def runs(records, end=None):
    """
    [{"cpu", "tid", "start", "end", "reason"}] from switches in order of time: what each CPU ran,
    from its first switch on. The last run of a CPU goes up to `end`, without a reason.
    """
    out, open_runs = [], {}
    for record in records:
        if record["kind"] != SWITCH:
            continue
        running = open_runs.get(record["cpu"])
        if running:
            running.update(end=record["time"], reason=record["reason"])
            out.append(running)
        open_runs[record["cpu"]] = {"cpu": record["cpu"], "tid": record["b"],
                                    "start": record["time"], "end": None, "reason": None}
    for running in open_runs.values():
        running["end"] = max(end if end is not None else running["start"], running["start"])
        out.append(running)
    return sorted(out, key=lambda r: (r["start"], r["cpu"]))


READY_AFTER = ("YIELD", "PREEMPT", "EXPIRED", "MOVE")


class Delays:
    """
    Times per turn as `perf sched timehist` has them: wait (off the CPU until ready again), delay
    (ready until it runs), run. What happened before the first record is unknown: None.
    """

    def __init__(self, records):
        self.rows = []
        self._left, self._ready, self._start = {}, {}, {}
        for record in records:
            if record["kind"] == SWITCH:
                self._switch(record)
            elif record["kind"] == WAKE:
                self._ready[record["a"]] = record["time"]

    def _switch(self, record):
        time, left, following = record["time"], record["a"], record["b"]
        begun = self._start.pop(left, None)
        if begun is not None:
            self.rows.append({"time": time, "cpu": record["cpu"], "tid": left,
                              "wait": begun["wait"], "delay": begun["delay"],
                              "run": time - begun["time"], "reason": record["reason"]})
        self._left[left] = time
        if record["reason"] in READY_AFTER:
            self._ready[left] = time
        ready, off = self._ready.pop(following, None), self._left.get(following)
        self._start[following] = {
            "time": time, "delay": None if ready is None else max(0, time - ready),
            "wait": None if ready is None or off is None else max(0, ready - off)}

    def by_thread(self):
        """{tid: {"runtime", "turns", "delay_total", "delays", "delay_max", "delay_max_at"}}."""
        found = {}
        for row in self.rows:
            of = found.setdefault(row["tid"], {"runtime": 0, "turns": 0, "delay_total": 0,
                                               "delays": 0, "delay_max": 0, "delay_max_at": None})
            of["runtime"] += row["run"]
            of["turns"] += 1
            if row["delay"] is None:
                continue
            of["delays"] += 1
            of["delay_total"] += row["delay"]
            if row["delay"] >= of["delay_max"]:
                of["delay_max"], of["delay_max_at"] = row["delay"], row["time"] - row["run"]
        return found


def require(rings):
    """Records there are, or the reason why there are none."""
    records, lost = rings.merged()
    if not records:
        raise Unreadable("the trace is empty: the kernel was booted with trace=off, or has just begun")
    return records, lost
