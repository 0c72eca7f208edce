# SPDX-License-Identifier: MIT
"""`make idle`: how much of a host core QEMU uses while the guest has nothing to do.

Measured in CPU time of the QEMU process. A command for people and no test: how much an emulator
uses depends on the host. That an idle machine takes no interrupts is tested in the kernel.
"""
import os
import selectors
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))
from ci.lib.boot import PROMPT  # noqa: E402
from ci.lib.qemu import ROOT, Machine, Qemu, Unusable  # noqa: E402

BOOT_SECONDS = 60
SETTLE_SECONDS = 1
GOAL = 0.05


def cpu_seconds(pid):
    """User and system time of a process and its threads (proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_for_prompt(output):
    """Reads the serial port until the monitor's prompt."""
    text, end = "", time.monotonic() + BOOT_SECONDS
    prompt = PROMPT.lstrip("^")
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        while prompt not in text:
            if time.monotonic() > end or not selector.select(BOOT_SECONDS):
                raise Unusable(f"no prompt within {BOOT_SECONDS} s:\n{text[-1000:]}")
            data = os.read(output.fileno(), 4096).decode(errors="replace")
            if not data:
                raise Unusable(f"QEMU ended before the prompt:\n{text[-1000:]}")
            text += data


def measure(machine, seconds):
    """The share of one host core, 1.0 = all of it."""
    command = [*machine.arguments(), "-serial", "stdio"]
    with Qemu(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as qemu:
        wait_for_prompt(qemu.process.stdout)
        time.sleep(SETTLE_SECONDS)
        before, start = cpu_seconds(qemu.process.pid), time.monotonic()
        time.sleep(seconds)
        return (cpu_seconds(qemu.process.pid) - before) / (time.monotonic() - start)


def main(smp, seconds):
    kernel = ROOT / "build/gcc-release/multios.elf"
    share = measure(Machine(kernel=kernel, firmware="pvh", smp=smp), float(seconds))
    print(f"idle with {smp} CPUs: QEMU uses {100 * share:.1f} % of one host core")
    if share >= GOAL:
        sys.exit(f"make idle: expected under {100 * GOAL:.0f} %")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Unusable as error:
        sys.exit(f"make idle: {error}")
