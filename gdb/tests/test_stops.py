# SPDX-License-Identifier: MIT
"""The commands wherever a machine can be stopped: none may raise a Python error or hang."""
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from ci.lib.qemu import wait_for
from gdb.tests.live import Session, run_to

COMMANDS = ("mos ps -t", "mos threads", "mos cpu", "mos runq", "mos bt all", "mos bt 1",
            "mos tree", "mos regs", "mos regs 1", "mos thread 1", "mos why 1",
            "mos locks", "mos waitgraph --dot", "mos deadlock", "mos check", "mos trace",
            "mos timeline", "mos sched timehist", "mos sched latency", "mos why-switch",
            "mos log", "mos irq", "mos timers", "mos mem", "mos slab", "mos vm", "mos pte $rsp",
            "mos break")


TRACES_SWITCH = "sched_env_trace_switch"  # called after the pick, before the current thread changes
AFTER_THE_PICK = f"*{TRACES_SWITCH} if (int)$rcx == SCHED_EXPIRED"  # its fourth argument
ANY_STAGE = ("mos kernel",)  # has an answer everywhere


def at(*breakpoints, smp="2", cmdline=""):
    """What gdb prints when all commands run at a stop reached from power-on."""
    steps = [run_to(place) for place in breakpoints]
    with Session(stopped=True, smp=smp, cmdline=cmdline) as session:
        return session.gdb(*steps, *COMMANDS, *ANY_STAGE)


def test_in_firmware():
    text = at()
    assert text.count("the kernel does not run yet") == len(COMMANDS)
    assert "no kernel is mapped now" in text


@pytest.mark.parametrize("place", ["kernel_main", "arch_init_early"])
def test_before_the_scheduler(place):
    text = at(place)
    assert text.count("the kernel is starting: ") == len(COMMANDS) + len(ANY_STAGE)


def test_other_cpus_in_firmware():
    text = at("arch_smp_start_all")
    assert re.search(r"^ *0 +1\.1 ", text, re.M), text
    assert "arch_smp_start_all" in text


def row_with(rows, **what):
    row, = [row for row in rows if row.items() >= what.items()]
    return row


def test_between_the_pick_and_the_change_of_the_current_thread():
    """The old thread is still current, and queued; the picked one is in neither place."""
    with Session(smp="2", cmdline="trace=on") as session:
        session.type("spawn spinner 4")
        threads, cpus, runq, traces = session.mos(
            "threads", "cpu", "runq", "bt all",
            before=(run_to(AFTER_THE_PICK),))
    at = [row for row in cpus if row["at"].startswith(TRACES_SWITCH + "+")][0]  # both CPUs may be there
    new, old = at["picked"]["tid"], at["tid"]
    assert at["locked"] and at["lock_owner"] == at["cpu"]
    state = {row["tid"]: (row["state"], row["cpu"]) for row in threads}
    assert state[old] == ("running", at["cpu"]) and state[new] == ("picked", at["cpu"])
    queue = row_with(runq, cpu=at["cpu"])
    assert queue["current"]["tid"] == old and queue["picked"]["tid"] == new != old
    assert [entry["tid"] for entry in queue["queued"] if entry["current_on"] is not None] == [old]
    assert new not in [entry["tid"] for entry in queue["queued"]]
    frames = {row["tid"]: [frame.get("function") for frame in row["frames"]] for row in traces}
    assert TRACES_SWITCH in frames[old] and "run_spinner" in frames[old]
    assert TRACES_SWITCH not in frames[new] and frames[new][-1] == "thread_first_frame"


def test_between_the_pick_and_the_change_in_words():
    with Session(smp="2", cmdline="trace=on") as session:
        session.type("spawn spinner 4")
        text = session.gdb(run_to(AFTER_THE_PICK), *COMMANDS)
    assert re.search(r"^CPU (\d) .* switching to \d+ spinner\S+, queue locked by CPU \1$", text,
                     re.M), text
    assert re.search(r"^ +\d+\. .*\(still current on CPU \d\)$", text, re.M), text
    assert re.search(r"note: thread \d+ is picked but no CPU's current yet", text), text


def test_settle_leaves_the_switch():
    """In a release kernel: its switches are short, and it does not know who holds a lock."""
    with Session(smp="2", cmdline="trace=on", build="gcc-release") as session:
        session.type("spawn spinner 4")
        text = session.gdb(run_to(AFTER_THE_PICK), *COMMANDS, "mos settle", "echo settled\\n", *COMMANDS)
    before, after = text.split("settled\n")
    assert re.search(r"^CPU \d .* switching to \d+ spinner\S+, queue locked$", before, re.M), before
    assert "switching to" not in after and "queue locked" not in after and "note:" not in after, after


def test_inside_a_switch():
    """The new thread is current, the old one's stack is: its backtrace is the CPU's."""
    with Session(smp="2") as session:
        session.type("spawn spinner 4")
        threads, cpus, traces = session.mos(
            "threads", "cpu", "bt all", before=(run_to("*arch_thread_switch"),))
    at = [row for row in cpus if row["at"] == "arch_thread_switch+0"][0]
    assert at["locked"] and at["picked"] is None
    frames = {row["tid"]: [frame.get("function") for frame in row["frames"]] for row in traces}
    inside, = [row for row in threads if row["cpu"] == at["cpu"] and
               frames[row["tid"]][:1] == ["arch_thread_switch"]]
    assert inside["tid"] != at["tid"] and inside["state"] != "running"
    assert row_with(threads, tid=at["tid"])["state"] == "running"
    assert frames[at["tid"]][-1] == "thread_first_frame"


def test_in_the_timer_interrupt():
    with Session(smp="2") as session:
        session.type("spawn spinner 4")
        text = session.gdb(run_to("entry_timer"), *COMMANDS)
    assert re.search(r"entry_timer.*?<interrupt>.*?run_spinner", text, re.S), text


def test_in_a_panic(tmp_path):
    """`panic` is typed while gdb, its breakpoint set, holds the machine."""
    ready = tmp_path / "ready"
    with Session(smp="2") as session, ThreadPoolExecutor() as pool:
        session.wait_for("mos> ")
        text = pool.submit(session.gdb, "break *panic", f"shell touch {ready}", "continue",
                           *COMMANDS, "mos settle")
        assert wait_for(ready.exists, 60)
        session.send("panic")
        assert "monitor, running" in text.result() and "panic" in text.result()
