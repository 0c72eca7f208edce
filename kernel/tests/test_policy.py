# SPDX-License-Identifier: MIT
"""The tests of scheduling policies under instruction counting, where their order is exact."""
import re

import pytest

from ci.lib.boot import Runner, Verdict
from ci.lib.qemu import ROOT, Machine

TIMEOUT = 120


@pytest.mark.parametrize("cpus", [1, 2, 4, 8])
@pytest.mark.parametrize("algorithm, names", [
    ("edf", ["policy_edf_order", "policy_edf_overload", "policy_fifo_order", "policy_rr_order",
             "policy_dl_order", "policy_dl_admission", "policy_rm_order"]),
    ("mlfq", ["policy_fifo_order", "policy_rr_order",
             "policy_dl_order", "policy_dl_admission", "policy_rm_order"]),
])
def test_exact_order(algorithm, names, cpus):
    machine = Machine(kernel=ROOT / "build/gcc-debug/multios.elf", smp=str(cpus), icount=6,
                      cmdline=f"sched={algorithm} test=policy")
    done = Runner(machine, TIMEOUT, []).run()
    assert done.verdict == Verdict.PASS, f"{done.cause}\n{done.text[-4000:]}"
    for name in names:
        assert re.search(rf"^ok \d+ {name}\r?$", done.text, re.M), f"{name}\n{done.text[-4000:]}"
