# SPDX-License-Identifier: MIT
"""
Writes docs/gdb-commands.md from the commands' own help: `make gdb-reference`, which runs this in
gdb after multios.py. Prints the page.
"""

import inspect

import gdb  # noqa: F401  says clearly where this runs
from multios import register

HEAD = """# The commands of gdb for MultiOS

Made from the commands' own help by `make gdb-reference`; [gdb/README.md](../gdb/README.md) shows what they
look like. Each takes `--json`, completes its arguments, and writes nothing to the machine unless it says so.
"""


def section(command):
    """The help of one command: its first line, its usage, the rest."""
    text = inspect.cleandoc(command.__doc__)
    summary, usage, *rest = text.split("\n\n")
    lines = ["## mos " + command.NAME, "", summary, "", "    " + usage]
    for paragraph in rest:
        lines += ["", paragraph]
    return "\n".join(lines) + "\n"


def functions():
    names = ", ".join("`$%s(%s)`" % (name, "" if name == "current" else argument)
                      for name, argument in (("thread", "TID"), ("process", "PID"), ("cpu", "N"),
                                             ("runq", "N"), ("current", "")))
    return "## Functions\n\nValues to print and follow: %s, the last for the selected CPU.\n" % names


print("\n".join([HEAD, *(section(c) for c in register.COMMANDS), functions()]), end="")
