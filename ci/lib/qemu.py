# SPDX-License-Identifier: MIT
"""How MultiOS is started in QEMU: the one place that builds command lines and ends processes.

`make run`, `make debug`, `make bench`, ci/boot and the tests all describe a Machine and start it
from here, so that what is tested is what people run.
"""
import ctypes
import dataclasses
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FIRMWARES = ("bios", "uefi", "pvh")
SOCKET_PATH_MAX = 107  # sockaddr_un.sun_path without its terminator
OVMF = (
    "/usr/share/OVMF/OVMF_CODE.fd",
    "/usr/share/ovmf/OVMF.fd",
    "/usr/share/edk2/ovmf/OVMF_CODE.fd",
    "/usr/share/edk2/x64/OVMF_CODE.fd",
    "/usr/share/edk2/x64/OVMF_CODE.4m.fd",
)
# Run to run identical: no host clock, no host randomness (QEMU manual, "TCG Instruction Counting").
DETERMINISTIC = ["-rtc", "base=2024-01-01T00:00:00,clock=vm", "-seed", "1"]
CMDLINE_FILE = "opt/org.multios/cmdline"  # read by boot/: the ISO's own command line stays as it is


class Unusable(Exception):
    """What was asked for cannot be started; the text says why and what to do."""


@dataclasses.dataclass
class Machine:
    """A machine and the kernel that it boots."""

    kernel: Path
    iso: Path | None = None
    firmware: str = "pvh"
    smp: str = "4"
    memory: str = "512M"
    cmdline: str = ""
    icount: int | None = None
    turns: bool = True  # under icount: a CPU that sends an IPI lets the target go first
    accel: str = "tcg"
    threads: str = "multi"  # of TCG without icount: one of the host for each CPU, or "single"
    cpu: str = "max"
    extra: tuple[str, ...] = ()

    def arguments(self):
        """The machine without its console: that differs between a terminal and a test."""
        self._check()
        return [
            *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-machine", "q35"),
            *self._accelerator(),
            *("-cpu", self._cpu(), "-smp", self.smp, "-m", self.memory),
            *("-vga", "std", "-display", "none"),
            *("-device", "isa-debug-exit,iobase=0xf4,iosize=4"),
            *self._boot(),
            *self.extra,
        ]

    def full_cmdline(self):
        """The command line as the kernel gets it: under icount CPUs must hand over their turns."""
        words = [self.cmdline] if self.cmdline else []
        if self.icount is not None and self.turns:
            words.append("turns=on")
        return " ".join(words)

    def _check(self):
        if self.firmware not in FIRMWARES:
            raise Unusable(f"firmware {self.firmware}: there are {', '.join(FIRMWARES)}")
        image = self.kernel if self.firmware == "pvh" else self.iso
        if not image or not Path(image).is_file():
            what = "make kernel" if self.firmware == "pvh" else "make iso"
            raise Unusable(f"{image}: no such file; '{what}' builds it")

    def _accelerator(self):
        if self.icount is None:
            return ["-accel", self.accel + (f",thread={self.threads}" if self.accel == "tcg" else "")]
        if self.accel != "tcg":
            raise Unusable(f"icount counts instructions, which accelerator {self.accel} does not")
        return ["-accel", "tcg", "-icount", f"shift={self.icount},sleep=off", *DETERMINISTIC]

    def _cpu(self):
        # RDRAND would be the one instruction whose result differs from run to run.
        return self.cpu + (",rdrand=off" if self.icount is not None and self.cpu == "max" else "")

    def _boot(self):
        cmdline = self.full_cmdline()
        if self.firmware == "pvh":
            return ["-kernel", str(self.kernel), "-append", cmdline]
        boot = ["-cdrom", str(self.iso), "-boot", "d"]
        if cmdline:
            boot += ["-fw_cfg", f"name={CMDLINE_FILE},string={escape(cmdline)}"]
        return boot + (["-bios", find_ovmf()] if self.firmware == "uefi" else [])


def escape(text):
    """A value inside one of QEMU's comma-separated options."""
    return text.replace(",", ",,")


def find_ovmf():
    for path in OVMF:
        if os.path.exists(path):
            return path
    raise Unusable("no OVMF firmware found; 'ci/setup uefi' installs it or names the package")


def die_with_parent(number=signal.SIGKILL):
    """Has the kernel send this process a signal when its parent ends, however that ends."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, number)


class Qemu:
    """A running QEMU, which is gone when the `with` block is left.

    In a session of its own unless it is to read the terminal.
    """

    def __init__(self, command, pass_fds=(), own_session=True, **streams):
        try:
            self.process = subprocess.Popen(
                command, start_new_session=own_session, preexec_fn=die_with_parent,
                pass_fds=pass_fds, **streams)
        except FileNotFoundError as error:
            raise Unusable(f"{command[0]}: not installed; 'ci/setup run' installs it") from error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def wait(self, seconds):
        """The exit code, or None while it runs."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def end(self, grace=2):
        """Ends it, by force after `grace` seconds: a hung QEMU can ignore SIGTERM for minutes."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.wait(0) is not None:
                return
            self.process.send_signal(number)
            self.wait(grace)


def qmp_pair(name):
    """A connected socket for QMP and the arguments that give QEMU its other end."""
    ours, theirs = socket.socketpair()
    arguments = [
        "-chardev", f"socket,id={name},fd={theirs.fileno()}",
        "-mon", f"chardev={name},mode=control",
    ]
    return ours, theirs, arguments


def wait_for(condition, seconds):
    """Polls until condition() is true; its value."""
    end = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return value
