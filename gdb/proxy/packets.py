# SPDX-License-Identifier: MIT
"""
The framing of gdb's remote protocol (gdb manual, "Overview" of "Remote Protocol"): `$payload#sum`,
an acknowledgement by `+`, and the single byte 0x03 that stops a machine. A payload is handed over
as it is on the wire, still escaped, so that passing it on is exact. Both connections are reliable:
acknowledgements are sent because the other side waits for them, and those received mean nothing.
"""
import os

INTERRUPT = b"\x03"


class Gone(Exception):
    """The other side has closed; the text says which."""


class Channel:
    """One connection; reads and writes file descriptors, so that pipes and sockets are the same."""

    def __init__(self, read_from, write_to):
        self.read_from, self.write_to = read_from, write_to
        self.acknowledges = True
        self._buffer = b""
        self._packets = []

    def fileno(self):
        return self.read_from

    def send(self, payload):
        self.send_bytes(b"$%s#%02x" % (payload, sum(payload) & 0xff))

    def send_bytes(self, data):
        while data:
            data = data[os.write(self.write_to, data):]

    def fill(self):
        """Takes what has come, waiting until something has."""
        data = os.read(self.read_from, 65536)
        if not data:
            raise Gone("the connection was closed")
        self._buffer += data
        while (packet := self._cut()) is not None:
            self._packets.append(packet)

    def waiting(self):
        """The next payload or INTERRUPT that has come, or None."""
        return self._packets.pop(0) if self._packets else None

    def receive(self):
        """The next payload or INTERRUPT, waiting for it."""
        while not self._packets:
            self.fill()
        return self._packets.pop(0)

    def _cut(self):
        """Takes one packet off the buffer; None: there is no whole one."""
        self._buffer = self._buffer.lstrip(b"+-")
        if self._buffer[:1] == INTERRUPT:
            self._buffer = self._buffer[1:]
            return INTERRUPT
        if self._buffer[:1] not in (b"", b"$"):  # nothing else begins a packet
            self._buffer = self._buffer[1:]
            return self._cut()
        end = self._buffer.find(b"#")
        if end < 0 or len(self._buffer) < end + 3:
            return None
        payload, self._buffer = self._buffer[1:end], self._buffer[end + 3:]
        if self.acknowledges:
            self.send_bytes(b"+")
        return payload


def unescaped(payload):
    """Binary data of a payload."""
    out, rest = bytearray(), iter(payload)
    for byte in rest:
        out.append(next(rest) ^ 0x20 if byte == ord("}") else byte)
    return bytes(out)


def escaped(data):
    """The same the other way, for a payload."""
    out = bytearray()
    for byte in data:
        out += bytes([ord("}"), byte ^ 0x20]) if byte in b"$#}*" else bytes([byte])
    return bytes(out)


def text_of(words):
    """A string in hexadecimal, as most answers have it."""
    return words.encode().hex().encode()
