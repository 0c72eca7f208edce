# SPDX-License-Identifier: MIT
"""Recording a machine from outside, and everything that mos-trace makes of it."""
import csv
import json
import re
import shutil
import struct
import subprocess
import sys

import pexpect
import pytest

from ci.lib.qemu import ROOT

sys.path.insert(0, str(ROOT / "tools"))
from mostrace import file as trace_file  # noqa: E402
from mostrace.file import BadTrace, Trace  # noqa: E402
from mostrace.states import Checker  # noqa: E402

COMMAND = [str(ROOT / "ci/python"), str(ROOT / "ci/lib/run_command.py")]
LINES = ("spawn spinner 3", "spawn ping-pong 1", "spawn sleeper 2")


def record(path, *lines, firmware="pvh", cmdline="", end="poweroff"):
    """What a machine wrote that did these lines; (what was said, the hash line of the kernel)."""
    terminal = pexpect.spawn(COMMAND[0], [
        COMMAND[1], "run", "--out", "build/gcc-debug", "--firmware", firmware, "--smp", "2", "--mem", "64M",
        "--accel", "tcg", f"--cmdline={cmdline}", f"--trace={path}"], timeout=120, encoding="utf-8", cwd=ROOT)
    for line in (*lines, end):
        terminal.expect("mos> ")
        terminal.send(line + "\r")
    terminal.expect(pexpect.EOF)
    terminal.close()
    return terminal.before


@pytest.fixture(scope="module", name="trace", params=["pvh", "bios"])
def recorded(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("trace") / "some.trace"
    said = record(path, *LINES, "threads", "threads", "threads", firmware=request.param)
    return path, said


def mos_trace(*arguments, code=0):
    done = subprocess.run([ROOT / "tools/mos-trace", *map(str, arguments)], text=True, timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == code and "Traceback" not in done.stdout, done.stdout
    return done.stdout


def test_every_record_arrives(trace):
    """As many as the kernel counted, and its hash of them."""
    path, said = trace
    hashed, count, lost = re.search(r"trace hash (\w+) \((\d+) records, (\d+) lost\)", said).groups()
    found = Trace(path)
    assert len(found.records) == int(count) and sum(found.lost.values()) == 0, said
    if lost == "0":
        assert hash_of(found) == int(hashed, 16)


def hash_of(trace):
    """As kernel/trace.c computes it."""
    start, factor, bits = 0xcbf29ce484222325, 0x5bd1e995, (1 << 64) - 1
    numbers = {kind["name"]: n for n, kind in enumerate(trace.kinds)}

    def step(value, what, a, b):
        return (((value + a & bits) ^ what) * factor + b) & bits

    of_cpu = dict.fromkeys(range(trace.cpus), start)
    for record in sorted(trace.records, key=lambda r: (r.cpu, r.seq)):
        of_cpu[record.cpu] = step(of_cpu[record.cpu], record.part << 8 | numbers[record.kind], record.a, record.b)
    total = start
    for cpu in range(trace.cpus):
        total = step(total, 0, of_cpu[cpu], 0)
    return total


def test_names_and_processes(trace):
    found = Trace(trace[0])
    assert {"idle", "monitor", "spinner.1", "spinner.3", "ping-pong.2", "sleeper.2"} <= set(found.names.values())
    assert set(found.processes) == set(found.names) and set(found.processes.values()) == {0}
    assert "waits in the queue" in next(k["text"] for k in found.kinds if k["name"] == "WAIT")


def test_it_is_consistent(trace):
    assert "0 gaps: 0 contradictions" in mos_trace(trace[0], "check")


def test_tables(trace):
    path = trace[0]
    info = mos_trace(path)
    assert re.search(r"\d+ records of 2 CPUs in \d+\.\d+ s, 0 lost, \d+ threads\n", info), info
    turns = re.findall(r"^ +\d+\.\d{6} \[000[01]\] (\S+)\[\d+\] +[\d.]+ +[\d.]+ +[\d.]+$",
                       mos_trace(path, "timehist"), re.M)
    assert {"spinner.1", "sleeper.1", "monitor"} <= set(turns)
    latency = mos_trace(path, "latency")
    assert re.search(r"^  spinner\.1\[\d+\] +\| +[\d.]+ \| +\d+ \| ", latency, re.M) and "TOTAL:" in latency, latency
    assert re.search(r"A0 => \S+:\d+", mos_trace(path, "map"))


def test_csv(trace, tmp_path):
    out = tmp_path / "out.csv"
    mos_trace(trace[0], "csv", "-o", out)
    rows = list(csv.DictReader(out.open(encoding="utf-8")))
    assert len(rows) == len(Trace(trace[0]).records)
    assert any(row["kind"] == "SWITCH" and row["reason"] == "EXPIRED" and row["name"] == "spinner.1" for row in rows)


def fields(data):
    """[(field, value)] of a protobuf message: numbers, or bytes."""
    found, at = [], 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        assert key & 7 in (0, 2), f"wire type {key & 7}"
        value = varint()
        if key & 7 == 2:
            value, at = data[at:at + value], at + value
        found.append((key >> 3, value))
    return found


def test_perfetto(trace, tmp_path):
    """Decoded again: each switch and wake-up is there, on its CPU, at its time, with its names."""
    out = tmp_path / "out.perfetto"
    mos_trace(trace[0], "perfetto", "-o", out)
    switches, wakes, threads, tracks = [], 0, {}, set()
    for number, packet in fields(out.read_bytes()):
        assert number == 1
        packet = fields(packet)
        for bundle in (v for n, v in packet if n == 1):
            cpu = dict(fields(bundle))[1]
            for event in (dict(fields(v)) for n, v in fields(bundle) if n == 2):
                if 4 in event:
                    switches.append((event[1], cpu, dict(fields(event[4]))))
                wakes += 20 in event
        for tree in (fields(v) for n, v in packet if n == 2):
            threads.update({dict(fields(v))[1]: dict(fields(v))[2].decode() for n, v in tree if n == 2})
        tracks |= {dict(fields(v))[2].decode() for n, v in packet if n == 60}
    found = Trace(trace[0])
    expected = [(r.time, r.cpu) for r in found.records if r.kind == "SWITCH"]
    assert sorted(s[:2] for s in switches) == sorted(expected)
    assert wakes == sum(r.kind == "WAKE" for r in found.records)
    assert "spinner.1" in threads.values() and "idle" not in threads.values()
    assert {s[2][5].decode() for s in switches} <= set(threads.values()) | {"swapper"}
    assert "CPU 1 waiting threads" in tracks


def test_ctf(trace, tmp_path):
    """As babeltrace2 reads it."""
    out = tmp_path / "ctf"
    mos_trace(trace[0], "ctf", "-o", out)
    done = subprocess.run(["babeltrace2", out], text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(Trace(trace[0]).records)
    assert re.search(r"switch: \{ cpu_id = [01] \}, \{ left = \d+, runs = \d+, reason = \( \"EXPIRED\"", done.stdout)
    assert "folder to make" in mos_trace(trace[0], "ctf", "-o", out, code=2)


def test_kinds_are_chosen(tmp_path):
    """By a boot parameter, and at the prompt."""
    path = tmp_path / "chosen"
    record(path, "events irq_end on", "spawn sleeper 1", "events", cmdline="events=irq,ipi,create tracebuf=10000")
    kinds = {r.kind for r in Trace(path).records}
    assert {"SWITCH", "WAKE", "IRQ", "IRQ_END", "CREATE"} <= kinds <= {
        "SWITCH", "WAKE", "IRQ", "IRQ_END", "CREATE", "IPI"}, kinds


def test_a_reboot_begins_a_new_run(tmp_path):
    path = tmp_path / "twice"
    record(path, "spawn sleeper 1", "reboot", "spawn spinner 1")
    found = Trace(path)
    assert found.run_count == 2 and "spinner.1" in found.names.values()
    assert "spinner.1" not in Trace(path, 1).names.values()
    assert "the last of 2 runs" in mos_trace(path)
    assert "given run 3, expected 1 to 2" in mos_trace(path, "--run", 3, code=2)


def write(path, rows, **about):
    header = trace_file.header_bytes(
        1, [{"name": n, "a": "left", "b": "runs", "text": ""} for n in ("SWITCH", "WAKE", "CREATE")],
        ["BLOCK", "EXPIRED", "EXIT"], None, "test")
    path.write_bytes(header + b"".join(trace_file.RECORD.pack(*row) for row in rows))
    return path


@pytest.mark.parametrize("rows, complaint", [
    ([(5, 0, 0, 0, 0, 1, 2), (6, 1, 0, 0, 0, 3, 1)], "thread 3 leaves, but thread 2 ran"),
    ([(5, 0, 0, 0, 0, 1, 2), (6, 1, 0, 1, 0, 2, 1)], "thread 1 gets a CPU and is blocked"),
    ([(5, 0, 0, 2, 0, 1, 2), (6, 1, 1, 0, 0, 1, 0)], "thread 1 is woken and is ended"),
    ([(5, 0, 0, 0, 0, 1, 2), (6, 1, 0, 1, 0, 2, 3), (7, 2, 2, 0, 0, 2, 3)], "thread 2 is created and is ready"),
    ([(5, 0, 0, 0, 0, 1, 2), (6, 0, 0, 1, 1, 2, 3)], "thread 2 leaves a CPU and is"),
])
def test_contradictions_are_found(tmp_path, rows, complaint):
    if rows[-1][4] == 1:  # the same thread on two CPUs
        rows = [(5, 0, 0, 0, 0, 1, 2), (6, 0, 0, 0, 1, 4, 2)]
        complaint = "thread 2 gets a CPU and is running"
    path = write(tmp_path / "wrong", rows)
    assert complaint in mos_trace(path, "check", code=1)


def test_what_is_lost_is_counted(tmp_path):
    path = write(tmp_path / "lost", [(5, 0, 0, 0, 0, 1, 2), (9, 4, 0, 0, 0, 7, 8)])
    found = Trace(path)
    assert found.lost == {0: 3} and Checker(found).gaps == 1 and not Checker(found).wrong
    assert " 3 lost" in mos_trace(path)


@pytest.mark.parametrize("content, complaint", [
    (b"", "no trace: it begins with b''"), (b"\x7fELF and so on", "no trace: it begins with"),
    (b"MOSTRACE 7\n{}\n", "a trace of version 7, expected 1"), (b"MOSTRACE 1\n[1]\n", "its second line is not"),
    (b"MOSTRACE 1\n{nonsense\n", "its second line is not"), (b"MOSTRACE 1\n{}\n", 'has no list "kinds"'),
])
def test_files_that_are_no_trace(tmp_path, content, complaint):
    path = tmp_path / "bad"
    path.write_bytes(content)
    with pytest.raises(BadTrace, match=re.escape(complaint)):
        Trace(path)
    assert f"mos-trace: {path}: " in mos_trace(path, code=2)


def test_a_file_that_was_cut(trace, tmp_path):
    path = shutil.copyfile(trace[0], tmp_path / "cut")
    with open(path, "r+b") as file:
        file.truncate(path.stat().st_size - 7)
    assert "it ends within a record: 25 bytes are left" in mos_trace(path)


def test_a_file_that_cannot_be_written(tmp_path):
    done = subprocess.run(
        [*COMMAND, "run", "--out", "build/gcc-debug", "--firmware", "pvh", "--smp", "1", "--mem", "64M", "--accel",
         "tcg", f"--trace={tmp_path}/no/where"], text=True, stdin=subprocess.DEVNULL, timeout=120,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 2 and f"TRACE={tmp_path}/no/where: No such file or directory" in done.stdout


def test_header_is_json(trace):
    with open(trace[0], "rb") as file:
        assert file.readline() == b"MOSTRACE 1\n"
        about = json.loads(file.readline())
    assert about["cpus"] == 2 and len(about["build"]) == 40 and about["unit"] == "ns"
    assert struct.calcsize("<qIBBHQQ") == 32
