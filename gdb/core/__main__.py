# SPDX-License-Identifier: MIT
"""
Makes what QEMU's `dump-guest-memory` wrote a core file with every thread of the kernel:

    ci/python gdb/core DUMP KERNEL

KERNEL is the ELF file that was booted. DUMP is changed in place; then `gdb KERNEL DUMP` lists the
threads, without any script.
"""
import os
import sys

sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from core import writer  # noqa: E402
from core.dump import Dump, Unfit  # noqa: E402
from core.threads import Snapshot  # noqa: E402
from proxy.description import Description  # noqa: E402


def convert(path, kernel):
    """Returns what is to be said of it."""
    description = Description(kernel)  # reads in the background
    with open(path, "r+b") as file:
        dump = Dump(file)
        snapshot = Snapshot(dump, description.get())
        notes = snapshot.notes(os.path.basename(kernel))
        writer.write(file, notes, writer.segments(snapshot.mappings(), dump.pieces))
    return snapshot.problems()


def main(arguments):
    if len(arguments) != 2:
        sys.exit(f"given {len(arguments)} arguments, expected a dump of QEMU's and the kernel it ran")
    path, kernel = arguments
    try:
        if not os.path.exists(kernel):
            raise Unfit(f"{kernel}: no such file")
        for problem in convert(path, kernel):
            print(f"multios core: {problem}", file=sys.stderr)
    except Unfit as error:
        sys.exit(f"{path}: {error}")
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
