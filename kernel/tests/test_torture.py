# SPDX-License-Identifier: MIT
"""Everything at once: `torture_everything`, with one host thread per CPU and under instruction counting."""
import re

import pytest

from ci.lib.boot import Runner, Verdict
from ci.lib.qemu import ROOT, Machine

SECONDS = 20  # of the kernel's clock
TIMEOUT = 150  # only how long a hang is waited for
DEEDS = ("kills suspensions resumes levels policies affinities sleeps wakes algorithms offlines checks locks "
         "timeouts children").split()


def run(build, cpus, cmdline, **machine):
    kernel = ROOT / f"build/{build}/multios.elf"
    done = Runner(Machine(kernel=kernel, smp=str(cpus), cmdline=f"loglevel=0 test=torture {cmdline}", **machine),
                  TIMEOUT, []).run()
    assert done.verdict == Verdict.PASS, f"{done.cause}\n{done.text[-6000:]}"
    said = re.search(r"^# torture: seed (\d+), [\d.]+ s: (.*?)\r?$", done.text, re.M)
    counts = {name: int(number) for number, name in (part.split() for part in said[2].split(", "))}
    assert list(counts) == DEEDS
    return said[1], counts


@pytest.mark.parametrize("build, cpus", [("gcc-debug", 4), ("clang-release", 8)])
def test_everything_at_once(build, cpus):
    _, counts = run(build, cpus, f"torture={SECONDS}")
    assert all(counts.values()), counts


def test_a_seed_is_the_same_run_under_instruction_counting():
    first = run("gcc-debug", 4, "seed=7", icount=6)
    assert first == run("gcc-debug", 4, "seed=7", icount=6) and first[0] == "7"
    assert first != run("gcc-debug", 4, "seed=8", icount=6)
