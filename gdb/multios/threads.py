# SPDX-License-Identifier: MIT
"""mos ps, mos threads, mos bt: processes, threads and their backtraces."""

import gdb

from multios import ui, unwind, vcpus
from multios.access import Unreadable
from multios.places import place
from multios.waits import Mutex, queue_words


def waits_for(thread):
    """What a thread that does not run waits for, in words; None for the others."""
    if thread.state not in ("blocked", "stopped"):
        return None
    what = "time"
    if thread.mutex_waited:
        what = "mutex " + Mutex(thread.kernel, thread.mutex_waited).name
    elif thread.wait_queue:
        what = " ".join(queue_words(thread.kernel, thread.wait_queue))
    site = place(thread.wait_site)
    return what + (" at " + site if site else "")


def thread_row(thread, cpus):
    return {"tid": thread.tid, "name": thread.name, "state": thread.state, "cpu": thread.cpu,
            "priority": thread.priority_name, "level": thread.level, "policy": thread.policy,
            "affinity": ui.mask_text(thread.affinity, cpus), "cpu_time": thread.cpu_time,
            "waits_for": waits_for(thread)}


THREAD_HEADER = ("TID", "NAME", "STATE", "CPU", "PRIORITY", "LEVEL", "POLICY", "AFFINITY",
                 "CPU TIME", "WAITS FOR")


def thread_table(rows):
    return ui.table(THREAD_HEADER, [
        [r["tid"], r["name"], r["state"], r["cpu"], r["priority"], r["level"], r["policy"],
         r["affinity"], ui.time_text(r["cpu_time"]), r["waits_for"]] for r in rows])


class Ps(ui.MosCommand):
    """List processes; with -t, the threads of each.

mos ps [-t] [--json]

One row per process control block: id, parent, name, state, priority, number of threads and the
CPU time its threads have had."""

    NAME, USAGE = "ps", "[-t]"

    def completions(self, text):
        return ["-t"]

    def rows(self, arguments):
        if arguments not in ([], ["-t"]):
            raise ui.UsageError("given %r, expected -t or nothing" % " ".join(arguments))
        cpus = len(self.kernel.cpu_numbers())
        return [self._row(p, cpus, bool(arguments)) for p in self.kernel.processes()]

    @staticmethod
    def _row(process, cpus, with_threads):
        threads = process.threads()
        row = {"pid": process.pid, "parent": process.parent, "name": process.name,
               "state": process.state(threads), "priority": process.priority_name(),
               "threads": len(threads),
               "cpu_time": process.value.cpu_time + sum(
                   t.cpu_time for t in threads if not t.is_idle)}
        if with_threads:
            row["list"] = [thread_row(t, cpus) for t in threads]
        return row

    def show(self, data):
        text = ui.table(("PID", "PARENT", "NAME", "STATE", "PRIORITY", "THREADS", "CPU TIME"), [
            [r["pid"], r["parent"], r["name"], r["state"], r["priority"], r["threads"],
             ui.time_text(r["cpu_time"])] for r in data])
        for row in data:
            if "list" in row:
                text += "\nthreads of process %d\n" % row["pid"] + thread_table(row["list"])
        return text


class Threads(ui.MosCommand):
    """List every thread: running, ready, blocked, stopped.

mos threads [--json]

A thread is shown as running when it is some CPU's current thread, whatever its state field says,
and as picked when the scheduler has chosen it but its CPU still has another current thread.
WAITS FOR names the object and the place in the kernel where the wait began. Times are exact up to
the last time the thread was accounted."""

    NAME = "threads"

    def rows(self, arguments):
        self.no_arguments(arguments)
        cpus = len(self.kernel.cpu_numbers())
        return [thread_row(t, cpus) for t in self.kernel.threads()]

    def show(self, data):
        return thread_table(data)


class Tree(ui.MosCommand):
    """Show processes and their threads as a tree.

mos tree [--json]

Each process stands under the one that created it, with its threads."""

    NAME = "tree"

    def rows(self, arguments):
        self.no_arguments(arguments)
        rows = {p.pid: self._row(p) for p in self.kernel.processes()}
        roots = []
        for pid, row in rows.items():
            above = rows.get(row["parent"])
            (roots if above is None or pid == row["parent"] else above["children"]).append(row)
        return roots

    @staticmethod
    def _row(process):
        threads = process.threads()
        return {"pid": process.pid, "parent": process.parent, "name": process.name,
                "state": process.state(threads), "children": [],
                "threads": [{"tid": t.tid, "name": t.name, "state": t.state, "cpu": t.cpu}
                            for t in threads]}

    def show(self, data):
        return "".join(line + "\n" for row in data for line in self._lines(row))

    def _lines(self, row):
        below = [self._lines(child) for child in row["children"]]
        below += [["thread %d %s, %s%s" % (
            t["tid"], t["name"], t["state"], "" if t["cpu"] is None else " CPU %d" % t["cpu"])]
            for t in row["threads"]]
        yield "process %d %s, %s" % (row["pid"], row["name"], row["state"])
        for number, lines in enumerate(below, 1):
            last = number == len(below)
            for at, line in enumerate(lines):
                yield (("`-- " if last else "|-- ") if at == 0 else "    " if last else "|   ") + line


class Backtrace(ui.MosCommand):
    """Backtrace of any thread, running or not, or of all.

mos bt TID|all [--json]

Registers of a running thread are those of its CPU; a blocked or ready thread's are read from its
stack. Nothing is written to the machine."""

    NAME, USAGE = "bt", "TID|all"
    CLASS = gdb.COMMAND_STACK

    def completions(self, text):
        return ["all"] + [str(t.tid) for t in self.kernel.threads()]

    def rows(self, arguments):
        if len(arguments) != 1:
            raise ui.UsageError("given %d arguments, expected a thread id or all" % len(arguments))
        if arguments[0] == "all":
            return [self._row(t) for t in self.kernel.threads()]
        return [self._row(find_thread(self.kernel, arguments, "a thread id or all"))]

    def _row(self, thread):
        row = {"tid": thread.tid, "name": thread.name, "state": thread.state, "cpu": thread.cpu}
        try:
            row["frames"] = backtrace(self.kernel, thread)
        except (Unreadable, gdb.error) as error:
            row["frames"] = [{"error": str(error)}]
        return row

    def show(self, data):
        return "\n".join(self._text(row) for row in data)

    @staticmethod
    def _text(row):
        on = "" if row["cpu"] is None else " CPU %d" % row["cpu"]
        lines = ["thread %d %s, %s%s" % (row["tid"], row["name"], row["state"], on)]
        for number, frame in enumerate(row["frames"]):
            lines.append("  #%-2d %s" % (number, frame_text(frame)))
        return "\n".join(lines) + "\n"


def find_thread(kernel, arguments, expected="a thread id"):
    """The thread that the only argument names."""
    if len(arguments) != 1:
        raise ui.UsageError("given %d arguments, expected %s" % (len(arguments), expected))
    tid = ui.number(arguments[0], expected)
    thread = kernel.thread(tid)
    if thread is None:
        raise ui.UsageError("no thread has id %d; `mos threads` lists them" % tid)
    return thread


def frame_text(frame):
    if "error" in frame:
        return "(%s)" % frame["error"]
    if frame["interrupt"]:
        return "<interrupt> " + (frame["function"] or "0x%x" % frame["pc"])
    where = " at %s:%d" % (frame["file"], frame["line"]) if frame["file"] else ""
    return "0x%016x %s%s" % (frame["pc"], frame["function"] or "??", where)


def backtrace(kernel, thread):
    """Frames of a thread, innermost first."""
    live = vcpus.with_registers_of(kernel, thread)
    if live is not None:
        return unwind.walk_cpu(live)
    if thread.state in ("new", "dead"):
        raise Unreadable("it has no frames: it is %s" % thread.state)
    with unwind.blocked_thread(thread) as frame:
        return unwind.walk(frame)
