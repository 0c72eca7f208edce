# SPDX-License-Identifier: MIT
"""The picture and Perfetto's trace: decoded by other programs and compared with the result."""
import collections
import json
from decimal import Decimal
from xml.etree import ElementTree

from tools.sim.tests import simulator
from tools.sim.tests.simulator import result, tasks

SCENARIO = {"unit": "us", "cpus": 2, "quantum": 7, "switch_cost": 1, "horizon": 300, "tasks": [
    {"name": "A", "run": 25, "period": 50}, {"name": "B", "run": 35, "period": 80, "deadline": 60},
    {"name": "C", "phases": [{"run": [3, 9]}, {"sleep": [1, 4]}], "repeat": "forever", "affinity": [1]},
    {"name": "D", "run": 30, "arrivals": [3, 3, 100], "deadline": 40},
    {"name": "late", "run": 1, "arrival": 299}]}
CPUS, TASKS = 1, 2  # the "processes" of Perfetto's tracks


def perfetto(scenario):
    """The tracks by name, {"X": slices, "i": instants}, read as the Trace Event Format says: JSON,
    times in microseconds, the name of a track in a metadata event."""
    document = json.loads(simulator.output(scenario, "--trace"), parse_float=Decimal)
    assert document["displayTimeUnit"] == "ns"
    events = document["traceEvents"]
    names = {(e["pid"], e["tid"]): e["args"]["name"] for e in events
             if e["ph"] == "M" and e["name"] == "thread_name"}
    tracks = {name: collections.defaultdict(list) for name in names.values()}
    for event in events:
        if event["ph"] != "M":
            assert event["ph"] == "X" or (event["ph"], event["s"]) == ("i", "t")
            tracks[names[event["pid"], event["tid"]]][event["ph"]].append(event)
    return tracks


def total(slices, name=""):
    return sum(s["dur"] for s in slices if s["name"].startswith(name))


def test_perfetto_tells_what_the_result_tells():
    outcome, tracks = result(SCENARIO), perfetto(SCENARIO)
    for name, task in tasks(outcome).items():
        track = tracks[name]
        assert total(track["X"], "runs") == task["ran"]
        assert sum(i["name"] == "miss" for i in track["i"]) == task["misses"]
        assert min((i["ts"] for i in track["i"] if i["name"] == "release"), default=None) == task["arrival"]
    for cpu in outcome["per_cpu"]:
        assert total(tracks[f"CPU {cpu['cpu']}"]["X"]) == cpu["busy"] - cpu["switch_costs"]
    assert sum(t["misses"] for t in outcome["tasks"]) > 0


def test_perfetto_waits():
    """Without switch costs, turns and waits are all of a task's ready time."""
    scenario = {**SCENARIO, "switch_cost": 0}
    outcome, tracks = result(scenario), perfetto(scenario)
    for name, task in tasks(outcome).items():
        assert total(tracks[name]["X"], "waits") == task["waiting"]
    assert sum(t["waiting"] for t in outcome["tasks"]) > 0


def test_perfetto_slices_of_a_track_do_not_overlap():
    for track in perfetto(SCENARIO).values():
        slices = sorted(track["X"], key=lambda s: s["ts"])
        assert all(s["dur"] > 0 for s in slices)
        assert all(a["ts"] + a["dur"] <= b["ts"] for a, b in zip(slices, slices[1:]))


def test_perfetto_keeps_nanoseconds():
    tracks = perfetto({"unit": "ns", "tasks": [{"name": "A", "arrival": 1000001, "run": 1234567}]})
    [turn] = tracks["A"]["X"]
    assert (turn["ts"], turn["dur"]) == (Decimal("1000.001"), Decimal("1234.567"))


def test_svg():
    """Well-formed, with a bar on both rows for each turn and a red arrow for each miss."""
    namespace = "{http://www.w3.org/2000/svg}"
    root = ElementTree.fromstring(simulator.output(SCENARIO, "--svg"))
    bars = [r for r in root.iter(namespace + "rect") if r.get("height") == "16"]
    turns = sum(len(track["X"]) for name, track in perfetto(SCENARIO).items() if name.startswith("CPU"))
    assert len(bars) == 2 * turns
    inside = [float(b.get("x")) + float(b.get("width")) <= 1010.01 for b in bars]
    assert all(inside) and all(float(b.get("y")) + 16 <= float(root.get("height")) for b in bars)
    kinds = collections.Counter(p.get("class") for p in root.iter(namespace + "path"))
    assert kinds["miss"] == sum(t["misses"] for t in result(SCENARIO)["tasks"])
    assert kinds["release"] == 6 + 4 + 1 + 3 + 1
    texts = {t.text for t in root.iter(namespace + "text")}
    assert {"CPU 0", "CPU 1", "A", "B", "C", "D", "late"} <= texts


def test_nothing_happens():
    """A horizon before the first arrival: empty rows, no division by 0."""
    nothing = {"horizon": 1, "tasks": [{"name": "A", "run": 1, "arrival": 1}]}
    ElementTree.fromstring(simulator.output(nothing, "--svg"))
    assert not perfetto(nothing)["A"]["X"]


def test_one_form_at_a_time():
    done = simulator.run(SCENARIO, "--svg", "--trace")
    assert done.returncode == 2 and "expected one of --json, --gantt, --svg, --trace, --quiet" in done.stderr
