# SPDX-License-Identifier: MIT
"""
Backtraces of threads that do not run. A blocked thread's callee-saved registers lie on its stack
(struct arch_switch_frame); the unwinder below hands them to gdb as the caller of whatever frame is
innermost, so that gdb itself walks on by CFI with frames, locals and up/down. No register and no
byte of the machine is written: `continue` afterwards is always safe.
"""

import contextlib

import gdb
from gdb.unwinder import Unwinder, register_unwinder

from multios.access import Unreadable
from multios.live import register_value, selected_thread

class _FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


class BlockedThreadUnwinder(Unwinder):
    """Active only while it has registers: else gdb unwinds as always."""

    def __init__(self):
        super().__init__("multios-blocked-thread")
        self.registers = None
        self.live = None

    def __call__(self, pending_frame):
        """Claims the frame whose registers are the CPU's own; inlined calls share one frame."""
        if self.registers is None:
            return None
        word = gdb.lookup_type("unsigned long")
        here = tuple(int(pending_frame.read_register(name).cast(word)) for name in ("rip", "rsp"))
        if here != self.live:
            return None
        info = pending_frame.create_unwind_info(
            _FrameId(gdb.Value(self.registers["rsp"]).cast(word),
                     gdb.Value(self.registers["rip"]).cast(word)))
        for name, value in self.registers.items():
            info.add_saved_register(name, gdb.Value(value).cast(word))
        return info


UNWINDER = BlockedThreadUnwinder()


def install():
    register_unwinder(None, UNWINDER, replace=True)


def show(registers):
    """
    From now on, on the selected CPU: the innermost frame of the thread with these registers, which
    it returns, is the caller of what the CPU does.
    """
    forget()
    UNWINDER.live = (register_value("rip"), register_value("rsp"))
    UNWINDER.registers = registers
    gdb.invalidate_cached_frames()
    frame = gdb.newest_frame()
    while frame.type() == gdb.INLINE_FRAME:
        frame = frame.older()
    return frame.older()


def forget():
    """Gdb unwinds as always again."""
    if UNWINDER.registers is not None:
        UNWINDER.registers = None
        gdb.invalidate_cached_frames()


@contextlib.contextmanager
def kept_selection():
    """Puts back, after the block, whose frames are shown and which one is selected."""
    before, level = (UNWINDER.registers, UNWINDER.live), gdb.selected_frame().level()
    try:
        yield
    finally:
        UNWINDER.registers, UNWINDER.live = before
        gdb.invalidate_cached_frames()
        reselect(level)


def reselect(level):
    """Selects the frame of this level again: the unwinder's change dropped the cached ones."""
    frame = gdb.newest_frame()
    while frame is not None and frame.level() < level:
        frame = frame.older()
    if frame is not None:
        frame.select()


@contextlib.contextmanager
def blocked_thread(thread):
    """Gives the innermost frame of a thread that is on no CPU, valid inside the block."""
    with kept_selection():
        yield show(thread.saved_registers())


def row(frame):
    """One frame as data."""
    sal = frame.find_sal()
    place = (sal.symtab.filename, sal.line) if sal and sal.symtab else (None, None)
    return {"pc": frame.pc(), "function": frame.name(), "file": place[0], "line": place[1],
            "interrupt": frame.type() == gdb.SIGTRAMP_FRAME}


def walk_cpu(gdb_thread):
    """Rows of what a CPU does, whichever thread is selected."""
    with kept_selection():
        forget()
        with selected_thread(gdb_thread):
            return walk(gdb.newest_frame())


def walk(frame, limit=64):
    """Rows of the given frame and those outwards."""
    out = []
    while frame is not None and frame.is_valid() and len(out) < limit:
        out.append(row(frame))
        try:
            frame = frame.older()
        except gdb.error as error:
            out.append({"error": str(error)})
            break
    return out
