# SPDX-License-Identifier: MIT
"""Scenarios that are wrong: the error names file, line, column, and what was expected."""
import pytest

from tools.sim.tests import simulator

TASK = '"tasks": [{"name": "A", "phases": [{"run": 3}]}]'

BAD = {
    "empty": ("", "-:1:1: expected a scenario, found an empty file"),
    "no JSON": ('{"cpus": 1,\n "tasks": [}', "-:2:12: expected JSON or YAML: "),
    "cut off": ('{"cpus": 1,\n', "-:2:1: expected JSON or YAML: "),
    "a list": ("[1]", "-:1:1: scenario: expected a mapping, found a list"),
    "unknown key": ('{\n  "cpsu": 2, ' + TASK + "}", '-:2:3: scenario has no key "cpsu"; expected one of unit, cpus, '),
    "key twice": ('{"cpus": 2,\n "cpus": 3, ' + TASK + "}", '-:2:2: scenario: key "cpus" is there already'),
    "no tasks": ('{"cpus": 2}', '-:1:1: scenario: expected the key "tasks"'),
    "empty tasks": ('{"tasks":\n []}', "-:2:2: tasks: expected at least one item, found an empty list"),
    "no CPU": ('{"cpus": 0, ' + TASK + "}", '-:1:10: cpus: expected a whole number from 1 to 4096, found "0"'),
    "many CPUs": ('{"cpus": 4097, ' + TASK + "}", '-:1:10: cpus: expected a whole number from 1 to 4096, found "4097"'),
    "number as text": ('{"cpus": "2", ' + TASK + "}", '-:1:10: cpus: expected a whole number from 1 to 4096, found "2"'),
    "policy": ('{"policy": "fair", ' + TASK + "}", "-:1:12: policy: expected rr"),
    "idle": ('{"policy": "idle", ' + TASK + "}", "-:1:12: policy: expected rr"),
    "unit": ('{"unit": "h", ' + TASK + "}", '-:1:10: unit: expected ns, us, ms or s, found "h"'),
    "quantum": ('{"unit": "ns", "quantum": 999, ' + TASK + "}", "-:1:27: quantum: expected 1 us to 1000 s, found 999 ns"),
    "aging": ('{"unit": "ns", "aging": 999, ' + TASK + "}", "-:1:25: aging: expected 1 us to 1000 s, found 999 ns"),
    "boost": ('{"unit": "us", "boost": 999, ' + TASK + "}", "-:1:25: boost: expected at least 1 ms, found 999 us"),
    "admission": ('{"admission": "none", ' + TASK + "}", "-:1:15: admission: expected density, exact or off"),
    "never done": ('{"switch_cost": 5, ' + TASK + "}", "-:1:17: switch_cost: without a horizon expected less than a quarter of the quantum"),
    "second document": (TASK.replace('"tasks"', "tasks") + "\n---\na: 1\n", "-:3:1: expected the end of the file, found a second document"),
}

BAD_TASKS = {
    "no name": ('{"phases": [{"run": 3}]}', 'expected the key "name"'),
    "bad name": ('{"name": "A B", "phases": [{"run": 3}]}', "name: expected 1 to 31 of A-Z"),
    "no phases": ('{"name": "A"}', 'task: expected the key "run" or "phases"'),
    "run and phases": ('{"name": "A", "run": 1, "phases": [{"run": 1}]}', "task: expected either run or phases, found both"),
    "period without end": ('{"name": "A", "run": 1, "period": 5}', 'task: a period needs "repeat", or a "horizon"'),
    "no period": ('{"name": "A", "run": 1, "period": 0}', "period: expected a whole number from 1 to"),
    "no deadline": ('{"name": "A", "run": 1, "deadline": 0}', "deadline: expected a whole number from 1 to"),
    "deadline after the next release": ('{"name": "A", "run": 1, "period": 5, "deadline": 6, "repeat": 1}', "deadline: expected at most the period"),
    "class": ('{"name": "A", "run": 1, "class": "fast"}', "class: expected ts, fifo, rr, rm or dl"),
    "fixed without priority": ('{"name": "A", "run": 1, "class": "fifo"}', "expected a priority with class fifo or rr"),
    "priority without class": ('{"name": "A", "run": 1, "priority": 5}', "expected a priority with class fifo or rr"),
    "priority 100": ('{"name": "A", "run": 1, "class": "rr", "priority": 100}', "expected a whole number from 1 to 99"),
    "rm without period": ('{"name": "A", "run": 1, "class": "fifo", "priority": "rm"}', "priority: rm needs a period"),
    "dl without runtime": ('{"name": "A", "run": 1, "class": "dl", "period": 5, "repeat": 1}', "expected a runtime with class rm or dl"),
    "dl without period": ('{"name": "A", "run": 1, "class": "dl", "runtime": 1}', "class rm or dl needs a period"),
    "dl too much": ('{"name": "A", "run": 1, "class": "dl", "runtime": 4, "period": 5, "deadline": 3, "repeat": 1}', "runtime: expected at most the deadline"),
    "arrivals and arrival": ('{"name": "A", "run": 1, "arrival": 1, "arrivals": [2]}', "arrivals: expected neither arrival nor period"),
    "arrivals and period": ('{"name": "A", "run": 1, "arrivals": [2], "period": 5}', "arrivals: expected neither arrival nor period"),
    "arrivals and repeat": ('{"name": "A", "run": 1, "arrivals": [2], "repeat": 5}', "repeat: expected none beside arrivals"),
    "arrivals back in time": ('{"name": "A", "run": 1, "arrivals": [2, 1]}', "arrivals: expected a whole number from 2 to"),
    "fraction": ('{"name": "A", "phases": [{"run": 1.5}]}', 'run: expected a whole number from 1 to 3000000000, found "1.5"'),
    "negative": ('{"name": "A", "phases": [{"run": -1}]}', 'found "-1"'),
    "leading zero": ('{"name": "A", "phases": [{"run": 010}]}', 'found "010"'),
    "runs for no time": ('{"name": "A", "phases": [{"run": 0}]}', "run: expected a whole number from 1 to"),
    "too long": ('{"name": "A", "phases": [{"run": 99999999999999999999}]}', "run: expected a whole number from 1 to"),
    "range": ('{"name": "A", "phases": [{"run": [3, 2]}]}', "run: expected a whole number from 3 to"),
    "range of three": ('{"name": "A", "phases": [{"run": [1, 2, 3]}]}', "run: expected a time, or two: [from, to]"),
    "both": ('{"name": "A", "phases": [{"run": 1, "sleep": 2}]}', "expected either run or sleep, found both"),
    "neither": ('{"name": "A", "phases": [{}]}', 'phase: expected the key "run" or "sleep"'),
    "sleeps first": ('{"name": "A", "phases": [{"sleep": 1}]}', "phases: expected to begin with run, found sleep"),
    "level": ('{"name": "A", "level": 40, "phases": [{"run": 1}]}', "level: expected a whole number from 0 to 39"),
    "affinity": ('{"name": "A", "affinity": [1], "phases": [{"run": 1}]}', "affinity: expected a whole number from 0 to 0"),
    "no CPU at all": ('{"name": "A", "affinity": [], "phases": [{"run": 1}]}', "affinity: expected at least one item"),
    "no end": ('{"name": "A", "repeat": "forever", "phases": [{"run": 1}]}', 'repeat: forever needs a "horizon"'),
    "too many": ('{"name": "A", "count": 1000001, "phases": [{"run": 1}]}', "count: expected a whole number from 1 to 1000000"),
}


def refused(text):
    done = simulator.run(text)
    assert done.returncode == 2 and not done.stdout
    assert done.stderr.count("\n") == 1 and done.stderr.endswith("\n")
    return done.stderr


@pytest.mark.parametrize("name", BAD)
def test_bad_scenario(name):
    text, error = BAD[name]
    assert refused(text).startswith(error)


@pytest.mark.parametrize("name", BAD_TASKS)
def test_bad_task(name):
    task, error = BAD_TASKS[name]
    message = refused('{"tasks": [\n' + task + "\n]}")
    assert message.startswith("-:2:") and error in message



def test_yaml_is_the_same_as_json():
    yaml = "cpus: 2\nquantum: 3\ntasks:\n- name: A\n  phases: [run: 5, sleep: 1, run: 2]\n"
    json = {"quantum": 3, "cpus": 2,
            "tasks": [{"name": "A", "phases": [{"run": 5}, {"sleep": 1}, {"run": 2}]}]}
    assert simulator.output(yaml) == simulator.output(json)


def test_times_come_last_whatever_the_order():
    """The unit, the CPUs and the horizon hold for keys that stand before them."""
    first = '{"tasks": [{"name": "A", "affinity": [1], "repeat": "forever", "phases": [{"run": 3}]}],'
    result = simulator.result(first + ' "horizon": 30, "quantum": 2000, "cpus": 2, "unit": "us"}')
    assert result["end"] == 30 and result["unit"] == "us" and result["quantum"] == 2000
