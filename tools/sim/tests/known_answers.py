# SPDX-License-Identifier: MIT
"""Makes scenarios of the published cases in known_answers.json."""
import json
from pathlib import Path

DATA = json.loads((Path(__file__).parent / "known_answers.json").read_text())
CASES = [case for case in DATA["cases"] if case["what"] != "bound"]
BOUNDS = [case for case in DATA["cases"] if case["what"] == "bound"]
NOT_OURS = DATA["not_ours"]


KEYS = ("unit", "cpus", "policy", "quantum", "horizon", "admission")


def scenario(case):
    """The case's tasks, or its jobs, [arrival, run], with the names A, B, C …"""
    members = case.get("tasks") or [{"arrival": arrival, "run": run} for arrival, run in case["jobs"]]
    return {**{key: case[key] for key in KEYS if key in case},
            "tasks": [{"name": chr(ord("A") + i), **member} for i, member in enumerate(members)]}


SCALE = 10 ** 9  # of the shortest period: the others are rounded to a billionth of it


def worst_set(n):
    """(run, period) of Liu and Layland's theorem 5: each run fills the time to the next period."""
    periods = [round(SCALE * 2 ** (i / n)) for i in range(n)] + [2 * SCALE]
    return [(later - period, period) for period, later in zip(periods, periods[1:])]


def bound_scenario(members, **kind):
    """All first jobs at once, the critical instant; `kind` says how each of them is scheduled."""
    tasks = [{"name": f"T{i}", "run": run, "period": period,
              **{key: run if value == "run" else value for key, value in kind.items()}}
             for i, (run, period) in enumerate(members)]
    return {"unit": "ns", "horizon": 2 * SCALE, "tasks": tasks}


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
