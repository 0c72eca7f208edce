# SPDX-License-Identifier: MIT
"""`make coverage`: which lines and branches of sched/ the host tests reach.

Runs the programs of the flavour "cov" (assertions compiled out, so that none of their branches
counts), asks gcov, and prints a table and every line and branch that was not reached. Exit code 1
when lines are below 100 % or branches below 98 %.
"""
import collections
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "build/host/cov"
LEAST_LINES, LEAST_BRANCHES = 100.0, 98.0
SEED = "1"  # the same figures in every run


class File:
    """What was reached of one source file, over all programs and all functions that inline it."""

    def __init__(self):
        self.lines = collections.Counter()
        self.branches = {}  # (line, number of branches there): how often each was taken

    def add(self, line):
        number, counts = line["line_number"], [b["count"] for b in line["branches"]]
        self.lines[number] += line["count"]
        if counts:
            before = self.branches.get((number, len(counts)), [0] * len(counts))
            self.branches[number, len(counts)] = [a + b for a, b in zip(before, counts)]

    def missed_lines(self):
        return sorted(number for number, count in self.lines.items() if not count)

    def missed_branches(self):
        return sorted((number, sum(not c for c in counts)) for (number, _), counts
                      in self.branches.items() if not all(counts))

    def branch_count(self):
        return sum(len(counts) for counts in self.branches.values())


def programs():
    return sorted(p for p in FOLDER.glob("sched/tests/test_*") if not p.suffix and os.access(p, os.X_OK))


def run_programs():
    for old in FOLDER.rglob("*.gcda"):
        old.unlink()
    for program in programs():
        done = subprocess.run([program], cwd=ROOT, env={**os.environ, "MOS_SEED": SEED}, text=True,
                              capture_output=True, check=False)
        if done.returncode:
            sys.exit(f"{program.relative_to(ROOT)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")


def collect():
    """By path of the source file."""
    files = collections.defaultdict(File)
    for data in sorted(FOLDER.glob("sched/*.gcda")):
        text = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities", data],
                              cwd=ROOT, text=True, capture_output=True, check=True).stdout
        for source in json.loads(text)["files"]:
            if source["file"].startswith("sched/"):
                for line in source["lines"]:
                    files[source["file"]].add(line)
    return files


def percent(reached, count):
    return 100.0 * reached / count if count else 100.0


def print_file(path, file):
    lines, missed = len(file.lines), file.missed_lines()
    branches, untaken = file.branch_count(), sum(n for _, n in file.missed_branches())
    print(f"{path:24} {percent(lines - len(missed), lines):7.2f} % of {lines:4} lines"
          f" {percent(branches - untaken, branches):7.2f} % of {branches:4} branches")
    return lines, len(missed), branches, untaken


def print_missed(path, file):
    source = (ROOT / path).read_text().splitlines()
    for number in file.missed_lines():
        print(f"{path}:{number}: never run: {source[number - 1].strip()}")
    for number, untaken in file.missed_branches():
        if file.lines[number]:
            print(f"{path}:{number}: {untaken} branches never taken: {source[number - 1].strip()}")


def main():
    run_programs()
    files = collect()
    totals = [sum(column) for column in zip(*(print_file(p, f) for p, f in sorted(files.items())))]
    lines = percent(totals[0] - totals[1], totals[0])
    branches = percent(totals[2] - totals[3], totals[2])
    for path, file in sorted(files.items()):
        print_missed(path, file)
    print(f"sched/: {lines:.2f} % of {totals[0]} lines, {branches:.2f} % of {totals[2]} branches "
          f"(expected at least {LEAST_LINES:.0f} % and {LEAST_BRANCHES:.0f} %)")
    return 0 if lines >= LEAST_LINES and branches >= LEAST_BRANCHES else 1


if __name__ == "__main__":
    sys.exit(main())
