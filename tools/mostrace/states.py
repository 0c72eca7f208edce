# SPDX-License-Identifier: MIT
"""What the records of a trace add up to: turns on CPUs, delays, lengths of queues; and whether they can."""
from mostrace.file import SWITCH, WAKE

READY_AFTER = ("YIELD", "PREEMPT", "EXPIRED", "MOVE")


class Turn:
    """A thread on a CPU, from one switch to the next. `wait`, `delay`: ns before it, None if unknown."""

    __slots__ = ("cpu", "tid", "start", "end", "reason", "wait", "delay", "waker")

    def __init__(self, cpu, tid, start, wait, delay, waker):
        self.cpu, self.tid, self.start, self.end, self.reason = cpu, tid, start, None, None
        self.wait, self.delay, self.waker = wait, delay, waker


def turns(trace):
    """
    In order of their ends; the last of each CPU ends with the trace, without a reason. `wait` is off the
    CPU until ready again, `delay` from ready until it runs, as `perf sched timehist` has them.
    """
    running, left, ready, waker = {}, {}, {}, {}
    for record in trace.records:
        if record.kind == WAKE:
            ready[record.a] = record.time
            waker[record.a] = running[record.cpu].tid if record.cpu in running else None
        elif record.kind == SWITCH:
            before = running.get(record.cpu)
            if before:
                before.end, before.reason = record.time, record.reason
                yield before
            left[record.a] = record.time
            if record.reason in READY_AFTER:
                ready[record.a] = record.time
            since, off = ready.pop(record.b, None), left.get(record.b)
            running[record.cpu] = Turn(
                record.cpu, record.b, record.time,
                None if since is None or off is None else max(0, since - off),
                None if since is None else max(0, record.time - since), waker.pop(record.b, None))
    for turn in running.values():
        turn.end = trace.end()
        yield turn


class Queues:
    """How many threads wait on each CPU, idle ones left out."""

    def __init__(self, trace):
        self.trace, self.of, self.length = trace, {}, {}

    def apply(self, record):
        """The CPUs whose queues have changed."""
        if record.kind in (WAKE, "MIGRATE"):
            return self._put(record.a, record.b)
        if record.kind == SWITCH:
            changed = self._take(record.b)
            return changed | (self._put(record.a, record.cpu) if record.reason in READY_AFTER else set())
        return set()

    def _take(self, tid):
        cpu = self.of.pop(tid, None)
        if cpu is None:
            return set()
        self.length[cpu] -= 1
        return {cpu}

    def _put(self, tid, cpu):
        if self.trace.is_idle(tid):
            return set()
        changed = self._take(tid)
        self.of[tid] = cpu
        self.length[cpu] = self.length.get(cpu, 0) + 1
        return changed | {cpu}


class Checker:
    """
    The conservation check: a CPU leaves the thread that it ran, a thread runs on one CPU, only who waits
    is woken, only who is ready runs, none comes back from the end, and the times of all turns are those
    of the CPUs. Where records were lost nothing is known, and all begins anew.
    """

    NEW, READY, RUNNING, BLOCKED, DEAD = "new", "ready", "running", "blocked", "ended"

    def __init__(self, trace):
        self.trace, self.wrong = trace, []
        self.on, self.state, self.next_seq, self.time, self.first, self.last = {}, {}, {}, {}, {}, {}
        self.turns = self.switches = self.gaps = 0
        for record in trace.records:
            self._apply(record)
        self._add_up()

    def _complain(self, record, text):
        self.wrong.append(f"{record.time} ns, CPU {record.cpu}, record {record.seq}: {text}")

    def _apply(self, record):
        expected = self.next_seq.get(record.cpu, 0)
        if record.seq != expected:
            self._forget()
        self.next_seq[record.cpu] = record.seq + 1
        if record.kind == SWITCH:
            self._switch(record)
        elif record.kind == WAKE:
            self._wake(record)
        elif record.kind == "CREATE":
            self._set(record, record.a, self.NEW, (None,), "is created")
        elif record.kind in ("MIGRATE", "THROTTLE", "REPLENISH", "SUSPEND", "RESUME"):
            if self.state.get(record.a) == self.DEAD:
                self._complain(record, f"{record.kind} of thread {record.a}, which has ended")

    def _forget(self):
        self.gaps += 1
        self.on.clear()
        self.state.clear()

    def _set(self, record, tid, state, allowed, does):
        before = self.state.get(tid)
        if before is not None and before not in allowed:
            self._complain(record, f"thread {tid} {does} and is {before}")
        self.state[tid] = state

    def _wake(self, record):
        """Also one that is about to block: the switch comes after, and finds it ready."""
        if self.state.get(record.a) != self.RUNNING:
            self._set(record, record.a, self.READY, (self.NEW, self.BLOCKED, self.READY), "is woken")

    def _switch(self, record):
        self.switches += 1
        cpu, left, runs = record.cpu, record.a, record.b
        if cpu in self.on and self.on[cpu] != left:
            self._complain(record, f"thread {left} leaves, but thread {self.on[cpu]} ran")
        after = self.READY if record.reason in READY_AFTER else \
            self.DEAD if record.reason == "EXIT" else self.BLOCKED
        self._set(record, left, after, (self.RUNNING,), "leaves a CPU")
        self._set(record, runs, self.RUNNING, (self.READY, self.NEW), "gets a CPU")
        if cpu in self.time:
            if record.time < self.time[cpu]:
                self._complain(record, f"comes {self.time[cpu] - record.time} ns before the one before it")
            self.last[cpu] = record.time
            self.turns += record.time - self.time[cpu]
        else:
            self.first[cpu] = record.time
        self.on[cpu], self.time[cpu] = runs, record.time

    def _add_up(self):
        of_cpus = sum(self.last[cpu] - self.first[cpu] for cpu in self.last)
        if self.turns != of_cpus:
            self.wrong.append(f"all turns are {self.turns} ns, but their CPUs' time is {of_cpus} ns")
