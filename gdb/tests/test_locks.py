# SPDX-License-Identifier: MIT
"""Who waits for whom: on a live kernel with a deadlock in it, and on graphs made up here."""
import re
import sys
from pathlib import Path

import pytest

from ci.lib.qemu import ROOT, wait_for
from gdb.tests.live import Session, run_to

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from multios.waits import Waits  # noqa: E402

SOURCE = (ROOT / "kernel/workload.c").read_text().splitlines()


def line_of(text):
    """Number of the only line of kernel/workload.c with this text."""
    number, = [i for i, line in enumerate(SOURCE, 1) if text in line]
    return f"run_deadlock (kernel/workload.c:{number})"


TAKEN = line_of("mutex_lock_killable(&team->both[side])")
WANTED = line_of("mutex_lock_in_cycle(&team->both[!side])")


@pytest.fixture(scope="module", params=["gcc-debug", "gcc-release", "clang-debug"])
def stuck(request):
    """Two CPUs; two threads deadlocked, two that fight for a mutex, spinners, a suspended one."""
    with Session(build=request.param, smp="2") as session:
        for line in ("spawn deadlock 2", "spawn lock-fight 2", "spawn spinner 4", "spawn sleeper 1"):
            session.type(line)
        assert wait_for(lambda: session.mos("deadlock")[0], 60)
        yield session


def tid_of(session, name):
    return next(row["tid"] for row in session.mos("threads")[0] if row["name"] == name)


def test_the_deadlock_is_named_with_where_each_lock_was_taken(stuck):
    (cycle,), = stuck.mos("deadlock")
    rows = {row["name"]: row for row in cycle["threads"]}
    assert sorted(rows) == ["deadlock.1", "deadlock.2"] and cycle["behind"] == []
    assert {row["waits_for"] for row in rows.values()} == {"mutex left", "mutex right"}
    for name, row in rows.items():
        assert row["owner"]["name"] != name and row["owner"]["name"] in rows
        assert (row["taken_at"], row["waits_at"]) == (TAKEN, WANTED)
        calls = [call.split()[0].split("+")[0] for call in row["taken_by_calls"]]
        assert calls == (["begin", "thread_first_frame"] if "debug" in str(stuck.kernel) else [])


def test_the_kernel_says_the_same(stuck):
    said = stuck.type("log")
    assert "deadlock, these threads wait for each other" in said
    (cycle,), = stuck.mos("deadlock")
    for row in cycle["threads"]:
        assert f"thread {row['tid']} ({row['name']}) waits for {row['waits_for']} of thread " \
            f"{row['owner']['tid']} ({row['owner']['name']}), taken in run_deadlock" in said


def test_deadlock_and_why_in_words(stuck):
    one, two = tid_of(stuck, "deadlock.1"), tid_of(stuck, "deadlock.2")
    text = stuck.gdb("mos deadlock", f"mos why {one}", "mos waitgraph", "mos waitgraph --dot")
    assert text.count("deadlock of 2 threads") == 1
    wanted = re.search(rf"thread {one} deadlock.1 waits for mutex (left|right) since (.*)", text)
    assert wanted[2] == WANTED
    assert f"which thread {two} deadlock.2 has taken in {TAKEN}" in text
    assert f"and that is thread {one} deadlock.1, where the chain closes: a deadlock" in text
    assert re.search(rf"^{one} deadlock.1 +-> mutex {wanted[1]} +-> {two} deadlock.2 +in a cycle$", text,
                     re.M)
    dot = re.search(r"^digraph waits {\n(.*?)^}$", text, re.M | re.S)[1]
    assert len(re.findall("color=red", dot)) == 4
    assert all(re.fullmatch(r'  [to][0-9a-f]+( -> [to][0-9a-f]+)?( \[.*\])?;', line)
               for line in dot.splitlines()), dot


def test_why_agrees_with_the_run_queue_at_one_stop(stuck):
    tids = [row["tid"] for row in stuck.mos("threads")[0] if row["name"].startswith("spinner")]
    runq, *rows = stuck.at_rest("runq", *[f"why {tid}" for tid in tids])
    for tid, why in zip(tids, rows):
        link = why["chain"][0]
        if link["state"] != "queued":
            continue
        cpu = next(cpu for cpu in runq if cpu["cpu"] == link["queue"]["cpu"])
        order = [entry["tid"] for entry in cpu["queued"]]
        assert [t["tid"] for t in link["queue"]["before"]] == order[:order.index(tid)]
        assert link["queue"]["current"]["tid"] == cpu["current"]["tid"]


def test_why_a_sleeper_and_a_suspended_thread_do_not_run(stuck):
    tid = tid_of(stuck, "sleeper.1")
    stuck.type(f"suspend {tid}")
    why, = stuck.mos(f"why {tid}")
    assert why["chain"][0]["waits"]["kind"] == "suspension"
    assert f"sleeper.1 is suspended, for " in stuck.gdb(f"mos why {tid}")
    stuck.type(f"resume {tid}")

    def sleeping():
        link = stuck.mos(f"why {tid}")[0]["chain"][0]
        return link.get("waits")

    assert wait_for(sleeping, 60)


def test_why_a_throttled_thread_does_not_run(stuck):
    """1 ms of every 10 s: the machine stops where it is held, sooner or later."""
    tid = tid_of(stuck, "spinner.4")
    stuck.type(f"policy {tid} dl 1000 10000000 10000000")
    link = wait_for(lambda: next((link for link in stuck.at_rest(f"why {tid}")[0]["chain"]
                                  if link["state"] == "throttled"), None), 60)
    assert (link["reservation"]["runtime"], link["reservation"]["period"]) == (10 ** 6, 10 ** 10)
    assert 0 < link["reservation"]["goes_on_in"] <= 10 ** 10
    assert f"thread {tid} spinner.4 has had its reservation, 1.00 ms of every 10.000 s, on CPU " \
        in stuck.gdb(f"mos why {tid}")
    stuck.type(f"policy {tid} ts")


def test_locks_have_owner_place_and_waiters(stuck):
    rows, = stuck.at_rest("locks")
    left, = [row for row in rows if row["name"] == "left"]
    assert left["kind"] == "mutex" and left["taken_at"] == TAKEN
    assert {left["owner"]["name"], left["waiters"][0]["name"]} == {"deadlock.1", "deadlock.2"}
    assert any("input" in row["name"] and row["waiters"][0]["name"] == "monitor" for row in rows) \
        or "release" in str(stuck.kernel)


@pytest.mark.parametrize("command, words", [
    ("mos why", "given 0 arguments, expected a thread id"),
    ("mos why 9999", "no thread has id 9999"),
    ("mos waitgraph --png", "given '--png', expected --dot or nothing"),
    ("mos locks 1", "takes no arguments"),
    ("mos deadlock now", "takes no arguments"),
])
def test_bad_arguments_are_named(stuck, command, words):
    assert words in stuck.gdb(command)


def test_a_kill_ends_the_deadlock(stuck):
    stuck.type(f"kill {tid_of(stuck, 'deadlock.1')}")
    assert wait_for(lambda: stuck.mos("deadlock")[0] == [], 60)
    assert "no deadlock" in stuck.gdb("mos deadlock")


def test_the_philosophers_of_the_demonstration():
    """`demo deadlock`: a cycle of three, in the order of the forks, each taken and wanted where it says."""
    source = (ROOT / "kernel/demo_roles.c").read_text().splitlines()
    taken, wanted = (f"run_philosopher (kernel/demo_roles.c:{i})" for text in (
        "mutex_lock_killable(own)", "mutex_lock_in_cycle(other)")
        for i, line in enumerate(source, 1) if text in line)
    with Session(smp="2") as session:
        assert "three philosophers" in session.type("demo deadlock")
        assert wait_for(lambda: session.mos("deadlock")[0], 60)
        (cycle,), why = session.mos("deadlock", f"why {tid_of(session, 'philosopher.2')}")
        stopped = session.type("demo stop")
        after, = session.mos("deadlock")
    rows = {row["name"]: row for row in cycle["threads"]}
    for i in (1, 2, 3):
        row, neighbour = rows.pop(f"philosopher.{i}"), i % 3 + 1
        assert row["waits_for"] == f"mutex fork {neighbour}"
        assert row["owner"]["name"] == f"philosopher.{neighbour}"
        assert (row["taken_at"], row["waits_at"]) == (taken, wanted)
    assert not rows and not cycle["behind"]
    assert [link["name"] for link in why["chain"]] == ["philosopher.2", "philosopher.3", "philosopher.1"]
    assert why["cycle"]["name"] == "philosopher.2"
    assert "deadlock has ended" in stopped and after == []


def test_spinlocks_of_a_cpu_in_a_switch():
    with Session(smp="1") as session:
        session.type("spawn spinner 2")
        rows, = session.mos("locks", before=(run_to("*arch_thread_switch"),))
    held = [row for row in rows if row["kind"] == "spinlock"]
    assert [(row["cpu"], row["name"]) for row in held] == [(0, "run queue")]


# --- graphs made up here ---------------------------------------------------------------------------


class FakeThread:
    def __init__(self, address, waits_for):
        self.address, self.waits_for = address, waits_for


class FakeWaits(Waits):
    """Thread i waits for thread edges[i], or for nothing that has an owner."""

    def __init__(self, edges):
        self.threads = {i: FakeThread(i, to) for i, to in edges.items()}

    def cause(self, thread):
        return {"owner": self.threads.get(thread.waits_for)}


def addresses(threads):
    return [t.address for t in threads]


@pytest.mark.parametrize("edges, cycles", [
    ({1: None, 2: 1, 3: 2}, []),
    ({1: 1}, [[1]]),
    ({1: 2, 2: 3, 3: 1}, [[1, 2, 3]]),
    ({1: 2, 2: 3, 3: 2, 4: 2}, [[2, 3]]),
    ({1: 2, 2: 1, 3: 4, 4: 3, 5: 4, 6: 5}, [[1, 2], [3, 4]]),
])
def test_every_cycle_is_found_once(edges, cycles):
    assert [addresses(cycle) for cycle in FakeWaits(edges).cycles()] == cycles


def test_who_is_stuck_behind_a_cycle():
    waits = FakeWaits({1: 2, 2: 1, 3: 1, 4: 3, 5: 6, 6: None})
    assert addresses(waits.behind(waits.cycles()[0])) == [3, 4]


def test_a_chain_ends_or_says_where_it_closes():
    waits = FakeWaits({1: 2, 2: 3, 3: None, 4: 5, 5: 5})
    path, closes = waits.chain(waits.threads[1])
    assert (addresses(path), closes) == ([1, 2, 3], None)
    path, closes = waits.chain(waits.threads[4])
    assert (addresses(path), closes.address) == ([4, 5], 5)
