# SPDX-License-Identifier: MIT
"""
What the proxy knows of a kernel: where its roots are and how its structs are laid out. A gdb
without scripts of its own reads that from the symbols and the debug information (this same file is
run in it), so that no table stands here and nothing but gdb is needed.
"""
import os
import pickle
import subprocess
import sys

STRUCTS = ("debug_manifest", "process", "thread", "sched", "cpu_scheduler", "sched_rq",
           "arch_switch_frame")
ENUMS = ("sched_state",)
SYMBOLS = ("debug_manifest", "process_list", "scheduler", "percpu_offset", "cpu_schedulers",
           "current_thread", "preempt_count", "panic_cpu")


class Description:
    """Begins to read at once, in the background."""

    def __init__(self, kernel):
        self._reader = subprocess.Popen(
            [*("gdb", "-nx", "-batch", "-iex", "set auto-load off"), *("-x", os.path.abspath(__file__)),
             kernel],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            start_new_session=True)
        self._found = None

    def get(self):
        """{"structs", "enums", "symbols", "build"}; of a file that gdb cannot read, nothing."""
        if self._found is None:
            data, _ = self._reader.communicate()
            try:
                self._found = pickle.loads(data)
            except (EOFError, pickle.UnpicklingError):
                self._found = {"structs": {}, "enums": {}, "symbols": {}, "build": None}
        return self._found


def described(target, unreadable):
    """What get() returns, of the file that gdb has loaded. What the kernel lacks is left out."""
    found = {"structs": {}, "symbols": {name: target.symbol(name) for name in SYMBOLS},
             "enums": {name: target.enum(name) for name in ENUMS}, "build": target.build_id()}
    for name in STRUCTS:
        try:
            found["structs"][name] = target.layout(name)
        except unreadable:
            continue
    return found


def main():
    """Runs inside gdb; prints what was found."""
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    from multios.access import Unreadable
    from multios.live import GdbTarget

    # gdb's own stdout is its pager, which takes no bytes.
    with os.fdopen(os.dup(1), "wb") as out:
        pickle.dump(described(GdbTarget(), Unreadable), out)


if __name__ == "__main__":
    main()
