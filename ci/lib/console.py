# SPDX-License-Identifier: MIT
"""A terminal on a machine's serial socket: what was printed so far, then both directions."""
import os
import selectors
import socket
import sys
import termios
import tty

ESCAPE = b"\x01"  # Ctrl-A, as in QEMU's own terminal


class Keys:
    """Turns typed bytes into what is sent; Ctrl-A x leaves, Ctrl-A twice sends one."""

    def __init__(self):
        self.escaped = self.leave = False

    def feed(self, data):
        out = bytearray()
        for byte in data:
            key = bytes([byte])
            if self.escaped:
                self.escaped = False
                if key in b"xX":
                    self.leave = True
                    break
                out += key if key == ESCAPE else b""
            elif key == ESCAPE:
                self.escaped = True
            else:
                out += key
        return bytes(out)


def attach(path, log):
    """Until the user leaves or the machine ends."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        if log.exists():
            os.write(1, log.read_bytes())
        terminal = os.isatty(0)
        saved = termios.tcgetattr(0) if terminal else None
        try:
            if terminal:
                tty.setraw(0)
            _exchange(connection, Keys())
        finally:
            if terminal:
                termios.tcsetattr(0, termios.TCSADRAIN, saved)
    sys.stdout.write("\n")


def _exchange(connection, keys):
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        selector.register(0, selectors.EVENT_READ)
        while not keys.leave:
            for key, _ in selector.select():
                if key.fileobj is connection:
                    data = connection.recv(65536)
                    if not data:
                        return
                    os.write(1, data)
                elif data := os.read(0, 4096):
                    connection.sendall(keys.feed(data))
                else:
                    selector.unregister(0)
