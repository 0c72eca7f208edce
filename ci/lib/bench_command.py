# SPDX-License-Identifier: MIT
"""`make bench`: what the kernel's operations cost, in guest instructions.

Boots the release kernel on one CPU under icount shift=0, where one instruction is one TSC tick and
every run gives the same figures, and prints them beside the peers of bench/peers.json. The trace is
off, as in the peers' measurements; statistics are on.
"""
import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))
from ci.lib.boot import Runner, Verdict  # noqa: E402
from ci.lib.qemu import ROOT, Machine, Unusable  # noqa: E402

LINE = re.compile(r"^# bench (\S+) n=(\d+) min=(\d+) median=(\d+) max=(\d+)", re.M)
PEERS = ROOT / "bench/peers.json"
RESULT = ROOT / "build/bench.json"
CPU = "qemu64"
TIMEOUT = 300
# What is booted for all rows: memory, CPUs, benchmarks, and the algorithm. A row "yield-ready-N" is
# the algorithm's yield-switch-N.
RUNS = (("512M", "1", "all", "rr"),
        ("2G", "1", "yield-ready-100000,yield-switch-100000-fp", "rr"),
        ("2G", "1", "yield-ready-10,yield-ready-1000,yield-ready-100000", "mlfq"),
        ("512M", "1", "yield-ready-10,yield-ready-1000", "priority"),
        ("512M", "1", "yield-ready-10,yield-ready-1000", "edf"),
        ("512M", "2", "wakeup-remote", "rr"))
SLOWER = 1.02  # repeated runs are exact, so 2 % is a change and not noise


def rows_of(text, peers):
    """The rows of bench.json from what the kernel printed, in the order of the peers' table."""
    rows = []
    for name, *figures in LINE.findall(text):
        known = peers.get(name, {})
        row = {"id": name, **dict(zip(("n", "min", "median", "max"), map(int, figures)))}
        rows.append({**row, **{key: known.get(key) for key in ("peer", "peer_name", "goal")}})
    order = list(peers)
    return sorted(rows, key=lambda row: order.index(row["id"]) if row["id"] in peers else len(order))


def boot(kernel, memory, cpus, benches, algorithm):
    """Boots a kernel and returns the text with its figures."""
    # Without turns: else what a woken CPU does first would count as the sender's, and interrupts
    # that end turns as whoever's.
    machine = Machine(kernel=kernel, firmware="pvh", smp=cpus, memory=memory, icount=0, cpu=CPU,
                      turns=False,
                      cmdline=f"trace=off sched={algorithm} bench={benches}")
    done = Runner(machine, TIMEOUT).run()
    if done.verdict != Verdict.PASS:
        raise Unusable(f"{done.cause}\n{done.text[-2000:]}\n{done.dump}")
    return re.sub(r"yield-ready-(\d+)", rf"yield-switch-\1-{algorithm}", done.text)


def measure(kernel, benches):
    """The text of all figures, or of some benchmarks by the names that the kernel knows."""
    if benches != "all":
        return boot(kernel, "512M", "1", benches, "rr")
    return "".join(boot(kernel, *run) for run in RUNS)


def compiler(name):
    first = subprocess.run([name, "--version"], text=True, stdout=subprocess.PIPE, check=True).stdout
    return f"{name} {re.search(r'[0-9]+[.][0-9.]+', first)[0]}"


def render(rows):
    lines = [f"{'':<24}{'n':>6}{'min':>11}{'median':>11}{'max':>11}{'goal':>12}   peer"]
    for row in rows:
        figures = "".join(f"{row[key]:>11,}" for key in ("min", "median", "max"))
        goal = f"{row['goal']:>12,}" if row["goal"] else " " * 12
        over = " " if not row["goal"] or row["median"] <= row["goal"] else "!"
        peer = f"{row['peer']:,} {row['peer_name']}" if row["peer"] else ""
        lines.append(f"{row['id']:<24}{row['n']:>6}{figures}{goal}{over}  {peer}".rstrip())
    return "\n".join(lines)


def compare(rows, before):
    """Lines about what changed, and whether something got slower."""
    old = {row["id"]: row["median"] for row in before}
    lines, slower = [], False
    for row in rows:
        was, now = old.get(row["id"]), row["median"]
        if not was or was == now:
            continue
        worse = now > was * SLOWER
        slower |= worse
        lines.append(f"{row['id']:<20}{was:>11,} -> {now:,} ({100 * (now - was) / was:+.1f} %)"
                     + (" slower" if worse else ""))
    return lines or ["nothing changed"], slower


def git(*words):
    return subprocess.run(["git", *words], cwd=ROOT, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=False)


def measure_revision(revision, cc, benches):
    """The figures of another revision, built in a git worktree that is taken away again."""
    found = git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if found.returncode:
        raise Unusable(f"COMPARE={revision}: git knows no such revision")
    tree = ROOT / "build/compare" / found.stdout.strip()[:12]
    git("worktree", "remove", "--force", str(tree))
    if git("worktree", "add", "--detach", str(tree), found.stdout.strip()).returncode:
        raise Unusable(f"COMPARE={revision}: git cannot make a worktree in {tree}")
    try:
        made = subprocess.run(["make", "-s", "-j2", "kernel", f"CC={cc}", "BUILD=release"], cwd=tree,
                              check=False)
        if made.returncode:
            raise Unusable(f"COMPARE={revision}: that revision does not build")
        return measure(tree / f"build/{cc}-release/multios.elf", benches)
    finally:
        git("worktree", "remove", "--force", str(tree))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cc", default="gcc")
    parser.add_argument("--bench", default="all", help="names separated by commas")
    parser.add_argument("--compare", default="", metavar="REV")
    options = parser.parse_args()
    peers = json.loads(PEERS.read_text(encoding="utf-8"))["rows"]
    rows = rows_of(measure(ROOT / f"build/{options.cc}-release/multios.elf", options.bench), peers)
    result = {"unit": "guest instructions", "cpu": CPU, "compiler": compiler(options.cc), "rows": rows}
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"Guest instructions: {result['compiler']}, release, {CPU}, one CPU, icount shift=0, sched=rr, trace off")
    print(render(rows))
    slower = False
    if options.compare:
        before = rows_of(measure_revision(options.compare, options.cc, options.bench), peers)
        lines, slower = compare(rows, before)
        print(f"\nAgainst {options.compare}, more than 2 % is slower:")
        print("\n".join(lines))
    return int(slower)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Unusable as error:
        print(f"make bench: {error}", file=sys.stderr)
        sys.exit(2)
