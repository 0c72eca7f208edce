# SPDX-License-Identifier: MIT
"""One boot from start to verdict: starts QEMU, follows the serial port and QMP, judges, ends QEMU."""
import dataclasses
import enum
import os
import re
import selectors
import subprocess
import tempfile
import time

from . import ktap, state
from .qemu import Qemu, Unusable, qmp_pair
from .qmp import Qmp, QmpError
from .symbols import Symbols


class Verdict(enum.IntEnum):
    """The exit codes of ci/boot."""

    PASS = 0
    FAILED = 1
    USAGE = 2
    PANIC = 3
    HANG = 4
    SILENT = 5
    TRIPLE = 6


# What arch_exit() writes to isa-debug-exit makes QEMU exit with (value << 1) | 1: arch/debug.h.
EXIT_PASS, EXIT_FAIL, EXIT_PANIC, EXIT_BOOT, EXIT_POWEROFF = 85, 87, 89, 91, 93
PROMPT = r"^mos> "
DUMP_SECONDS = 60  # for one answer of a QEMU with hundreds of CPUs on a busy host
STARTED = re.compile(r"^MultiOS\b", re.M)
CANNOT_BOOT = re.compile(r"MultiOS cannot boot: (.*)")
PANIC = re.compile(r"^PANIC\b.*", re.M)
TRACE_HASH = re.compile(r"trace hash[ :=]+(?:0x)?([0-9a-f]+)", re.I)
REFUSED = re.compile(r"^# ((?:test|bench)=[^:\n]*: no such name|test= (?:or|and) bench= .*)", re.M)
LEAK = re.compile(r"\bleak: .*")
LAST_TEST = re.compile(r"^# test ([\w.-]+)", re.M)


@dataclasses.dataclass
class Boot:
    """What happened, all of it."""

    verdict: Verdict
    cause: str
    command: list
    seconds: float
    serial: str
    results: ktap.Results
    exit_code: int | None = None
    dump: str = ""
    cpus: list = dataclasses.field(default_factory=list)

    @property
    def text(self):
        return ktap.clean(self.serial)

    @property
    def trace_hash(self):
        match = TRACE_HASH.search(self.text)
        return match[1] if match else None

    def json(self):
        return {
            "verdict": self.verdict.name.lower(),
            "code": int(self.verdict),
            "cause": self.cause,
            "seconds": round(self.seconds, 3),
            "qemu_exit_code": self.exit_code,
            "trace_hash": self.trace_hash,
            "passed": self.results.count("passed"),
            "failed": self.results.count("failed"),
            "skipped": self.results.count("skipped"),
            "tests": [dataclasses.asdict(test) for test in self.results.tests],
            "cpus": [{"cpu": cpu.number, "pc": cpu.pc, "symbol": cpu.symbol, "halted": cpu.halted,
                      "interrupts": cpu.interrupts, "stack_calls": cpu.calls} for cpu in self.cpus],
            "command": self.command,
            "serial": self.text,
        }


class Runner:
    """Runs one machine until it ends, does what is expected of it, or its time is over."""

    def __init__(self, machine, timeout=60, expect=(), echo=None):
        self.machine = machine
        self.timeout = timeout
        self.expect = [compile_expectation(pattern) for pattern in expect]
        self.echo = echo
        self.serial = ""
        self.symbols = Symbols(machine.kernel)
        words = machine.full_cmdline().split()
        self.runs_tests = any(word.startswith(("test=", "bench=")) for word in words)
        if not self.runs_tests and not self.expect:
            self.expect = [re.compile(PROMPT, re.M)]

    def run(self):
        """Boots once; the Boot."""
        ours, theirs, monitor = qmp_pair("judge")
        with tempfile.TemporaryDirectory(prefix="multios-") as folder, ours:
            self.reset_log = os.path.join(folder, "reset.log")
            self.command = self._command(monitor)
            start = time.monotonic()
            with theirs:
                qemu = Qemu(self.command, pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            with qemu:
                self.qemu, self.qmp = qemu, Qmp(ours)
                end = self._follow(start + self.timeout)
                boot = self._judge(end)
            boot.seconds = time.monotonic() - start
            return boot

    def _command(self, monitor):
        # A reset by the guest pauses the machine instead, so that its state can still be read.
        return [
            *self.machine.arguments(), "-serial", "stdio", *monitor,
            "-action", "reboot=shutdown,shutdown=pause",
            *("-d", "cpu_reset", "-D", self.reset_log),
        ]

    def _follow(self, deadline):
        """Reads until something decides: `exit`, `shutdown`, `expected` or `timeout`."""
        output = self.qemu.process.stdout
        os.set_blocking(output.fileno(), False)
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            selector.register(self.qmp, selectors.EVENT_READ)
            self._start_events()
            while (left := deadline - time.monotonic()) > 0:
                for key, _ in selector.select(left):
                    if key.fileobj is output and not self._take_output():
                        return "exit"
                    if key.fileobj is self.qmp and not self.qmp.poll():
                        selector.unregister(self.qmp)
                if self.qmp.event("SHUTDOWN"):
                    self._take_output()
                    return "shutdown"
                if not self.runs_tests and self._expected():
                    return "expected"
        return "timeout"

    def _start_events(self):
        try:
            self.qmp.command("query-status")
        except QmpError:
            pass  # it ended at once; its output says why

    def _take_output(self):
        """Appends what the serial port sent; False at its end."""
        try:
            data = os.read(self.qemu.process.stdout.fileno(), 65536)
        except BlockingIOError:
            return True
        text = data.decode(errors="replace")
        self.serial += text
        if self.echo and text:
            self.echo.write(text)
            self.echo.flush()
        return bool(data)

    def _expected(self):
        text = ktap.clean(self.serial)
        return all(pattern.search(text) for pattern in self.expect)

    def _judge(self, end):
        self.text = ktap.clean(self.serial)
        self.results = ktap.parse(self.serial)
        if end == "exit":
            return self._judge_exit(self.qemu.wait(10))
        if end == "shutdown":
            return self._judge_shutdown()
        if end == "expected":
            return self._boot(Verdict.PASS, "everything expected was printed")
        return self._judge_timeout()

    def _boot(self, verdict, cause, **more):
        return Boot(verdict, cause, self.command, 0, self.serial, self.results, **more)

    def _judge_exit(self, code):
        if code == EXIT_PASS:
            verdict, cause = self._judge_results("the kernel says that all is well")
        elif code == EXIT_FAIL:
            verdict, cause = Verdict.FAILED, self._failures()
        elif code == EXIT_PANIC:
            verdict, cause = Verdict.PANIC, self._panic_line()
        elif code == EXIT_BOOT:
            match = CANNOT_BOOT.search(self.text)
            verdict, cause = Verdict.SILENT, match[1] if match else "the kernel could not boot, no message"
        elif code == EXIT_POWEROFF:
            verdict, cause = self._judge_results("powered off")
        elif code == 1 and not STARTED.search(self.text):
            verdict, cause = Verdict.USAGE, "QEMU did not start: " + last_line(self.text)
        else:
            verdict, cause = Verdict.SILENT, f"QEMU ended with {code}: " + last_line(self.text)
        return self._boot(verdict, cause, exit_code=code)

    def _judge_shutdown(self):
        reason = self.qmp.event("SHUTDOWN")["data"]["reason"]
        if reason == "guest-shutdown":
            return self._boot(*self._judge_results("powered off"))
        if reason == "guest-panic":
            return self._boot(Verdict.PANIC, self._panic_line())
        with open(self.reset_log, encoding="utf-8", errors="replace") as log:
            triple = "Triple fault" in log.read()
        dump, cpus = self._dump()
        where = next((cpu for cpu in cpus if not cpu.halted), cpus[0] if cpus else None)
        place = f" at {where.place} on CPU {where.number}" if where else ""
        if triple:
            cause = f"triple fault{place}: an exception could not be delivered, " \
                    "its gate, stack or page tables are unusable"
            if where:
                cause += f" (cr2 {where.registers.get('CR2', 0):#x})"
            return self._boot(Verdict.TRIPLE, cause, dump=dump, cpus=cpus)
        return self._boot(Verdict.FAILED, f"the kernel reset the machine{place}", dump=dump, cpus=cpus)

    def _judge_timeout(self):
        dump, cpus = self._dump()
        why = state.explain(cpus, self.symbols)
        after = f"nothing ended it within {self.timeout:g} s"
        if PANIC.search(self.text):
            return self._boot(Verdict.PANIC, f"{self._panic_line()}; then {why}", dump=dump, cpus=cpus)
        if not STARTED.search(self.text):
            cause = f"no word from the kernel within {self.timeout:g} s: {why}"
            return self._boot(Verdict.SILENT, cause, dump=dump, cpus=cpus)
        if tests := LAST_TEST.findall(self.text):
            after += f", last test begun {tests[-1]}"
        if missing := [p.pattern for p in self.expect if not p.search(self.text)]:
            after += f", never printed {missing[0]!r}"
        return self._boot(Verdict.HANG, f"{after}: {why}", dump=dump, cpus=cpus)

    def _dump(self):
        self.qmp.timeout = DUMP_SECONDS
        try:
            cpus = state.read(self.qmp, self.symbols)
        except (QmpError, OSError) as error:
            return f"No state: {error}", []
        return state.render(cpus), cpus

    def _judge_results(self, good):
        """Success is the kernel's exit code and its results on the serial port, never one alone."""
        if self.results.failures():
            return Verdict.FAILED, self._failures()
        if self.results.wrong():
            return Verdict.FAILED, self._failures()
        if self.runs_tests and self.results.total is None:
            return Verdict.FAILED, "it ended without the line '# multios: N passed, N failed'"
        if missing := [p.pattern for p in self.expect if not p.search(self.text)]:
            return Verdict.FAILED, f"never printed: {missing[0]!r}"
        return Verdict.PASS, good

    def _failures(self):
        failures = self.results.failures()
        if not failures:
            if refused := REFUSED.search(self.text):
                return refused[1]
            leak = LEAK.search(self.text)
            cause = self.results.wrong() or "the kernel reports a failure and names no test"
            return f"{leak[0]}: {cause}" if leak else cause
        first = failures[0]
        return f"{len(failures)} failed, first {first.name}" + (f": {first.reason}" if first.reason else "")

    def _panic_line(self):
        match = PANIC.search(self.text)
        return match[0].strip() if match else "panic without a message"


def compile_expectation(pattern):
    try:
        return re.compile(pattern, re.M)
    except re.error as error:
        raise Unusable(f"--expect {pattern}: {error}") from error


def last_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "nothing was printed"
