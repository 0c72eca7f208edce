# SPDX-License-Identifier: MIT
"""Log, interrupts, timers, memory and page tables, compared with what the kernel says of them."""
import re

import pytest

from gdb.tests.live import Session

BUILDS = ["gcc-debug", "gcc-release", "clang-debug"]


@pytest.fixture(scope="module", params=BUILDS)
def calm(request):
    """Two CPUs, one thread that computes and some that sleep."""
    with Session(build=request.param, smp="2") as session:
        for line in ("spawn spinner 1", "spawn sleeper 3", "nonsense"):
            session.type(line)
        yield session


def test_the_log_is_what_the_kernel_shows(calm):
    said = [line for line in calm.type("log debug").splitlines() if line.startswith("[")]
    records, = calm.mos("log --last 100000")
    ours = ["[%5d.%06d %d] %s%s" % (r["time"] // 10**9, r["time"] // 1000 % 10**6, r["cpu"],
                                    "" if r["level"] == "info" else r["level"] + ": ", r["text"])
            for r in records]
    assert ours == said and ours
    assert [r["number"] for r in records] == list(range(len(records)))


def test_interrupts_are_counted_alike(calm):
    before, = calm.mos("irq")
    said = dict(re.findall(r"^ +(0x\w\w) +(\d+) ", calm.type("irq"), re.M))
    after, = calm.mos("irq")
    for rows, compare in ((before, int.__le__), (after, int.__ge__)):
        for row in rows:
            name = "0x%02x" % row["vector"]
            if name in said:
                assert compare(sum(row["counts"].values()), int(said[name])), (row, said)
    assert set(said) <= {"0x%02x" % row["vector"] for row in after}
    assert all(row["handler"] for row in after)


def test_timers_of_sleepers(calm):
    rows, threads = calm.mos("timers", "threads")
    assert [row["cpu"] for row in rows] == [0, 1]
    timers = [timer for row in rows for timer in row["timers"]]
    for row in rows:
        assert [t["when"] for t in row["timers"]] == sorted(t["when"] for t in row["timers"])
    for timer in timers:
        assert timer["calls"] and timer["in"] == timer["when"] - rows[0]["now"]
    asleep = {t["tid"] for t in threads if t["name"].startswith("sleeper") and t["state"] == "blocked"}
    assert {t["of"]["tid"] for t in timers if t["of"]} >= asleep or not asleep


def test_memory_adds_up(calm):
    memory, = calm.mos("mem")
    total, free = map(int, re.search(r"memory: (\d+) KiB, (\d+) KiB free", calm.type("mem")).groups())
    assert memory["total"] * 4 == total and abs(memory["free"] * 4 - free) < 1024
    in_blocks = sum(count << order for order, count in enumerate(memory["blocks"]))
    assert in_blocks + sum(memory["cached"].values()) == memory["free"]


def test_caches_are_those_of_the_kernel(calm):
    said = {line.split()[0]: line.split() for line in calm.type("mem").splitlines() if line}
    rows, = calm.mos("slab")
    assert len(rows) > 5
    for row in rows:
        assert said[row["name"]][1] == str(row["size"])
        assert said[row["name"]][3] == str(row["slabs"])


def test_what_is_mapped(calm):
    ranges, = calm.mos("vm")
    assert all(a["end"] <= b["start"] for a, b in zip(ranges, ranges[1:]))
    assert not any("u" in r["rights"] for r in ranges)
    assert not any(r["rights"].startswith("wx") for r in ranges)
    text, constants, data = calm.mos("pte kernel_main", "pte &sched_policies", "pte &scheduler")
    assert [row["rights"] for row in (text, constants, data)] == ["rx-", "r--", "w--"]
    for row in (text, constants, data):
        inside, = [r for r in ranges if r["start"] <= row["va"] < r["end"]]
        assert inside["physical"] + row["va"] - inside["start"] == row["physical"]
        assert inside["rights"] == row["rights"]


def test_an_address_that_is_not_mapped(calm):
    row, = calm.mos("pte 0x1000")
    assert row["mapped"] is False and row["physical"] is None
    assert "0x1000 is not mapped" in calm.gdb("mos pte 0x1000")


def test_in_words(calm):
    text = calm.gdb("mos log --last 3", "mos irq", "mos timers", "mos mem", "mos slab", "mos vm",
                    "mos pte $rsp")
    assert "BLOCK KIB" in text and "RIGHTS" in text and re.search(r"^CPU 1  slice ", text, re.M)
    assert re.search(r"^0x\w+ is physical 0x\w+, w--, in a page of \d+ KiB$", text, re.M)


@pytest.mark.parametrize("command, words", [
    ("mos log 5", "given '5', expected --level or --last"),
    ("mos pte", "given no address, expected an expression"),
    ("mos pte nonsense_symbol", 'No symbol "nonsense_symbol"'),
    ("mos irq 1", "takes no arguments"), ("mos timers 1", "takes no arguments"),
    ("mos mem 1", "takes no arguments"), ("mos slab 1", "takes no arguments"),
    ("mos vm 1", "takes no arguments"),
])
def test_bad_arguments_are_named(calm, command, words):
    assert words in calm.gdb(command)
