# SPDX-License-Identifier: MIT
"""`make run`, `make gdb` and `make console` on little kernels (ending.S) and on the real one."""
import json
import os
import re
import shutil
import subprocess

import pexpect
import pytest

from ci.lib import runs
from ci.lib.console import Keys
from ci.lib.qemu import ROOT, SOCKET_PATH_MAX, Machine, wait_for
from ci.lib.qmp import Qmp
from ci.tests.endings import build

COMMAND = [str(ROOT / "ci/python"), str(ROOT / "ci/lib/run_command.py")]


def start(folder, *more):
    """A machine in a terminal of its own; (terminal, run number)."""
    terminal = pexpect.spawn(
        COMMAND[0], [COMMAND[1], "run", "--out", str(folder), "--firmware", "pvh", "--smp", "2",
                     "--mem", "64M", "--accel", "tcg", *more], timeout=120, encoding="utf-8")
    terminal.expect(r"run (\d+), Ctrl-A x leaves")
    return terminal, terminal.match[1]


def leave(terminal):
    terminal.send("\x01x")
    terminal.expect(pexpect.EOF)
    terminal.close()
    return terminal.exitstatus


def command(name, *arguments):
    return subprocess.run([*COMMAND, name, *arguments], text=True, stdin=subprocess.DEVNULL, timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)


def test_console_in_terminal_and_leaving(tmp_path):
    build(tmp_path, r"MultiOS\n", "spin_for_ever")
    terminal, number = start(tmp_path)
    terminal.expect("MultiOS")
    assert (ROOT / f"build/run-{number}/gdb.sock").is_socket()
    assert leave(terminal) == 0
    assert not (ROOT / f"build/run-{number}/gdb.sock").exists()


def test_two_runs_and_gdb(tmp_path):
    build(tmp_path, r"MultiOS\n", "spin_for_ever")
    (one, first), (two, second) = start(tmp_path), start(tmp_path)
    one.expect("MultiOS"), two.expect("MultiOS")
    assert first != second
    for number in (first, second):
        qmp = Qmp.connect(ROOT / f"build/run-{number}/qmp.sock")
        assert qmp.command("query-status")["running"]
        done = command("gdb", "--run", number, "--gdbflags=-batch -ex 'info symbol $pc'")
        assert "spin_for_ever" in done.stdout, done.stdout
        assert qmp.command("query-status")["running"], "it goes on after gdb"
    unknown = command("gdb", "--run", "999")
    assert unknown.returncode == 2 and "RUN=999: no such machine; running: " in unknown.stdout
    assert leave(one) == 0
    assert qmp.command("query-status")["running"], "the other goes on"
    assert leave(two) == 0


def test_editor_attaches(tmp_path):
    """What .vscode/launch.json makes of its configuration: gdb's machine interface on fixed names."""
    build(tmp_path, r"MultiOS\n", "spin_for_ever")
    terminal, number = start(tmp_path)
    terminal.expect("MultiOS")
    assert command("links", "--run", number).returncode == 0
    launch = json.loads((ROOT / ".vscode/launch.json").read_text(encoding="utf-8"))["configurations"][0]
    program, server = (launch[key].replace("${workspaceFolder}", str(ROOT))
                       for key in ("program", "miDebuggerServerAddress"))
    talk = f"-target-select remote {server}\n-data-evaluate-expression $pc\n-target-detach\n-gdb-exit\n"
    done = subprocess.run(["gdb", "-i=mi", "-q", program], input=talk, text=True, timeout=120, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert "^connected" in done.stdout and "<spin_for_ever" in done.stdout, done.stdout
    assert "only CPUs are shown: the symbol file in gdb is no MultiOS kernel" in done.stdout, done.stdout
    assert leave(terminal) == 0


def test_waits_for_gdb(tmp_path):
    build(tmp_path, r"MultiOS\n", "spin_for_ever")
    terminal, number = start(tmp_path, "--gdb", "1")
    qmp = ROOT / f"build/run-{number}/qmp.sock"
    assert wait_for(qmp.exists, 10)
    assert not Qmp.connect(qmp).command("query-status")["running"]
    assert leave(terminal) == 0


@pytest.mark.parametrize("end, code, status, words", [
    ("leave", 0x2a, 0, ""),
    ("leave", 0x2e, 0, ""),
    ("leave", 0x2c, 1, "panic"),
    ("fault_three_times", 0, 1, "was reset"),
])
def test_ends(end, code, status, words, tmp_path):
    build(tmp_path, r"MultiOS\n", end, code)
    terminal, _ = start(tmp_path)
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == status and words in terminal.before


def test_reboot_as_often_as_one_likes():
    """A machine that comes up in between is none that resets again and again."""
    terminal, _ = start("build/gcc-debug")
    for _ in range(4):
        terminal.expect("mos> ")
        terminal.send("reboot\r")
        terminal.expect("starting anew")
    terminal.expect("mos> ")
    terminal.send("poweroff\r")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0


def test_core_of_a_running_machine():
    """It goes on; the core has its threads, and is found by `make gdb CORE=`."""
    terminal, number = start("build/gcc-debug")
    terminal.expect("mos> ")
    done = command("core", "--run", number)
    assert done.returncode == 0 and f"core in build/cores/run-{number}.core: " in done.stdout, done.stdout
    terminal.send("threads\r")
    terminal.expect("RUNNING .*  monitor")
    assert leave(terminal) == 0
    core = f"build/cores/run-{number}.core"
    done = command("gdb", "--core", core, "--gdbflags=-batch -ex 'mos threads'")
    assert re.search(r"^ *\d+ +monitor +(running|blocked)", done.stdout, re.M), done.stdout
    assert os.stat(ROOT / core).st_blocks * 512 < 32 << 20 < os.stat(ROOT / core).st_size


def test_core_of_a_panic():
    """The thread that panicked is the first, and gdb says so."""
    terminal, number = start("build/gcc-debug", "--core", "1")
    terminal.expect("mos> ")
    terminal.send("panic\r")
    terminal.expect(rf"core in build/cores/run-{number}\.core: ")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 1 and "panic (exit code 89)" in terminal.before
    done = command("gdb", "--core", f"build/cores/run-{number}.core", "--gdbflags=-batch -ex bt")
    assert "terminated with signal SIGABRT" in done.stdout, done.stdout
    assert re.search(r"^#\d+ .*panic .*\n#\d+ .*monitor_panic", done.stdout, re.M), done.stdout


def test_cores_that_are_not_there(tmp_path):
    core = tmp_path / "some.core"
    done = command("gdb", "--core", str(core))
    assert done.returncode == 2 and f"CORE={core}: no such file; 'make core' writes one" in done.stdout
    core.touch()
    done = command("gdb", "--core", str(core))
    assert done.returncode == 2 and f"its kernel, {core.with_suffix('.elf')}, is not there" in done.stdout
    done = command("core", "--run", "999")
    assert done.returncode == 2 and ("no machine of this tree runs" in done.stdout or "no such machine" in done.stdout)


def test_long_paths_fall_back(tmp_path):
    said = []
    folder = tmp_path / ("x" * SOCKET_PATH_MAX)
    elf = build(tmp_path, "", "spin_for_ever")
    run = runs.Run(1, folder)
    assert run.take()
    run.prepare(Machine(kernel=elf, firmware="pvh"), said.append)
    assert len(str(run.socket("console"))) <= SOCKET_PATH_MAX and "too long" in said[0]
    again = runs.Run(1, folder)
    assert not again.take()
    again.read()
    assert again.socket("gdb") == run.socket("gdb")
    run.close()
    assert not run.sockets.exists() and again.take()


@pytest.mark.parametrize("given, expected", [
    ("BUILD=fast", "debug release"), ("CC=tcc", "gcc clang"), ("FIRMWARE=coreboot", "bios uefi pvh"),
    ("ICOUNT=yes", "0 1"), ("GDB=2", "0 1"), ("PROXY=on", "0 1"),
])
def test_wrong_value_is_told_before_anything_is_built(given, expected):
    alone = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(["make", "run", given], cwd=ROOT, env=alone, text=True, capture_output=True,
                          check=False)
    assert done.returncode == 2 and not done.stdout, done.stdout
    assert f"{given}: expected one of: {expected}" in done.stderr


def test_console_keys():
    keys = Keys()
    assert keys.feed(b"ab\x01") == b"ab" and keys.feed(b"\x01c") == b"\x01c" and not keys.leave
    assert keys.feed(b"d\x01xlost") == b"d" and keys.leave


def test_debug_stops_at_kernel_main():
    done = command("debug", "--out", "build/gcc-debug", "--firmware", "pvh", "--smp", "2", "--mem", "512M",
                   "--accel", "tcg", "--gdbflags=-batch -ex bt")
    assert re.search(r"#0 +kernel_main .*\n#1 .* boot_main ", done.stdout), done.stdout
    assert "make console RUN=" in done.stdout


@pytest.fixture(name="tmux")
def debug_in_tmux():
    """`make debug` in a terminal where tmux is, stopped at kernel_main; and its run number."""
    if not shutil.which("tmux"):
        pytest.skip("tmux is not installed")
    terminal = pexpect.spawn(
        COMMAND[0], [COMMAND[1], "debug", "--out", "build/gcc-debug", "--firmware", "pvh", "--smp", "1",
                     "--mem", "512M", "--accel", "tcg"],
        env={"PATH": "/usr/bin:/bin", "TMUX": "", "TERM": "xterm"}, timeout=120, encoding="utf-8",
        dimensions=(50, 120), cwd=ROOT)
    terminal.expect(r"(?=[\s\S]*console of run (\d+), Ctrl-A x leaves)"
                    r"(?=[\s\S]*kernel_main[\s\S]*\(gdb\))")
    yield terminal, terminal.match[1]
    terminal.close(force=True)


def console_pane(terminal):
    """
    What stands in the lower pane. What tmux sends to its terminal is no text to look for: a line that
    comes slowly is written in pieces, with movements of the cursor between them.
    """
    done = subprocess.run(["tmux", "-L", f"multios-{terminal.pid}", "capture-pane", "-p", "-t", ".1"], text=True,
                          stdout=subprocess.PIPE, check=False)
    return done.stdout


def test_console_beside_gdb_in_tmux(tmux):
    """With tmux one terminal is enough: gdb in one pane, the console in the other."""
    terminal, _ = tmux
    terminal.send("continue\r")
    assert wait_for(lambda: "in a second terminal" in console_pane(terminal), 120), console_pane(terminal)
    assert re.search(r"^MultiOS \d", console_pane(terminal), re.M), console_pane(terminal)
    terminal.send("\x03")
    terminal.expect("SIGINT")
    for line in ("set confirm off", "kill", "quit"):
        terminal.send(line + "\r")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0


def test_closed_terminal_leaves_no_machine_in_tmux(tmux):
    terminal, number = tmux
    run = runs.Run(int(number), ROOT / f"build/run-{number}")
    assert run.runs()
    terminal.close(force=True)
    assert wait_for(lambda: not run.runs(), 20)


def test_debug_with_every_thread():
    """From kernel_main, where there are CPUs only, to where the kernel's first threads are."""
    done = command("debug", "--out", "build/gcc-debug", "--firmware", "pvh", "--smp", "2", "--mem", "512M",
                   "--accel", "tcg", "--proxy", "1",
                   "--gdbflags=-batch -ex 'tbreak idle_loop' -ex continue -ex 'info threads' -ex 'mos threads'")
    assert "only CPUs are shown: the kernel is starting: no CPU schedules yet" in done.stdout, done.stdout
    assert re.search(r'^\* .* "idle" \(tid \d, running on CPU#\d\) ', done.stdout, re.M), done.stdout
    assert re.search(r"^ +0 +idle +running +0 ", done.stdout, re.M), done.stdout


def test_console_of_debug():
    """The console's log comes first, then what is typed goes to the machine."""
    gdb = pexpect.spawn(
        COMMAND[0], [COMMAND[1], "debug", "--out", "build/gcc-debug", "--firmware", "pvh", "--smp", "1",
                     "--mem", "512M", "--accel", "tcg"],
        env={"PATH": "/usr/bin:/bin", "TMUX": "", "TERM": "dumb"}, timeout=120, encoding="utf-8")
    gdb.expect(r"make console RUN=(\d+)")
    number = gdb.match[1]
    gdb.expect("Temporary breakpoint 1, kernel_main")
    gdb.expect_exact("(gdb)")
    console = pexpect.spawn(COMMAND[0], [COMMAND[1], "console", "--run", number], timeout=120, encoding="utf-8")
    console.expect("Ctrl-A x leaves")
    gdb.sendline("continue")
    console.expect("MultiOS")
    console.send("\x01x")
    console.expect(pexpect.EOF)
    gdb.sendintr()
    for line in ("set confirm off", "kill", "quit"):
        gdb.expect_exact("(gdb)")
        gdb.sendline(line)
    gdb.expect(pexpect.EOF)
    gdb.close()
