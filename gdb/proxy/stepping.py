# SPDX-License-Identifier: MIT
"""
What gdb wants of its threads, as what QEMU is to do with its CPUs.

A thread that is on no CPU cannot be stepped: it is waited for. The machine runs with a breakpoint
of its own at the address at which the thread resumes, and stops there when the stack pointer is
that thread's; all threads come by that address, and only one has that stack. The breakpoint is one
of QEMU's, beside the code: no byte of the machine changes.
"""
import dataclasses
import re

from proxy.stub import cpu_of

ANY = -1
STOP_THREAD = re.compile(rb"thread:([^;]*);")


@dataclasses.dataclass
class Plan:
    """One packet for QEMU, which CPU steps which thread, and the thread that is waited for."""

    payload: bytes
    stepped: dict
    awaited: object = None


def stopped_cpu(reply):
    """Of a stop reply, or None."""
    found = STOP_THREAD.search(reply)
    return cpu_of(found[1]) if found else None


def parse_resume(packet, chosen):
    """[(action, thread number or ANY)] of vCont and of the older packets, which mean `chosen`."""
    if not packet.startswith(b"vCont;"):
        rest = [(b"c", ANY)] if packet[:1] in b"sS" else []
        return [(packet.split(b";")[0], chosen if packet[:1] in b"sS" else ANY), *rest]
    wanted = []
    for word in packet.split(b";")[1:]:
        action, _, number = word.partition(b":")
        wanted.append((action, int(number, 16) if number and number != b"-1" else ANY))
    return wanted


def translate_resume(wanted, find):
    """
    A Plan; `find` gives the Shown with a number. A thread on no CPU goes on when the machine does:
    when nothing else is to go on, all of it does.
    """
    words, stepped = [], {}
    for action, number in wanted:
        shown = None if number == ANY else find(number)
        if number == ANY:
            words.append(action)
        elif shown and shown.cpu is not None:
            words.append(b"%s:%x" % (action, shown.cpu))
            if action[:1] in b"sS":
                stepped[shown.cpu] = number
        elif shown and action[:1] in b"sS" and "rip" in (saved := shown.saved_registers()):
            return Plan(b"vCont;c", {}, saved)
    return Plan(b"vCont;" + b";".join(words or [b"c"]), stepped)


class Awaited:
    """A thread, by its saved registers, that the machine runs up to."""

    def __init__(self, registers, stub, breakpoints):
        self.registers, self.stub, self.breakpoints = registers, stub, breakpoints
        self.place = b"1,%x,1" % registers["rip"]
        self.stub.ask(b"Z" + self.place)

    def forget(self):
        self.stub.ask(b"z" + self.place)

    def is_another(self, reply):
        """Is this stop nothing but another thread that comes by? Then gdb hears nothing of it."""
        cpu = stopped_cpu(reply)
        if not reply.startswith(b"T05") or cpu is None or b"watch" in reply:
            return False
        if self.stub.register(cpu, "rip") != self.registers["rip"]:
            return False
        at = b",%x," % self.registers["rip"]
        return self.stub.register(cpu, "rsp") != self.registers["rsp"] and not any(
            at in place for place in self.breakpoints)

    def step_over(self, reply):
        """QEMU steps a CPU off a breakpoint, the others halted."""
        self.stub.resume(b"vCont;s:%x" % stopped_cpu(reply))
        self.stub.stopped_by()
