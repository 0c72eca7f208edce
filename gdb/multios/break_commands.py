# SPDX-License-Identifier: MIT
"""mos break, mos step-to-next-switch, mos until-thread: stops at what the scheduler does."""

import contextlib

import gdb

from multios import trace, ui, vcpus
from multios.access import Unreadable
from multios.debug_page import ANY, DebugPage, bits
from multios.live import register_value
from multios.model import Kernel
from multios.places import place
from multios.threads import find_thread

HIT = "debug_page_hit"
# Names beside those of the kernel's own trace records.
ALSO = {"wakeup": ("WAKE", ()), "block": ("SWITCH", ("BLOCK", "SLEEP"))}
PREDICATES = ("tid", "pid", "cpu", "object", "reason")


def thread_words(kernel, tid):
    thread = kernel.thread(tid)
    return {"tid": tid, "name": thread and thread.name}


def called(thread):
    return "%d %s" % (thread["tid"], thread["name"] or "(ended)")


class HitBreakpoint(gdb.Breakpoint):
    """The ordinary breakpoint on the function that the kernel calls; says what has happened."""

    def __init__(self, target):
        super().__init__("*" + HIT, internal=True)
        self.silent = True
        self.target = target
        self.hit = self.last = None

    def stop(self):
        """
        False, and the machine runs on, when this is the hit that was told last: with several CPUs gdb
        can come to the same instruction of one of them twice.
        """
        number = register_value("rdi") & 0xffffffff
        before, self.last = self.last, (number, register_value("rdx"))
        if before == self.last:
            return False
        self.hit = {"number": number, **self._record(Kernel(self.target))}
        gdb.write("\n" + hit_text(self.hit))
        return True

    def _record(self, kernel):
        record = self.target.struct("debug_record", register_value("rsi"))
        page = DebugPage(kernel)
        kind = page.kinds.get(record.kind, str(record.kind))
        about, other = trace.Rings(kernel).operands(kind)
        row = {"event": kind, "operands": [about, other], "a": record.a, "b": record.b,
               "reason": None, "thread": thread_words(kernel, record.a), "runs": None,
               "cpu": vcpus.number_of_selected(kernel)}
        if kind == trace.SWITCH:
            row["reason"] = page.reasons.get(record.reason)
            row["runs"] = thread_words(kernel, record.b)
        return row


def hit_text(hit):
    second = called(hit["runs"]) if hit["runs"] else hit["b"]
    reason = "  " + hit["reason"] if hit["reason"] else ""
    first, other = hit["operands"]
    return "CPU %s: %s %s %s %s %s%s\n" % (
        hit["cpu"], hit["event"], first, called(hit["thread"]), other, second, reason)


class EventCommand(ui.MosCommand):
    """What they share: the page, and gdb's breakpoint on the function that a hit calls."""

    CLASS = gdb.COMMAND_BREAKPOINTS
    breakpoint = None

    def page(self):
        return DebugPage(self.kernel)

    def watch(self):
        """gdb's breakpoint, made anew when `delete` has taken it away."""
        if EventCommand.breakpoint is None or not EventCommand.breakpoint.is_valid():
            EventCommand.breakpoint = HitBreakpoint(self.target)
        EventCommand.breakpoint.hit = EventCommand.breakpoint.last = None
        return EventCommand.breakpoint

    def run_to(self, **fields):
        """Lets the machine run up to an event; what was hit, or None when it stopped elsewhere."""
        watch = self.watch()
        number = self.page().arm(**fields)
        try:
            gdb.execute("continue", to_string=True)
        finally:
            self.kernel = Kernel(self.target)
            with contextlib.suppress(Unreadable, gdb.error):
                self.page().disarm(number)
        return watch.hit if watch.hit and watch.hit["number"] == number else None

    def elsewhere(self):
        raise Unreadable("the machine stopped before that, at %s" % place(register_value("rip")))


class Break(EventCommand):
    """Stop at an event of the scheduler, looked for by the kernel itself at full speed.

mos break EVENT [tid=N] [pid=N] [cpu=N] [object=EXPRESSION] [reason=NAME] | list | delete N|all [--json]

EVENT is the name of a trace record (switch, wake, migrate, miss, create, exit, ...), or wakeup, or
block, a switch away from a thread that waits. tid= is the thread that the record is about, of a
switch either of the two, with reason= and of block the one that leaves; pid= is that thread's process (of create, kill and other requests the one
who makes them), cpu= where it happens, object= a mutex, semaphore, queue or other object that the
thread waits for, reason= why a switch happens. The kernel counts the hits; `mos break`, or
`mos break list`, shows them. Events are looked for where the trace is written, so it must be on.
This writes to the kernel's debug page and nowhere else."""

    NAME = "break"
    USAGE = "EVENT [tid=N] [pid=N] [cpu=N] [object=EXPRESSION] [reason=NAME] | list | delete N|all"

    def names(self, page):
        return sorted([name.lower() for name in page.kinds.values()] + list(ALSO))

    def completions(self, text):
        if " " in text.lstrip():
            return [name + "=" for name in PREDICATES]
        return self.names(self.page()) + ["list", "delete"]

    def rows(self, arguments):
        page = self.page()
        if arguments and arguments[0] == "delete":
            self.delete(page, arguments[1:])
        elif arguments and arguments != ["list"]:
            self.watch()
            page.arm(**self.wanted(page, arguments))
        return [self.row(page, number, event) for number, event in page.events().items()]

    def delete(self, page, arguments):
        armed = page.events()
        if arguments == ["all"]:
            numbers = list(armed)
        else:
            if len(arguments) != 1:
                raise ui.UsageError("given %d arguments after delete, expected a number or all"
                                    % len(arguments))
            numbers = [ui.number(arguments[0], "the number of an event or all")]
        for number in numbers:
            if number not in armed:
                raise ui.UsageError("no event %d is armed; `mos break list` shows them" % number)
            page.disarm(number)

    def wanted(self, page, arguments):
        """The fields of an event from the words of a command."""
        event, *words = arguments
        if event.lower() not in self.names(page):
            raise ui.UsageError("given %r, expected %s" % (event, ", ".join(self.names(page))))
        kind, reasons = ALSO.get(event.lower(), (event.upper(), ()))
        fields = {"kinds": (kind,), "reasons": reasons}
        for word in words:
            name, equals, value = word.partition("=")
            if name not in PREDICATES or not equals:
                raise ui.UsageError("given %r, expected %s" % (
                    word, " or ".join(p + "=" for p in PREDICATES)))
            fields.update(self.predicate(page, name, value))
        return fields

    @staticmethod
    def predicate(page, name, value):
        if name == "reason":
            if value.upper() not in page.reasons.values():
                raise ui.UsageError("given reason=%s, expected %s" % (
                    value, ", ".join(n.lower() for n in page.reasons.values())))
            return {"reasons": (value.upper(),)}
        if name == "object":
            return object_fields(value)
        field = {"tid": "thread", "pid": "process", "cpu": "cpu"}[name]
        return {field: ui.number(value, "a number after %s=" % name)}

    @staticmethod
    def row(page, number, event):
        def one(value):
            return None if value == ANY else value

        return {"number": number, "events": [n.lower() for n in bits(event.kinds, page.kinds)],
                "reasons": [n.lower() for n in bits(event.reasons, page.reasons)],
                "tid": one(event.thread), "pid": one(event.process), "cpu": one(event.cpu),
                "object": event.object if event.object_size else None, "hits": event.hits}

    def show(self, data):
        if not data:
            return "no event is armed\n"
        return ui.table(("NUMBER", "EVENT", "REASON", "TID", "PID", "CPU", "OBJECT", "HITS"), [
            [r["number"], ",".join(r["events"]), ",".join(r["reasons"]), r["tid"], r["pid"], r["cpu"],
             r["object"] and place_of_object(r["object"]), r["hits"]] for r in data])


def object_fields(expression):
    """An object, a pointer to one, or an address."""
    value = gdb.parse_and_eval(expression)
    if value.type.strip_typedefs().code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION):
        value = value.address
    pointed = value.type.strip_typedefs()
    known = pointed.code == gdb.TYPE_CODE_PTR and \
        pointed.target().strip_typedefs().code == gdb.TYPE_CODE_STRUCT
    return {"object": int(value) % (1 << 64), "object_size": pointed.target().sizeof if known else 1}


def place_of_object(address):
    return place(address) or "0x%x" % address


class StepToNextSwitch(EventCommand):
    """Run until a CPU goes from one thread to another.

mos step-to-next-switch [CPU] [--json]

The selected CPU unless another one is named. The machine stops where the kernel records the switch:
the next thread is chosen and not yet current. Breakpoints of your own may stop it before. This
writes to the kernel's debug page and nowhere else."""

    NAME, USAGE = "step-to-next-switch", "[CPU]"

    def completions(self, text):
        return [str(number) for number in self.kernel.cpu_numbers()]

    def rows(self, arguments):
        if len(arguments) > 1:
            raise ui.UsageError("given %d arguments, expected a CPU number or nothing" % len(arguments))
        on_line = self.kernel.cpu_numbers()
        number = ui.number(arguments[0], "a CPU number") if arguments else \
            vcpus.number_of_selected(self.kernel)
        if number not in on_line:
            raise ui.UsageError("no CPU %s is on line; there are %s" % (
                number, ", ".join(map(str, on_line))))
        return self.run_to(kinds=(trace.SWITCH,), cpu=number) or self.elsewhere()

    def show(self, data):
        return hit_text(data)


class UntilThread(EventCommand):
    """Run until a thread gets a CPU.

mos until-thread TID [--json]

Stops where the thread goes on, on its own stack, on whichever CPU that is. Breakpoints of your own
may stop the machine before. This writes to the kernel's debug page and nowhere else."""

    NAME, USAGE = "until-thread", "TID"

    def completions(self, text):
        return [str(t.tid) for t in self.kernel.threads()]

    def rows(self, arguments):
        thread = find_thread(self.kernel, arguments)
        if thread.running_on is not None:
            raise Unreadable("thread %d runs already, on CPU %d" % (thread.tid, thread.running_on))
        hit = self.run_to(kinds=(trace.SWITCH,), runs=thread.tid) or self.elsewhere()
        self.finish_switch(self.kernel.thread(thread.tid) or self.elsewhere())
        self.kernel = Kernel(self.target)  # what was half done at the first stop is no problem now
        return {**hit, "pc": register_value("rip"), "at": place(register_value("rip"))}

    def finish_switch(self, thread):
        """On to where it goes on: all threads come by there, and only one has its stack."""
        saved = thread.saved_registers()
        resumes = gdb.Breakpoint("*0x%x" % saved["rip"], internal=True)
        try:
            resumes.silent = True
            resumes.condition = "(unsigned long)$rsp == 0x%x" % saved["rsp"]
            gdb.execute("continue", to_string=True)
        finally:
            resumes.delete()
        if register_value("rsp") != saved["rsp"]:
            self.elsewhere()

    def show(self, data):
        return "CPU %s: thread %s runs, after %s (%s), at %s\n" % (
            data["cpu"], called(data["runs"]), called(data["thread"]),
            (data["reason"] or "").lower(), data["at"])
