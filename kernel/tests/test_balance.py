# SPDX-License-Identifier: MIT
"""S8.4, S8.5 under instruction counting: loads even out and stay so; no CPU idles beside a waiting thread."""
import re

import pytest

from ci.lib.boot import Runner, Verdict
from ci.lib.qemu import ROOT, Machine

TIMEOUT = 120
NAMES = ("balance_evens_out_the_loads", "balance_load_acts_at_once", "balance_no_cpu_idles_beside_a_waiting_thread")


@pytest.mark.parametrize("algorithm, cpus", [("rr", 2), ("mlfq", 4), ("priority", 8)])
def test_balance(algorithm, cpus):
    machine = Machine(kernel=ROOT / "build/gcc-debug/multios.elf", smp=str(cpus), icount=6,
                      cmdline=f"sched={algorithm} test=balance")
    done = Runner(machine, TIMEOUT, []).run()
    assert done.verdict == Verdict.PASS, f"{done.cause}\n{done.text[-4000:]}"
    for name in NAMES:
        assert re.search(rf"^ok \d+ {name}\r?$", done.text, re.M), f"{name}\n{done.text[-4000:]}"
