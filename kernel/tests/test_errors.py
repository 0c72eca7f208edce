# SPDX-License-Identifier: MIT
"""kernel/errors.def: every error is there once, provoked by the test that it names, or cannot be."""
import re

import pytest

from ci.lib.qemu import ROOT

TEXT = (ROOT / "kernel/errors.def").read_text()
STRING = r'((?:"[^"]*"\s*)+)'
OURS = re.findall(r'^ERROR\((\w+), (\d+), (\w+),\s*' + STRING + r',\s*"(\w+)",\s*' + STRING + r'\)', TEXT, re.M)
IMPOSSIBLE = re.findall(r'^ERROR_IMPOSSIBLE\((\w+), (\d+), (\w+),\s*' + STRING + r',\s*' + STRING + r'\)', TEXT, re.M)
LINUX = re.findall(r'^ERRNO\((\w+), (\d+), ', TEXT, re.M)

# What the original design names, subsystem by subsystem.
DESIGN = {
    "EPROCESS": "NOT_FOUND ID EXISTS LIMIT THREAD PRIORITY ACCESS STATE MEMORY",
    "ETHREAD": "NOT_FOUND ID EXISTS LIMIT CREATE PRIORITY ACCESS STATE SWITCH MEMORY STACK",
    "ESCHED": "NOT_READY READY CONFIG IDLE THREAD CPU",
}


def body_of(test):
    """The source of a test inside the kernel (KTEST) or of a function of a host test."""
    for path in sorted((ROOT / "kernel/tests").glob("*test_*.c")):
        found = re.search(rf"^(?:KTEST\({test}\)|static void {test}\(void \*\*state\))\n\{{\n(.*?)^\}}",
                          path.read_text(), re.M | re.S)
        if found:
            return path.read_text(), found[1]
    return None, None


def test_all_lines_were_read():
    assert len(OURS) + len(IMPOSSIBLE) + len(LINUX) == len(re.findall(r"^ERR\w*\(", TEXT, re.M))


def test_names_and_numbers_are_unique():
    every = [error[:2] for error in OURS + IMPOSSIBLE] + LINUX
    assert len({name for name, _ in every}) == len({number for _, number in every}) == len(every)
    assert all(int(number) >= 200 for _, number, *_ in OURS + IMPOSSIBLE)


def test_the_design_is_covered():
    names = {error[0] for error in OURS + IMPOSSIBLE}
    assert names == {f"{prefix}_{name}" for prefix, list in DESIGN.items() for name in list.split()}


@pytest.mark.parametrize("name, number, abi, text, test, when", OURS, ids=lambda v: v if v.isupper() else "")
def test_is_provoked(name, number, abi, text, test, when):
    source, body = body_of(test)
    assert body, f"{name}: there is no test {test}"
    called = re.findall(r"\b(\w+)\(", body) + re.findall(r"start\((\w+),", body)
    helpers = "".join(re.search(rf"^static int {f}\([^;]*?^\}}", source, re.M | re.S)[0] for f in set(called)
                      if re.search(rf"^static int {f}\([^;]*?^\}}", source, re.M | re.S))
    assert f"-{name}" in body + helpers, f"{test} does not expect -{name}"
    assert abi in dict(LINUX) and when.strip('"\n\t ')


@pytest.mark.parametrize("name, number, abi, text, why", IMPOSSIBLE, ids=lambda v: v if v.isupper() else "")
def test_impossible_ones_are_returned_nowhere(name, number, abi, text, why):
    assert len(why) > 30 and abi in dict(LINUX)
    for path in list((ROOT / "kernel").glob("*.c")) + list((ROOT / "sched").glob("*.c")):
        assert f"-{name}" not in path.read_text(), path
