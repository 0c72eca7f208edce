# SPDX-License-Identifier: MIT
"""The trace: computed from records made up here, and compared with the kernel's own words."""
import re
import sys
from pathlib import Path

import pytest

from gdb.tests.live import Session

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from multios import trace  # noqa: E402


def switch(time, cpu, left, runs, reason):
    return {"time": time, "cpu": cpu, "seq": 0, "kind": "SWITCH", "reason": reason, "a": left, "b": runs}


def wake(time, tid, cpu):
    return {"time": time, "cpu": cpu, "seq": 0, "kind": "WAKE", "reason": None, "a": tid, "b": cpu}


RECORDS = [
    switch(100, 0, 0, 5, "PREEMPT"),
    switch(150, 1, 1, 6, "PREEMPT"),
    switch(300, 0, 5, 7, "EXPIRED"),
    switch(320, 0, 7, 5, "SLEEP"),
    wake(400, 7, 0),
    switch(450, 0, 5, 7, "EXPIRED"),
    switch(480, 0, 7, 5, "BLOCK"),
]


def test_runs_follow_one_another_without_gaps():
    assert [(r["cpu"], r["tid"], r["start"], r["end"], r["reason"])
            for r in trace.runs(RECORDS, 500)] == [
        (0, 5, 100, 300, "EXPIRED"), (1, 6, 150, 500, None), (0, 7, 300, 320, "SLEEP"),
        (0, 5, 320, 450, "EXPIRED"), (0, 7, 450, 480, "BLOCK"), (0, 5, 480, 500, None)]


def test_waits_delays_and_runs_are_exact():
    rows = [(r["time"], r["tid"], r["wait"], r["delay"], r["run"]) for r in trace.Delays(RECORDS).rows]
    assert rows == [(300, 5, None, None, 200), (320, 7, None, None, 20), (450, 5, 0, 20, 130),
                    (480, 7, 80, 50, 30)]


def test_delays_by_thread():
    of = trace.Delays(RECORDS).by_thread()
    assert of[7] == {"runtime": 50, "turns": 2, "delay_total": 50, "delays": 1, "delay_max": 50,
                     "delay_max_at": 450}
    assert of[5]["runtime"] == 330 and of[5]["delay_max"] == 20 and 6 not in of


@pytest.fixture(scope="module", params=["gcc-debug", "gcc-release", "clang-debug"])
def traced(request):
    with Session(build=request.param, smp="2", cmdline="trace=on") as session:
        for line in ("spawn spinner 3", "spawn sleeper 2"):
            session.type(line)
        yield session


LINE = re.compile(r'^\[ *(\d+)\.(\d{9}) (\d+)\] ([A-Z]+) (\w+) (\d+) (\w+) (\d+|0x\w+|"[^"]*")(?: ([A-Z]+))?$',
                  re.M)


def number(text):
    """An operand; eight letters of a name are one, too."""
    return int.from_bytes(text.strip('"').encode(), "little") if text.startswith('"') else int(text, 0)



def test_records_are_what_the_kernel_says(traced):
    said = LINE.findall(traced.type("trace 20"))
    assert len(said) == 20
    records, = traced.mos("trace --last 4000")
    ours = {(r["time"], r["cpu"], r["kind"], r["operands"][0], r["a"], r["operands"][1], r["b"],
             r["reason"] or "") for r in records}
    for seconds, ns, cpu, kind, a, a_is, b, b_is, reason in said:
        assert (int(seconds) * 10**9 + int(ns), int(cpu), kind, a, int(a_is), b, number(b_is),
                reason) in ours


def test_records_are_in_order_and_can_be_chosen(traced):
    everything, of_cpu, of_thread, last = traced.mos(
        "trace --last 100000", "trace --cpu 1 --last 100000", "trace --tid 0 --last 100000",
        "trace --last 3")
    order = [(r["time"], r["cpu"], r["seq"]) for r in everything]
    assert order == sorted(order) and last == everything[-3:]
    assert of_cpu == [r for r in everything if r["cpu"] == 1]
    assert of_thread == [r for r in everything if trace.concerns(r, 0)] and of_thread
    for cpu in (0, 1):
        numbers = [r["seq"] for r in everything if r["cpu"] == cpu]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_the_timeline_has_every_switch(traced):
    records, line = traced.mos("trace --last 100000", "timeline --last 3600000")
    for cpu in (0, 1):
        switches = [r for r in records if r["cpu"] == cpu and r["kind"] == "SWITCH"]
        runs = [r for r in line["runs"] if r["cpu"] == cpu]
        assert [(r["start"], r["tid"]) for r in runs] == [(r["time"], r["b"]) for r in switches]
        assert all(a["end"] == b["start"] for a, b in zip(runs, runs[1:]))
        assert runs[-1]["end"] == line["end"] == records[-1]["time"]


def test_times_add_up(traced):
    records, rows, by_thread, line = traced.mos(
        "trace --last 100000", "sched timehist --last 100000", "sched latency",
        "timeline --last 3600000")
    ended = [r for r in line["runs"] if r["reason"]]
    assert sum(r["run"] for r in rows) == sum(r["end"] - r["start"] for r in ended)
    assert sum(r["runtime"] for r in by_thread) == sum(r["run"] for r in rows)
    assert len(rows) == len(ended) and all((r["delay"] or 0) >= 0 for r in rows)


def test_why_the_last_switch(traced):
    cpus, rows = traced.at_rest("cpu", "why-switch")
    for cpu, row in zip(cpus, rows):
        assert row["runs"]["tid"] == cpu["tid"] and row["switch"]["reason"] == row["reason"]
        assert row["runner_up"]["tid"] != cpu["tid"] and row["runner_up"]["rank"] >= row["rank"]
        if row["reason"] == "EXPIRED":
            assert row["text"] == "its slice ended"


def test_in_words(traced):
    text = traced.gdb("mos trace", "mos timeline --width 40", "mos sched timehist", "mos sched latency",
                      "mos why-switch 0")
    found = re.search(r"^CPU 0   (.*)$", text, re.M)
    assert found, text
    lane = found[1]
    assert 0 < len(lane) <= 40 and re.fullmatch(r"[ .#a-zA-Z0-9?]+", lane)
    assert re.search(r"^  a  \d+ (spinner|sleeper|monitor)", text, re.M)
    assert "AVERAGE DELAY" in text and re.search(r"left because: .* \((expired|sleep|preempt|block)\)", text)
    assert re.search(r"runner-up: \d+ \S+, rank \d+", text)


@pytest.mark.parametrize("command, words", [
    ("mos trace 5", "given '5', expected --cpu or --tid or --last"),
    ("mos trace --cpu", "given --cpu without a value, expected a CPU number"),
    ("mos trace --last many", "given 'many', expected a number of records after --last"),
    ("mos timeline --zoom 2", "given '--zoom', expected --last or --width"),
    ("mos sched", "given '', expected timehist or latency"),
    ("mos sched map", "given 'map', expected timehist or latency"),
    ("mos why-switch 9", "no CPU 9 is on line"),
    ("mos why-switch x", "given 'x', expected a CPU number"),
])
def test_bad_arguments_are_named(traced, command, words):
    assert words in traced.gdb(command)


def test_without_a_trace_that_is_said():
    with Session(smp="1", cmdline="trace=off") as session:
        session.wait_for("mos> ")
        text = session.gdb("mos trace", "mos timeline", "mos sched latency", "mos why-switch")
    assert text.count("the trace is empty: the kernel was booted with trace=off") == 4
