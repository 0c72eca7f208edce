# SPDX-License-Identifier: MIT
"""Each verdict of ci/boot, provoked once by a little kernel that ends that way (ending.S)."""
import json
import subprocess
from pathlib import Path

import pytest

from ci.lib.qemu import ROOT, wait_for
from ci.tests.endings import build

GOOD = r"MultiOS\nKTAP version 1\n1..2\nok 1 a\nok 2 b\n# multios: 2 passed, 0 failed\n"
BAD = r"MultiOS\nKTAP version 1\n1..2\nok 1 a\n# a.c:3: x is 1\nnot ok 2 b\n# multios: 1 passed, 1 failed\n"
UNNAMED = GOOD.replace("0 failed", "1 failed")
NO_NAME = r"MultiOS\n# test=x,y: no such name. There are: all a\n1..0\n# multios: 0 passed, 1 failed\n"
CASES = {
    # name: (text, end, exit value, ci/boot's exit code, what its last line names)
    "pass": (GOOD, "leave", 0x2a, 0, "all is well"),
    "failed": (BAD, "leave", 0x2b, 1, "b: a.c:3: x is 1"),
    "failure-with-good-code": (BAD, "leave", 0x2a, 1, "1 failed, first b"),
    "results-cut-off": (r"MultiOS\n1..2\nok 1 a\n", "leave", 0x2a, 1, "2 tests were announced, 1 reported"),
    "failure-without-a-test": (UNNAMED, "leave", 0x2b, 1, "2 passed, 1 failed by the kernel's total"),
    "total-unlike-results": (UNNAMED, "leave", 0x2a, 1, "2 passed, 1 failed by the kernel's total"),
    "no-such-test": (NO_NAME, "leave", 0x2b, 1, "test=x,y: no such name"),
    "no-results": (r"MultiOS\n", "leave", 0x2a, 1, "without the line"),
    "panic": (r"MultiOS\nPANIC: out of luck\n", "leave", 0x2c, 3, "out of luck"),
    "panic-then-hang": (r"MultiOS\nPANIC: out of luck\n", "halt_for_ever", 0, 3, "out of luck"),
    "hang": (r"MultiOS\n# test deadlock\n", "spin_for_ever", 0, 4, "spin_for_ever"),
    "hang-halted": (r"MultiOS\n", "halt_for_ever", 0, 4, "halted with interrupts off in halt_for_ever"),
    "silent": ("", "spin_for_ever", 0, 5, "no word from the kernel"),
    "cannot-boot": (r"MultiOS cannot boot: no memory\n", "leave", 0x2d, 5, "no memory"),
    "triple-fault": (r"MultiOS\n", "fault_three_times", 0, 6, "triple fault at fault_three_times"),
}
TIMEOUTS = {"hang", "hang-halted", "silent", "panic-then-hang"}


def boot(*arguments):
    return subprocess.run([ROOT / "ci/boot", "--firmware", "pvh", *arguments], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False)


def boot_case(folder, name, *more):
    """Waits for the end of a time as short as will do: on a busy host QEMU may not have begun by then."""
    text, end, code, _, _ = CASES[name]
    kernel = build(folder, text, end, code)
    for timeout in ("1.5", "20") if name in TIMEOUTS else ("30",):
        done = boot("--kernel", kernel, "--timeout", timeout, "--json", folder / "boot.json", *more)
        if not text or "MultiOS" in done.stdout:
            break
    return done


@pytest.mark.parametrize("name", CASES)
def test_verdict(name, tmp_path):
    *_, code, words = CASES[name]
    done = boot_case(tmp_path, name)
    last = done.stdout.splitlines()[-1]
    assert (done.returncode, words in last) == (code, True), done.stdout
    told = json.loads((tmp_path / "boot.json").read_text())
    assert told["code"] == code and told["cause"] in last


def test_hang_tells_every_cpu_and_the_test(tmp_path):
    done = boot_case(tmp_path, "hang", "--smp", "3")
    assert "CPU 0: running at" in done.stdout and "CPU 2: " in done.stdout
    assert "RIP=" in done.stdout or "EIP=" in done.stdout
    assert "last test begun deadlock" in done.stdout.splitlines()[-1]
    assert json.loads((tmp_path / "boot.json").read_text())["cpus"][0]["symbol"].startswith("spin_for_ever")


@pytest.mark.parametrize("expect, code", [("^MultiOS", 0), ("never said", 4)])
def test_expectation(expect, code, tmp_path):
    done = boot_case(tmp_path, "hang-halted", "--cmdline", "", "--expect", expect)
    assert done.returncode == code, done.stdout


@pytest.mark.parametrize("arguments, words", [
    (["--kernel", "/nowhere/multios.elf"], "no such file"),
    (["--smp", "999"], "QEMU did not start"),
    (["--sideways"], "unrecognized arguments"),
    (["--expect", "("], "--expect (: "),
    (["--icount", "0", "--accel", "kvm"], "counts instructions"),
])
def test_usage(arguments, words, tmp_path):
    if "--kernel" not in arguments:
        arguments = ["--kernel", build(tmp_path, GOOD, "leave", 0x2a), *arguments]
    done = boot(*arguments)
    assert done.returncode == 2 and words in done.stdout, done.stdout


def test_qemu_is_ended(tmp_path):
    """Also when ci/boot itself is killed in the middle of a hang."""
    elf = build(tmp_path, "MultiOS", "spin_for_ever", 0)
    child = subprocess.Popen([ROOT / "ci/boot", "--firmware", "pvh", "--kernel", elf],
                             stdout=subprocess.DEVNULL)
    assert wait_for(lambda: qemus_of(elf), 10), "QEMU did not start"
    child.kill()
    child.wait()
    assert wait_for(lambda: not qemus_of(elf), 10), "QEMU was left behind"


def qemus_of(elf):
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"qemu-system-x86_64") and str(elf).encode() in words:
            found.append(entry)
    return found

