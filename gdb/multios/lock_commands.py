# SPDX-License-Identifier: MIT
"""mos why, mos locks, mos waitgraph, mos deadlock."""

from multios import places, ui
from multios.queues import slice_text
from multios.threads import find_thread
from multios.waits import Waits


def name_of(thread):
    return thread and {"tid": thread.tid, "name": thread.name}


def words(named):
    return "%d %s" % (named["tid"], named["name"])


def object_words(cause):
    """mutex m, semaphore s, the end of thread 5 x, time."""
    kind = cause["kind"]
    return cause["name"] if kind in ("join", "time", "suspension") else "%s %s" % (
        kind, cause["name"])


def taken_at(mutex):
    """Where the owner took it, and by which calls it came there; it may be its own first caller."""
    site, calls = places.with_line(mutex.site), mutex.callers()
    lines = [places.with_line(address - 1) for address in calls]
    if lines and site and lines[0].split()[0] == site.split()[0]:
        del lines[0]
    return {"taken_at": site, "taken_by_calls": lines}


def waits_at(thread):
    """Where its wait began: a place in the code for a mutex, else what a call returns to."""
    site = thread.wait_site
    return places.with_line(site if thread.mutex_waited or not site else site - 1)


def now(kernel):
    """The latest time that any CPU's run queue has seen: durations from it are lower bounds."""
    return max(cpu.rq.clock for cpu in kernel.cpus())


class Why(ui.MosCommand):
    """Say why a thread does not run, down to the thread that it is waiting for in the end.

mos why TID [--json]

Blocked: on what, who has it, where that one took it, and why that one does not go on. Throttled:
what its reservation is and when its next period begins. Ready: behind whom on which CPU. The times
are at least so long: no CPU's clock has been seen later."""

    NAME, USAGE = "why", "TID"

    def completions(self, text):
        return [str(t.tid) for t in self.kernel.threads()]

    def rows(self, arguments):
        thread = find_thread(self.kernel, arguments)
        waits, time = Waits(self.kernel), now(self.kernel)
        thread = waits.threads.get(thread.address, thread)
        chain, closes = waits.chain(thread)
        return {"chain": [self._link(waits, t, time) for t in chain], "cycle": name_of(closes)}

    def _link(self, waits, thread, time):
        cause = waits.cause(thread)
        row = {"tid": thread.tid, "name": thread.name, "state": thread.state, "cpu": thread.cpu,
               "for": max(0, time - thread.entity.since)}
        if cause:
            row["waits"] = {"kind": cause["kind"], "what": object_words(cause),
                            "owner": name_of(cause["owner"]),
                            "at": waits_at(thread),
                            "ends_in": self._ends_in(thread, time)}
            if cause["kind"] == "mutex":
                row["waits"].update(taken_at(waits.mutex(cause["object"])))
        elif thread.state == "queued":
            row["queue"] = self._position(thread)
        elif thread.state == "throttled":
            entity = thread.entity
            row["reservation"] = {"runtime": entity.runtime, "period": entity.period,
                                  "goes_on_in": max(0, entity.key - time)}
        return row

    @staticmethod
    def _ends_in(thread, time):
        """ns until the wait's timer, or None; a started timer is linked into a CPU's tree."""
        node = thread.value.wait_timer.node
        linked = any(node._data)
        return max(0, thread.value.wait_timer.when - time) if linked else None

    def _position(self, thread):
        cpu = next((c for c in self.kernel.cpus() if c.number == thread.cpu), None)
        if cpu is None:
            return None
        before = []
        for _, other in cpu.queued():
            if other.address == thread.address:
                break
            before.append(name_of(other))
        current = cpu.current()
        return {"cpu": cpu.number, "current": name_of(current), "before": before,
                "turn": cpu.slice_left(), "need_resched": bool(cpu.rq.need_resched),
                "rank": thread.entity.rank, "current_rank": current and current.entity.rank,
                "affinity": ui.mask_text(thread.affinity, len(self.kernel.cpu_numbers()))}

    def show(self, data):
        lines = []
        for number, row in enumerate(data["chain"]):
            lines += [("  " if number else "") + line for line in self._lines(row)]
        if data["cycle"]:
            lines.append("  and that is thread %s, where the chain closes: a deadlock"
                         % words(data["cycle"]))
        return "\n".join(lines) + "\n"

    def _lines(self, row):
        head = "thread %d %s " % (row["tid"], row["name"])
        if "waits" in row:
            return self._blocked(head, row)
        if row.get("queue"):
            return self._queued(head, row["queue"])
        if "reservation" in row:
            return [head + "has had its reservation, %s of every %s, on CPU %d: goes on in %s" % (
                *(ui.time_text(row["reservation"][key]) for key in ("runtime", "period")),
                row["cpu"], ui.time_text(row["reservation"]["goes_on_in"]))]
        said = {"running": "runs on CPU %s" % row["cpu"], "new": "has not been started",
                "picked": "is picked on CPU %s and about to run" % row["cpu"],
                "waking": "is on its way to a run queue", "dead": "has ended"}
        return [head + said.get(row["state"], "is " + row["state"])]

    @staticmethod
    def _blocked(head, row):
        waits = row["waits"]
        if waits["kind"] == "suspension":
            return [head + "is suspended, for %s" % ui.time_text(row["for"])]
        ends = "" if waits["ends_in"] is None else ", at most %s more" % ui.time_text(
            waits["ends_in"])
        lines = [head + "waits for %s, for %s%s" % (waits["what"], ui.time_text(row["for"]), ends)]
        if waits["at"]:
            lines.append("    since %s" % waits["at"])
        if waits.get("taken_at") and waits["owner"]:
            lines.append("    taken by thread %s in %s" % (words(waits["owner"]), waits["taken_at"]))
            lines += ["        called by %s" % caller for caller in waits["taken_by_calls"]]
        return lines

    @staticmethod
    def _queued(head, queue):
        lines = [head + "is ready on CPU %d, number %d in its queue (affinity %s)" % (
            queue["cpu"], len(queue["before"]) + 1, queue["affinity"])]
        if queue["current"]:
            due = "a switch is due" if queue["need_resched"] else \
                "%s left of its turn" % slice_text(queue["turn"])
            lines.append("    runs: %s, %s" % (words(queue["current"]), due))
        if queue["before"]:
            lines.append("    before it: " + ", ".join(words(t) for t in queue["before"]))
        return lines


class Locks(ui.MosCommand):
    """List what threads hold and wait for: mutexes with owner and place, wait queues, spinlocks.

mos locks [--json]

TAKEN AT is where the owner took it. Spinlocks are those that CPUs hold now; only debug builds know
them."""

    NAME = "locks"

    def rows(self, arguments):
        self.no_arguments(arguments)
        waits = Waits(self.kernel)
        waiters = {}
        for thread in waits.threads.values():
            cause = waits.cause(thread)
            if cause and cause["object"]:
                waiters.setdefault(cause["object"], (cause, []))[1].append(thread)
        rows = [self._mutex(waits, m, waiters.pop(m.address, (None, []))[1])
                for m in waits.mutexes()]
        rows += [{"kind": cause["kind"], "name": cause["name"], "address": address,
                  "owner": name_of(cause["owner"]), "waiters": [name_of(t) for t in threads],
                  "taken_at": None} for address, (cause, threads) in waiters.items()]
        return rows + self._spinlocks()

    @staticmethod
    def _mutex(waits, mutex, waiters):
        return {"kind": "mutex", "name": mutex.name, "address": mutex.address,
                "owner": name_of(waits.owner(mutex)), "waiters": [name_of(t) for t in waiters],
                **taken_at(mutex)}

    def _spinlocks(self):
        rows = []
        if self.target.symbol("percpu_held_locks") is None:
            return rows
        for cpu in self.kernel.cpus():
            held = self.target.struct("held_locks",
                                      self.kernel.percpu("percpu_held_locks", cpu.number))
            for address in held.lock[:min(held.count, len(held.lock))]:
                lock = self.target.struct("spinlock", address)
                rows.append({"kind": "spinlock", "address": address, "cpu": cpu.number,
                             "name": self.kernel.text_at(lock.name), "waiters": [],
                             "owner": None, "taken_at": None})
        return rows

    def show(self, data):
        return ui.table(("KIND", "NAME", "OWNER", "WAITERS", "TAKEN AT"), [
            [r["kind"], r["name"],
             words(r["owner"]) if r["owner"] else "CPU %d" % r["cpu"] if "cpu" in r else None,
             ", ".join(words(t) for t in r["waiters"]) or None, r["taken_at"]] for r in data])


class WaitGraph(ui.MosCommand):
    """Show who waits for what, and who has it.

mos waitgraph [--dot] [--json]

One line for each waiting thread. With --dot, a graph for Graphviz: threads are ellipses, what they
wait for are boxes, a cycle is red."""

    NAME, USAGE = "waitgraph", "[--dot]"

    def completions(self, text):
        return ["--dot"]

    def rows(self, arguments):
        if arguments not in ([], ["--dot"]):
            raise ui.UsageError("given %r, expected --dot or nothing" % " ".join(arguments))
        self.dot = bool(arguments)
        waits = Waits(self.kernel)
        inside = {t.address for cycle in waits.cycles() for t in cycle}
        rows = []
        for thread in waits.threads.values():
            cause = waits.cause(thread)
            if cause and cause["kind"] not in ("time", "suspension"):
                rows.append({"thread": name_of(thread), "what": object_words(cause),
                             "object": cause["object"], "owner": name_of(cause["owner"]),
                             "in_cycle": thread.address in inside})
        return rows

    def show(self, data):
        return self._dot(data) if self.dot else "".join("%-28s -> %-36s%s%s\n" % (
            words(r["thread"]), r["what"],
            " -> " + words(r["owner"]) if r["owner"] else "",
            "   in a cycle" if r["in_cycle"] else "") for r in data) or "no thread waits\n"

    @staticmethod
    def _dot(data):
        lines = ["digraph waits {"]
        nodes = {t["tid"]: t for r in data for t in (r["thread"], r["owner"]) if t}
        lines += ['  t%d [label="%s"];' % (tid, quoted(words(t))) for tid, t in nodes.items()]
        lines += ['  o%x [shape=box, label="%s"];' % (address, quoted(what)) for address, what in
                  {r["object"]: r["what"] for r in data}.items()]
        for r in data:
            colour = " [color=red]" if r["in_cycle"] else ""
            lines.append("  t%d -> o%x%s;" % (r["thread"]["tid"], r["object"], colour))
        for address, (tid, red) in {r["object"]: (r["owner"]["tid"], r["in_cycle"])
                                    for r in sorted(data, key=lambda r: r["in_cycle"])
                                    if r["owner"]}.items():
            lines.append("  o%x -> t%d%s;" % (address, tid, " [color=red]" if red else ""))
        return "\n".join(lines) + "\n}\n"


def quoted(text):
    return text.replace("\\", "\\\\").replace('"', '\\"')


class Deadlock(ui.MosCommand):
    """Name every cycle of threads that wait for one another.

mos deadlock [--json]

For each thread of a cycle: what it waits for and since where, who has that, and where it was taken.
Then the threads that are stuck behind the cycle. Cycles over mutexes and joins are found, whichever
of them are mixed."""

    NAME = "deadlock"

    def rows(self, arguments):
        self.no_arguments(arguments)
        waits = Waits(self.kernel)
        return [{"threads": [self._row(waits, t) for t in cycle],
                 "behind": [name_of(t) for t in waits.behind(cycle)]} for cycle in waits.cycles()]

    @staticmethod
    def _row(waits, thread):
        cause = waits.cause(thread)
        row = {"tid": thread.tid, "name": thread.name, "waits_for": object_words(cause),
               "waits_at": waits_at(thread),
               "owner": name_of(cause["owner"])}
        if cause["kind"] == "mutex":
            row.update(taken_at(waits.mutex(cause["object"])))
        return row

    def show(self, data):
        return "\n".join(self._text(cycle) for cycle in data) or "no deadlock\n"

    @staticmethod
    def _text(cycle):
        lines = ["deadlock of %d thread%s" % (
            len(cycle["threads"]), "" if len(cycle["threads"]) == 1 else "s")]
        for row in cycle["threads"]:
            lines.append("  thread %d %s waits for %s since %s" % (
                row["tid"], row["name"], row["waits_for"], row["waits_at"]))
            if row.get("taken_at"):
                lines.append("    which thread %s has taken in %s" % (
                    words(row["owner"]), row["taken_at"]))
                lines += ["        called by %s" % caller for caller in row["taken_by_calls"]]
        if cycle["behind"]:
            lines.append("  stuck behind it: " + ", ".join(words(t) for t in cycle["behind"]))
        return "\n".join(lines) + "\n"
