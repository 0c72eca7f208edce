# SPDX-License-Identifier: MIT
"""The boot matrix: about 30 boots of all four kernels, chosen pairwise by ci/lib/pairwise.py.

With MATRIX=full in the environment (`make matrix`): every combination, and 255 CPUs under icount.
"""
import dataclasses
import itertools
import os
import re

import pytest

from ci.lib import bochs, ktap, pairwise
from ci.lib.boot import Runner, Verdict
from ci.lib.qemu import ROOT, Machine

FULL = os.environ.get("MATRIX") == "full"
TIMEOUT = 1200 if FULL else 240
CMDLINE = "test=all bench=boot repeat=10"  # test_races() does all rounds
MEMORY = "128M"  # little is quick; mm/tests boots with more
ICOUNT_SHIFT = 6
# The firmware waits a moment, so that kernels loaded by GRUB start at another time.
LATER = ("-boot", "menu=on,splash-time=77")
ROWS = pairwise.product() if FULL else pairwise.table()


def kernel_of(cc, build):
    return ROOT / f"build/{cc}-{build}/multios.elf"


def machine_of(row):
    about = dict(zip(pairwise.FACTORS, row))
    kernel = kernel_of(about["cc"], about["build"])
    return Machine(kernel=kernel, iso=kernel.with_suffix(".iso"), firmware=about["firmware"],
                   smp=str(about["smp"]), memory=MEMORY if about["smp"] <= 8 else "512M", cmdline=CMDLINE,
                   icount=ICOUNT_SHIFT if about["clock"] == "icount" else None)


def boot(machine):
    done = Runner(machine, TIMEOUT, [rf"^{machine.smp} CPUs?, "]).run()
    assert done.verdict == Verdict.PASS, f"{done.cause}\n{done.text[-4000:]}\n{done.dump}"
    return done


def slow(row):
    return [pytest.mark.slow] if "uefi" in row or 64 in row else []


@pytest.mark.parametrize("row", [
    pytest.param(row, id=pairwise.name(row), marks=slow(row)) for row in ROWS])
def test_boot(row):
    machine = machine_of(row)
    first = boot(machine)
    if machine.icount is None:
        return
    second = boot(dataclasses.replace(machine, extra=LATER))
    assert first.trace_hash and first.trace_hash == second.trace_hash


@pytest.mark.slow
def test_races():
    """All rounds of the tests of races, of which the rows above do some."""
    machine = machine_of(("pvh", 4, "gcc", "debug", "mttcg"))
    boot(dataclasses.replace(machine, cmdline="test=all"))


@pytest.mark.slow
@pytest.mark.parametrize("cpus, clock", [
    (16, "mttcg"), (255, "mttcg"), (16, "icount"), *([(255, "icount")] if FULL else [])])
def test_many_cpus(cpus, clock):
    boot(machine_of(("pvh", cpus, "gcc", "release", clock)))


def test_priority():
    """The tests of urgency, which the default algorithm skips."""
    machine = machine_of(("pvh", 4, "gcc", "debug", "icount"))
    machine.cmdline += " sched=priority"
    assert re.search(r"^ok \d+ thread_joiner_preempts\w+\r?$", boot(machine).text, re.M)


@pytest.mark.slow
def test_bochs(tmp_path):
    """What only Bochs has, and the tests of the parts that use it; all tests would take minutes."""
    text = ktap.clean(bochs.boot(kernel_of("gcc", "debug"), "test=x86,trap,fpu,timer", tmp_path))
    results = ktap.parse(text)
    assert re.search("^2 CPUs, ", text, re.M) and results.total, text
    assert not results.failures() and not results.wrong(), text
    assert "x2APIC, one-shot timer by TSC deadline" in text, text


def test_table_is_pairwise():
    """Every two settings of any two factors meet, in few rows, the same each time."""
    rows = pairwise.table()
    settings = list(enumerate(pairwise.FACTORS.values()))
    for (one, values), (other, others) in itertools.combinations(settings, 2):
        met = {(row[one], row[other]) for row in rows}
        assert met == set(itertools.product(values, others))
    assert len(rows) == 18 and rows == pairwise.table()
