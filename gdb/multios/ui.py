# SPDX-License-Identifier: MIT
"""
What every command shares: arguments, --json, tables, and the rule that no Python error ever
reaches the user.
"""

import json
import shlex

import gdb

from multios.access import Unreadable
from multios.model import Kernel


class UsageError(Exception):
    """A bad argument: says what was given and what was expected."""


class MosCommand(gdb.Command):
    """
    A `mos NAME` command. A subclass sets NAME and USAGE, its docstring is the help text, and
    implements rows(arguments) -> data and show(data) -> text. --json prints the data instead.
    """

    NAME = ""
    USAGE = ""
    CLASS = gdb.COMMAND_STATUS
    ANY_STAGE = False  # runs before the kernel does, too

    def __init__(self, target):
        self.target = target
        self.kernel = Kernel(target)
        super().__init__("mos " + self.NAME, self.CLASS)

    def invoke(self, text, from_tty):
        self.dont_repeat()
        self.kernel = Kernel(self.target)
        try:
            self._run(shlex.split(text))
        except UsageError as error:
            raise gdb.GdbError("mos %s: %s\nusage: mos %s %s [--json]" % (
                self.NAME, error, self.NAME, self.USAGE)) from None
        except (Unreadable, gdb.error, AttributeError, ValueError) as error:
            raise gdb.GdbError("mos %s: %s" % (self.NAME, error)) from None

    def _run(self, arguments):
        stage = None if self.ANY_STAGE else self.kernel.stage()
        if stage:
            raise gdb.GdbError("mos %s: %s" % (self.NAME, stage))
        data = self.rows([a for a in arguments if a != "--json"])
        as_json = "--json" in arguments
        gdb.write(json.dumps(data, indent=1) + "\n" if as_json else self.show(data))
        for problem in dict.fromkeys(self.kernel.problems):
            gdb.write("note: %s\n" % problem, gdb.STDERR)

    def complete(self, text, word):
        self.kernel = Kernel(self.target)
        try:
            words = self.completions(text) + ["--json"]
        except (Unreadable, gdb.error):
            words = ["--json"]
        return [w for w in words if w.startswith(word or "")]

    def completions(self, text):
        return []

    def rows(self, arguments):
        raise NotImplementedError

    def show(self, data):
        raise NotImplementedError

    def no_arguments(self, arguments):
        if arguments:
            raise UsageError("given %r, but it takes no arguments" % " ".join(arguments))


def options(arguments, allowed):
    """{"--last": 5} from ["--last", "5"]; `allowed` maps each option to what its value is."""
    found, rest = {}, list(arguments)
    while rest:
        name = rest.pop(0)
        if name not in allowed:
            raise UsageError("given %r, expected %s" % (name, " or ".join(allowed)))
        if not rest:
            raise UsageError("given %s without a value, expected %s" % (name, allowed[name]))
        found[name] = number(rest.pop(0), allowed[name] + " after " + name)
    return found


def number(text, what):
    """A decimal or 0x number from a command line."""
    try:
        return int(text, 0)
    except ValueError:
        raise UsageError("given %r, expected %s" % (text, what)) from None


def table(header, rows):
    """Text in columns; numbers to the right."""
    cells = [[str(c) for c in header]] + [["" if c is None else str(c) for c in r] for r in rows]
    widths = [max(len(r[i]) for r in cells) for i in range(len(header))]
    right = [all(isinstance(r[i], int) for r in rows) and bool(rows) for i in range(len(header))]
    lines = []
    for row in cells:
        line = "  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right))
        lines.append(line.rstrip())
    return "\n".join(lines) + "\n"


def time_text(ns):
    """Nanoseconds in the unit a reader wants: 850 ns, 12.3 us, 4.56 ms, 7.890 s."""
    size = abs(ns)
    if size < 1000:
        return "%d ns" % ns
    if size < 1000000:
        return "%.1f us" % (ns / 1e3)
    if size < 1000000000:
        return "%.2f ms" % (ns / 1e6)
    return "%.3f s" % (ns / 1e9)


def mask_text(words, limit):
    """A CPU mask as 0-3,7; "all" when every CPU below `limit` is in it."""
    cpus = [i for i in range(limit) if words[i // 64] >> i % 64 & 1]
    if len(cpus) == limit:
        return "all"
    spans = []
    for cpu in cpus:
        if spans and cpu == spans[-1][1] + 1:
            spans[-1][1] = cpu
        else:
            spans.append([cpu, cpu])
    return ",".join(str(a) if a == b else "%d-%d" % (a, b) for a, b in spans) or "none"
