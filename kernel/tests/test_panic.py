# SPDX-License-Identifier: MIT
"""Reports of panics that tests inside the kernel provoke."""
import re

import pytest

from ci.lib.boot import EXIT_PANIC, Runner, Verdict
from ci.lib.qemu import ROOT, Machine


def report_of(name, smp=4, build="gcc-debug"):
    machine = Machine(kernel=ROOT / f"build/{build}/multios.elf", smp=str(smp), cmdline=f"test={name}")
    done = Runner(machine, 60, []).run()
    assert done.verdict == Verdict.PANIC, done.text[-3000:]
    assert done.text.count("--- end of the report ---") == 1, done.text
    cpus = re.findall(r"^--- CPU (\d+) ---", done.text, re.M)
    assert sorted(map(int, cpus)) == list(range(smp)), cpus
    assert "did not stop" not in done.text
    assert "last log records" in done.text and "last trace records" in done.text
    return done.text


@pytest.mark.parametrize("build", ["gcc-debug", "gcc-release", "clang-debug"])
def test_assertion(build):
    text = report_of("panic_dies_by_assertion", build=build)
    assert re.search(r"^PANIC: \S*kernel/tests/ktest_panic\.c:\d+: .*BUG_ON", text, re.M), text
    assert re.search(r"ktest_run_panic_dies_by_assertion", text), text
    assert "PANIC in the report" not in text


def test_fault_inside_the_report():
    text = report_of("panic_dies_in_report")
    assert "PANIC: with a thread that is none" in text
    assert text.count("PANIC in the report: page fault: read of a null pointer") == 1, text


@pytest.mark.parametrize("what", ["thread", "process"])
def test_end_of_what_is_critical(what):
    text = report_of(f"panic_dies_with_critical_{what}")
    assert re.search(rf"PANIC: {what} \d+ \(heart\) is critical and has ended with status 5", text), text


def test_many_panics_at_once():
    text = report_of("panic_dies_on_all_cpus")
    assert text.count("PANIC") == 1 and text.count("panic_too") >= 4, text


@pytest.mark.parametrize("name, words, held", [
    ("in_wrong_order", "l->rank > rank", "inner"),
    ("taken_twice", "!spin_held(l)", "outer"),
    ("second_of_rank", "l->rank > rank", "outer"),
    ("not_taken", "spin_held(l)", None),
    ("unlocked_by_another", "spin_held(l)", None),
])
def test_misuse_of_a_lock(name, words, held):
    text = report_of(f"lock_dies_{name}")
    assert re.search(rf"^PANIC: .*: not true: .*{re.escape(words)}\r?$", text, re.M), text
    own = text[text.index("PANIC:"):].split("--- CPU ")[1]
    assert f"ktest_run_lock_dies_{name}" in own, text
    assert re.findall(r"locks held, outermost first: (.*)", own) == ([held] if held else []), text
    taken = re.findall(r"  (\w+) was taken in ktest_run_lock_dies_(\w+)\+", own)
    assert taken == ([(held, name)] if held else []), text


@pytest.mark.parametrize("name, panic, taken", [
    ("unlocked_by_another", r"mutex chain: unlocked by thread \d+ \(init\)", "take_and_sleep"),
    ("locked_again", r"mutex chain: locked again by thread \d+ \(init\)", "mutex_dies_locked_again"),
    ("after_its_owner", r"mutex chain: locked after its owner died by thread \d+ \(init\)", "end_as_owner"),
])
def test_misuse_of_a_mutex(name, panic, taken):
    """Both backtraces: where the mutex was taken, in the log, and where it is misused, the panic's own."""
    text = report_of(f"mutex_dies_{name}", smp=2)
    assert re.search(rf"^PANIC: {panic}\r?$", text, re.M), text
    before, after = text.split("PANIC:", 1)
    assert re.search(rf"taken in \w*{taken}", before), text
    assert f"mutex_dies_{name}" in after.split("--- CPU ")[1], text


def test_sleeping_under_a_spinlock():
    """Both sides: where the spinlock was taken, and what would sleep."""
    text = report_of("mutex_dies_under_a_spinlock", smp=2)
    own = text[text.index("PANIC:"):].split("--- CPU ")[1]
    assert "not true: preempt_may_block()" in text, text
    assert "gate was taken in ktest_run_mutex_dies_under_a_spinlock" in own, text


def test_sleeping_in_an_interrupt():
    text = report_of("mutex_dies_in_an_interrupt", smp=2)
    own = text[text.index("PANIC:"):].split("--- CPU ")[1]
    assert "not true: preempt_may_block()" in text, text
    assert "lock_in_interrupt" in own and "(interrupted here)" in own, text


@pytest.mark.parametrize("name, words", [
    ("rwlock_not_read", "read-write lock rwlock: read-unlocked, and nobody reads,"),
    ("rwlock_of_another", "read-write lock rwlock: write-unlocked, not by its writer,"),
])
def test_misuse_of_a_read_write_lock(name, words):
    text = report_of(f"wait_dies_{name}", smp=2)
    assert f"PANIC: {words}" in text, text


def test_ends_when_printing_faults():
    machine = Machine(kernel=ROOT / "build/gcc-debug/multios.elf", smp="2", cmdline="test=panic_dies_mute")
    done = Runner(machine, 60, []).run()
    assert done.exit_code == EXIT_PANIC, done.text[-3000:]
    assert "nobody will read this" not in done.text


@pytest.mark.slow
def test_64_cpus():
    assert report_of("panic_dies_by_assertion", smp=64).count("idle_loop") >= 32
