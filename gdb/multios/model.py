# SPDX-License-Identifier: MIT
"""
The kernel's structures as Python objects: one class per struct, fields named in C and found through
DWARF. Nothing is cached between stops: a Kernel is made anew for each command.

The truth about "running" is each CPU's current_thread pointer, not a thread's state; where the two
disagree, `problems` says so. A machine stops anywhere: while a CPU holds a run queue's lock that
queue may be half changed, and between the pick and the change of current_thread one thread is both
current and queued and the picked one is neither. Cpu.locked and Cpu.picked tell.
"""

from multios import manifest
from multios.access import Unreadable, walk_list

LIST_LIMIT = 1000000
PROXY_THREAD = 1000  # gdb/proxy shows kernel threads under their ids and this; QEMU's CPUs are below


class Kernel:
    """Roots of everything. Reads nothing until asked."""

    def __init__(self, target, limit=LIST_LIMIT):
        self.target, self.limit = target, limit
        self.problems = []
        self._cpus = self._current = None
        self._names = {}

    def address(self, symbol):
        found = self.target.symbol(symbol)
        if found is None:
            raise Unreadable("this kernel has no symbol %s: these scripts do not fit it" % symbol)
        return found

    def percpu_base(self, cpu):
        """How far CPU `cpu`'s copies of the per-CPU variables are from their link addresses."""
        return self.target.integer(self.address("percpu_offset") + 8 * cpu)

    def percpu(self, symbol, cpu):
        """Address of CPU `cpu`'s copy of a per-CPU variable."""
        return (self.address(symbol) + self.percpu_base(cpu)) % (1 << 64)

    def stage(self):
        """None when everything can be shown, else how far the machine is, or what does not fit."""
        try:
            complaint = manifest.complaint(self.target)
            if complaint:
                return complaint
            if self.target.integer(self.address("process_list")) == 0:
                return "the kernel is starting: there are no threads yet"
            if not self.cpu_numbers():
                return "the kernel is starting: no CPU schedules yet"
        except Unreadable as error:
            return "the kernel does not run yet (firmware, loader or first page tables): %s" % error
        return None

    def cpu_numbers(self):
        """Numbers of the CPUs that are on line for the scheduler."""
        at, kind = self.target.layout("sched").fields["online"]
        online = self.address("scheduler") + at
        words = kind.decode(self.target, online, self.target.read(online, kind.size)).bits
        return [i for i in range(64 * len(words)) if words[i // 64] >> i % 64 & 1]

    def cpus(self):
        if self._cpus is None:
            self._cpus = [Cpu(self, n) for n in self.cpu_numbers()]
        return self._cpus

    def current(self):
        """{address of a thread: number of the CPU whose current it is}."""
        if self._current is None:
            self._current = {}
            for cpu in self.cpus():
                if cpu.current_address in self._current:
                    self.problems.append("CPUs %d and %d have the same current thread 0x%x" % (
                        self._current[cpu.current_address], cpu.number, cpu.current_address))
                self._current[cpu.current_address] = cpu.number
        return self._current

    def current_on(self, cpu):
        """The thread that a CPU has as its current one, or None."""
        return next((c.current() for c in self.cpus() if c.number == cpu), None)

    def nodes(self, head):
        """Node addresses of a list; what is wrong with it becomes a problem, not an error."""
        found, problem = walk_list(self.target, head, self.limit)
        if problem:
            self.problems.append(problem)
        return found

    def processes(self):
        at = self.target.layout("process").offset_of("node")
        return [Process(self, node - at) for node in self.nodes(self.address("process_list"))]

    def threads(self):
        return [t for p in self.processes() for t in p.threads()]

    def thread(self, tid):
        """The thread with this id, or None."""
        return next((t for t in self.threads() if t.tid == tid), None)

    def text_at(self, address):
        """A constant C string of the kernel; "" for NULL."""
        if address not in self._names:
            self._names[address] = self.target.text(address) if address else ""
        return self._names[address]


class Process:
    """process_control_block."""

    def __init__(self, kernel, address):
        self.kernel, self.address = kernel, address
        self.value = kernel.target.struct("process", address)
        self.pid, self.name = self.value.process_id, self.value.name
        self.parent, self.thread_count = self.value.parent_id, self.value.thread_count
        self.priority = self.value.priority

    def threads(self):
        at = self.kernel.target.layout("thread").offset_of("process_node")
        head = self.value.address_of("threads.head")
        return [Thread(self.kernel, node - at) for node in self.kernel.nodes(head)]

    def constant(self, enum, name):
        """The value of an enumerator of the kernel."""
        for value, other in self.kernel.target.enum(enum).items():
            if other == name:
                return value
        raise Unreadable("this kernel has no %s: these scripts do not fit it" % name)

    def priority_name(self):
        return enum_text(self.kernel, "process_priority", "PROCESS_", self.priority)

    def state(self, threads):
        """process_state, derived from its threads as the kernel derives it."""
        if self.value.phase >= self.constant("process_phase", "PROCESS_ENDED"):
            return "terminated"
        flags = self.kernel.target.enum("process_flags")
        if any(name == "PROCESS_SUSPENDED" and self.value.flags & bit
               for bit, name in flags.items()):
            return "stopped"
        runnable = any(t.state in ("running", "queued", "waking") and not t.is_idle
                       for t in threads)
        return "running" if runnable else "waiting"


class Thread:
    """thread_control_block with its scheduling entity."""

    def __init__(self, kernel, address):
        self.kernel, self.address = kernel, address
        self.value = kernel.target.struct("thread", address)
        self.tid, self.name = self.value.thread_id, self.value.name
        self.entity = self.value.se
        self.running_on = kernel.current().get(address)
        self.said = enum_text(kernel, "sched_state", "SCHED_", self.entity.state)
        self.state = self._state()

    def _state(self):
        said = self.said
        if self.running_on is not None and said not in ("running", "dead"):
            self.kernel.problems.append(
                "thread %d is current on CPU %d but its state is %s (a switch is under way)"
                % (self.tid, self.running_on, said))
            return "running"
        if self.running_on is None and said == "running":
            self.kernel.problems.append(
                "thread %d is picked but no CPU's current yet (a switch is under way)" % self.tid)
            return "picked"
        return said

    @property
    def is_idle(self):
        return any(name == "THREAD_IDLE" and self.value.flags & bit
                   for bit, name in self.kernel.target.enum("thread_flags").items())

    @property
    def cpu(self):
        """The CPU it runs on, waits for, or ran on last; None before its first wake-up."""
        if self.running_on is not None:
            return self.running_on
        if not self.entity.rq:
            return None
        at = self.kernel.target.layout("sched_rq").fields["cpu"][0]
        return self.kernel.target.integer(self.entity.rq + at, 4)

    @property
    def saved_sp(self):
        return self.value.arch.sp

    def saved_registers(self):
        """{name: value} of the registers with which a switched-out thread resumes."""
        kind = self.kernel.target.layout("arch_switch_frame")
        frame = self.kernel.target.struct("arch_switch_frame", self.saved_sp)
        registers = {name: getattr(frame, name) for name in kind.fields}
        registers["rsp"] = self.saved_sp + kind.size
        if not registers["rip"]:
            raise Unreadable("thread %d has no saved registers at 0x%x" % (self.tid, self.saved_sp))
        return registers

    def registers_on(self, stack_pointer):
        """
        The number of the CPU whose registers are this thread's, or None when they are saved on its
        stack. `stack_pointer` gives that of a CPU. In a switch, which holds the run queue's lock,
        the CPU is on the stack of the thread that leaves although that one may be current no more;
        the stack pointer tells.
        """
        base, size = self.value.stack_base, self.value.stack_size
        switching = [cpu.number for cpu in self.kernel.cpus() if cpu.locked]
        for number in switching:
            if base <= stack_pointer(number) <= base + size:
                return number
        saved_here = base <= self.saved_sp < base + size
        return None if self.running_on in switching and saved_here else self.running_on

    @property
    def level(self):
        return self.entity.level

    @property
    def priority_name(self):
        return enum_text(self.kernel, "thread_priority", "THREAD_PRIORITY_", self.value.priority)

    @property
    def policy(self):
        """Name of the policy that schedules it."""
        if not self.entity.policy:
            return ""
        return self.kernel.text_at(self.kernel.target.integer(self.entity.policy))

    @property
    def cpu_time(self):
        """ns it has run, up to the last time it was accounted."""
        names = self.kernel.target.enum("sched_state")
        index = next(v for v, n in names.items() if n == "SCHED_RUNNING")
        return self.entity.stats.time[index]

    @property
    def affinity(self):
        return self.entity.affinity.bits

    @property
    def wait_queue(self):
        """Address of the queue it waits in, or 0."""
        return self.value.wait_queue if self.state in ("blocked", "stopped") else 0

    @property
    def mutex_waited(self):
        """Address of the mutex it waits for, or 0."""
        return self.value.mutex_waited if self.state in ("blocked", "stopped") else 0

    @property
    def wait_site(self):
        """Where in the kernel's code the wait began, or 0."""
        return self.value.wait_site if self.state in ("blocked", "stopped") else 0


class Cpu:
    """cpu_scheduler and the CPU's run queue."""

    def __init__(self, kernel, number):
        self.kernel, self.number = kernel, number
        self.scheduler = kernel.target.struct(
            "cpu_scheduler", kernel.percpu("cpu_schedulers", number))
        self.rq = self.scheduler.rq
        self.current_address = kernel.target.integer(kernel.percpu("current_thread", number))
        self.preempt_count = kernel.target.integer(kernel.percpu("preempt_count", number), 4)
        self.locked = bool(self.rq.lock.locked)

    @property
    def state(self):
        return enum_text(self.kernel, "cpu_state", "CPU_", self.scheduler.state)

    def current(self):
        return Thread(self.kernel, self.current_address) if self.current_address else None

    @property
    def lock_owner(self):
        """Which CPU holds the run queue's lock; None: nobody, or a release build, which knows not."""
        owner = self.locked and self.rq.lock.has("owner") and self.rq.lock.owner
        return owner - 1 if owner else None

    def picked(self):
        """The thread that the scheduler has chosen while another one is still current, or None."""
        chosen = self.rq.curr and self.rq.curr - self.kernel.target.layout("thread").offset_of("se")
        if not chosen or chosen == self.current_address:
            return None
        return Thread(self.kernel, chosen)

    def slice_left(self):
        """ns left of the current turn when the CPU last looked at its clock; None: no end."""
        end = self.rq.slice_end
        return None if end == KTIME_MAX else max(0, end - self.rq.clock)

    def tree_nodes(self):
        """Node addresses of the run queue's tree in its order; a cycle becomes a problem."""
        out, above, seen = [], [], set()
        at = self.rq.tree.root
        while at or above:
            while at and at not in seen:
                seen.add(at)
                above.append(at)
                at = self.kernel.target.struct("rb_node", at).child[0]
            if at:
                self.kernel.problems.append("CPU %d: its tree has a cycle at 0x%x" % (self.number, at))
                break
            out.append(above.pop())
            at = self.kernel.target.struct("rb_node", out[-1]).child[1]
        return out

    def queued_in_tree(self):
        at = self.kernel.target.layout("thread").offset_of("se.tree_node")
        threads = [Thread(self.kernel, node - at) for node in self.tree_nodes()]
        return [(thread.entity.rank, thread) for thread in threads]

    def queued(self):
        """(rank, thread) of everything that waits for this CPU, most urgent first."""
        out = self.queued_in_tree()
        tree_ranks = {rank for rank, _ in out}
        at = self.kernel.target.layout("thread").offset_of("se.node")
        levels = self.rq.level
        for rank, head in enumerate(levels):
            nodes = [] if head.head.next == head.address_of("head") else \
                self.kernel.nodes(head.address_of("head"))
            has_bit = bool(self.rq.ready[rank // 64] >> rank % 64 & 1)
            if has_bit != (bool(nodes) or rank in tree_ranks):
                self.kernel.problems.append(
                    "CPU %d: ready bit of rank %d is %d but its list has %d entries"
                    % (self.number, rank, has_bit, len(nodes)))
            out += [(rank, Thread(self.kernel, node - at)) for node in nodes]
        return sorted(out, key=lambda entry: entry[0])


KTIME_MAX = (1 << 63) - 1


def enum_text(kernel, enum, prefix, value):
    """Lower-case enumerator without its prefix; the number when there is none."""
    name = kernel.target.enum(enum).get(value)
    return name[len(prefix):].lower() if name and name.startswith(prefix) else str(value)
