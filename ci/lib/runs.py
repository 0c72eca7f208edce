# SPDX-License-Identifier: MIT
"""Running machines of this tree: each has a folder build/run-ID with its files and sockets.

The folder's owner holds a lock on it, so whether a machine runs is known without asking anyone,
also after a crash, and two runs never share a file. Unix sockets are open from the start:

    gdb.sock      gdb's remote protocol (`make gdb`)
    qmp.sock      QEMU's machine protocol
    control.sock  second serial port, for programs that drive the kernel
    trace.sock    third serial port, for binary traces
    console.sock  first serial port, of `make debug` only (`make console`)
"""
import fcntl
import json
import os
import shutil
import tempfile
import time
from pathlib import Path

from .qemu import ROOT, SOCKET_PATH_MAX, Unusable, escape

SOCKETS = ("gdb", "qmp", "control", "trace", "console")
RUNS_MAX = 1000


class Run:
    """One run's folder. Made by start(), found again by find()."""

    def __init__(self, number, folder):
        self.number = number
        self.folder = folder
        self.sockets = folder
        self._lock = None

    @property
    def kernel(self):
        return self.folder / "multios.elf"

    @property
    def iso(self):
        return self.folder / "multios.iso"

    @property
    def log(self):
        return self.folder / "serial.log"

    def socket(self, name):
        return self.sockets / f"{name}.sock"

    def take(self):
        """Locks the folder; False if its machine runs."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = open(self.folder / "lock", "a", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self._lock = lock
        return True

    def runs(self):
        """Whether its owner lives."""
        taken = self.take()
        if taken:
            self._lock.close()
        return not taken

    def prepare(self, machine, say):
        """Own copies of what the machine boots, and a place for its sockets."""
        for old in self.folder.iterdir():
            if old.name != "lock":
                old.unlink()
        shutil.copyfile(machine.kernel, self.kernel)
        machine.kernel = self.kernel
        if machine.firmware != "pvh":
            shutil.copyfile(machine.iso, self.iso)
            machine.iso = self.iso
        longest = max(len(os.fsencode(self.socket(name))) for name in SOCKETS)
        if longest > SOCKET_PATH_MAX:
            self.sockets = Path(tempfile.mkdtemp(prefix="multios-"))
            say(f"{self.folder} is too long a path for sockets; they are in {self.sockets}")
        about = {"sockets": str(self.sockets), "started": time.time(), "smp": machine.smp,
                 "firmware": machine.firmware, "cmdline": machine.full_cmdline()}
        (self.folder / "run.json").write_text(json.dumps(about) + "\n", encoding="utf-8")

    def read(self):
        about = json.loads((self.folder / "run.json").read_text(encoding="utf-8"))
        self.sockets = Path(about["sockets"])
        return about

    def arguments(self, *names):
        """QEMU's arguments for the sockets, as serial ports unless gdb's or QMP's."""
        words = []
        for name in names:
            path = escape(str(self.socket(name)))
            words += ["-chardev", f"socket,id={name},path={path},server=on,wait=off" + (
                f",logfile={escape(str(self.log))}" if name == "console" else "")]
            if name == "gdb":
                words += ["-gdb", "chardev:gdb"]
            elif name == "qmp":
                words += ["-mon", "chardev=qmp,mode=control"]
            else:
                words += ["-serial", f"chardev:{name}"]
        return words

    def close(self):
        """Takes the sockets and copies away; the log stays until the number is used again."""
        for name in SOCKETS:
            self.socket(name).unlink(missing_ok=True)
        if self.sockets != self.folder:
            shutil.rmtree(self.sockets, ignore_errors=True)
        self.kernel.unlink(missing_ok=True)
        self.iso.unlink(missing_ok=True)
        self._lock.close()


def start(machine, say):
    """A folder of its own for a machine about to run."""
    for number in range(1, RUNS_MAX):
        run = Run(number, ROOT / "build" / f"run-{number}")
        if run.take():
            run.prepare(machine, say)
            return run
    raise Unusable(f"{RUNS_MAX} machines of this tree run already")


def running():
    """The runs whose machines run, oldest first."""
    found = []
    for folder in (ROOT / "build").glob("run-[0-9]*"):
        run = Run(int(folder.name.removeprefix("run-")), folder)
        if (folder / "run.json").exists() and run.runs():
            found.append((run.read()["started"], run.number, run))
    return [run for *_, run in sorted(found)]


def find(number, say):
    """The run of that number, or the newest when none is given."""
    runs = running()
    if not runs:
        raise Unusable("no machine of this tree runs; 'make run' or 'make debug' starts one")
    names = ", ".join(str(run.number) for run in runs)
    if not number:
        if len(runs) > 1:
            say(f"machines {names} run; taking {runs[-1].number}, RUN=ID takes another")
        return runs[-1]
    for run in runs:
        if str(run.number) == number:
            return run
    raise Unusable(f"RUN={number}: no such machine; running: {names}")
