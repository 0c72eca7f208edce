# SPDX-License-Identifier: MIT
"""mos check: says nothing about a sound kernel, and finds what is broken on purpose."""
import re

import pytest

from gdb.tests.live import Session

WORK = ("spawn spinner 8", "spawn deadlock 2", "spawn lock-fight 2", "spawn ping-pong 1",
        "spawn sleeper 2", "spawn periodic 2")


@pytest.mark.parametrize("algorithm", ["rr", "priority", "mlfq", "edf"])
def test_a_sound_kernel_gives_no_complaint(algorithm):
    """Wherever it stops, and fully where nothing is being changed."""
    with Session(smp="3", build="gcc-release", cmdline=f"sched={algorithm}") as session:
        for line in WORK:
            session.type(line)
        for _ in range(3):
            anywhere, = session.mos("check")
            assert anywhere["wrong"] == []
            assert session.at_rest("check")[0] == {"wrong": [], "changing": [], "cpus": [0, 1, 2]}


IDLE = "$thread(0)"  # queued behind the spinners, on the only CPU


@pytest.fixture(scope="module")
def small():
    with Session(smp="1") as session:
        session.type("spawn spinner 2")
        yield session


@pytest.mark.parametrize("where, value, words", [
    ("$runq(0).nr_runnable", "9", "counts 9 runnable threads, 1 are in its queue and 1 runs"),
    ("$runq(0).curr_rank", "3", "the CPU publishes 3"),
    ("$runq(0).timer_at", "0x7fffffffffffffff", "somebody waits and no timer ends the slice"),
    (f"{IDLE}.se.state", "SCHED_BLOCKED", "idle is in the queue and its state is blocked"),
    (f"{IDLE}.se.state", "SCHED_RUNNING", "idle says it is running and is no CPU's current"),
    (f"{IDLE}.se.affinity.bits[0]", "2", "idle is on CPU 0, where it may not run, and no move"),
    (f"{IDLE}.se.move_pending", "1", "idle has a move pending and does not run"),
    (f"{IDLE}.se.rank", "5", "idle has rank 5, its policy owns 127 to 127"),
    (f"{IDLE}.se.urgency", "7", "idle has urgency 7, its own is"),
    (f"{IDLE}.se.stats.time[1]", "1", "ns are booked"),
    ("$current().se.state", "SCHED_QUEUED", "is current and its state is queued"),
    ("$current().se.rank", "120", "the CPU publishes"),
    ("$current().se.rq", "0", "is current and belongs to another run queue"),
])
def test_what_is_broken_is_found(small, where, value, words):
    """The test writes; the commands never do."""
    text = small.gdb(
        "mos settle", f"print {where}", "print &$runq(0)", f"set $where = &({where})",
        "set $before = *$where", f"set var *$where = {value}", "echo @\\n", "mos check", "echo @\\n",
        "set var *$where = $before", "mos check")
    broken, mended = text.split("@\n")[1:]
    assert re.search(words, broken), text
    assert "all invariants hold on 1 CPUs" in mended, text


def test_a_cpu_in_a_switch_is_passed_over(small):
    text = small.gdb("mos settle", "set $where = &($runq(0).lock.locked)", "set var *$where = 1",
                     "mos check", "set var *$where = 0", "mos check")
    assert "not checked, their queues are being changed: CPU 0" in text
    assert "all invariants hold on 1 CPUs" in text
