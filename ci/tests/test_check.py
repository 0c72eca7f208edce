# SPDX-License-Identifier: MIT
"""The tree keeps the rules of ci/check; and each of them can be broken."""
import subprocess

import pytest

from ci.lib import check


def lines(text):
    return text.split("\n")


def test_tree_keeps_layers_and_style():
    findings = list(check.check_tree())
    assert not findings, "\n" + "\n".join(findings)


@pytest.mark.slow
def test_sched_is_a_library():
    if not check.sched_objects():
        subprocess.run(["make", "-s", "kernel"], cwd=check.ROOT, check=True)
    builds = check.sched_objects()
    assert builds
    findings = [f for objects in builds.values() for f in check.check_purity(objects)]
    assert not findings, "\n" + "\n".join(findings)


@pytest.mark.parametrize("path, target, ok", [
    ("sched/core.c", '"kernel/list.h"', True),
    ("sched/core.c", "<arch/cpu.h>", True),
    ("sched/core.c", '"mm/slab.h"', False),
    ("sched/core.c", '"kernel/thread.h"', False),
    ("mm/slab.c", '"sched/sched.h"', False),
    ("mm/slab.c", '"kernel/log.h"', True),
    ("kernel/wait.c", '"sched/sched.h"', True),
    ("kernel/list.h", '"kernel/spinlock.h"', False),
    ("kernel/spinlock.h", '"kernel/dispatch.h"', False),
    ("arch/x86_64/apic.c", '"kernel/entry.h"', True),
    ("arch/x86_64/apic.c", '"sched/sched.h"', False),
    ("arch/x86_64/apic.c", '"kernel/dispatch.h"', False),
    ("arch/x86_64/include/arch/irq.h", '"kernel/spinlock.h"', False),
    ("kernel/wait.c", '"arch/x86_64/apic.h"', False),
    ("kernel/wait.c", '"boot/entry.h"', False),
    ("kernel/main.c", '"boot/boot_info.h"', True),
    ("sched/core.c", "<stdio.h>", False),
    ("sched/core.c", "<stdint.h>", True),
    ("sched/tests/test_rules.c", "<stdio.h>", True),
    ("unheard/of.c", '"kernel/list.h"', False),
])
def test_who_may_include_whom(path, target, ok):
    findings = list(check.check_includes(path, lines(f"/* */\n#include {target}\n")))
    assert bool(findings) != ok, findings
    assert all(f.startswith(f"{path}:") for f in findings)


@pytest.mark.parametrize("path, text, ok", [
    ("kernel/wait.c", "/* writes CR3 */", False),
    ("mm/slab.c", "uint64_t rsp;", False),
    ("sched/core.c", "the LAPIC", False),
    ("sched/core.c", "scripts, trip, across", True),
    ("arch/x86_64/apic.c", "cr3", True),
    ("kernel/tests/ktest_x.c", "rip", True),
])
def test_portable_code_names_no_machine(path, text, ok):
    assert bool(list(check.check_architecture(path, [text]))) != ok


def body(count):
    return ["static int long_one(", "\tint a)", "{"] + ["\ta++;"] * (count - 2) + ["}"]


def test_length_of_functions():
    assert not list(check.check_functions("sched/a.c", body(60)))
    found, = check.check_functions("sched/a.c", body(61))
    assert found.startswith("sched/a.c:3: long_one() has 61 lines")


def test_no_conditional_compilation_inside_functions():
    text = ["#if A", "#endif", "int f(void)", "{", "#ifdef B", "#endif", "}"]
    found, = check.check_functions("kernel/a.c", text)
    assert found == "kernel/a.c:5: #if in the body of f()"
    assert not list(check.check_functions("arch/x86_64/a.c", text))


def test_licence():
    assert list(check.check_licence("sched/a.c", ["/* a */", "/* b */", "SPDX-License-Identifier:"]))
    assert list(check.check_licence("sched/a.c", ["// SPDX-License-Identifier: MIT"]))
    assert not list(check.check_licence("sched/a.c", [check.LICENCE_LINE]))
    assert not list(check.check_licence("ci/a.py", ["#!/bin/sh", "# SPDX-License-Identifier: MIT"]))


@pytest.mark.parametrize("line, ok", [
    ("\t" + "x" * 92, True),
    ("\t" + "x" * 93, False),
    ("int a; ", False),
    ("/* TO" "DO: later */", False),
])
def test_lines(line, ok):
    assert bool(list(check.check_lines("sched/a.c", [line]))) != ok


def test_purity_finds_calls_and_variables(tmp_path):
    source, made = tmp_path / "a.c", tmp_path / "a.o"
    source.write_text("int puts(const char *s);\nstatic int n;\n"
                      "void sched_env_kick(void);\nint f(void) { sched_env_kick(); "
                      "puts(\"\"); return n++; }\n")
    subprocess.run(["gcc", "-c", "-O0", source, "-o", made], check=True)
    found = list(check.check_purity([made]))
    assert len(found) == 2
    assert any("needs puts" in f for f in found) and any("variable n" in f for f in found)
