# SPDX-License-Identifier: MIT
"""
Perfetto's native format (protos/perfetto/trace of Perfetto): switches and wake-ups as the ftrace events
that Linux records, so that its viewer has slices per CPU, states per thread and arrows from wakers; a
process per PCB; a counter per CPU for the threads that wait there; instants for what else happened.
"""
from mostrace.file import NAME, PROCESS, SWITCH, WAKE
from mostrace.states import READY_AFTER, Queues

PROCESS_BASE = 1000000  # a process's number beside those of threads, which Perfetto counts as one kind
BUNDLE = 512            # events of a CPU in one packet
COUNTER_TRACK, CPU_TRACK = 1000, 5000
SEQUENCE = 1            # trusted_packet_sequence_id
RUNNABLE, ASLEEP, STOPPED, DEAD = 0, 1, 4, 16  # prev_state as Linux has it
STATES = {"STOP": STOPPED, "EXIT": DEAD}
INSTANT, COUNTER = 3, 4                        # TrackEvent.Type


def varint(value):
    value %= 1 << 64
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value)


def data(field, value):
    """Bytes, a string, or a message made of fields."""
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


class Writer:
    def __init__(self, trace, out):
        self.trace, self.out = trace, out
        self.bundles, self.queues = {}, Queues(trace)
        self.running = {}

    def write(self):
        self._tree()
        self._tracks()
        for record in self.trace.records:
            self._record(record)
        for cpu in list(self.bundles):
            self._end_bundle(cpu)

    def _packet(self, body):
        self.out.write(data(1, body))

    def _pid(self, tid):
        """Idle threads are Linux's 0."""
        return 0 if self.trace.is_idle(tid) else tid

    def _comm(self, tid):
        return "swapper" if self.trace.is_idle(tid) else self.trace.name(tid)

    def _tree(self):
        """ProcessTree: PCBs, and their threads."""
        body = b""
        for pid in sorted(set(self.trace.processes.values())):
            body += data(1, number(1, PROCESS_BASE + pid) + data(3, f"process {pid}"))
        for tid in sorted(self.trace.names):
            if not self.trace.is_idle(tid):
                body += data(2, number(1, tid) + data(2, self.trace.name(tid)) +
                             number(3, PROCESS_BASE + self.trace.processes.get(tid, 0)))
        self._packet(data(2, body) + number(10, SEQUENCE))

    def _tracks(self):
        for cpu in range(self.trace.cpus):
            self._packet(data(60, number(1, COUNTER_TRACK + cpu) + data(2, f"CPU {cpu} waiting threads") +
                              data(8, b"")) + number(10, SEQUENCE))
            self._packet(data(60, number(1, CPU_TRACK + cpu) + data(2, f"CPU {cpu} events")) +
                         number(10, SEQUENCE))

    def _record(self, record):
        if record.kind == SWITCH:
            self._switch(record)
        elif record.kind == WAKE:
            self._event(record, self._pid(self.running.get(record.cpu, 0)), data(20, (
                data(1, self._comm(record.a)) + number(2, self._pid(record.a)) + number(3, 120) +
                number(4, 1) + number(5, record.b))))
        elif record.kind not in (NAME, PROCESS):
            self._instant(record)
        for cpu in self.queues.apply(record):
            self._packet(number(8, record.time) + number(10, SEQUENCE) + data(11, (
                number(9, COUNTER) + number(11, COUNTER_TRACK + cpu) + number(30, self.queues.length[cpu]))))

    def _switch(self, record):
        state = RUNNABLE if record.reason in READY_AFTER else STATES.get(record.reason, ASLEEP)
        self._event(record, self._pid(record.a), data(4, (
            data(1, self._comm(record.a)) + number(2, self._pid(record.a)) + number(3, 120) +
            number(4, state) + data(5, self._comm(record.b)) + number(6, self._pid(record.b)) + number(7, 120))))
        self.running[record.cpu] = record.b

    def _instant(self, record):
        first, second = self.trace.operands(record.kind)
        text = f"{record.kind} {first} {record.a} {second} {record.b}"
        self._packet(number(8, record.time) + number(10, SEQUENCE) + data(11, (
            number(9, INSTANT) + number(11, CPU_TRACK + record.cpu) + data(23, text))))

    def _event(self, record, pid, body):
        bundle = self.bundles.setdefault(record.cpu, [])
        bundle.append(data(2, number(1, record.time) + number(2, pid) + body))
        if len(bundle) >= BUNDLE:
            self._end_bundle(record.cpu)

    def _end_bundle(self, cpu):
        self._packet(data(1, number(1, cpu) + b"".join(self.bundles.pop(cpu))) + number(10, SEQUENCE))


def write(trace, out):
    Writer(trace, out).write()
