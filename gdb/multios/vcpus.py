# SPDX-License-Identifier: MIT
"""Which gdb thread is which CPU of the kernel."""

import gdb

from multios.access import Unreadable
from multios.live import register_value, selected_thread
from multios.model import PROXY_THREAD

BOOT_CPU = 1  # QEMU's number of it


def vcpus(kernel):
    """
    {kernel CPU number: gdb thread}. QEMU's first virtual CPU is the boot CPU; another one is known
    by its GS base, which is the offset of its per-CPU area. One that is not in the kernel yet is
    missing. Behind gdb/proxy the gdb threads of the CPUs are the kernel threads on them.
    """
    offsets = {}
    try:
        offsets = {kernel.percpu_base(number): number for number in kernel.cpu_numbers()}
    except Unreadable:
        pass
    found = {}
    for thread in gdb.selected_inferior().threads():
        number = 0 if thread.ptid[1] == BOOT_CPU else number_of(thread, offsets)
        if number is not None:
            found[number] = thread
    return dict(sorted(found.items()))


def number_of(thread, offsets):
    """By its GS base. The boot CPU's offset is 0, which CPUs in firmware have there too."""
    with selected_thread(thread):
        numbers = [offsets.get(register_value(name)) for name in ("gs_base", "k_gs_base")]
    if any(numbers):
        return next(number for number in numbers if number)
    return 0 if 0 in numbers and thread.ptid[1] >= PROXY_THREAD else None


def of_cpu(kernel, number):
    """The gdb thread of a CPU of the kernel."""
    found = vcpus(kernel).get(number)
    if found is None:
        raise Unreadable("CPU %d is not shown by gdb, or is not in the kernel" % number)
    return found


def number_of_selected(kernel):
    """The kernel's number of the selected CPU, or None."""
    selected = gdb.selected_thread()
    return next((number for number, thread in vcpus(kernel).items()
                 if selected is not None and thread.num == selected.num), None)


def stack_pointer(gdb_thread):
    with selected_thread(gdb_thread):
        return register_value("rsp")


def with_registers_of(kernel, thread):
    """
    The gdb thread whose registers are this kernel thread's, or None when its registers are saved on
    its stack.
    """
    number = thread.registers_on(lambda cpu: stack_pointer(of_cpu(kernel, cpu)))
    return None if number is None else of_cpu(kernel, number)
