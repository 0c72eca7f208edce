# SPDX-License-Identifier: MIT
"""What every CPU of a stopped machine is doing, read through QEMU's monitor."""
import dataclasses
import re

from .qmp import QmpError

INTERRUPT_FLAG = 1 << 9
VECTORS = re.compile(r"^(?:FCW|FPR|[XYZ]MM|Opmask)\d*\s*=.*\n?", re.M)  # say nothing about a hang
STACK_WORDS = 160
CALLS_SHOWN = 12


@dataclasses.dataclass
class Cpu:
    """One CPU as QEMU's `info registers` tells it."""

    number: int
    registers: dict
    text: str
    symbol: str | None = None
    calls: tuple = ()

    @property
    def pc(self):
        return self.registers.get("RIP", self.registers.get("EIP", 0))

    @property
    def stack(self):
        return self.registers.get("RSP", self.registers.get("ESP", 0))

    @property
    def halted(self):
        return self.registers.get("HLT") == 1

    @property
    def interrupts(self):
        flags = self.registers.get("RFL", self.registers.get("EFL", 0))
        return bool(flags & INTERRUPT_FLAG)

    @property
    def place(self):
        return self.symbol or f"{self.pc:#x}"

    def line(self):
        """What matters, on one line."""
        doing = "halted" if self.halted else "running"
        interrupts = "on" if self.interrupts else "off"
        return f"CPU {self.number}: {doing} at {self.pc:#x} {self.symbol or '(no symbol)'}, " \
               f"interrupts {interrupts}, stack {self.stack:#x}"


def parse_registers(text):
    """The CPUs of an `info registers -a` answer."""
    cpus = []
    for number, block in re.findall(r"CPU#(\d+)\s*\n(.*?)(?=CPU#|\Z)", text, re.S):
        pairs = re.findall(r"\b([A-Z][A-Z0-9]{1,2})\s*=\s*([0-9a-f]+)\b", block)
        registers = {name: int(value, 16) for name, value in pairs}
        cpus.append(Cpu(int(number), registers, VECTORS.sub("", block).rstrip()))
    return cpus


def _stack_words(qmp, cpu):
    try:
        text = qmp.command("human-monitor-command", **{
            "command-line": f"x /{STACK_WORDS}gx {cpu.stack:#x}", "cpu-index": cpu.number})
    except QmpError:
        return []
    return [int(word, 16) for line in text.splitlines() if ":" in line
            for word in line.split(":", 1)[1].split() if word.startswith("0x")]


def _calls(qmp, cpu, symbols):
    """Names of what looks like return addresses on the stack; some may be left from before."""
    names = []
    for word in _stack_words(qmp, cpu):
        name = symbols.name(word)
        if name and "+" in name and name not in names:
            names.append(name)
    return tuple(names[:CALLS_SHOWN])


def read(qmp, symbols):
    """Stops the machine and reads all its CPUs."""
    qmp.command("stop")
    cpus = parse_registers(qmp.monitor("info registers -a"))
    for cpu in cpus:
        cpu.symbol = symbols.name(cpu.pc)
        cpu.calls = _calls(qmp, cpu, symbols) if cpu.symbol else ()
    return cpus


def render(cpus):
    """The dump as people read it: a line for each CPU, then everything."""
    lines = ["State of the stopped machine:"]
    lines += [f"  {cpu.line()}" for cpu in cpus]
    for cpu in cpus:
        lines.append(f"CPU {cpu.number}:")
        lines += [f"  {line}" for line in cpu.text.splitlines()]
        if cpu.calls:
            lines.append("  on its stack (some may be left from before): " + ", ".join(cpu.calls))
    return "\n".join(lines)


def explain(cpus, symbols):
    """A sentence that names the likely reason why nothing moves."""
    if not cpus:
        return "QEMU could not tell the state of the CPUs"
    strangers = [cpu for cpu in cpus if not cpu.symbol]
    if len(strangers) == len(cpus):
        return f"no CPU is in the kernel; CPU 0 is at {cpus[0].pc:#x}, " \
               "in firmware, the loader or nowhere"
    stuck = [cpu for cpu in cpus if cpu.halted and not cpu.interrupts and cpu.symbol]
    running = [cpu for cpu in cpus if not cpu.halted]
    for cpu in running:
        lock = next((name for name in (cpu.place, *cpu.calls) if "lock" in name), None)
        if lock:
            return f"CPU {cpu.number} seems to wait for a lock: {cpu.place}" + _from(cpu)
    if running:
        cpu = running[0]
        interrupts = "" if cpu.interrupts else " with interrupts off"
        return f"CPU {cpu.number} runs without an end{interrupts} in {cpu.place}" + _from(cpu)
    if stuck:
        return f"CPU {stuck[0].number} halted with interrupts off in {stuck[0].place}" + _from(stuck[0])
    return "every CPU waits in HLT: a wake-up or a timer was lost, or nothing is left to run"


def _from(cpu):
    return f", called from {cpu.calls[0]}" if cpu.calls else ""
