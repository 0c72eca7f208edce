# SPDX-License-Identifier: MIT
"""mos cpu, mos runq: what each CPU does and what waits for it."""

import gdb

from multios import ui, vcpus
from multios.live import register_value, selected_thread
from multios.places import place


NO_END = 1 << 62  # ns; a slice this long has no end: the idle thread's


def slice_text(ns):
    return "no end" if ns is None or ns >= NO_END else ui.time_text(ns)


def change(cpu):
    """What is being done to a run queue at this stop."""
    picked = cpu.picked()
    return {"locked": cpu.locked, "lock_owner": cpu.lock_owner,
            "picked": picked and {"tid": picked.tid, "name": picked.name}}


def change_text(row):
    """The same in words; empty for a queue at rest."""
    picked, owner = row["picked"], row["lock_owner"]
    words = ["switching to %d %s" % (picked["tid"], picked["name"])] if picked else []
    if row["locked"]:
        words.append("queue locked" + ("" if owner is None else " by CPU %d" % owner))
    return ", ".join(words)


class Cpus(ui.MosCommand):
    """List the CPUs: current thread, live pc, load, need_resched, turn.

mos cpu [--json]

PC is the live register of each CPU, whichever one is selected. TURN is what was left of the
current thread's slice when the CPU last looked at its clock. CHANGE tells of a CPU between its pick
and the change of its current thread, and of a run queue whose lock is held: what lies in it may be
half changed (`mos settle` ends that)."""

    NAME = "cpu"

    def rows(self, arguments):
        self.no_arguments(arguments)
        threads = vcpus.vcpus(self.kernel)
        return [self._row(cpu, threads.get(cpu.number)) for cpu in self.kernel.cpus()]

    @staticmethod
    def _row(cpu, gdb_thread):
        current, pc = cpu.current(), None
        if gdb_thread is not None:
            with selected_thread(gdb_thread):
                pc = register_value("rip")
        return {"cpu": cpu.number, "state": cpu.state, "gdb": gdb_thread and gdb_thread.num,
                "tid": current and current.tid, "name": current and current.name,
                "load": cpu.rq.nr_runnable, "need_resched": bool(cpu.rq.need_resched),
                "preempt_count": cpu.preempt_count, "turn": cpu.slice_left(),
                "pc": pc, "at": place(pc), **change(cpu)}

    def show(self, data):
        return ui.table(
            ("CPU", "GDB", "STATE", "TID", "CURRENT", "LOAD", "RESCHED", "PREEMPT", "TURN", "PC",
             "CHANGE"),
            [[r["cpu"], "" if r["gdb"] is None else "1.%d" % r["gdb"], r["state"], r["tid"],
              r["name"], r["load"], "yes" if r["need_resched"] else "no",
              "%#x" % r["preempt_count"] if r["preempt_count"] else "0",
              slice_text(r["turn"]), r["at"], change_text(r)]
             for r in data])


class RunQueues(ui.MosCommand):
    """Show run queues in the order in which they will be served.

mos runq [CPU] [--json]

For each CPU: the current thread, then everything queued, most urgent rank first, with what is left
of each one's slice. At a stop inside a switch the thread that leaves may be current and queued, and
the picked one neither: both are marked. A queue whose lock is held may be half changed."""

    NAME, USAGE = "runq", "[CPU]"

    def completions(self, text):
        return [str(n) for n in self.kernel.cpu_numbers()]

    def rows(self, arguments):
        cpus = self.kernel.cpus()
        if len(arguments) > 1:
            raise ui.UsageError("given %d arguments, expected a CPU number or nothing"
                                % len(arguments))
        if arguments:
            number = ui.number(arguments[0], "a CPU number")
            cpus = [c for c in cpus if c.number == number]
            if not cpus:
                raise ui.UsageError("no CPU %d is on line; there are %s" % (
                    number, ", ".join(map(str, self.kernel.cpu_numbers()))))
        return [self._row(cpu) for cpu in cpus]

    @staticmethod
    def _row(cpu):
        current = cpu.current()
        return {"cpu": cpu.number, "load": cpu.rq.nr_runnable, "turn": cpu.slice_left(),
                "current": current and {"tid": current.tid, "name": current.name,
                                        "policy": current.policy, "rank": current.entity.rank},
                "queued": [{"rank": rank, "tid": t.tid, "name": t.name, "policy": t.policy,
                            "level": t.level, "slice": t.entity.slice,
                            "current_on": t.running_on}
                           for rank, t in cpu.queued()], **change(cpu)}

    def show(self, data):
        return "".join(self._text(row) for row in data)

    @staticmethod
    def _text(row):
        turn = slice_text(row["turn"]) + (" left" if row["turn"] is not None else "")
        current = row["current"] or {"tid": "-", "name": "none", "policy": "-"}
        changing = change_text(row)
        lines = ["CPU %d  load %d  current %s %s (%s, %s)%s\n" % (
            row["cpu"], row["load"], current["tid"], current["name"], current["policy"], turn,
            "  " + changing if changing else "")]
        for number, entry in enumerate(row["queued"], 1):
            leaving = "" if entry["current_on"] is None else \
                "  (still current on CPU %d)" % entry["current_on"]
            lines.append("  %3d. %5d %-24s %-6s level %-2d slice %s%s\n" % (
                number, entry["tid"], entry["name"], entry["policy"], entry["level"],
                slice_text(entry["slice"]), leaving))
        return "".join(lines)
