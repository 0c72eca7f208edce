# SPDX-License-Identifier: MIT
"""`make mutants`: puts bugs back in, one at a time, and demands that a named test catches each.

A mutant is a patch in */tests/mutants/NAME.patch whose head says `Bug:` and `Test: PROGRAM TEST`.
It is applied to a copy of the file under build/host/mutants/NAME/; what depends on that file is
compiled anew, the test program relinked with the objects of the flavour "plain", or "explore" for
an explorer, and run. Caught means that TEST fails, or ends or hangs the program. Arguments: names, to run only those.
"""
import concurrent.futures
import dataclasses
import functools
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
HOST = ROOT / "build/host"
COPIES = ROOT / "build/host/mutants"
SECONDS = 60
SEED = "1"  # a mutant is caught in every run or in none
WORKERS = 2


class Broken(Exception):
    """The mutant cannot be tried, or no test has caught it."""


@dataclasses.dataclass
class Mutant:
    """A patch and what its head says."""

    name: str
    bug: str
    program: str  # path of its source without ".c"
    test: str
    patch: str

    def flavour(self):
        return "explore" if "/explore_" in self.program else "plain"


def read(path):
    text = path.read_text()
    head = dict(re.findall(r"^(Bug|Test): (.+)$", text, re.MULTILINE))
    if set(head) != {"Bug", "Test"} or len(head["Test"].split()) != 2:
        raise Broken(f"{path.name}: expected the lines 'Bug: TEXT' and 'Test: PROGRAM TEST' before the patch")
    program, test = head["Test"].split()
    return Mutant(path.stem, head["Bug"], program, test, text[text.index("--- a/"):])


def paths():
    return sorted(ROOT.glob("*/tests/mutants/*.patch"))


# --- the patch: where a hunk stands is found by its text, so that lines above may come and go -----


def hunks(patch):
    """Pairs of the text before and after, by file."""
    for part in re.split(r"^(?=--- a/)", patch, flags=re.MULTILINE)[1:]:
        file = re.match(r"--- a/(\S+)", part)[1]
        for hunk in re.split(r"^@@.*\n", part, flags=re.MULTILINE)[1:]:
            lines = [line for line in hunk.splitlines() if line]
            yield file, *("".join(line[1:] + "\n" for line in lines if line[0] in kept) for kept in (" -", " +"))


def apply(mutant, folder):
    """Writes the changed copies; answers their paths in the tree."""
    texts = {}
    for file, before, after in hunks(mutant.patch):
        text = texts.setdefault(file, (ROOT / file).read_text())
        if text.count(before) != 1:
            raise Broken(f"{mutant.name}: does not apply any more: this is {text.count(before)} times in {file}:\n{before}")
        texts[file] = text.replace(before, after)
    for file, text in texts.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text)
    return list(texts)


# --- build ----------------------------------------------------------------------------------------


@functools.cache
def flags(flavour):
    """What `make` compiles the flavour with."""
    text = subprocess.run(["make", "-s", f"print-{flavour}-flags"], cwd=ROOT, text=True, capture_output=True,
                          check=True, env={k: v for k, v in os.environ.items() if k != "MAKEFLAGS"}).stdout
    return shlex.split(text)


def depends_on(file, objects):
    """Sources whose objects have to be made anew."""
    if file.endswith(".c"):
        return {file}
    users = (d for d in objects.rglob("*.d") if re.search(rf"(^|\s){re.escape(file)}(\s|:|$)", d.read_text()))
    return {str(d.relative_to(objects))[:-2] for d in users}


def command(arguments, what):
    done = subprocess.run(arguments, cwd=ROOT, text=True, capture_output=True, check=False)
    if done.returncode:
        raise Broken(f"{what} does not build:\n{done.stderr}")


def build(mutant, folder):
    """Of a program of sched/ only what lies in sched/ is compiled: it needs nothing of the kernel."""
    made, compiler = HOST / mutant.flavour(), flags(mutant.flavour())
    sources = set().union(*(depends_on(file, made) for file in apply(mutant, folder)))
    test, near = mutant.program + ".c", ("sched/",) if mutant.program.startswith("sched/") else ("",)
    sources = {s for s in sources if s == test or (s.startswith(near) and "/tests/" not in s)}
    objects = []
    for source in sorted(sources):
        target = folder / (source + ".o")
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = folder / source
        command([compiler[0], f"-I{folder}", *compiler[1:], "-w", "-g0", "-O0", "-c", copy if copy.exists() else source, "-o", target], mutant.name)
        objects.append(target)
    if test not in sources:
        objects.append(made / (test + ".o"))
    program = folder / "program"
    command(["gcc", *objects, made / "libkernel.a", "-o", program, "-lcmocka", "-lpthread"], mutant.name)
    return program


# --- run ------------------------------------------------------------------------------------------


def failed_tests(output, ended):
    """Those that failed, and the one that was running when the program ended otherwise."""
    failed = re.findall(r"^\[  FAILED  \] (\w+)$", output, re.MULTILINE)
    started = re.findall(r"^\[ RUN      \] (\w+)$", output, re.MULTILINE)
    done = re.findall(r"^\[       OK \] (\w+)$", output, re.MULTILINE)
    return set(failed) | ({started[-1]} if ended and started and started[-1] not in done else set())


def run(program, test):
    environment = {**os.environ, "MOS_SEED": SEED, "CMOCKA_MESSAGE_OUTPUT": "STDOUT", "MOS_TEST": test}
    try:
        done = subprocess.run(["stdbuf", "-oL", program], cwd=ROOT, env=environment, text=True, errors="replace",
                              timeout=SECONDS, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    except subprocess.TimeoutExpired as error:
        return failed_tests((error.stdout or b"").decode(errors="replace"), True)
    return failed_tests(done.stdout, done.returncode < 0)


def try_mutant(path):
    """Returns its line of the table, or raises Broken."""
    mutant = read(path)
    folder = COPIES / mutant.name
    failed = run(build(mutant, folder), mutant.test)
    if mutant.test not in failed:
        others = ", ".join(sorted(failed)) or "none"
        raise Broken(f"{mutant.name}: not caught by {mutant.test} of {mutant.program} (tests that failed: {others})")
    return f"{mutant.name:32} {mutant.test:56} {mutant.bug}"


def main(names):
    chosen = [path for path in paths() if not names or path.stem in names]
    if missing := set(names) - {path.stem for path in chosen}:
        sys.exit(f"there is no mutant {', '.join(sorted(missing))}")
    wrong = []
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        for future in [pool.submit(try_mutant, path) for path in chosen]:
            try:
                print(future.result(), flush=True)
            except Broken as error:
                wrong.append(str(error))
    for text in wrong:
        print(text)
    print(f"{len(chosen) - len(wrong)} of {len(chosen)} mutants caught")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
