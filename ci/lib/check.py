# SPDX-License-Identifier: MIT
"""Rules of the tree that a compiler does not hold: who may include whom, what sched/ may call, and
style that can be counted. Every finding is one line `file:line: what is wrong`.

    ci/check            all checks; exit code 1 if there is a finding
    ci/check --stats    also the lengths of functions

The tables below are the rules; docs/architecture.md explains them.
"""
import argparse
import fnmatch
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

# --- layers: the first group with a matching pattern is a file's group -------------------------

GROUPS = (
    ("tests", "*/tests/* bench/* arch/host/include/arch/host_test.h"),
    ("data", "*.def"),
    ("base", """kernel/types.h kernel/errno.h kernel/assert.h kernel/list.h kernel/bitmap.h
        kernel/cpumask.h kernel/rbtree.h kernel/string.h kernel/format.h boot/boot_info.h
        sched/policy_id.h"""),
    ("contract", "arch/*/include/arch/*.h"),
    ("foundation", """kernel/spinlock.h kernel/spinlock_debug.h kernel/percpu.h kernel/log.h
        kernel/log_ring.h kernel/symbols.h kernel/params.h kernel/cmdline.h"""),
    ("sched", "sched/*"),
    ("mm", "mm/*"),
    ("upcalls", "kernel/entry.h"),
    ("bootside", "boot/entry.h"),
    ("machine", "arch/*"),
    ("top", "kernel/main.c boot/*"),
    ("kernel", "kernel/* fs/*"),
    ("tools", "tools/*"),
)

LOW = {"data", "base", "contract", "foundation"}
MAY_INCLUDE = {
    "data": set(),
    "base": {"data", "base"},
    "contract": {"base", "contract"},
    "foundation": LOW,
    "upcalls": {"base"},
    "bootside": {"base"},
    "sched": LOW | {"sched"},
    "mm": LOW | {"mm"},
    "machine": LOW | {"mm", "machine", "upcalls", "bootside"},
    "kernel": LOW | {"sched", "mm", "upcalls", "kernel"},
    "tools": LOW | {"sched", "tools"},
}  # tests and top may include everything

# The compiler's own headers, which need no library, and where they come in.
FREESTANDING = {"limits.h", "stdarg.h", "stdatomic.h", "stdbool.h", "stddef.h", "stdint.h"}
HOSTED = ("*/tests/*", "arch/host/*", "tools/*")

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')


def group_of(path):
    """The group of a file, or None when no pattern knows it."""
    for name, patterns in GROUPS:
        if any(fnmatch.fnmatch(path, pattern) for pattern in patterns.split()):
            return name
    return None


def matches(path, patterns):
    return any(fnmatch.fnmatch(path, pattern) for pattern in patterns)


def included_path(bracket, name):
    """The included file as a path in the tree, or None for a header of the compiler or host."""
    if bracket == '"':
        return name
    return f"arch/x86_64/include/{name}" if name.startswith("arch/") else None


def check_includes(path, lines):
    """Layers, and no header of a library in the kernel."""
    group = group_of(path)
    if group is None:
        yield f"{path}:1: belongs to no layer; add it to GROUPS in ci/lib/check.py"
        return
    for number, line in enumerate(lines, 1):
        found = INCLUDE.match(line)
        if not found:
            continue
        target = included_path(*found.groups())
        if target is None:
            if found[2] not in FREESTANDING and not matches(path, HOSTED):
                yield f"{path}:{number}: <{found[2]}> is a header of the host's library"
            continue
        other = group_of(target)
        if group in MAY_INCLUDE and other not in MAY_INCLUDE[group]:
            yield f"{path}:{number}: {group} must not include {found[2]} ({other})"


# --- architecture names ------------------------------------------------------------------------

PORTABLE = ("kernel/*", "sched/*", "mm/*", "fs/*")
ARCHITECTURE = re.compile(
    r"\b(x86|x86_64|__x86_64__|amd64|ia32|i386|aarch64|arm64|riscv|cr[0234]|[lx]?apic|ioapic|x2apic"
    r"|rdtscp?|tsc|rdmsr|wrmsr|cpuid|gdt|idt|tss|r[abcd]x|r[sd]i|rip|rsp|rbp|rflags|hlt|invlpg)\b",
    re.IGNORECASE)


def check_architecture(path, lines):
    """Portable code names no machine, not even in a comment."""
    if not matches(path, PORTABLE) or "/tests/" in path:
        return
    for number, line in enumerate(lines, 1):
        found = ARCHITECTURE.search(line)
        if found:
            yield f"{path}:{number}: portable code names the machine's `{found[0]}`"


# --- style that can be counted -----------------------------------------------------------------

WIDTH = 100  # text in quotes and assembly may be wider
TAB = 8
LONGEST_FUNCTION = 60
# Functions that may be longer, and why.
LONG_FUNCTIONS = {}

WITH_LICENCE = re.compile(r"(\.(c|h|S|py|def|mk|ld|gdb)|/?Makefile)$")
LICENCE_LINE = "/* SPDX-License-Identifier: MIT */"
SOURCES = (".c", ".h", ".S", ".def")
LEFT_OVER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
NO_CONDITIONALS = ("kernel/*", "sched/*", "mm/*", "fs/*")
NAME_BEFORE_BRACE = re.compile(r"(\w+)\s*\(")
KEYWORDS = {"__section", "__attribute__", "__printf", "__aligned", "if", "while", "for", "switch"}


def functions(lines):
    """(name, number of the first line, length) of every function body in house style."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{" and number > 1:
            start = number
        elif line.startswith("}") and start:
            if line == "}":
                yield name_before(lines, start), start, number - start + 1
            start = None


def name_before(lines, brace):
    """The function whose body starts at that line: the first name before a parenthesis."""
    text = ""
    for line in reversed(lines[max(0, brace - 12):brace - 1]):
        if not line.strip() or line.startswith(("}", "#", "/*", " *")):
            break
        text = line + " " + text
    for name in NAME_BEFORE_BRACE.findall(text):
        if name not in KEYWORDS:
            return name
    return "?"


def check_functions(path, lines):
    if not path.endswith((".c", ".h")):
        return
    for name, number, length in functions(lines):
        if length > LONGEST_FUNCTION and f"{path}:{name}" not in LONG_FUNCTIONS:
            yield (f"{path}:{number}: {name}() has {length} lines, more than {LONGEST_FUNCTION}: "
                   "make two of it, or say why not in LONG_FUNCTIONS of ci/lib/check.py")
        if not matches(path, NO_CONDITIONALS):
            continue
        for inside in range(number, number + length - 1):
            if lines[inside].startswith("#if"):
                yield f"{path}:{inside + 1}: #if in the body of {name}()"


def check_licence(path, lines):
    if not WITH_LICENCE.search(path):
        return
    if not any("SPDX-License-Identifier:" in l for l in lines[:2]):
        yield f"{path}:1: no SPDX-License-Identifier in the first line"
    elif path.endswith(SOURCES) and lines[0] != LICENCE_LINE:
        yield f"{path}:1: first line is `{lines[0]}`, expected `{LICENCE_LINE}`"


def check_lines(path, lines):
    if not path.endswith((".c", ".h", ".S", ".def")):
        return
    for number, line in enumerate(lines, 1):
        if len(line.expandtabs(TAB)) > WIDTH and '"' not in line and not path.endswith(".S"):
            yield f"{path}:{number}: {len(line.expandtabs(TAB))} columns, more than {WIDTH}"
        if line != line.rstrip():
            yield f"{path}:{number}: blanks at the end of the line"
        if LEFT_OVER.search(line):
            yield f"{path}:{number}: `{LEFT_OVER.search(line)[0]}`: do it, or open an issue"


FILE_CHECKS = (check_includes, check_architecture, check_functions, check_licence, check_lines)


def tree_files(root):
    """What git knows or would add, so that build/ and ignored files stay out."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=root, check=True,
                            capture_output=True, text=True).stdout.splitlines()
    return sorted(path for path in listed if (Path(root) / path).is_file())


def check_file(path, text):
    lines = text.split("\n")
    checks = FILE_CHECKS if path.endswith(SOURCES) else (check_licence,)
    for check in checks:
        if check is check_includes and not path.endswith((".c", ".h")):
            continue
        yield from check(path, lines)


def check_tree(root=ROOT):
    for path in tree_files(root):
        if WITH_LICENCE.search(path):
            yield from check_file(path, (Path(root) / path).read_text(errors="replace"))


# --- link purity of sched/ ---------------------------------------------------------------------

# What the library may need from outside; percpu_*: the lock checks of a debug build read them.
NEEDS = ("assert_fail", "sched_env_*", "memcpy", "memset", "percpu_*")
DATA_SECTIONS = "bBdDC"


def symbols(objects):
    """(file, type letter, name) of each symbol."""
    for path in objects:
        for line in subprocess.run(["nm", path], check=True, capture_output=True,
                                   text=True).stdout.splitlines():
            *_, letter, name = line.split()
            yield path, letter, name


def check_purity(objects):
    """The objects of sched/ together: only known needs, and no variables."""
    found = list(symbols(objects))
    defined = {name for _, letter, name in found if letter != "U"}
    for path, letter, name in found:
        if letter == "U" and name not in defined and not matches(name, NEEDS):
            yield f"{path}: needs {name}, which is not among {', '.join(NEEDS)}"
        if letter in DATA_SECTIONS:
            yield f"{path}: variable {name}: sched/ has none"


def sched_objects(root=ROOT):
    """Objects by kernel build, of sources that still exist, in those builds that exist."""
    builds = {}
    for path in sorted((Path(root) / "build").glob("*/sched/*.o")):
        if (Path(root) / "sched" / path.stem).is_file():
            builds.setdefault(path.parent.parent.name, []).append(path)
    builds.pop("host", None)
    return builds


# --- command -----------------------------------------------------------------------------------

def statistics(root=ROOT):
    lengths = sorted(
        (length, f"{path}:{number}: {name}()")
        for path in tree_files(root) if path.endswith((".c", ".h"))
        for name, number, length in functions((Path(root) / path).read_text().split("\n")))
    count = len(lengths)
    yield f"{count} functions; median {lengths[count // 2][0]} lines, 90 % under {lengths[count * 9 // 10][0] + 1}"
    for length, where in lengths[-10:]:
        yield f"{length:4} {where}"


def main(arguments):
    parser = argparse.ArgumentParser(prog="ci/check", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stats", action="store_true", help="also print lengths of functions")
    options = parser.parse_args(arguments)
    findings = list(check_tree())
    for build, objects in sched_objects().items():
        findings += check_purity(objects)
    for finding in findings:
        print(finding)
    if options.stats:
        print("\n".join(statistics()))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
