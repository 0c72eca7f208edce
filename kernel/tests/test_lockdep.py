# SPDX-License-Identifier: MIT
"""What the lock-dependency checker says: both sides of a wrong order, with the calls that led there."""
import re

from ci.lib.boot import Runner, Verdict
from ci.lib.qemu import ROOT, Machine


def text_of(test, verdict):
    machine = Machine(kernel=ROOT / "build/gcc-debug/multios.elf", smp="2", icount=6,
                      cmdline=f"test={test}")
    done = Runner(machine, 60, []).run()
    assert done.verdict == verdict, done.text[-3000:]
    return done.text


def test_a_report_fails_the_test_that_leaves_it():
    text = text_of("lockdep_fails_a_test", Verdict.FAILED)
    assert "1 reports about locks" in text, text


def test_wrong_order_names_both_sides():
    text = text_of("lockdep_two_mutexes", Verdict.PASS)
    said = text[text.index("lock order:"):]
    assert re.search(r"mutex lockdep-a is about to be taken by thread \d+ \(init\), which holds lockdep-b", said)
    now, before = said.split("before, it was the other way round:")
    assert now.count("ktest_run_lockdep_two_mutexes") == 2, now
    assert "mutex lockdep-b was taken" in before and "while mutex lockdep-a was held" in before, before
    assert before.count("ktest_run_lockdep_two_mutexes") == 2, before


def test_interrupts_names_both_sides():
    text = text_of("lockdep_interrupts", Verdict.PASS)
    said = text[text.index("lock context:"):]
    assert "spinlock lockdep-used is taken in interrupts" in said
    assert "take_in_interrupt" in said.split("with interrupts on")[0], said
    assert "take_with_interrupts_on" in said.split("with interrupts on")[1], said
