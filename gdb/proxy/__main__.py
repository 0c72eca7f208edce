# SPDX-License-Identifier: MIT
"""
Shows gdb every kernel thread as a thread. In gdb:

    target remote | ci/python gdb/proxy SOCKET KERNEL

SOCKET is the Unix socket of QEMU's gdb stub, KERNEL the ELF file that was booted. gdb starts the
proxy, talks to it over its standard input and output, prints what it says on standard error, and
ends it by closing.
"""
import os
import signal
import socket
import sys

sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from proxy.description import Description  # noqa: E402
from proxy.packets import Channel, Gone  # noqa: E402
from proxy.session import Session  # noqa: E402
from proxy.stub import Stub  # noqa: E402


def say(text):
    print(f"multios proxy: {text}", file=sys.stderr, flush=True)


def main(arguments):
    if len(arguments) != 2:
        sys.exit(f"given {len(arguments)} arguments, expected the socket of QEMU's gdb stub and a kernel")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for gdb, which sends it on
    description = Description(arguments[1])       # starts to read while gdb says hello
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(arguments[0])
    except OSError as error:
        sys.exit(f"{arguments[0]}: {error.strerror}: no QEMU listens there")
    session = Session(Channel(0, 1), Stub(Channel(connection.fileno(), connection.fileno())),
                      description, say)
    try:
        session.serve()
    except Gone as gone:
        say(str(gone))
    except OSError as error:
        say(f"the connection broke: {error.strerror}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
