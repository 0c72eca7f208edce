# SPDX-License-Identifier: MIT
"""
The dialogue with gdb. Packets that name a thread are answered or translated here; all others go to
QEMU and back as they are. A running machine is waited for in serve(), which also passes on the byte
that stops it.

gdb's numbers are those of threads.py. A thread that is on a CPU is stepped and changed as that CPU.
One that is on none can be looked at; its registers cannot be written, and to step it is to let the
machine run until the thread is resumed, see stepping.py.
"""
import select
from xml.sax.saxutils import quoteattr, escape

from proxy.packets import INTERRUPT, Gone, escaped, text_of
from proxy.stepping import STOP_THREAD, Awaited, parse_resume, stopped_cpu, translate_resume
from proxy.threads import Stop, StubTarget

THREADS_A_PACKET = 64
LEAVE_SECONDS = 10
# Of QEMU's features those that are passed on; one with processes in it would change thread numbers.
PASSED_ON = (b"PacketSize", b"qXfer:features:read", b"vContSupported", b"ReverseStep", b"ReverseContinue")
OWN_FEATURES = b"qXfer:threads:read+;QStartNoAckMode+"
REFUSED = "E.thread %d is on no CPU: its registers lie on its stack and are not written"


class Session:
    def __init__(self, gdb, stub, description, say):
        self.gdb, self.stub, self.description, self.say = gdb, stub, description, say
        self.target = self.stop = None
        self.stopped_number = self.looked_at = 0  # 0: any, the thread that stopped
        self.resumed_number = 0
        self.running = False
        self.breakpoints = set()  # gdb's own, as the packets name them
        self.stepped = {}         # {CPU: number of the thread that gdb steps on it}
        self.awaited = None
        self.document = b""
        self.said = None
        self.done = False

    # --- the two sides ------------------------------------------------------------------------

    def serve(self):
        """Until gdb detaches, kills or goes."""
        try:
            while not self.done:
                self._turn()
        except Gone:
            self._leave()

    def _turn(self):
        packet = self.gdb.waiting()
        if packet is not None:
            self._from_gdb(packet)
            return
        sides = [self.gdb, self.stub.channel] if self.running else [self.gdb]
        readable, _, _ = select.select(sides, [], [])
        if self.stub.channel in readable:
            self._from_stub(self.stub.stopped_by())
        elif self.gdb in readable:
            self.gdb.fill()

    def _leave(self):
        """gdb has gone without a word: the machine goes on, as after a detach."""
        if self.running:
            self.stub.interrupt()
            if not select.select([self.stub.channel], [], [], LEAVE_SECONDS)[0]:
                return
            self.stub.stopped_by()
        self.stub.detach()

    def _from_gdb(self, packet):
        if packet == INTERRUPT:
            if self.running:
                self.stub.interrupt()
            return
        answer = self._answer(packet)
        if answer is not None:
            self.gdb.send(answer)
        if packet == b"QStartNoAckMode":
            self.gdb.acknowledges = False

    def _answer(self, packet):
        """What gdb gets; None: nothing yet."""
        for prefix, handle in HANDLERS:
            if packet.startswith(prefix):
                return handle(self, packet)
        return self._pass_on(packet)

    def _pass_on(self, packet):
        """To the selected CPU; the console output that a monitor command prints comes before its end."""
        answer = self.stub.ask(packet)
        while answer.startswith(b"O") and answer != b"OK":
            self.gdb.send(answer)
            answer = self.stub.channel.receive()
        return answer

    # --- threads ------------------------------------------------------------------------------

    def _look(self):
        """The threads at this stop. What is wrong is said once, until something else is."""
        if self.stop is None:
            if self.target is None:
                self.target = StubTarget(self.stub, self.description.get())
            self.stop = Stop(self.stub, self.target)
            self._report()
        return self.stop

    def _report(self):
        said = self.stop.problems()
        for text in said if said != self.said else []:
            self.say(text)
        self.said = said

    def _shown(self, number=None):
        """The thread with that number, or the one gdb looks at, or the one that stopped."""
        number = self.looked_at if number is None else number
        return self._look().find(number if number > 0 else self.stopped_number)

    def supported(self, packet):
        """qSupported"""
        features = [f for f in self.stub.features if f.startswith(PASSED_ON)]
        return b";".join([*features, OWN_FEATURES])

    def no_acknowledgements(self, packet):
        return b"OK"

    def first_threads(self, packet):
        """qfThreadInfo"""
        self.rest = list(self._look().all())
        self._report()
        return self.more_threads(packet)

    def more_threads(self, packet):
        """qsThreadInfo"""
        piece, self.rest = self.rest[:THREADS_A_PACKET], self.rest[THREADS_A_PACKET:]
        return b"m" + b",".join(b"%x" % number for number in piece) if piece else b"l"

    def extra_info(self, packet):
        """qThreadExtraInfo,ID"""
        shown = self._shown(int(packet.split(b",")[1], 16))
        return text_of(f"{shown.name}: {shown.text}") if shown else b"E01"

    def threads_document(self, packet):
        """qXfer:threads:read::OFFSET,LENGTH"""
        offset, length = (int(word, 16) for word in packet.split(b":")[-1].split(b","))
        if offset == 0:
            rows = "".join(
                f'<thread id="{one.number:x}" name={quoteattr(one.name)}>{escape(one.text)}</thread>\n'
                for one in self._look().all().values())
            self._report()
            self.document = f"<threads>\n{rows}</threads>\n".encode()
        piece = self.document[offset:offset + length]
        return (b"m" if offset + length < len(self.document) else b"l") + escaped(piece)

    def alive(self, packet):
        """T ID"""
        return b"OK" if self._shown(int(packet[1:], 16)) else b"E01"

    def choose(self, packet):
        """Hg ID, Hc ID"""
        number = -1 if packet[2:3] == b"-" else int(packet[2:] or b"0", 16)
        if number > 0 and not self._shown(number):
            return b"E01"
        if packet[1:2] == b"g":
            self.looked_at = number
        else:
            self.resumed_number = number
        return b"OK"

    def current(self, packet):
        """qC"""
        return b"QC%x" % self._shown(0).number

    # --- registers and memory -----------------------------------------------------------------

    def registers(self, packet):
        """g, p N, G, P: of a CPU, or read from the saved ones."""
        shown = self._shown()
        if shown is None:
            return b"E01"
        if shown.cpu is not None:
            self.stub.select(shown.cpu)
            return self._pass_on(packet)
        if packet[:1] in b"GP":
            return (REFUSED % shown.thread.tid).encode()
        return self._saved(packet, shown.saved_registers())

    def _saved(self, packet, values):
        """Registers that nobody has kept are unavailable."""
        words = {number: values[name].to_bytes(size, "little").hex().encode() if name in values
                 else b"xx" * size for name, (_, size, number) in self.stub.layout.items()}
        if packet[:1] == b"p":
            return words.get(int(packet[1:], 16), b"E01")
        return b"".join(words.values())

    def memory(self, packet):
        """m, M, X: as the CPU sees it; of a thread on none, as the kernel does."""
        shown = self._shown()
        cpus = [shown.cpu] if shown and shown.cpu is not None else [self.target.cpu, *self.stub.cpus]
        for cpu in cpus:
            self.stub.select(cpu)
            answer = self._pass_on(packet)
            if not answer.startswith(b"E"):
                break
        if packet[:1] in b"MX":
            self.stop = None
        return answer

    def breakpoint(self, packet):
        """Z, z: noted, because one of gdb's may lie where a thread is waited for."""
        shown = self._shown()
        self.stub.select(self.target.cpu if shown is None or shown.cpu is None else shown.cpu)
        answer = self._pass_on(packet)
        if answer == b"OK":
            (self.breakpoints.add if packet[:1] == b"Z" else self.breakpoints.discard)(packet[1:])
        return answer

    # --- going on and stopping ----------------------------------------------------------------

    def why_stopped(self, packet):
        """?"""
        self.stop = None
        return self._stop_reply(self._pass_on(packet))

    def resume(self, packet):
        """vCont;…, c, s, C, S: translated to CPUs."""
        wanted = parse_resume(packet, self.resumed_number or self.stopped_number)
        plan = translate_resume(wanted, self._shown)
        self.stepped = plan.stepped
        if plan.awaited:
            self.awaited = Awaited(plan.awaited, self.stub, self.breakpoints)
        self._go(plan.payload)

    def backwards(self, packet):
        """bs, bc"""
        self._go(packet)

    def _go(self, payload):
        self.running, self.stop = True, None
        self.stub.resume(payload)

    def _from_stub(self, reply):
        if reply[:1] in b"TS" and self.awaited and self.awaited.is_another(reply):
            self.awaited.step_over(reply)
            self._go(b"vCont;c")
            return
        if reply.startswith(b"O"):
            self.gdb.send(reply)
            return
        self.running = False
        if reply[:1] in b"WX":
            self.done = True
        self.gdb.send(self._stop_reply(reply))

    def _stop_reply(self, reply):
        """QEMU's, with the thread whose registers the CPU has."""
        if self.awaited:
            self.awaited.forget()
        self.awaited, cpu = None, stopped_cpu(reply)
        if cpu is None:
            return reply
        shown = self._who(cpu)
        self.stopped_number, self.looked_at, self.resumed_number = shown.number, 0, 0
        self.stepped = {}
        return STOP_THREAD.sub(b"thread:%x;" % shown.number, reply)

    def _who(self, cpu):
        """A thread that was stepped out of its CPU is what gdb waits for, wherever it is now."""
        number = self.stepped.get(cpu)
        return number and self._shown(number) or self._look().on_cpu(cpu)

    # --- leaving ------------------------------------------------------------------------------

    def detach(self, packet):
        """D"""
        self.done = True
        return self.stub.detach()

    def kill(self, packet):
        """k, which has no answer, and vKill."""
        self.done = True
        self.stub.channel.send(b"k")
        return b"OK" if packet.startswith(b"vKill") else None


# The first whose name the packet begins with.
HANDLERS = (
    (b"qSupported", Session.supported), (b"QStartNoAckMode", Session.no_acknowledgements),
    (b"qfThreadInfo", Session.first_threads), (b"qsThreadInfo", Session.more_threads),
    (b"qThreadExtraInfo,", Session.extra_info), (b"qXfer:threads:read:", Session.threads_document),
    (b"qC", Session.current), (b"T", Session.alive), (b"H", Session.choose),
    (b"vCont;", Session.resume), (b"vKill", Session.kill), (b"k", Session.kill), (b"D", Session.detach),
    (b"vCont?", Session._pass_on), (b"v", lambda session, packet: b""),
    (b"?", Session.why_stopped), (b"bs", Session.backwards), (b"bc", Session.backwards),
    *((name, Session.registers) for name in (b"g", b"G", b"p", b"P")),
    *((name, Session.memory) for name in (b"m", b"M", b"X")),
    *((name, Session.breakpoint) for name in (b"Z", b"z")),
    *((name, Session.resume) for name in (b"c", b"s", b"C", b"S")),
)
