# SPDX-License-Identifier: MIT
"""Which gdb thread is which CPU of the kernel."""

import gdb

from multios.access import Unreadable
from multios.live import register_value, selected_thread


def vcpus(kernel):
    """
    {kernel CPU number: gdb thread}. QEMU's first virtual CPU is the boot CPU; another one is known
    by its GS base, which is the offset of its per-CPU area. One that is not in the kernel yet is
    missing.
    """
    offsets = {}
    try:
        for number in kernel.cpu_numbers():
            if number:
                offsets[kernel.target.integer(kernel.address("percpu_offset") + 8 * number)] = number
    except Unreadable:
        pass
    found = {}
    for thread in sorted(gdb.selected_inferior().threads(), key=lambda t: t.num):
        if thread.num == 1:
            found[0] = thread
            continue
        with selected_thread(thread):
            for name in ("gs_base", "k_gs_base"):
                number = offsets.get(register_value(name))
                if number is not None:
                    found[number] = thread
                    break
    return found


def of_cpu(kernel, number):
    """The gdb thread of a CPU of the kernel."""
    found = vcpus(kernel).get(number)
    if found is None:
        raise Unreadable("CPU %d is not shown by gdb, or is not in the kernel" % number)
    return found


def stack_pointer(gdb_thread):
    with selected_thread(gdb_thread):
        return register_value("rsp")


def with_registers_of(kernel, thread):
    """
    The gdb thread whose registers are this kernel thread's, or None when its registers are saved on
    its stack. In a switch, which holds the run queue's lock, the CPU is on the stack of the thread
    that leaves although that one may be current no more; the stack pointer tells.
    """
    base, size = thread.value.stack_base, thread.value.stack_size
    switching = [cpu.number for cpu in kernel.cpus() if cpu.locked]
    for number in switching:
        if base <= stack_pointer(of_cpu(kernel, number)) <= base + size:
            return of_cpu(kernel, number)
    saved_here = base <= thread.saved_sp < base + size
    if thread.running_on is None or (thread.running_on in switching and saved_here):
        return None
    return of_cpu(kernel, thread.running_on)
