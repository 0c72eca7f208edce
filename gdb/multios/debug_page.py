# SPDX-License-Identifier: MIT
"""
The kernel's page of event breakpoints (kernel/debug_page.h): the only memory of the machine that is
ever written, and only here. What is armed is read from the page itself, so that it is known to a
gdb that is attached anew, too.
"""

import gdb

from multios import trace
from multios.access import Unreadable
from multios.live import need_machine

ANY = (1 << 64) - 1


def bits(mask, names):
    return [name for value, name in sorted(names.items()) if mask >> value & 1]


def mask_of(wanted, names):
    return sum(1 << value for value, name in names.items() if name in wanted)


class DebugPage:
    def __init__(self, kernel):
        self.kernel, self.target = kernel, kernel.target
        self.address = kernel.address("debug_page")
        self.layout = self.target.layout("debug_page")
        self.event = self.target.layout("debug_event")
        self.count = self.layout.fields["event"][1].count
        rings = trace.Rings(kernel)
        self.kinds = {v: n for v, n in rings.kinds.items() if n != "KIND_COUNT"}
        self.reasons = {v: n for v, n in rings.reasons.items() if n != "REASON_COUNT"}
        self.trace_on = rings.on

    def events(self):
        """{number: decoded struct debug_event} of those that are armed."""
        found = {n: self.at(n) for n in range(self.count)}
        return {n: event for n, event in found.items() if event.kinds}

    def at(self, number):
        return self.target.struct("debug_event", self.address + self._offset(number))

    def arm(self, kinds, reasons=(), **fields):
        """Arms an event; its number. A field that is not given may be anything."""
        if not self.trace_on:
            raise Unreadable("the trace is off, and events are looked for where it is written: "
                             "boot with trace=on")
        free = [n for n in range(self.count) if n not in self.events()]
        if not free:
            raise Unreadable("all %d events are armed: `mos break delete` frees some" % self.count)
        values = {"thread": ANY, "runs": ANY, "process": ANY, "cpu": ANY, **fields,
                  "kinds": mask_of(kinds, self.kinds), "reasons": mask_of(reasons, self.reasons)}
        data = bytearray(self.event.size)
        for name, value in values.items():
            at, kind = self.event.fields[name]
            data[at:at + kind.size] = value.to_bytes(kind.size, "little")
        self._write(self._offset(free[0]), bytes(data))
        self._set_armed()
        return free[0]

    def disarm(self, number):
        self._write(self._offset(number), bytes(self.event.size))
        self._set_armed()

    def _set_armed(self):
        self._write(self.layout.fields["armed"][0], bytes([bool(self.events())]))

    def _offset(self, number):
        return self.layout.fields["event"][0] + number * self.event.size

    def _write(self, offset, data):
        need_machine()
        if not 0 <= offset <= self.layout.size - len(data):
            raise ValueError("0x%x is not in the debug page" % offset)
        gdb.selected_inferior().write_memory(self.address + offset, data)
