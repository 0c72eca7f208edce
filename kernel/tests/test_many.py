# SPDX-License-Identifier: MIT
"""A hundred thousand threads at once, a million one after another; on release kernels, under icount."""
import re

import pytest

from ci.lib.boot import Runner, Verdict
from ci.lib.qemu import ROOT, Machine


def text_of(test, memory):
    machine = Machine(kernel=ROOT / "build/gcc-release/multios.elf", smp="1", memory=memory, icount=0,
                      cmdline=f"trace=off test={test}")
    done = Runner(machine, 240, []).run()
    assert done.verdict == Verdict.PASS, f"{done.cause}\n{done.text[-2000:]}"
    return done.text


@pytest.mark.slow
def test_a_hundred_thousand_threads_in_two_gigabytes():
    text = text_of("thread_hundred_thousand", "2G")
    assert re.search(r"100000 threads, \d+ KiB free; 10000 took \d+ us early, \d+ us at last", text), text


@pytest.mark.slow
def test_a_million_threads_one_after_another():
    text = text_of("thread_million_times", "128M")
    assert re.search(r"1000000 threads came and went: (\d+) pages free before, \1 after", text), text
