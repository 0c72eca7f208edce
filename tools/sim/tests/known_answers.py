# SPDX-License-Identifier: MIT
"""Makes scenarios of the published cases in known_answers.json."""
import json
from pathlib import Path

DATA = json.loads((Path(__file__).parent / "known_answers.json").read_text())
CASES = DATA["cases"]
NOT_YET = DATA["not_yet"]
NOT_OURS = DATA["not_ours"]


KEYS = ("unit", "cpus", "policy", "quantum", "horizon", "admission")


def scenario(case):
    """The case's tasks, or its jobs, [arrival, run], with the names A, B, C …"""
    members = case.get("tasks") or [{"arrival": arrival, "run": run} for arrival, run in case["jobs"]]
    return {**{key: case[key] for key in KEYS if key in case},
            "tasks": [{"name": chr(ord("A") + i), **member} for i, member in enumerate(members)]}


def average(result, what):
    return sum(task[what] for task in result["tasks"]) / len(result["tasks"])


def first_miss(result):
    """Its task, by number, and its time; of several at one time the first task's."""
    time, number = min((task["first_miss"], number) for number, task in enumerate(result["tasks"])
                       if task["misses"])
    return [number, time]


def missing(result):
    return [number for number, task in enumerate(result["tasks"]) if task["misses"]]


ANSWERS = {
    "finish": lambda result: [task["finish"] for task in result["tasks"]],
    "misses": lambda result: sum(task["misses"] for task in result["tasks"]),
    "misses?": lambda result: bool(missing(result)),
    "tasks missing": missing,
    "first miss": first_miss,
    "worst": lambda result: [task["worst"] for task in result["tasks"]],
}
