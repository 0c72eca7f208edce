# SPDX-License-Identifier: MIT
"""Everything gdb gets from us: the mos prefix, its commands, printers, functions, the unwinder."""

import gdb

from multios import break_commands, check_commands, identity, lock_commands, printers, queues
from multios import selection, settle, system, threads, trace_commands, unwind
from multios.live import GdbTarget
from multios.vcpus import number_of_selected


class Mos(gdb.Command):
    """Look at the MultiOS kernel: processes, threads, CPUs, run queues.

Nothing is written to the machine but by the commands that say so. `help mos` lists the commands;
each takes --json."""

    def __init__(self):
        super().__init__("mos", gdb.COMMAND_STATUS, gdb.COMPLETE_COMMAND, True)


def current_thread(kernel):
    """Address of the thread that runs on the selected CPU."""
    number = number_of_selected(kernel)
    return None if number is None else kernel.target.integer(kernel.percpu("current_thread", number))


def of_thread(kernel, tid):
    found = kernel.thread(tid)
    return found and found.address


def of_process(kernel, pid):
    return next((p.address for p in kernel.processes() if p.pid == pid), None)


def of_cpu(kernel, number):
    on_line = number in kernel.cpu_numbers()
    return kernel.percpu("cpu_schedulers", number) if on_line else None


def of_runq(kernel, number):
    cpu = of_cpu(kernel, number)
    return cpu and cpu + kernel.target.layout("cpu_scheduler").offset_of("rq")


COMMANDS = (
    identity.KernelCommand, settle.Settle,
    threads.Ps, threads.Threads, threads.Tree, queues.Cpus, queues.RunQueues,
    threads.Backtrace, selection.SelectThread, selection.Registers,
    lock_commands.Why, lock_commands.Locks, lock_commands.WaitGraph, lock_commands.Deadlock,
    check_commands.Check, trace_commands.WhySwitch, trace_commands.Trace, trace_commands.Timeline,
    trace_commands.SchedTimes, system.Log, system.Interrupts, system.Timers, system.Memory,
    system.Slab, system.AddressSpace, system.PageTableEntry,
    break_commands.Break, break_commands.StepToNextSwitch, break_commands.UntilThread)

FUNCTIONS = (("thread", of_thread, "thread"), ("process", of_process, "process"),
             ("cpu", of_cpu, "cpu_scheduler"), ("runq", of_runq, "sched_rq"),
             ("current", current_thread, "thread"))


def register_all():
    target = GdbTarget()
    Mos()
    for command in COMMANDS:
        command(target)
    for name, find, kind in FUNCTIONS:
        printers.KernelFunction(name, target, find, kind)
    printers.install()
    unwind.install()
    selection.install()
