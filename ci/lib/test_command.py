# SPDX-License-Identifier: MIT
"""`make test`: runs all tests of the tree on two workers; its last line is `N passed, N failed`.

Arguments are given to pytest; without a file or folder all of */tests, arch/*/tests and tools/*/tests run.
"""
import dataclasses
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

sys.path[0] = str(Path(__file__).resolve().parent.parent.parent)  # not ci/lib: it has a boot.py too
import pytest  # noqa: E402

from ci.lib.qemu import ROOT  # noqa: E402

JUNIT = ROOT / "build/junit.xml"
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


@dataclasses.dataclass
class Case:
    """One line of junit.xml."""

    group: str
    name: str
    outcome: str
    seconds: float
    text: str = ""


class Collector:
    """Listens on the controlling process and keeps what happened."""

    def __init__(self):
        self.cases = []

    def pytest_runtest_logreport(self, report):
        if report.when != "call" and report.outcome == "passed":
            return
        group, _, name = report.nodeid.partition("::")
        inner = [value for key, value in report.user_properties if key == "test"]
        for test, outcome, reason in inner:
            self.cases.append(Case(group, test, outcome, report.duration / len(inner), reason))
        told = any(outcome == "failed" for _, outcome, _ in inner)
        if not inner or (report.outcome == "failed" and not told):
            self.cases.append(Case(group, name, report.outcome, report.duration, report.longreprtext))

    def pytest_collectreport(self, report):
        if report.failed:
            self.cases.append(Case(report.nodeid, "collection", "failed", 0, report.longreprtext))

    def count(self, outcome):
        return sum(case.outcome == outcome for case in self.cases)


def folders():
    found = [*ROOT.glob("*/tests"), *ROOT.glob("arch/*/tests"), *ROOT.glob("tools/*/tests")]
    return sorted(str(path) for path in found if ROOT / "build" not in path.parents)


def build():
    """Everything that tests run, as a case of its own: what is stale must not pass for new."""
    start = time.monotonic()
    jobs = [] if "jobserver" in os.environ.get("MAKEFLAGS", "") else ["-j2"]
    done = subprocess.run(["make", "-s", "-k", *jobs, "test-programs"], cwd=ROOT, text=True,
                          stderr=subprocess.PIPE, check=False)
    print(done.stderr, end="", file=sys.stderr)
    outcome = "failed" if done.returncode else "passed"
    return Case("make", "test-programs", outcome, time.monotonic() - start, done.stderr)


def write_junit(cases, seconds):
    failed = sum(case.outcome == "failed" for case in cases)
    skipped = sum(case.outcome == "skipped" for case in cases)
    suite = ElementTree.Element(
        "testsuite", name="multios", tests=str(len(cases)), failures=str(failed), errors="0",
        skipped=str(skipped), time=f"{seconds:.3f}")
    for case in cases:
        element = ElementTree.SubElement(
            suite, "testcase", classname=case.group, name=case.name, time=f"{case.seconds:.3f}")
        if case.outcome in ("failed", "skipped"):
            kind = "failure" if case.outcome == "failed" else "skipped"
            text = CONTROL.sub("", case.text)
            first = text.splitlines()[0] if text else case.outcome
            ElementTree.SubElement(element, kind, message=first).text = text
    JUNIT.parent.mkdir(exist_ok=True)
    ElementTree.ElementTree(suite).write(JUNIT, encoding="utf-8", xml_declaration=True)


def main(arguments):
    collector, start = Collector(), time.monotonic()
    collector.cases.append(build())
    chosen = any(not word.startswith("-") and (ROOT / word.split("::")[0]).exists() for word in arguments)
    code = pytest.main(
        ["-c", str(ROOT / "ci/pytest.ini"), "--rootdir", str(ROOT), "-n2",
         *arguments, *([] if chosen else folders())],
        plugins=[collector])
    write_junit(collector.cases, time.monotonic() - start)
    passed, failed = collector.count("passed"), collector.count("failed")
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) and not failed:
        failed = 1  # interrupted, a broken plugin, nothing collected: never a green last line
    print(f"{time.monotonic() - start:.0f} s, {collector.count('skipped')} skipped, build/junit.xml")
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
