# SPDX-License-Identifier: MIT
"""Promises about the tree itself: licence lines, what is made where, documented goals and variables."""
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from ci.lib.qemu import ROOT

SOURCES = re.compile(r"\.(c|h|S|py|sh|mk|ld|def|list)$")
NAMED = {"Makefile", "ci/setup", "ci/doctor", "ci/boot", "ci/python", "iso/build"}
VARIABLES = ("SMP=4", "MEM=512M", "SCHED=rr", "FIRMWARE=", "BUILD=", "CC=", "CMDLINE=", "ICOUNT=", "GDB=",
             "ACCEL=tcg")


def files():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, text=True, stdout=subprocess.PIPE, check=True)
    return listed.stdout.split()


def test_licence_line():
    """One of the first two lines, so that a script's first line may name its interpreter."""
    missing = [name for name in files() if SOURCES.search(name) or name in NAMED
               if "SPDX-License-Identifier: MIT" not in "".join(
                   (ROOT / name).read_text(encoding="utf-8").splitlines(True)[:2])]
    assert not missing


def test_clang_format():
    """`.clang-format` decides; `clang-format -i FILE` mends what this finds."""
    names = [name for name in files() if name.endswith((".c", ".h"))]
    done = subprocess.run(["clang-format", "--dry-run", "--Werror", *names], cwd=ROOT,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]


def test_nothing_made_outside_build():
    status = subprocess.run(["git", "status", "--porcelain", "--ignored", "--untracked-files=normal"],
                            cwd=ROOT, text=True, stdout=subprocess.PIPE, check=True)
    made = [line[3:] for line in status.stdout.splitlines() if line.startswith("!!")]
    assert [name for name in made if name != "build/"] == []


def test_help_shows_variables_with_defaults():
    text = subprocess.run(["make", "help"], cwd=ROOT, text=True, stdout=subprocess.PIPE, check=True).stdout
    for variable in VARIABLES:
        assert f"\n  {variable}" in text, variable
    for goal in ("run", "test", "debug", "gdb", "console", "bench", "doctor", "iso", "clean"):
        assert f"\n  make {goal} " in text, goal


def test_compile_commands_name_every_source():
    commands = json.loads((ROOT / "build/compile_commands.json").read_text(encoding="utf-8"))
    named = {entry["file"] for entry in commands}
    assert {name for name in files() if re.match(r"(kernel|sched|mm|boot)/\w+\.[cS]$", name)} <= named
    assert all("-std=gnu17" in entry["arguments"] for entry in commands)


def would_be_made(*words):
    """Sources that make would compile now."""
    alone = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(["make", "-n", *words, "kernel", "CC=gcc", "BUILD=debug"], cwd=ROOT, env=alone, text=True,
                          stdout=subprocess.PIPE, check=True)
    return set(re.findall(r" -c (\S+\.[cS]) ", done.stdout))


def test_dependencies_are_known():
    """What has changed makes what includes it anew, and nothing else."""
    assert would_be_made() == set()
    changed = would_be_made("-W", "mm/slab.h")
    assert {"mm/slab.c", "mm/kmalloc.c"} <= changed and not {"sched/core.c", "boot/entry.S"} & changed
    changed = would_be_made("-W", "sched/policies.def")
    assert {"sched/core.c", "kernel/params.c"} <= changed and "mm/slab.c" not in changed


@pytest.mark.parametrize("name", [".vscode/launch.json", ".vscode/tasks.json",
                                  ".devcontainer/devcontainer.json"])
def test_editor_files_are_valid(name):
    assert json.loads((ROOT / name).read_text(encoding="utf-8"))


def test_setup_is_silent_and_names_wrong_goals():
    for goal in ("run", "test"):
        done = subprocess.run([ROOT / "ci/setup", goal], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = subprocess.run([ROOT / "ci/setup", "dance"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "no goal 'dance'" in done.stderr


def bare_path(folder):
    """A PATH without apt, compiler and QEMU."""
    for tool in ("bash", "env", "dirname", "id", "sort", "tr", "cat", "python3", "make"):
        (folder / tool).symlink_to(Path("/usr/bin") / tool)
    return {"PATH": str(folder)}


@pytest.mark.parametrize("flags", [[], ["-k"], ["-s", "V=1"]])
def test_make_calls_setup(flags, tmp_path):
    done = subprocess.run(["make", *flags, "kernel"], cwd=ROOT, env=bare_path(tmp_path), capture_output=True,
                          text=True, check=False)
    assert done.returncode == 2 and "ci/setup: missing: gcc" in done.stderr, done.stderr
    assert "set-up failed" in done.stderr


def test_setup_elsewhere_names_packages(tmp_path):
    """On a machine without apt and without QEMU: what to install, for three families, and code 2."""
    done = subprocess.run([ROOT / "ci/setup", "run"], env=bare_path(tmp_path), capture_output=True,
                          text=True, check=False)
    assert done.returncode == 2
    for line in ("Debian, Ubuntu: .*qemu-system-x86 ", "Fedora: .*qemu-system-x86-core ", "Arch: .*qemu-"):
        assert re.search(line, done.stderr), done.stderr


def test_doctor():
    done = subprocess.run([ROOT / "ci/doctor"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and re.search(r"^qemu +ok +\d+\.\d+", done.stdout, re.M), done.stdout
