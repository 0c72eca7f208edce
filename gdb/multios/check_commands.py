# SPDX-License-Identifier: MIT
"""mos check: is the scheduler's state sound?"""

from multios import ui
from multios.invariants import check_all


class Check(ui.MosCommand):
    """Recompute the scheduler's invariants from outside.

mos check [--json]

The same rules as sched/check.c: one current thread per CPU, every runnable thread in one queue,
ranks, counts, affinity, timers, times that add up, urgency inherited through mutexes. A CPU whose
run queue is being changed at this stop is named and passed over (`mos settle` helps), and threads
are then not checked one by one."""

    NAME = "check"

    def rows(self, arguments):
        self.no_arguments(arguments)
        found, changing = check_all(self.kernel)
        return {"wrong": found, "changing": changing, "cpus": self.kernel.cpu_numbers()}

    def show(self, data):
        lines = ["CPU %s: thread %s %s %s" % (
            "-" if r["cpu"] is None else r["cpu"], r["tid"], r["name"], r["what"])
            if r["tid"] is not None else "CPU %s: %s" % (r["cpu"], r["what"]) for r in data["wrong"]]
        if data["changing"]:
            lines.append("not checked, their queues are being changed: CPU %s (`mos settle` helps)"
                         % ", ".join(map(str, data["changing"])))
        elif not lines:
            lines = ["all invariants hold on %d CPUs" % len(data["cpus"])]
        return "\n".join(lines) + "\n"
