# SPDX-License-Identifier: MIT
"""docs/policies.md shows what the code does: each picture is drawn again and compared, byte by byte."""
import re

import pytest

from ci.lib.qemu import ROOT
from tools.sim.tests import simulator

POLICIES = ["rr", "priority", "mlfq", "edf", "fp", "dl"]
EXAMPLES = ROOT / "tools/sim/examples"
PICTURES = ROOT / "docs/pictures"


@pytest.mark.parametrize("policy", POLICIES)
def test_the_picture_is_what_the_simulator_draws(policy):
    scenario = (EXAMPLES / f"policy-{policy}.yaml").read_text(encoding="utf-8")
    drawn = simulator.output(scenario, "--svg")
    shown = (PICTURES / f"policy-{policy}.svg").read_text(encoding="utf-8")
    assert drawn == shown, f"docs/pictures/policy-{policy}.svg is not up to date: make docs-pictures"


def test_each_is_shown_and_there_are_no_others():
    text = (ROOT / "docs/policies.md").read_text(encoding="utf-8")
    assert re.findall(r"\]\(pictures/policy-(\w+)\.svg\)", text) == POLICIES
    assert sorted(p.name for p in PICTURES.iterdir()) == sorted(f"policy-{p}.svg" for p in POLICIES)
    assert sorted(p.stem for p in EXAMPLES.glob("policy-*")) == sorted(f"policy-{p}" for p in POLICIES)


def figures(policy):
    return simulator.tasks(simulator.result((EXAMPLES / f"policy-{policy}.yaml").read_text(encoding="utf-8")))


def test_what_the_text_says_of_them_is_so():
    rr, priority, mlfq = figures("rr"), figures("priority"), figures("mlfq")
    assert rr["C"]["response"] == 30 and rr["D"]["arrival"] == 35
    assert priority["B"]["response"] >= 40 and priority["C"]["waiting"] == 0
    assert mlfq["C"]["waiting"] <= 4 and mlfq["A"]["waiting"] > 60
    assert [figures("edf")[name]["misses"] for name in "ABC"] == [0, 0, 0]
    assert [(figures("fp")[name]["misses"], figures("fp")[name]["first_miss"]) for name in "ABC"] == [
        (0, None), (0, None), (1, 35)]
    assert [figures("dl")[name]["misses"] for name in "ABC"] == [0, 3, 0]
