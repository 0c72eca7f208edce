# SPDX-License-Identifier: MIT
"""
Which threads gdb is shown at one stop, and whose registers are where.

A kernel thread has the number PROXY_THREAD + its id for as long as it lives, on a CPU or not, so that
gdb's own numbers, a selected thread and breakpoints for one thread stay with it. While its registers
are on a CPU it stands for that CPU; a CPU that runs no thread of the kernel (in firmware, before the
scheduler, with a kernel that does not fit) is shown by itself, by QEMU's number. So each CPU is shown
exactly once, and each thread of the kernel too.
"""
from multios.access import Target, Unreadable
from multios.model import PROXY_THREAD, Kernel

THREADS_MAX = 20000
UNFIT = (Unreadable, AttributeError, KeyError, ValueError)


class StubTarget(Target):
    """The machine's memory with the kernel's symbols and layouts, for the model."""

    def __init__(self, stub, found):
        self.stub, self.found = stub, found
        self.cpu = stub.cpus[0]

    def read(self, address, size):
        """As some CPU sees it: one in firmware has no page tables that map the kernel."""
        for cpu in [self.cpu, *self.stub.cpus]:
            data = self.stub.read(address, size, cpu)
            if data is not None:
                self.cpu = cpu
                return data
        raise Unreadable(f"cannot read {size} bytes at {address:#x}")

    def symbol(self, name):
        return self.found["symbols"].get(name)

    def layout(self, name):
        if name not in self.found["structs"]:
            raise Unreadable(f"this kernel has no struct {name}: these scripts do not fit it")
        return self.found["structs"][name]

    def enum(self, name):
        return self.found["enums"].get(name, {})

    def build_id(self):
        return self.found["build"]


class Shown:
    """One thread as gdb sees it: on the CPU with QEMU's number `cpu`, or with saved registers."""

    def __init__(self, number, name, text, cpu=None, thread=None):
        self.number, self.name, self.text = number, name, text
        self.cpu, self.thread = cpu, thread

    def saved_registers(self):
        """{name: value} of a thread on no CPU; empty when it has none."""
        try:
            return self.thread.saved_registers()
        except UNFIT:
            return {}


class Stop:
    """The threads at one stop. Reads what is asked for, once."""

    def __init__(self, stub, target):
        self.stub = stub
        self.kernel = Kernel(target, limit=THREADS_MAX)
        self._all = self._walked = None
        self.why_not = self._why_not()
        self.cpus = {} if self.why_not else self._cpus()

    def problems(self):
        """What is to be said of this stop: why there are only CPUs, or what is wrong with a list."""
        if self.why_not:
            return [f"only CPUs are shown: {self.why_not}"]
        return [text for text in self.kernel.problems if "list" in text]

    def all(self):
        """{number: Shown}: the threads of the kernel by id, then the CPUs that run none."""
        if self._all is None:
            shown = {} if self.why_not else dict(sorted(self._kernel_threads()))
            busy = {one.cpu for one in shown.values()}
            idle = [cpu for cpu in self.stub.cpus if cpu not in busy]
            self._all = {**shown, **{cpu: self._bare_cpu(cpu) for cpu in idle}}
        return self._all

    def find(self, number):
        """The thread with that number, or None; without a walk when it is on a CPU."""
        return self._on_cpus().get(number) or self.all().get(number)

    def on_cpu(self, cpu):
        """The thread that this CPU's registers belong to."""
        for shown in [*self._on_cpus().values(), *self.all().values()]:
            if shown.cpu == cpu:
                return shown
        return self._bare_cpu(cpu)

    def _why_not(self):
        try:
            return self.kernel.stage()
        except UNFIT as error:
            return str(error)

    def _cpus(self):
        """{the kernel's number of a CPU: QEMU's}. The boot CPU is QEMU's first; its GS base tells another."""
        try:
            offsets = {self.kernel.percpu_base(number): number for number in self.kernel.cpu_numbers()}
        except UNFIT:
            return {}
        found = {0: self.stub.cpus[0]}
        for cpu in self.stub.cpus[1:]:
            for name in ("gs_base", "k_gs_base"):
                number = offsets.get(self.stub.register(cpu, name))
                if number:
                    found[number] = cpu
        return found

    def _stack_pointer(self, number):
        cpu = self.cpus.get(number)
        return self.stub.register(cpu, "rsp") if cpu else 0

    def _on_cpus(self):
        """Of the CPUs that are in no switch, their current threads: what most stops ask for."""
        if self._walked is None:
            self._walked = {}
            for number in self.cpus:
                try:
                    thread = self.kernel.current_on(number)
                    if thread and thread.registers_on(self._stack_pointer) == number:
                        self._walked[PROXY_THREAD + thread.tid] = self._shown(thread, number)
                except UNFIT:
                    continue
        return self._walked

    def _kernel_threads(self):
        """
        (number, Shown) of every thread: those on CPUs first, which are there even when a list is
        broken. No CPU is given to two threads, which a stop in a switch could mean.
        """
        known = self._on_cpus()
        yield from known.items()
        taken = {shown.cpu for shown in known.values()}
        for thread in self._threads():
            if PROXY_THREAD + thread.tid not in known:
                on = thread.registers_on(self._stack_pointer)
                on = on if self.cpus.get(on) not in taken else None
                taken.add(self.cpus.get(on))
                yield PROXY_THREAD + thread.tid, self._shown(thread, on)

    def _threads(self):
        try:
            return [t for t in self.kernel.threads() if t.state != "dead"]
        except UNFIT as error:
            self.kernel.problems.append(f"the list of threads ends early: {error}")
            return []

    def _shown(self, thread, on):
        place = f"on CPU#{on}" if on is not None else "" if thread.cpu is None else f"CPU {thread.cpu}"
        text = f"tid {thread.tid}, {thread.state} {place}".rstrip()
        return Shown(PROXY_THREAD + thread.tid, thread.name, text, self.cpus.get(on), thread)

    def _bare_cpu(self, cpu):
        return Shown(cpu, f"CPU {cpu - 1}", self.stub.describe(cpu), cpu)
