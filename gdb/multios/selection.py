# SPDX-License-Identifier: MIT
"""
mos thread: any kernel thread as gdb's selected one. A thread on a CPU is selected as that CPU. For
another one the unwinder (unwind.py) keeps handing its saved registers to gdb, as the caller of
whatever the selected CPU does, until the machine runs again; a frame filter hides the CPU's own
frames from `bt`. No register is written, so that resuming is safe with any thread selected.
"""

import gdb

from multios import ui, unwind, vcpus
from multios.live import selected_thread
from multios.threads import find_thread, frame_text

FILTER = "multios-selected-thread"


class ThreadFrames:
    """Frame filter: of the CPU that was selected, only the frames of the kernel thread."""

    name, enabled, priority = FILTER, True, 100

    def __init__(self, level):
        self.level, self.cpu = level, gdb.selected_thread().num

    def filter(self, frames):
        if gdb.selected_thread().num != self.cpu:
            return frames
        return (f for f in frames if f.inferior_frame().level() >= self.level)


def forget(*_):
    """The machine runs again, or another thread is selected: gdb unwinds as always."""
    unwind.forget()
    gdb.frame_filters.pop(FILTER, None)


class Forget(gdb.Command):
    """For the hooks of gdb's own `thread` and `thread apply`, which select CPUs."""

    def __init__(self):
        super().__init__("mos-forget-thread", gdb.COMMAND_MAINTENANCE)

    def invoke(self, text, from_tty):
        forget()


def install():
    Forget()
    gdb.events.cont.connect(forget)
    for command in ("hook-thread", "thread hook-apply", "thread apply hook-all"):
        gdb.execute("define %s\nmos-forget-thread\nend" % command)


def select(kernel, thread):
    """Selects the thread; its innermost frame."""
    forget()
    live = vcpus.with_registers_of(kernel, thread)
    if live is not None:
        live.switch()
        return gdb.newest_frame()
    frame = unwind.show(thread.saved_registers())
    gdb.frame_filters[FILTER] = ThreadFrames(frame.level())
    frame.select()
    return frame


class SelectThread(ui.MosCommand):
    """Select any thread, running or not, for bt, frame, up, down, info locals.

mos thread TID [--json]

A running thread is selected as the gdb thread of its CPU. For any other one gdb shows its frames
above those of the selected CPU (so they do not begin with #0) until the machine runs again or
another thread is selected. Registers that a function call does not keep are unknown: `info
registers` prints the CPU's for them, `mos regs` leaves them out. Nothing is written: continuing is
safe."""

    NAME, USAGE = "thread", "TID"
    CLASS = gdb.COMMAND_STACK

    def completions(self, text):
        return [str(t.tid) for t in self.kernel.threads()]

    def rows(self, arguments):
        thread = find_thread(self.kernel, arguments)
        frame = select(self.kernel, thread)
        return {"tid": thread.tid, "name": thread.name, "state": thread.state, "cpu": thread.cpu,
                "gdb": gdb.selected_thread().num, "level": frame.level(), "frame": unwind.row(frame)}

    def show(self, data):
        on = "" if data["cpu"] is None else " CPU %d" % data["cpu"]
        return "[thread %d %s, %s%s]\n#%-2d %s\n" % (
            data["tid"], data["name"], data["state"], on, data["level"],
            frame_text(data["frame"]))


GENERAL = ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12",
           "r13", "r14", "r15", "rip", "eflags")
OF_CPU = ("cs", "ss", "cr3", "fs_base", "gs_base", "k_gs_base")


def registers_of_frame(frame, names):
    """{name: value} of those registers of a frame that gdb can tell."""
    out = {}
    for name in names:
        try:
            out[name] = int(frame.read_register(name)) % (1 << 64)
        except (gdb.error, ValueError, TypeError):
            continue
    return out


def interrupted(frame):
    """The frame that an interrupt broke into, where every register was saved; or None."""
    while frame is not None:
        entry = frame.type() == gdb.SIGTRAMP_FRAME
        try:
            frame = frame.older()
        except gdb.error:
            return None
        if entry:
            return frame
    return None


class Registers(ui.MosCommand):
    """Registers of a thread, or of what each CPU runs.

mos regs [TID] [--json]

A thread on a CPU has the CPU's registers. Of one that is switched out those are shown that the
switch keeps, and, when an interrupt took the CPU from it, all those that it had then. Without TID:
the live registers of every CPU."""

    NAME, USAGE = "regs", "[TID]"

    def completions(self, text):
        return [str(t.tid) for t in self.kernel.threads()]

    def rows(self, arguments):
        if arguments:
            return [self._of_thread(find_thread(self.kernel, arguments))]
        return [self._on_cpu(cpu.current(), gdb_thread)
                for cpu in self.kernel.cpus()
                for gdb_thread in [vcpus.vcpus(self.kernel).get(cpu.number)] if gdb_thread]

    def _of_thread(self, thread):
        live = vcpus.with_registers_of(self.kernel, thread)
        if live is not None:
            return self._on_cpu(thread, live)
        with unwind.kept_selection():
            registers = thread.saved_registers()
            sets = [{"at": "switch", "registers": registers}]
            before = interrupted(unwind.show(registers))
            if before is not None:
                sets.append({"at": "interrupt", "registers": registers_of_frame(before, GENERAL)})
        return {"tid": thread.tid, "name": thread.name, "cpu": None, "sets": sets}

    def _on_cpu(self, thread, gdb_thread):
        with selected_thread(gdb_thread):
            values = registers_of_frame(gdb.newest_frame(), GENERAL + OF_CPU)
        number = next(n for n, t in vcpus.vcpus(self.kernel).items() if t.num == gdb_thread.num)
        return {"tid": thread and thread.tid, "name": thread and thread.name, "cpu": number,
                "sets": [{"at": "live", "registers": values}]}

    def show(self, data):
        return "\n".join(self._text(row, part) for row in data for part in row["sets"])

    @staticmethod
    def _text(row, part):
        where = {"live": "on CPU %s" % row["cpu"], "switch": "as kept by the switch",
                 "interrupt": "when the interrupt came"}[part["at"]]
        lines = ["thread %s %s, %s" % (row["tid"], row["name"], where)]
        cells = ["%-9s 0x%016x" % pair for pair in part["registers"].items()]
        lines += ["  " + "   ".join(cells[i:i + 3]) for i in range(0, len(cells), 3)]
        return "\n".join(lines) + "\n"
