# SPDX-License-Identifier: MIT
"""The same tasks under each policy: who left the CPU why, exactly, with any number of CPUs."""
import re

import pytest

from ci.lib.boot import Runner, Verdict
from ci.lib.qemu import ROOT, Machine

NAMES = "rr priority mlfq edf fp dl".split()
TIMEOUT = 120


@pytest.mark.parametrize("cpus", [1, 2, 4, 8])
def test_who_ran_and_why(cpus):
    machine = Machine(kernel=ROOT / "build/gcc-debug/multios.elf", smp=str(cpus), icount=6,
                      cmdline="test=scenario")
    done = Runner(machine, TIMEOUT, []).run()
    assert done.verdict == Verdict.PASS, f"{done.cause}\n{done.text[-4000:]}"
    for name in NAMES:
        assert re.search(rf"^ok \d+ scenario_{name}\r?$", done.text, re.M), f"{name}\n{done.text[-4000:]}"
