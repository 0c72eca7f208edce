# SPDX-License-Identifier: MIT
"""Tables in the manner of `perf sched`: timehist, latency, map; all records as CSV."""
import csv

from mostrace.file import SWITCH
from mostrace.states import turns

CODES = [a + b for a in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" for b in "0123456789abcdefghijklmnopqrstuvwxyz"]


def ms(ns):
    """Milliseconds with three decimals, as perf prints them."""
    return "0.000" if ns is None else f"{ns / 1e6:.3f}"


def seconds(ns):
    return f"{ns // 10**9}.{ns % 10**9 // 1000:06d}"


def called(trace, tid):
    return "<idle>" if trace.is_idle(tid) else f"{trace.name(tid)}[{tid}]"


def timehist(trace, out):
    """A line per turn: how long it had waited, how long it was ready, how long it ran."""
    row = "{:>15} {} {:<30} {:>11} {:>11} {:>11}\n".format
    out.write(row("time", "cpu   ", "task name", "wait time", "sch delay", "run time"))
    out.write(row("", "      ", "[tid]", "(msec)", "(msec)", "(msec)"))
    out.write(row("-" * 15, "------", "-" * 30, *["-" * 9] * 3))
    for turn in turns(trace):
        if turn.reason and not trace.is_idle(turn.tid):
            out.write(row(seconds(turn.end), f"[{turn.cpu:04d}]", called(trace, turn.tid), ms(turn.wait),
                          ms(turn.delay), ms(turn.end - turn.start)))


class Sum:
    """Of the turns of one thread."""

    def __init__(self):
        self.run = self.turns = self.delay = self.delays = self.longest = 0
        self.longest_at = None

    def add(self, turn):
        self.run += turn.end - turn.start
        self.turns += 1
        if turn.delay is not None:
            self.delay += turn.delay
            self.delays += 1
            if turn.delay >= self.longest:
                self.longest, self.longest_at = turn.delay, turn.start


def latency(trace, out):
    """A line per thread, the longest average delay first."""
    sums = {}
    for turn in turns(trace):
        if not trace.is_idle(turn.tid):
            sums.setdefault(turn.tid, Sum()).add(turn)
    row = "{:<30}|{:>13} |{:>9} |{:>14} |{:>14} |{:>18}\n".format
    out.write(row("  Task", "Runtime ms", "Count", "Avg delay ms", "Max delay ms", "Max delay at s"))
    out.write("-" * 108 + "\n")
    for tid, of in sorted(sums.items(), key=lambda item: -item[1].delay / max(item[1].delays, 1)):
        out.write(row("  " + called(trace, tid), ms(of.run), of.turns, ms(of.delay / max(of.delays, 1)),
                      ms(of.longest), seconds(of.longest_at) if of.longest_at is not None else "-"))
    out.write("-" * 108 + "\n")
    out.write(row("  TOTAL:", ms(sum(of.run for of in sums.values())), sum(of.turns for of in sums.values()),
                  "", "", ""))


def switch_map(trace, out):
    """A line per switch: which thread each CPU runs, by a short name that is told when it is new."""
    codes, running = {}, {}
    for record in trace.records:
        if record.kind != SWITCH:
            continue
        tid, new = record.b, ""
        if not trace.is_idle(tid) and tid not in codes:
            codes[tid] = CODES[len(codes) % len(CODES)]
            new = f"{codes[tid]} => {trace.name(tid)}:{tid}"
        running[record.cpu] = "." if trace.is_idle(tid) else codes[tid]
        cells = ("*" * (cpu == record.cpu) + running.get(cpu, "") for cpu in range(trace.cpus))
        out.write("".join(f"{cell:>4}" for cell in cells) + f"  {seconds(record.time):>14} secs {new}".rstrip() + "\n")


def as_csv(trace, out):
    """Every record; the thread's name beside its number where the first operand is a thread."""
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(("time_ns", "cpu", "seq", "kind", "reason", "a", "b", "name"))
    for r in trace.records:
        rows.writerow((r.time, r.cpu, r.seq, r.kind, r.reason or "", r.a, r.b, trace.names.get(r.a, "")))
