# SPDX-License-Identifier: MIT
"""Rule S1.3 in the kernel: the system algorithm changes under load, exactly the same in every run."""
import re

import pytest

from ci.lib.boot import Runner, Verdict
from ci.lib.qemu import ROOT, Machine

TIMEOUT = 180


def boot(cpus):
    machine = Machine(kernel=ROOT / "build/gcc-debug/multios.elf", smp=str(cpus), icount=6,
                      cmdline="test=algorithm")
    done = Runner(machine, TIMEOUT, []).run()
    assert done.verdict == Verdict.PASS, f"{done.cause}\n{done.text[-4000:]}"
    assert re.search(r"^ok \d+ algorithm_changes_under_load\r?$", done.text, re.M), done.text[-4000:]
    return re.search(r"trace hash \w+ .*", done.text)[0]


@pytest.mark.parametrize("cpus", [2, 4, 8])
def test_S1_3_no_thread_is_lost(cpus):
    boot(cpus)


def test_S1_3_two_runs_are_the_same():
    assert boot(4) == boot(4)
