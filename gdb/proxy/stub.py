# SPDX-License-Identifier: MIT
"""
QEMU's gdb stub as the proxy sees it: virtual CPUs with registers, memory seen through a CPU's page
tables, breakpoints, going on. Only what gdb itself sends writes to the machine. While it runs,
nothing may be sent but the byte that stops it.
"""
import re
from xml.parsers import expat

from proxy.packets import INTERRUPT, unescaped

THREAD = re.compile(rb"(?:p[0-9a-f]+\.)?([0-9a-f]+)")
READ_MAX = 1024     # bytes of one answer; QEMU's packets hold 2048
XML_PIECE = 0x800
FIRST_CPUS = 1024   # no machine has more


def cpu_of(number):
    """QEMU's number of a CPU. It names its process too if any gdb that it has met asked it to."""
    return int(THREAD.match(number)[1], 16)


class Stub:
    def __init__(self, channel):
        self.channel = channel
        self.features = self._hello().split(b";")
        self.cpus = self._list_cpus()
        self.layout = self._register_layout()
        self._selected = None
        self._registers = {}

    def ask(self, payload):
        """The answer of a stopped machine."""
        self.channel.send(payload)
        return self.channel.receive()

    def stopped_by(self):
        """Waits for a running machine; the stop reply."""
        self._registers = {}
        return self.channel.receive()

    def resume(self, payload):
        self._registers = {}
        self.channel.send(payload)

    def detach(self):
        """Lets the machine go on without a debugger; with the process named if QEMU wants that."""
        answer = self.ask(b"D")
        return answer if answer == b"OK" else self.ask(b"D;1")

    def interrupt(self):
        self.channel.send_bytes(INTERRUPT)

    def select(self, cpu):
        """Memory and registers are this CPU's from now on."""
        if self._selected != cpu:
            self.ask(b"Hg%x" % cpu)
            self._selected = cpu

    def read(self, address, size, cpu):
        """Memory as this CPU sees it, or None."""
        self.select(cpu)
        out = b""
        while len(out) < size:
            answer = self.ask(b"m%x,%x" % (address + len(out), min(READ_MAX, size - len(out))))
            if answer[:1] in (b"", b"E"):
                return None
            out += bytes.fromhex(answer.decode())
        return out

    def register(self, cpu, name):
        """The value of a general register of a CPU, or None if the stub has no such register."""
        if name not in self.layout:
            return None
        if cpu not in self._registers:
            self.select(cpu)
            self._registers[cpu] = bytes.fromhex(self.ask(b"g").decode())
        at, size, _ = self.layout[name]
        return int.from_bytes(self._registers[cpu][at:at + size], "little")

    def describe(self, cpu):
        """What QEMU says of a CPU."""
        words = self.ask(b"qThreadExtraInfo,%x" % cpu)
        return bytes.fromhex(words.decode()).decode("utf-8", "replace").strip()

    def _hello(self):
        """What the stub can do. A machine that ran stops because of us, and says so first."""
        answer = self.ask(b"qSupported:xmlRegisters=i386")
        while answer[:1] in b"TS":
            answer = self.channel.receive()
        return answer

    def _list_cpus(self):
        found, answer = [], self.ask(b"qfThreadInfo")
        while answer.startswith(b"m") and len(found) < FIRST_CPUS:
            found += [cpu_of(number) for number in answer[1:].split(b",")]
            answer = self.ask(b"qsThreadInfo")
        return found

    def _register_layout(self):
        """{name: (offset in the answer to `g`, bytes, number)}, from the stub's own description."""
        layout, at, number = {}, 0, 0
        for register in self._description("target.xml"):
            number = int(register.get("regnum", number))
            size = int(register.get("bitsize")) // 8
            layout[register.get("name")] = (at, size, number)
            at, number = at + size, number + 1
        return layout

    def _description(self, name):
        """The <reg> elements of a document and of those that it includes, in order."""
        found = []
        parser = expat.ParserCreate()  # without namespaces: QEMU's `xi:` is declared nowhere
        parser.StartElementHandler = lambda tag, attributes: found.append((tag, attributes))
        parser.Parse(self._document(name), True)
        for tag, attributes in found:
            if tag == "xi:include":
                yield from self._description(attributes["href"])
            elif tag == "reg":
                yield attributes

    def _document(self, name):
        text, more = b"", True
        while more:
            answer = self.ask(b"qXfer:features:read:%s:%x,%x" % (name.encode(), len(text), XML_PIECE))
            if answer[:1] not in (b"m", b"l"):
                raise ValueError(f"the stub does not describe its registers ({name})")
            text, more = text + unescaped(answer[1:]), answer.startswith(b"m")
        return text
