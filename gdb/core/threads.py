# SPDX-License-Identifier: MIT
"""Which threads a core shows, with which registers, in which order."""
from core import writer
from multios.access import Unreadable
from proxy.threads import Stop, StubTarget

SIGABRT = 6  # what ended the program: in every note, as in those of Linux


class Snapshot:
    """A dumped machine with its kernel's symbols and layouts."""

    def __init__(self, dump, found):
        self.dump = dump
        self.target = StubTarget(dump, found)
        self.stop = Stop(dump, self.target)

    def problems(self):
        return self.stop.problems()

    def shown(self):
        """The thread that panicked first, then those on CPUs, then the others, by number."""
        panicked = self.panic_cpu()
        return sorted(self.stop.all().values(), key=lambda one: (
            one.cpu is None, panicked is None or one.cpu != self.stop.cpus.get(panicked), one.number))

    def panic_cpu(self):
        """The kernel's number of the CPU that panicked, or None."""
        address = self.target.symbol("panic_cpu")
        try:
            number = self.target.integer(address, 4) if address and not self.stop.why_not else 0
        except Unreadable:
            return None
        return number - 1 if number else None

    def notes(self, kernel):
        """All of them: what the core is of, with the kernel's file name, and a thread each."""
        threads, panicked = self.shown(), self.panic_cpu() is not None
        count = len(threads)
        text = f"MultiOS {'in panic' if panicked else 'stopped'}: {count} threads, {len(self.dump.cpus)} CPUs"
        out = writer.process_note(kernel, text)
        for one in threads:
            out += writer.status_note(one.number, self.registers(one), SIGABRT if panicked else 0)
        return out

    def registers(self, one):
        return self.dump.states[one.cpu - 1] if one.cpu else one.saved_registers()

    def mappings(self):
        """As the first CPU that uses page tables sees it; physical memory itself before that."""
        for cpu in [self.target.cpu, *self.dump.cpus]:
            tables = self.dump.tables(cpu)
            if tables:
                return tables.mappings()
        return [writer.plain_mapping(piece) for piece in self.dump.pieces]
