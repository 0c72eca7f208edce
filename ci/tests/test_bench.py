# SPDX-License-Identifier: MIT
"""`make bench`: reading the kernel's figures, the table, and the comparison of two revisions."""
import json

import pytest

from ci.lib import bench_command
from ci.lib.qemu import ROOT

PRINTED = """\
# bench yield-switch n=1000 min=150 median=160 max=900
ok 1 yield-switch
# bench something-new n=10 min=1 median=2 max=3
"""
PEERS = {"yield-switch": {"goal": 155, "peer": 211, "peer_name": "Zephyr 3.3"}}


def test_rows():
    first, second = bench_command.rows_of(PRINTED, PEERS)
    assert first == {"id": "yield-switch", "n": 1000, "min": 150, "median": 160, "max": 900, "peer": 211,
                     "peer_name": "Zephyr 3.3", "goal": 155}
    assert second["peer"] is None and second["goal"] is None


def test_table_marks_what_misses_its_goal():
    first, second = bench_command.render(bench_command.rows_of(PRINTED, PEERS)).splitlines()[1:]
    assert "155!" in first and "211 Zephyr 3.3" in first and "!" not in second


def test_compare():
    def rows(median):
        return [{"id": "yield-switch", "median": median}]
    assert bench_command.compare(rows(100), rows(100)) == (["nothing changed"], False)
    assert bench_command.compare(rows(102), rows(100))[1] is False
    lines, slower = bench_command.compare(rows(103), rows(100))
    assert slower and "+3.0 %" in lines[0] and lines[0].endswith("slower")
    assert bench_command.compare(rows(50), rows(100))[1] is False


@pytest.fixture(name="rows", scope="module")
def measured():
    """The release kernel's figures; runs are exact, so one is enough."""
    peers = json.loads(bench_command.PEERS.read_text(encoding="utf-8"))["rows"]
    text = bench_command.measure(ROOT / "build/gcc-release/multios.elf", "all")
    return {row["id"]: row for row in bench_command.rows_of(text, peers)}


KNOWN = json.loads(bench_command.PEERS.read_text(encoding="utf-8"))["rows"]


def test_all_rows_are_measured(rows):
    assert set(KNOWN) == set(rows)
    for row in rows.values():
        assert row["n"] > 0 and row["min"] <= row["median"] <= row["max"]


@pytest.mark.parametrize("name", KNOWN)
def test_limit_is_kept(name, rows):
    """The goal; or, while that is not reached (`make bench` marks it "!"), the limit beside it."""
    assert rows[name]["median"] <= KNOWN[name].get("limit", KNOWN[name]["goal"])
