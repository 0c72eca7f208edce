# SPDX-License-Identifier: MIT
"""A machine with gdb attached, for tests: boot, type on its console, ask gdb, compare."""
import contextlib
import json
import os
import subprocess
import tempfile
import time

from ci.lib.qemu import ROOT, Machine, Qemu, wait_for
from ci.lib.qmp import Qmp, QmpError

PROMPT = "mos> "
# 2 seconds, gdb's own, are few on a machine with much to do.
GDB = ("gdb", "-nx", "-batch", "-iex", "set pagination off", "-iex", "set width 0",
       "-iex", "set remotetimeout 60")


A_WHILE = 0.03  # seconds that it runs before gdb comes


class Session:
    """
    One QEMU with a console and a gdb stub. Leave the `with` block to end it. Between what is typed or
    asked it stands still, and its CPUs share one thread of the host's: else its spinning threads would
    take the time of all other tests.
    """

    def __init__(self, build="gcc-debug", stopped=False, smp="4", **machine):
        self.kernel = ROOT / "build" / build / "multios.elf"
        self.watchdogs = int(build.endswith("debug"))  # threads there are besides, by default
        self.stopped = stopped
        self.machine = Machine(kernel=self.kernel, smp=smp, **{"threads": "single", **machine})
        self.stack = contextlib.ExitStack()
        self.output = self.boot_output = ""
        self.runs, self.qmp = not stopped, None

    def __enter__(self):
        folder = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="mos-gdb-"))
        self.socket = os.path.join(folder, "gdb")
        command = [*self.machine.arguments(), "-no-reboot", "-serial", "stdio",
                   "-gdb", f"unix:{self.socket},server=on,wait=off",
                   "-qmp", f"unix:{folder}/qmp,server=on,wait=off"]
        self.qemu = self.stack.enter_context(Qemu(
            command + (["-S"] if self.stopped else []), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
        os.set_blocking(self.qemu.process.stdout.fileno(), False)
        assert wait_for(lambda: os.path.exists(f"{folder}/qmp"), 60)
        self.qmp = Qmp.connect(f"{folder}/qmp", timeout=60)
        self.stack.callback(self.qmp.connection.close)
        return self

    def __exit__(self, *_):
        self.stack.close()

    def let_run(self, runs):
        """Lets the machine run, or stand still; one that has ended does neither."""
        if runs != self.runs:
            with contextlib.suppress(QmpError, OSError):
                self.qmp.command("cont" if runs else "stop")
        self.runs = runs

    def _heard(self, text):
        self.output += (self.qemu.process.stdout.read() or b"").decode("utf-8", "replace")
        return text in self.output

    def wait_for(self, text, seconds=60):
        """Reads the console until `text` appears."""
        self.let_run(True)
        assert wait_for(lambda: self._heard(text), seconds), self.output

    def type(self, line):
        """A command at the prompt; returns what it printed."""
        self.wait_for(PROMPT)
        self.boot_output = self.boot_output or self.output
        self.output = ""
        self.send(line)
        self.wait_for("\n" + PROMPT)
        self.let_run(False)
        return self.output.replace("\r", "").split("\n", 1)[1].rsplit("\n", 1)[0]

    def send(self, line):
        """Types a line and does not wait for anything."""
        self.let_run(True)
        self.qemu.process.stdin.write(line.encode() + b"\r")
        self.qemu.process.stdin.flush()

    def connect(self, proxy=False, symbols=None):
        """gdb's command that attaches it, to the stub or through the proxy."""
        wait_for(lambda: os.path.exists(self.socket), 20)
        to = f"| {ROOT}/ci/python {ROOT}/gdb/proxy {self.socket} {symbols or self.kernel}"
        return "target remote " + (to if proxy else self.socket)

    def gdb(self, *commands, attach=True, seconds=120, symbols=None, proxy=False, scripts=True):
        """
        Runs gdb on the machine, stopped somewhere else each time, with another symbol file than its
        kernel's if one is given; everything it printed.
        """
        if not self.stopped:
            self.let_run(True)
            time.sleep(A_WHILE)
        connect = [self.connect(proxy, symbols)] if attach else []
        arguments = [argument for command in [*connect, *commands] for argument in ("-ex", command)]
        done = subprocess.run(
            [*GDB, *(["-x", ROOT / "gdb/multios.py"] if scripts else []), *arguments,
             symbols or self.kernel],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds,
            stdin=subprocess.DEVNULL, check=False)
        if attach:  # gdb let it run when it left
            self.stopped, self.runs = False, True
            self.let_run(False)
        assert "Traceback" not in done.stdout and "Python Exception" not in done.stdout, done.stdout
        return done.stdout

    def mos(self, *commands, before=(), proxy=False):
        """The --json data of several mos commands at one stop, which `before` reaches, in order."""
        marked = list(before)
        for number, command in enumerate(commands):
            marked += [f"echo \\n@{number}\\n", f"mos {command} --json"]
        text = self.gdb(*marked, "echo \\n@end\\n", proxy=proxy)
        parts = text.split("\n@")[1:-1]
        return [decode(part.split("\n", 1)[1]) for part in parts]

    def at_rest(self, *commands):
        """
        As mos(), at a stop where no CPU has interrupts off: `mos settle` steps on to one, and when
        some CPU takes long to leave what it does, the machine is let run and stopped again.
        """
        for _ in range(8):
            settled, *data = self.mos("settle", *commands)
            if all(row["settled"] for row in settled):
                return data
        raise AssertionError(settled)


def run_to(place):
    """
    One gdb command that lets the machine run until `place` (a location and perhaps a condition). One
    that does not exist is an error at once, and not a machine that runs on.
    """
    steps = ("set breakpoint pending off", f"tbreak {place}", "continue")
    return "python " + "; ".join(f"gdb.execute({step!r})" for step in steps)


def decode(text):
    """The JSON value at the start of what a command printed; notes may follow it."""
    try:
        return json.JSONDecoder().raw_decode(text.lstrip())[0]
    except ValueError:
        raise AssertionError(f"no JSON: {text}") from None
