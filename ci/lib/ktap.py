# SPDX-License-Identifier: MIT
"""Results that the kernel and host programs print: KTAP version 1, and TAP 12 to 14."""
import dataclasses
import re

RESULT = re.compile(r"^\s*(not )?ok (\d+)(?:\s+-)?\s*([^#]*?)\s*(?:#\s*(SKIP|TODO)\b\s*(.*))?$", re.I)
PLAN = re.compile(r"^\s*1\.\.(\d+)")
TOTAL = re.compile(r"^# multios: (\d+) passed, (\d+) failed")
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b[=>]|\r")


@dataclasses.dataclass
class Result:
    """One test. `outcome` is passed, failed or skipped; `reason` is what was printed before it."""

    name: str
    outcome: str
    reason: str = ""


@dataclasses.dataclass
class Results:
    tests: list = dataclasses.field(default_factory=list)
    planned: int | None = None
    total: tuple | None = None  # passed and failed by the kernel's last line; None: it was not seen

    def count(self, outcome):
        return sum(test.outcome == outcome for test in self.tests)

    def failures(self):
        return [test for test in self.tests if test.outcome == "failed"]

    def wrong(self):
        """Why these results cannot be believed, or None."""
        if self.planned is not None and self.planned != len(self.tests):
            return f"{self.planned} tests were announced, {len(self.tests)} reported"
        counted = self.count("passed"), self.count("failed")
        if self.total is not None and self.total != counted:
            return "{} passed, {} failed by the kernel's total, {} and {} by its results".format(
                *self.total, *counted)
        return None


def clean(text):
    """Serial output without terminal control."""
    return ESCAPES.sub("", text)


def parse(text):
    """The results in a text among whatever else was printed."""
    results, comments = Results(), []
    for line in clean(text).splitlines():
        if match := RESULT.match(line):
            outcome = "skipped" if match[4] else "failed" if match[1] else "passed"
            reason = match[5] or "\n".join(comments)
            results.tests.append(Result(match[3] or match[2], outcome, reason))
            comments = []
        elif match := PLAN.match(line):
            results.planned = (results.planned or 0) + int(match[1])
        elif match := TOTAL.match(line):
            results.total = int(match[1]), int(match[2])
        elif line.startswith("#"):
            comments.append(line.lstrip("# "))
    return results
