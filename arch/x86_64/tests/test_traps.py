# SPDX-License-Identifier: MIT
"""What only a machine can do to its kernel: machine checks, the NMI button, a screen to look at."""
import contextlib
import os
import re
import subprocess
import tempfile

import pytest

from ci.lib.picture import Picture
from ci.lib.qemu import ROOT, Machine, Qemu, wait_for
from ci.lib.qmp import Qmp

PROMPT = "mos> "
EXIT_PANIC = 89
VIDEO_MEMORY, VIDEO_SIZE, COLUMNS = 0xb8000, 0x8000, 80
INK = (0xc0, 0xc0, 0xc0)


class Board:
    """A kernel at its prompt, and the machine around it."""

    def __init__(self, build="gcc-debug", smp="2", firmware="pvh"):
        kernel = ROOT / "build" / build / "multios.elf"
        self.machine = Machine(
            kernel=kernel, iso=kernel.with_suffix(".iso"), smp=smp, firmware=firmware)
        self.stack = contextlib.ExitStack()
        self.output = ""

    def __enter__(self):
        self.folder = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="mos-x86-"))
        path = os.path.join(self.folder, "qmp")
        self.qemu = self.stack.enter_context(Qemu(
            [*self.machine.arguments(), "-no-reboot", "-serial", "stdio",
             "-qmp", f"unix:{path},server=on,wait=off"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
        os.set_blocking(self.qemu.process.stdout.fileno(), False)
        self.wait_for(PROMPT)
        self.qmp = Qmp.connect(path)
        return self

    def __exit__(self, *_):
        self.stack.close()

    def heard(self, text):
        self.output += (self.qemu.process.stdout.read() or b"").decode("utf-8", "replace")
        return text in self.output

    def wait_for(self, text, seconds=60):
        assert wait_for(lambda: self.heard(text), seconds), self.output

    def type(self, line):
        self.output = ""
        self.qemu.process.stdin.write(line.encode() + b"\r")
        self.qemu.process.stdin.flush()
        self.wait_for("\n" + PROMPT)
        return self.output.replace("\r", "").split("\n", 1)[1].rsplit("\n", 1)[0]

    def panic(self):
        """The report of a machine that ends by itself."""
        self.wait_for("--- end of the report ---")
        assert self.qemu.wait(20) == EXIT_PANIC
        return self.output

    def screen(self):
        """Video memory as lines of text."""
        path = os.path.join(self.folder, "screen")
        self.qmp.command("pmemsave", val=VIDEO_MEMORY, size=VIDEO_SIZE, filename=path)
        with open(path, "rb") as saved:
            text = saved.read()[::2].decode("cp437")
        return [text[i:i + COLUMNS].rstrip() for i in range(0, len(text), COLUMNS)]


    def picture(self):
        """What a monitor on the machine would show."""
        path = os.path.join(self.folder, "picture")
        self.qmp.command("screendump", filename=path)
        return Picture(path)


def backtraces(report):
    """The last function of each CPU's backtrace."""
    return re.findall(r"^  #\d+ +\w+ +(\w+)\S*\n(?!  #)", report.replace("\r", ""), re.M)


@pytest.mark.parametrize("build", ["gcc-debug", "gcc-release", "clang-debug"])
def test_machine_check(build):
    with Board(build) as board:
        board.qmp.monitor("mce 1 2 0xbe00000000000175 0x5 0x12345000 0x8c")
        report = board.panic()
    assert "machine check: bank 2, status 0xbe00000000000175, address 0x12345000" in report
    assert sorted(backtraces(report)) == ["smp_ap_entry", "start64"], report


def test_nmi_button_stops_every_cpu():
    with Board(smp="4") as board:
        board.qmp.command("inject-nmi")
        report = board.panic()
    assert len(re.findall(r"^--- CPU \d ---", report, re.M)) == 4, report
    assert report.count("vector 2 (non-maskable interrupt)") == 4, report


def wrapped(text, columns):
    """Lines as a screen of this width shows them."""
    return [line[i:i + columns].rstrip() for line in text.split("\n")
            for i in range(0, max(len(line), 1), columns)]


def test_screen_shows_what_the_serial_port_says():
    """More than video memory holds, so that the window has gone back to its beginning."""
    printed = 0
    with Board() as board:
        while printed <= VIDEO_SIZE // 2 // COLUMNS:
            said = wrapped(board.type("help"), COLUMNS)
            printed += len(said)
        rows = board.screen()
    last = said[-20:]
    assert any(rows[i:i + len(last)] == last for i in range(len(rows))), "\n".join(rows)


@pytest.mark.slow
def test_uefi_screen_shows_what_the_serial_port_says():
    """Until it has moved up, and before that the banner from its beginning."""
    with Board(firmware="uefi") as board:
        said = wrapped(board.output.replace("\r", ""), board.picture().columns)
        first = board.picture().text(INK)
        for _ in range(2):
            again = wrapped(board.type("help"), board.picture().columns)
        second = board.picture().text(INK)
    start = next(i for i, line in enumerate(said) if line.startswith("MultiOS "))
    assert first[1:len(said) - start + 1] == said[start:], "\n".join(first)
    last = again[-20:]
    assert any(second[i:i + len(last)] == last for i in range(len(second))), "\n".join(second)
