# SPDX-License-Identifier: MIT
"""Runs mos-sim: the build that checks everything, unless the fast one is asked for."""
import json
import subprocess

from ci.lib.qemu import ROOT

CHECKED = ROOT / "build/host/asan/mos-sim"
FAST = ROOT / "build/host/mos-sim"
SECONDS = 120


def run(scenario, *options, program=CHECKED):
    """`scenario`: text, or what becomes JSON. The finished process, standard input as the file."""
    text = scenario if isinstance(scenario, str) else json.dumps(scenario)
    return subprocess.run([program, *options, "-"], input=text, text=True, capture_output=True,
                          timeout=SECONDS, check=False)


def output(scenario, *options, program=CHECKED):
    done = run(scenario, *options, program=program)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout


def result(scenario, program=CHECKED):
    return json.loads(output(scenario, "--json", program=program))


def tasks(outcome):
    return {task["name"]: task for task in outcome["tasks"]}
