# SPDX-License-Identifier: MIT
"""What the README promises to somebody who has just cloned: two terminals, typed as they would."""
import re
import subprocess

import pexpect
import pytest

from ci.lib import ktap
from ci.lib.qemu import ROOT

SPINNERS = {f"spinner.{n}" for n in range(1, 9)}


@pytest.fixture(name="terminal", params=["bios", "pvh"])
def make_run(request):
    """`make run` at its prompt, in a terminal of 100 columns."""
    terminal = pexpect.spawn("make", ["-s", "run", f"FIRMWARE={request.param}"], cwd=str(ROOT), timeout=120,
                             encoding="utf-8", dimensions=(40, 100))
    terminal.expect(r"run (\d+), Ctrl-A x leaves")
    terminal.number = terminal.match[1]
    terminal.expect("4 CPUs, .*mos> ")
    yield terminal
    terminal.close(force=True)


def typed(terminal, line):
    """What the monitor answers to a line."""
    terminal.send(line + "\r")
    terminal.expect("mos> ")
    return ktap.clean(terminal.before)


def gdb(number, command):
    flags = f"-batch -ex '{command}'"
    return subprocess.run(["make", "-s", "gdb", f"RUN={number}", f"GDBFLAGS={flags}"], cwd=ROOT, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=120, check=True).stdout


def top_screen(terminal):
    """The second picture that `top` shows: the first has no interval behind it."""
    terminal.send("top\r")
    for _ in range(3):
        terminal.expect(r"q leaves(.*?)\x1b\[J")
    screen = ktap.clean(terminal.match[1])
    terminal.send("q")
    terminal.expect("mos> ")
    return screen


@pytest.mark.slow
def test_spinners_seen_from_both_terminals(terminal):
    assert "8 threads started" in typed(terminal, "spawn spinner 8")
    screen = top_screen(terminal)
    rows = re.findall(r"^ *\d+ +([\d.]+)% +\w+ +(\d+) .*?(spinner\.\d)$", screen, re.M)
    assert {name for *_, name in rows} == SPINNERS, screen
    assert {cpu for _, cpu, _ in rows} == {"0", "1", "2", "3"}, screen
    assert all(float(share) > 5 for share, *_ in rows), screen
    queues = gdb(terminal.number, "mos runq")
    assert set(re.findall(r"spinner\.\d", queues)) == SPINNERS, queues
    calls = gdb(terminal.number, "mos bt all")
    for name in SPINNERS:
        assert re.search(rf"^thread \d+ {name},.*\n(?:  #.*\n)*?  #\d+ .* run_spinner at kernel/workload.c",
                         calls, re.M), (name, calls)
    assert "RUNNING" in typed(terminal, "ps"), "the machine goes on after gdb"
    terminal.send("poweroff\r")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
