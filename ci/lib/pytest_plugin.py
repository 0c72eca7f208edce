# SPDX-License-Identifier: MIT
"""Makes pytest run what is not Python: host programs, fuzzers and stress built from */tests/*.c.

The names decide (ci/make/README.md): test_*.c is a cmocka program whose every test counts, fuzz_*.c
a fuzzer that gets a short run from its seeds, stress_*.c a program under ThreadSanitizer,
explore_*.c a cmocka program that tries interleavings. The programs are built before, by `make test`.
"""
import os
import re
import subprocess

import pytest

from . import ktap
from .qemu import ROOT

FLAVOURS = {"test": "asan", "fuzz": "fuzz", "stress": "tsan", "explore": "explore"}
PROGRAM_SECONDS = 240
FUZZ_SECONDS = 3
SANITIZERS = {
    "ASAN_OPTIONS": "abort_on_error=0:detect_leaks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}


class ProgramFailed(Exception):
    """A host program or one of its tests failed; the text is its output."""


def pytest_collect_file(file_path, parent):
    match = re.fullmatch(r"(test|fuzz|stress|explore)_(\w+)\.c", file_path.name)
    if match and "tests" in file_path.parts:
        return SourceFile.from_parent(parent, path=file_path, kind=match[1], topic=match[2])
    return None


def pytest_collection_modifyitems(items):
    """What takes long goes first, so that both workers end together."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


class SourceFile(pytest.File):
    """A C file whose program is one item."""

    def __init__(self, kind, topic, **rest):
        super().__init__(**rest)
        self.kind, self.topic = kind, topic

    def collect(self):
        yield Program.from_parent(self, name=self.path.stem)


class Program(pytest.Item):
    """One host program. Its TAP results, if it has any, travel in the report's properties."""

    def __init__(self, **rest):
        super().__init__(**rest)
        self.kind, self.topic = self.parent.kind, self.parent.topic
        source = self.path.relative_to(ROOT)
        self.program = ROOT / "build/host" / FLAVOURS[self.kind] / source.with_suffix("")

    def command(self):
        if self.kind != "fuzz":
            return [self.program]
        corpus = self.program.parent / f"corpus_{self.topic}"
        corpus.mkdir(parents=True, exist_ok=True)
        seeds = self.path.parent / "seeds" / self.topic
        return [self.program, f"-max_total_time={FUZZ_SECONDS}", "-seed=1", "-timeout=5",
                f"-artifact_prefix={self.program}-", corpus, *([seeds] if seeds.is_dir() else [])]

    def runtest(self):
        if not self.program.exists():
            raise ProgramFailed(f"{self.program}: not built; 'make host-{FLAVOURS[self.kind]}' does")
        environment = {**os.environ, **SANITIZERS, "CMOCKA_MESSAGE_OUTPUT": "TAP"}
        try:
            done = subprocess.run(self.command(), cwd=ROOT, env=environment, text=True,
                                  errors="replace", timeout=PROGRAM_SECONDS, check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        except subprocess.TimeoutExpired as error:
            raise ProgramFailed(f"not done after {PROGRAM_SECONDS} s") from error
        results = ktap.parse(done.stdout) if self.kind in ("test", "explore") else ktap.Results()
        for test in results.tests:
            self.user_properties.append(("test", [test.name, test.outcome, test.reason]))
        if wrong := results.wrong():
            raise ProgramFailed(f"{wrong}\n{done.stdout}")
        if done.returncode:
            raise ProgramFailed(f"exit code {done.returncode}\n{done.stdout}")

    def repr_failure(self, excinfo, style=None):
        if isinstance(excinfo.value, ProgramFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self):
        return self.path, None, f"{self.path.relative_to(ROOT)}"
