# SPDX-License-Identifier: MIT
"""What the log and the runner of in-kernel tests print."""
import re

import pytest

from ci.lib.boot import Runner, Verdict
from ci.lib.qemu import ROOT, Machine

WRITERS, LINES = 4, 50


def boot(cmdline, build="gcc-debug", smp="4"):
    machine = Machine(kernel=ROOT / f"build/{build}/multios.elf", smp=smp, cmdline=cmdline)
    return Runner(machine, 60, []).run()


@pytest.mark.parametrize("build", ["gcc-debug", "gcc-release", "clang-debug"])
def test_lines_are_whole_and_in_order(build):
    done = boot("test=log", build)
    assert done.verdict == Verdict.PASS, done.text[-3000:]
    line = r"\[ *\d+\.\d{6} \d\] writer (\d) line (\d+): the quick brown fox jumps over it\. end"
    written = re.findall(rf"^{line}\r?$", done.text, re.M)
    for writer in range(WRITERS):
        numbers = [int(number) for who, number in written if int(who) == writer]
        assert numbers == list(range(LINES)), done.text


def test_levels_choose_what_is_shown():
    assert "debug: from an interrupt" not in boot("test=log_from").text
    assert "debug: from an interrupt" in boot("test=log_from loglevel=3").text
    assert "writer 0 line 0" not in boot("test=log_many loglevel=1").text


def test_ktap():
    text = boot("test=log_skip,format_names,symbols").text
    assert re.search(
        r"KTAP version 1\r?\n1\.\.3\r?\n(ok \d \w+( # SKIP .*)?\r?\n){3}trace hash .*\r?\n"
        r"# multios: 2 passed, 0 failed", text)
    assert re.search(r"ok \d log_skip_has_a_reason # SKIP this test only shows", text)


def test_unknown_name_lists_what_exists():
    done = boot("test=log_skip,nonsense")
    assert done.verdict == Verdict.FAILED
    assert re.search(r"# test=nonsense: no such name\. There are: all .*\blog_many_writers\b", done.text)
    assert "# multios: 0 passed, 1 failed" in done.text


@pytest.mark.parametrize("words, said", [
    ("test=" + "a" * 512, r"boot parameter test=a+\.\.\.: not a possible value \(at most 511 "),
    ("bench", r"boot parameter bench: not a possible value \(at most 511 characters\)"),
    ("test=,", "# test= and bench= choose nothing"),
])
def test_wrong_request_for_tests_fails(words, said):
    """Where results are waited for a prompt would be a hang."""
    done = boot(words)
    assert done.verdict == Verdict.FAILED, done.cause
    assert re.search(said, done.text), done.text
    assert "# multios: 0 passed, 1 failed" in done.text


def test_long_list_of_tests():
    names = ",".join(["log_skip"] * 56)
    assert 480 < len(names) < 512
    done = boot("test=" + names)
    assert done.verdict == Verdict.PASS, done.cause


def test_overrun_is_told():
    text = boot("test=log_overrun loglevel=3").text
    assert text.count("(log records were overwritten before they could be shown)") == 1
    last = 65536 // 64 - 1
    assert f"overrun line {last}:" in text and "overrun line 0:" not in text


def test_first_lines_are_not_lost():
    text = boot("test=log_skip nonsense=1").text
    hello, complaint = text.find("MultiOS "), text.find("nonsense")
    assert -1 < hello < complaint < text.find("protection: ")
