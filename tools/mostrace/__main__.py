# SPDX-License-Identifier: MIT
"""
What can be made of a trace that `make run TRACE=file` has written:

    tools/mos-trace FILE                    what is in it
    tools/mos-trace FILE timehist           each turn: wait, delay, run
    tools/mos-trace FILE latency            the same by thread
    tools/mos-trace FILE map                who ran on each CPU, switch by switch
    tools/mos-trace FILE csv [-o OUT]       all records
    tools/mos-trace FILE perfetto -o OUT    for ui.perfetto.dev
    tools/mos-trace FILE ctf -o FOLDER      for Trace Compass and babeltrace2
    tools/mos-trace FILE check              whether it can be true; exit code 1 if not
"""
import argparse
import contextlib
import sys

from mostrace import ctf, perfetto, states, text
from mostrace.file import BadTrace, Trace

TABLES = {"timehist": text.timehist, "latency": text.latency, "map": text.switch_map, "csv": text.as_csv}
WRONG_SHOWN = 20


def info(trace, out):
    """How much there is of what, and what is missing."""
    span = trace.end() - trace.start()
    out.write(f"{trace.path}: {len(trace.records)} records of {trace.cpus} CPUs in {span / 1e9:.6f} s, "
              f"{sum(trace.lost.values())} lost, {len(trace.names)} threads\n")
    if trace.run_count > 1:
        out.write(f"the last of {trace.run_count} runs; --run N takes another\n")
    if trace.cut:
        out.write(f"it ends within a record: {trace.cut} bytes are left\n")
    count = {}
    for record in trace.records:
        count[record.kind] = count.get(record.kind, 0) + 1
    for kind in sorted(count, key=lambda name: -count[name]):
        out.write(f"  {kind:<10} {count[kind]:>9}\n")


def check(trace, out):
    """The exit code."""
    found = states.Checker(trace)
    for line in found.wrong[:WRONG_SHOWN]:
        out.write(line + "\n")
    if len(found.wrong) > WRONG_SHOWN:
        out.write(f"and {len(found.wrong) - WRONG_SHOWN} more\n")
    out.write(f"{len(trace.records)} records, {found.switches} switches, {found.gaps} gaps: "
              f"{len(found.wrong)} contradictions\n")
    return 1 if found.wrong else 0


@contextlib.contextmanager
def output(path, binary=False):
    """The file that -o names, else standard output."""
    if not path:
        yield sys.stdout.buffer if binary else sys.stdout
        return
    try:
        with open(path, "wb" if binary else "w", **({} if binary else {"encoding": "utf-8"})) as file:
            yield file
    except OSError as error:
        raise BadTrace(f"{path}: {error.strerror}") from error


def arguments():
    parser = argparse.ArgumentParser(prog="mos-trace", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("what", nargs="?", default="info",
                        choices=["info", *TABLES, "perfetto", "ctf", "check"])
    parser.add_argument("-o", "--output")
    parser.add_argument("--run", type=int, help="of a machine that was rebooted: which run, from 1")
    return parser.parse_args()


def run(options):
    trace = Trace(options.file, options.run)
    if options.what in ("perfetto", "ctf") and not options.output:
        raise BadTrace(f"{options.what} needs -o and where it is to be written")
    if options.what == "ctf":
        ctf.write(trace, options.output)
        return 0
    with output(options.output, options.what == "perfetto") as out:
        if options.what == "perfetto":
            perfetto.write(trace, out)
        elif options.what == "check":
            return check(trace, out)
        else:
            TABLES.get(options.what, info)(trace, out)
    return 0


def main():
    try:
        return run(arguments())
    except BadTrace as error:
        print(f"mos-trace: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 0


if __name__ == "__main__":
    sys.exit(main())
