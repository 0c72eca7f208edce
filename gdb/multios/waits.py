# SPDX-License-Identifier: MIT
"""
Who waits for what, and who has it: mutexes with owners, wait queues by kind and name, joins. Read
from the threads alone, so that nothing has to be registered anywhere; needs no gdb.
"""

from multios.access import Unreadable

HELD_LIMIT = 1000
CHAIN_LIMIT = 10000
MUTEX_WAITERS = 1  # bit 0 of the owner word
KIND = "WAIT_KIND_"


class Mutex:
    def __init__(self, kernel, address):
        self.kernel, self.address = kernel, address
        self.value = kernel.target.struct("mutex", address)
        self.name = kernel.text_at(self.value.name) or "0x%x" % address
        self.owner_address = self.value.owner & ~MUTEX_WAITERS
        self.site = self.value.site if self.owner_address else 0

    def callers(self):
        """Code addresses of the calls that led to where it was taken; debug builds only."""
        trace = self.value.trace if self.owner_address and self.value.has("trace") else []
        return trace[:trace.index(0)] if 0 in trace else trace


class Waits:
    """Everything that threads hold and wait for at one stop."""

    def __init__(self, kernel):
        self.kernel = kernel
        self.threads = {t.address: t for t in kernel.threads()}
        self._mutexes = {}

    def mutex(self, address):
        if address not in self._mutexes:
            self._mutexes[address] = Mutex(self.kernel, address)
        return self._mutexes[address]

    def owner(self, mutex):
        """The thread that has a mutex, or None."""
        return self.threads.get(mutex.owner_address)

    def held(self, thread):
        """Mutexes that a thread has, the last taken first."""
        out, seen, at = [], set(), thread.value.held
        while at and at not in seen and len(out) < HELD_LIMIT:
            seen.add(at)
            try:
                mutex = self.mutex(at)
            except Unreadable:
                break
            if mutex.owner_address != thread.address:
                break  # the first one may be about to be taken, or just given up
            out.append(mutex)
            at = mutex.value.held_next
        return out

    def mutexes(self):
        """All that somebody has or waits for, in the order of the threads."""
        found = {}
        for thread in self.threads.values():
            for mutex in self.held(thread):
                found[mutex.address] = mutex
            if thread.mutex_waited:
                found.setdefault(thread.mutex_waited, self.mutex(thread.mutex_waited))
        return list(found.values())

    def joined(self, thread):
        """The thread whose end this one waits for, or None."""
        at = thread.wait_queue and \
            thread.wait_queue - self.kernel.target.layout("thread").offset_of("exit_queue")
        return self.threads.get(at)

    def cause(self, thread):
        """
        What a thread that does not run waits for: {"kind", "object", "name", "owner"}, where object
        is an address and owner a thread or None; None for a thread that is not blocked.
        """
        if thread.state == "stopped":
            return {"kind": "suspension", "object": None, "name": "its resume", "owner": None}
        if thread.state != "blocked":
            return None
        if thread.mutex_waited:
            mutex = self.mutex(thread.mutex_waited)
            return {"kind": "mutex", "object": mutex.address, "name": mutex.name,
                    "owner": self.owner(mutex)}
        if not thread.wait_queue:
            return {"kind": "time", "object": None, "name": "time", "owner": None}
        joined = self.joined(thread)
        if joined is not None:
            return {"kind": "join", "object": thread.wait_queue,
                    "name": "the end of thread %d %s" % (joined.tid, joined.name), "owner": joined}
        kind, name = queue_words(self.kernel, thread.wait_queue)
        return {"kind": kind, "object": thread.wait_queue, "name": name, "owner": None}

    def chain(self, thread):
        """(threads from this one along who has what it waits for, the one at which it closes)."""
        out = [thread]
        for _ in range(CHAIN_LIMIT):
            cause = self.cause(out[-1])
            following = cause and cause["owner"]
            if following is None:
                break
            if any(following is t for t in out):
                return out, following
            out.append(following)
        return out, None

    def cycles(self):
        """Each cycle of threads that wait for one another, once, in the order of waiting."""
        found, done = [], set()
        for thread in self.threads.values():
            path, at = [], thread
            while at is not None and at.address not in done:
                done.add(at.address)
                path.append(at)
                cause = self.cause(at)
                at = cause and cause["owner"]
            if at is not None and any(at is t for t in path):
                found.append(path[path.index(at):])
        return found

    def behind(self, cycle):
        """Threads outside a cycle that wait, perhaps through others, for one inside."""
        inside = {t.address for t in cycle}
        return [t for t in self.threads.values() if t.address not in inside and
                any(u.address in inside for u in self.chain(t)[0][1:])]


def queue_words(kernel, address):
    """(kind, name) of a wait queue."""
    value = kernel.target.struct("wait_queue", address)
    kind = "queue"
    if value.has("kind"):
        name = kernel.target.enum("wait_kind").get(value.kind, "")
        kind = name[len(KIND):].lower() or kind
    named = value.name if value.has("name") else value.lock.has("name") and value.lock.name
    return kind, kernel.text_at(named or 0) or "0x%x" % address
