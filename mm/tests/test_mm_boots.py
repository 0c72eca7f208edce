# SPDX-License-Identifier: MIT
"""Machines with little and much memory; what the debug build finds; every allocation failing once."""
import re

import pytest

from ci.lib.boot import Runner, Verdict
from ci.lib.qemu import ROOT, Machine

DEBUG = ROOT / "build/gcc-debug/multios.elf"
RELEASE = ROOT / "build/gcc-release/multios.elf"


def boot(cmdline, memory="512M", smp="2", kernel=DEBUG, timeout=60):
    return Runner(Machine(kernel=kernel, memory=memory, smp=smp, cmdline=cmdline), timeout, []).run()


@pytest.mark.parametrize("memory", ["16M", "1G", "8G"])
def test_sizes_of_memory(memory):
    done = boot("test=mm", memory)
    assert done.verdict == Verdict.PASS, done.text[-3000:]
    assert ("mm_frame_above_4g # SKIP" in done.text) == (memory != "8G")
    assert "leak:" not in done.text


@pytest.mark.parametrize("memory", ["4M", "6M"])
def test_too_little_memory_is_said(memory):
    done = boot("", memory)
    assert done.verdict == Verdict.SILENT, done.text
    assert re.search("MultiOS cannot boot: (it needs|out of memory)", done.text), done.text


@pytest.mark.slow
def test_too_little_memory_for_so_many_cpus_is_said():
    done = boot("", "9M", smp="128", timeout=120)
    assert done.verdict == Verdict.SILENT, done.text
    words = r"no memory for the first thread: with \d+ CPUs? up \d+ of \d+ KiB are free; more memory or cpus=N"
    assert re.search(words, done.cause), done.cause


@pytest.mark.parametrize("name, words", [
    ("mm_dies_double_free", "freed twice"),
    ("mm_dies_use_after_free", "written after it had been freed"),
    ("mm_dies_overflow", "written beyond its end"),
    ("mm_dies_frame_double_free", "frame_free"),
    ("mm_dies_stack_double_free", "freed twice"),
    ("mm_dies_stack_use_after_free", "written after it had been freed"),
])
def test_misuse_is_reported_with_both_backtraces(name, words):
    done = boot(f"test={name}")
    assert done.verdict == Verdict.PANIC and words in done.text, done.text
    for title in ("allocated by", "freed by"):
        assert re.search(rf"{title}:", done.text), done.text
    assert done.text.count(f"ktest_run_{name}") >= 2, done.text


def test_stack_overflow_is_told():
    done = boot("test=mm_dies_stack_overflow")
    assert done.verdict == Verdict.PANIC, done.text
    assert re.search("stack overflow", done.text, re.I) and "descend" in done.text, done.text


def test_leaks_are_told_at_power_off():
    done = boot("test=mm_leaks")
    text = done.text
    assert done.verdict == Verdict.FAILED and "leak: 1 " in done.cause, done.cause
    assert "leak: 1 of kmalloc-384, 384 bytes each" in text and "leak: 1 blocks of frames" in text, text
    assert text.count("ktest_run_mm_leaks") == 2, text


def test_threads_left_over_are_told_instead_of_leaks():
    done = boot("test=mm_leaks_thread")
    assert done.verdict == Verdict.FAILED and "1 threads have not ended" in done.cause, done.cause
    assert "kmalloc" not in done.text and "blocks of frames" not in done.text, done.text


@pytest.mark.parametrize("kernel", [DEBUG, RELEASE])
def test_out_of_memory_is_an_error(kernel):
    done = boot("test=mm_out_of_memory", "16M", kernel=kernel)
    assert done.verdict == Verdict.PASS, done.text[-3000:]


@pytest.mark.slow
def test_hundred_thousand_stacks():
    done = boot("test=mm_hundred_thousand_stacks", "1G", kernel=RELEASE, timeout=180)
    assert done.verdict == Verdict.PASS, done.text[-3000:]


@pytest.mark.slow
@pytest.mark.parametrize("nth", [1, 2, 3, 5, 8, 13, 21, 34, 55])
def test_failure_while_booting_is_told_or_survived(nth):
    done = boot(f"test=mm_kmalloc_sizes failalloc={nth}")
    assert done.verdict in (Verdict.PASS, Verdict.FAILED, Verdict.PANIC, Verdict.SILENT), done.text
    assert "leak:" not in done.text, done.text
    if done.verdict == Verdict.FAILED:  # the test's own allocation, and nothing else
        assert done.results.total == (0, 1), done.text
        assert re.search(r"first mm_kmalloc_sizes: mm/.*: expected bytes &&", done.cause), done.cause
    elif done.verdict != Verdict.PASS:
        assert re.search("(PANIC|cannot boot):.* memory", done.text), done.text
