# SPDX-License-Identifier: MIT
"""mos settle: on to a stop at which nothing is half changed."""

import contextlib

import gdb

from multios import ui, vcpus
from multios.live import need_machine, register_value, selected_thread
from multios.places import place

INTERRUPTS_ON = 1 << 9  # of rflags
TURN = 20               # instructions that one CPU is stepped before the next one's turn
LIMIT = 20000           # instructions of one CPU


@contextlib.contextmanager
def setting(name, value):
    """A setting of gdb for the time of the block; one that this gdb does not have is passed over."""
    try:
        before = gdb.parameter(name)
    except RuntimeError:
        yield
        return
    gdb.execute("set %s %s" % (name, value), to_string=True)
    try:
        yield
    finally:
        words = {True: "on", False: "off"}
        gdb.execute("set %s %s" % (name, words.get(before, before)), to_string=True)


@contextlib.contextmanager
def quiet_steps_of_one_cpu():
    """Only the selected CPU moves when it is stepped, and gdb does not print where it comes to."""
    with setting("scheduler-locking", "on"), setting("suppress-cli-notifications", "on"):
        yield


def interrupts_on():
    """Of the selected gdb thread; None: it is on no CPU any more, which the proxy shows."""
    flags = register_value("eflags")
    return None if flags is None else bool(flags & INTERRUPTS_ON)


def step_on(gdb_thread, most):
    """
    Steps one CPU until it may be interrupted, at most `most` instructions; how many. One that is
    halted for ever stays where it is.
    """
    steps = 0
    with selected_thread(gdb_thread):
        while steps < most and interrupts_on() is False:
            before = register_value("rip")
            gdb.execute("stepi", to_string=True)
            if register_value("rip") == before:
                break
            steps += 1
    return steps


def settle(kernel):
    """
    {CPU number: instructions stepped}. Every CPU gets short turns, because one may wait for a lock
    that another one holds.
    """
    cpus = vcpus.vcpus(kernel)
    steps = dict.fromkeys(cpus, 0)
    moved = True
    with quiet_steps_of_one_cpu():
        while moved:
            moved = False
            for number in cpus:
                if steps[number] < LIMIT:
                    done = step_on(cpus[number], TURN)
                    steps[number] += done
                    moved = moved or done > 0
            cpus = after_switches(kernel, cpus)
    return steps


def after_switches(kernel, cpus):
    """The same CPUs; behind the proxy one that was stepped through a switch is another gdb thread."""
    for thread in cpus.values():
        with selected_thread(thread):
            known = interrupts_on() is not None
        if not known:
            # gdb believes that those which it did not step have the registers that they had.
            gdb.execute("maintenance flush register-cache", to_string=True)
            return {**cpus, **vcpus.vcpus(kernel)}
    return cpus


class Settle(ui.MosCommand):
    """Let every CPU leave what it does with interrupts off.

mos settle [--json]

The machine stops anywhere, perhaps in the middle of a switch or of an insertion into a list. This
steps each CPU that has interrupts off, the others halted, until it has them on again: then no CPU
holds a lock of the scheduler, and every list is whole. Few instructions are executed; nothing is
written."""

    NAME = "settle"

    def rows(self, arguments):
        self.no_arguments(arguments)
        need_machine()
        steps = settle(self.kernel)
        cpus = vcpus.vcpus(self.kernel)
        return [self._row(number, count, cpus[number]) for number, count in sorted(steps.items())]

    @staticmethod
    def _row(number, count, gdb_thread):
        with selected_thread(gdb_thread):
            return {"cpu": number, "steps": count, "settled": interrupts_on(),
                    "at": place(register_value("rip"))}

    def show(self, data):
        return "".join("CPU %d: %s\n" % (r["cpu"], self._text(r)) for r in data)

    @staticmethod
    def _text(row):
        if not row["settled"]:
            return "interrupts are still off after %d instructions, at %s" % (
                row["steps"], row["at"])
        return "stepped %d instructions" % row["steps"] if row["steps"] else "was at rest"
