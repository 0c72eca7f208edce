# SPDX-License-Identifier: MIT
"""QEMU's machine protocol (docs/interop/qmp-spec): commands, and the events seen on the way."""
import json
import socket


class QmpError(Exception):
    """A command was refused, or nobody answers any more."""


class Qmp:
    """One QMP connection. Events are kept in `events` in the order in which they came.

    Requests carry a number and so do answers: one that comes after nobody waits for it any more, from
    a QEMU that was busy, is not taken for the next.
    """

    def __init__(self, connection, timeout=10):
        self.connection = connection
        self.timeout = timeout
        self.events = []
        self.closed = False
        self._buffer = b""
        self._answers = []
        self._sent = 0

    @classmethod
    def connect(cls, path, timeout=10):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout)
        connection.connect(str(path))
        return cls(connection, timeout)

    def fileno(self):
        return self.connection.fileno()

    def command(self, name, **arguments):
        """Sends one command and returns its answer."""
        if not self._sent:
            self._send("qmp_capabilities")
        self._send(name, **({"arguments": arguments} if arguments else {}))
        answer = self._answer()
        if "error" in answer:
            raise QmpError(f"{name}: {answer['error']['desc']}")
        return answer.get("return")

    def monitor(self, line):
        """The text that the human monitor answers to a line."""
        return self.command("human-monitor-command", **{"command-line": line})

    def poll(self):
        """Takes what has come, without waiting; True while QEMU is there."""
        self.connection.settimeout(0)
        try:
            while self._read():
                pass
        except BlockingIOError:
            pass
        return not self.closed

    def wait(self):
        """Waits until something comes; True while QEMU is there."""
        self.connection.settimeout(None)
        return self._read()

    def event(self, name):
        """The first event of that name, or None."""
        return next((event for event in self.events if event["event"] == name), None)

    def _send(self, name, **more):
        self._sent += 1
        request = {"execute": name, "id": self._sent, **more}
        try:
            self.connection.settimeout(self.timeout)
            self.connection.sendall(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise QmpError(f"{name}: QEMU is gone ({error})") from error

    def _read(self):
        """Takes one piece of what has come; False when QEMU has closed."""
        try:
            data = self.connection.recv(65536)
        except ConnectionError:
            data = b""
        self.closed = self.closed or not data
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in filter(bytes.strip, lines):
            message = json.loads(line)
            (self.events if "event" in message else self._answers).append(message)
        return not self.closed

    def _answer(self):
        """The answer to what was sent last."""
        self.connection.settimeout(self.timeout)
        while not (mine := [answer for answer in self._answers if answer.get("id") == self._sent]):
            try:
                if not self._read():
                    raise QmpError("QEMU closed its monitor")
            except TimeoutError as error:
                raise QmpError(f"QEMU did not answer for {self.timeout} s") from error
        self._answers.clear()
        return mine[0]
