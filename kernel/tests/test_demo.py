# SPDX-License-Identifier: MIT
"""The demonstrations under instruction counting, where their figures are what they promise."""
import re

import pytest

from ci.lib.boot import Runner, Verdict
from ci.lib.qemu import ROOT, Machine

NAMES = "convoy starvation gaming overload inversion inheritance deadlock names".split()
TIMEOUT = 120


@pytest.mark.parametrize("build, cpus", [("gcc-debug", 2), ("gcc-debug", 4), ("gcc-release", 2)])
def test_each_shows_what_it_says(build, cpus):
    machine = Machine(kernel=ROOT / f"build/{build}/multios.elf", smp=str(cpus), icount=6,
                      cmdline="test=demo")
    done = Runner(machine, TIMEOUT, []).run()
    assert done.verdict == Verdict.PASS, f"{done.cause}\n{done.text[-4000:]}"
    for name in NAMES:
        assert re.search(rf"^ok \d+ demo_{name}\r?$", done.text, re.M), f"{name}\n{done.text[-4000:]}"
