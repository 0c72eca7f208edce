# SPDX-License-Identifier: MIT
"""Event breakpoints: the kernel looks for the events, gdb stops at what was asked for and nothing else."""
import json
import re

import pytest

from gdb.tests.live import Session, decode

STOP = re.compile(r"^CPU (\d+): (\w+) (\w+) (\d+) (\S+) (\w+) (\d+)(?: ([^\s(]\S*))?(?:  (\w+))?$", re.M)


@pytest.fixture(scope="module", params=["gcc-debug", "gcc-release"])
def busy(request):
    """Two CPUs with threads of the kernel's process and of another one."""
    with Session(build=request.param, smp="2", cmdline="trace=on") as session:
        for line in ("spawn spinner 3", "spawn sleeper 2", "spawn ping-pong 1"):
            session.type(line)
        yield session
        session.gdb("mos break delete all")


def tid_of(session, name):
    rows, = session.mos("threads")
    return next(row["tid"] for row in rows if row["name"] == name)


def stops(text):
    """[(cpu, event, words…)] of each stop, in order."""
    return [(int(f[0]), f[1], int(f[3]), int(f[6]), f[8]) for f in STOP.findall(text)]


def hits(text):
    """The HITS column of the last table."""
    return [int(n) for n in re.findall(r"^ +\d+  .* (\d+)$", text.split("HITS")[-1], re.M)]


def asked(session, *conditions, times=3, more=()):
    """Stops at such events, so many times; everything gdb printed."""
    return session.gdb("mos break " + " ".join(conditions), *["continue"] * times, *more, "mos break list",
                       "mos break delete all", "mos break")


def test_switches_of_one_cpu(busy):
    text = asked(busy, "switch", "cpu=1", more=("bt 1",))
    found = stops(text)
    assert len(found) == 3 and all(cpu == 1 and event == "SWITCH" for cpu, event, *_ in found), text
    assert "debug_page_hit" in text and hits(text.rsplit("no event", 1)[0]) == [3], text
    assert text.count("no event is armed") == 2, text


def test_a_thread_is_woken(busy):
    tid = tid_of(busy, "sleeper.2")
    found = stops(asked(busy, "wakeup", f"tid={tid}"))
    assert len(found) == 3 and all((event, a) == ("WAKE", tid) for _, event, a, *_ in found)


def test_a_switch_concerns_both_its_threads(busy):
    tid = tid_of(busy, "sleeper.1")
    found = stops(asked(busy, "switch", f"tid={tid}", times=4))
    assert len(found) == 4 and all(tid in (left, runs) for _, _, left, runs, _ in found)
    assert {tid == left for _, _, left, *_ in found} == {True, False}, "it goes as often as it comes"


def test_a_thread_blocks(busy):
    tid = tid_of(busy, "sleeper.1")
    found = stops(asked(busy, "block", f"tid={tid}"))
    assert len(found) == 3 and all(reason == "SLEEP" and tid == left for *_, left, _, reason in found)


def test_why_a_switch_happens(busy):
    found = stops(asked(busy, "switch", "reason=expired"))
    assert len(found) == 3 and all(reason == "EXPIRED" for *_, reason in found)


def test_a_wait_for_one_object(busy):
    """Two threads hand a semaphore to and fro; each waits in a queue of its own."""
    tid = tid_of(busy, "ping-pong.2")
    text = busy.gdb(f"mos break block tid={tid}", "continue", f"print/x (long)$thread({tid})->wait_queue",
                    "mos break delete all", "mos break block 'object=*(struct wait_queue *)$1'", "continue",
                    "continue", "continue", "mos break list", "mos break delete all")
    found = stops(text)
    assert len(found) == 4 and all((left, reason) == (tid, "BLOCK") for *_, left, _, reason in found), text


def test_of_one_process(busy):
    """All are the kernel's own threads, and there is no process 77: that one never stops."""
    text = busy.gdb("mos break wakeup pid=77", "mos break wakeup pid=0", *["continue"] * 3, "mos break list",
                    "mos break delete all")
    assert len(stops(text)) == 3 and hits(text) == [0, 3], text


def test_what_is_armed_stays_in_the_kernel(busy):
    """The page is read, not remembered; the machine runs on with events armed and counts."""
    busy.gdb("mos break switch cpu=0")
    busy.type("threads")
    text = busy.gdb("mos break list", "mos break delete 0", "mos break")
    assert hits(text.split("no event")[0])[0] > 0 and "no event is armed" in text, text


def test_only_the_debug_page_is_written(busy):
    text = busy.gdb("print/x debug_page", "print &debug_page", "set debug remote 1", "mos break switch cpu=1",
                    "mos break miss tid=5", "set debug remote 0", "print debug_page.armed", "mos break delete all",
                    "print/x debug_page")
    first, at, armed, last = re.findall(r"^\$\d+ = (.*)$", text, re.M)
    start = int(re.search("0x(\\w+)", at)[1], 16)
    written = [int(place, 16) for place in re.findall(r"Sending packet: \$[XM]([0-9a-f]+),", text)]
    assert first == last and armed == "true" and len(written) >= 4, text
    assert all(start <= place < start + 4096 for place in written), text


def test_all_places_taken(busy):
    text = busy.gdb(*["mos break miss"] * 17, "mos break delete all")
    assert text.count("all 16 events are armed") == 1 and "no event is armed" in text, text


def test_step_to_next_switch(busy):
    text = busy.gdb("mos step-to-next-switch 1 --json", "echo @\\n", "mos step-to-next-switch --json", "echo @\\n",
                    "mos cpu --json", "echo @\\n", "mos break")
    first, second, cpus, armed = text.split("@\n")
    first, second = (decode(part[part.index("{"):]) for part in (first, second))
    assert first["cpu"] == second["cpu"] == 1 and first["event"] == second["event"] == "SWITCH"
    assert second["thread"]["tid"] == first["runs"]["tid"], "the next one of that CPU"
    at = decode(cpus)[1]
    assert at["tid"] == second["a"] and at["picked"]["tid"] == second["b"] and "no event is armed" in armed


@pytest.mark.parametrize("proxy", [False, True])
def test_until_a_thread_runs(busy, proxy):
    """On its own stack, where it goes on."""
    tid = tid_of(busy, "sleeper.2")
    text = busy.gdb(run_until_off(tid), f"mos until-thread {tid} --json", "echo @\\n", "bt", "echo @\\n",
                    f"mos until-thread {tid}", "mos break", proxy=proxy)
    row, trace, again = text.split("@\n")
    row = json.loads(row[row.index("{"):])
    assert row["runs"] == {"tid": tid, "name": "sleeper.2"}, text
    assert "run_sleeper" in trace and "thread_first_frame" in trace, text
    assert f"thread {tid} runs already, on CPU {row['cpu']}" in again and "no event is armed" in again, text


def run_until_off(tid):
    """To a stop where it has no CPU and is not about to get one."""
    return "\n".join((
        "python import json",
        "def off():",
        "    text = gdb.execute('mos threads --json', to_string=True)",
        f"    row, = [r for r in json.JSONDecoder().raw_decode(text)[0] if r['tid'] == {tid}]",
        "    return row['state'] not in ('running', 'picked')",
        "while not off(): gdb.execute('mos step-to-next-switch', to_string=True)"))


def test_the_machine_goes_on_after_all_that(busy):
    assert "spinner.1" in busy.type("threads") and "every run queue" in busy.type("help check")
    assert "violat" not in busy.type("check")


@pytest.mark.parametrize("command, words", [
    ("mos break pear", "given 'pear', expected affinity, algorithm, block, create, exit, "),
    ("mos break switch tid", "given 'tid', expected tid= or pid= or cpu= or object= or reason="),
    ("mos break switch tid=x", "given 'x', expected a number after tid="),
    ("mos break switch reason=x", "given reason=x, expected yield, preempt, "),
    ("mos break block object=nothing_so_called", 'No symbol "nothing_so_called"'),
    ("mos break delete", "given 0 arguments after delete"),
    ("mos break delete 7", "no event 7 is armed"),
    ("mos step-to-next-switch 9", "no CPU 9 is on line; there are 0, 1"),
    ("mos step-to-next-switch 1 2", "given 2 arguments"),
    ("mos until-thread", "given 0 arguments, expected a thread id"),
    ("mos until-thread 9999", "no thread has id 9999"),
])
def test_bad_arguments_are_named(busy, command, words):
    text = busy.gdb(command, "mos break")
    assert words in text and "no event is armed" in text


def test_completion(busy):
    text = busy.gdb("complete mos break w", "complete mos break switch t", "complete mos step-to-next-switch ",
                    "complete mos until-thread ")
    for line in ("mos break wake", "mos break wakeup", "mos break switch tid=", "mos step-to-next-switch 1",
                 "mos until-thread 3"):
        assert re.search(rf"^{line}$", text, re.M), text


def test_without_a_trace_that_is_said():
    with Session(smp="1", cmdline="trace=off") as session:
        session.wait_for("mos> ")
        text = session.gdb("mos break switch", "mos step-to-next-switch", "mos break")
    assert text.count("the trace is off, and events are looked for where it is written") == 2, text
