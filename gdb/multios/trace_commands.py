# SPDX-License-Identifier: MIT
"""mos trace, mos timeline, mos sched, mos why-switch: what the scheduler did."""

from multios import trace, ui
from multios.places import place

LAST = 40         # records that `mos trace` shows
WIDTH = 72        # columns of a timeline
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
IDLE, SEVERAL = ".", "#"


def clock_text(ns):
    return "%5d.%09d" % divmod(ns, 1000000000)


class TraceCommand(ui.MosCommand):
    """What they share: names of threads that are still there."""

    def names(self):
        if self._threads is None:
            self._threads = {t.tid: t for t in self.kernel.threads()}
        return self._threads

    def rows(self, arguments):
        self._threads = None
        return self.data(arguments)

    def name(self, tid):
        thread = self.names().get(tid)
        return thread.name if thread else None

    def called(self, tid):
        return "%d %s" % (tid, self.name(tid) or "(ended)")

    def is_idle(self, tid):
        thread = self.names().get(tid)
        return thread is not None and thread.is_idle


def value_text(word, value):
    """An operand that is no thread."""
    if word == "text":
        return '"%s"' % value.to_bytes(8, "little").rstrip(b"\0").decode("utf-8", "replace")
    return (place(value) or "0x%x" % value) if word == "object" else str(value)


class Trace(TraceCommand):
    """Show the newest records of the trace, of all CPUs in order of time.

mos trace [--cpu N] [--tid N] [--last N] [--json]

--last is how many records, 40 unless said. What the rings have lost is
counted in a note."""

    NAME, USAGE = "trace", "[--cpu N] [--tid N] [--last N]"
    OPTIONS = {"--cpu": "a CPU number", "--tid": "a thread id", "--last": "a number of records"}

    def completions(self, text):
        return list(self.OPTIONS)

    def data(self, arguments):
        given = ui.options(arguments, self.OPTIONS)
        rings = trace.Rings(self.kernel)
        records, lost = trace.require(rings)
        if lost:
            self.kernel.problems.append("%d older records were overwritten" % lost)
        if "--cpu" in given:
            records = [r for r in records if r["cpu"] == given["--cpu"]]
        if "--tid" in given:
            records = [r for r in records if trace.concerns(r, given["--tid"])]
        kinds = {kind: rings.operands(kind) for kind in {r["kind"] for r in records}}
        return [{**r, "operands": list(kinds[r["kind"]])}
                for r in records[-given.get("--last", LAST):]]

    def show(self, data):
        return "".join("[%s %d] %-8s %s\n" % (clock_text(r["time"]), r["cpu"], r["kind"],
                                              self._words(r)) for r in data)

    def _words(self, record):
        a, b = record["operands"]
        words = []
        for word, value in ((a, record["a"]), (b, record["b"])):
            of_thread = word in ("thread", "left", "runs", "creator", "by")
            words.append("%s %s" % (word, self.called(value) if of_thread else value_text(word, value)))
        return " ".join(words) + ("  " + record["reason"] if record["reason"] else "")


class Timeline(TraceCommand):
    """Draw who ran on each CPU, as text.

mos timeline [--last MS] [--width N] [--json]

One line per CPU, time to the right, one letter per thread: "." is idle, "#" is several threads in
one column, a blank is before the first record. --last is how many milliseconds back, 100 unless
said. --json gives the runs themselves."""

    NAME, USAGE = "timeline", "[--last MS] [--width N]"
    OPTIONS = {"--last": "milliseconds", "--width": "a number of columns"}

    def completions(self, text):
        return list(self.OPTIONS)

    def data(self, arguments):
        given = ui.options(arguments, self.OPTIONS)
        self.width = max(1, given.get("--width", WIDTH))
        records, _ = trace.require(trace.Rings(self.kernel))
        end = records[-1]["time"]
        start = end - given.get("--last", 100) * 1000000
        found = [dict(r, start=max(r["start"], start)) for r in trace.runs(records, end)
                 if r["end"] > start]
        return {"start": start, "end": end, "cpus": self.kernel.cpu_numbers(),
                "runs": [dict(r, name=self.name(r["tid"])) for r in found]}

    def show(self, data):
        ids = list(dict.fromkeys(r["tid"] for r in data["runs"] if not self.is_idle(r["tid"])))
        letters = {tid: LETTERS[i] if i < len(LETTERS) else "?" for i, tid in enumerate(ids)}
        span = max(1, data["end"] - data["start"])
        lines = ["%s .. %s, a column is %s" % (
            clock_text(data["start"]).strip(), clock_text(data["end"]).strip(),
            ui.time_text(span // self.width))]
        for cpu in data["cpus"]:
            runs = [r for r in data["runs"] if r["cpu"] == cpu]
            lines.append("CPU %-3d %s" % (cpu, self._lane(runs, data["start"], span, letters)))
        lines += ["  %s  %s" % (letters[tid], self.called(tid)) for tid in ids]
        return "\n".join(lines) + "\n"

    def _lane(self, runs, start, span, letters):
        cells = [set() for _ in range(self.width)]
        for run in runs:
            first = (run["start"] - start) * self.width // span
            last = max(first, ((run["end"] - start) * self.width - 1) // span)
            for column in range(first, min(last, self.width - 1) + 1):
                cells[column].add(run["tid"])
        return "".join(self._cell(cell, letters) for cell in cells).rstrip()

    @staticmethod
    def _cell(tids, letters):
        busy = [letters[tid] for tid in tids if tid in letters]
        if len(busy) > 1:
            return SEVERAL
        return busy[0] if busy else IDLE if tids else " "


class SchedTimes(TraceCommand):
    """Tables of waiting and running, as `perf sched` prints them.

mos sched timehist|latency [--tid N] [--last N] [--json]

timehist: one line for each turn that ended: how long the thread had waited before it was ready, how
long it was ready before it ran, how long it ran. latency: the same by thread, with the longest delay
and when it was. Times are in milliseconds; "-" is what happened before the first record."""

    NAME, USAGE = "sched", "timehist|latency [--tid N] [--last N]"
    OPTIONS = {"--tid": "a thread id", "--last": "a number of lines"}

    def completions(self, text):
        return ["timehist", "latency", *self.OPTIONS]

    def data(self, arguments):
        if not arguments or arguments[0] not in ("timehist", "latency"):
            raise ui.UsageError("given %r, expected timehist or latency" % " ".join(arguments[:1]))
        given = ui.options(arguments[1:], self.OPTIONS)
        self.table = arguments[0]
        records, lost = trace.require(trace.Rings(self.kernel))
        if lost:
            self.kernel.problems.append("%d older records were overwritten" % lost)
        delays = trace.Delays(records)
        return self._timehist(delays, given) if self.table == "timehist" else \
            self._latency(delays, given)

    def _timehist(self, delays, given):
        rows = [dict(r, name=self.name(r["tid"])) for r in delays.rows
                if given.get("--tid", r["tid"]) == r["tid"]]
        return rows[-given.get("--last", LAST):]

    def _latency(self, delays, given):
        rows = [dict(of, tid=tid, name=self.name(tid)) for tid, of in delays.by_thread().items()
                if given.get("--tid", tid) == tid]
        return sorted(rows, key=lambda r: -r["delay_max"])[:given.get("--last", len(rows))]

    def show(self, data):
        return self._show_timehist(data) if self.table == "timehist" else self._show_latency(data)

    def _show_timehist(self, data):
        return ui.table(("TIME", "CPU", "THREAD", "WAIT", "DELAY", "RUN", "THEN"), [
            [clock_text(r["time"]).strip(), r["cpu"], self.called(r["tid"]), in_ms(r["wait"]),
             in_ms(r["delay"]), in_ms(r["run"]), r["reason"].lower()] for r in data])

    def _show_latency(self, data):
        return ui.table(("THREAD", "RUNTIME", "TURNS", "AVERAGE DELAY", "LONGEST DELAY", "AT"), [
            [self.called(r["tid"]), in_ms(r["runtime"]), r["turns"],
             in_ms(r["delay_total"] // r["delays"] if r["delays"] else None),
             in_ms(r["delay_max"] if r["delays"] else None),
             r["delay_max_at"] and clock_text(r["delay_max_at"]).strip()] for r in data])


def in_ms(ns):
    return "-" if ns is None else "%.3f" % (ns / 1e6)


class WhySwitch(TraceCommand):
    """Say why CPUs switched last, and who would have been next otherwise.

mos why-switch [CPU] [--json]

From the newest switch in each CPU's trace (not with trace=off): who left for which reason, who runs,
and the runner-up: the first of those who were in the queue then and still are."""

    NAME, USAGE = "why-switch", "[CPU]"

    def completions(self, text):
        return [str(n) for n in self.kernel.cpu_numbers()]

    def data(self, arguments):
        cpus = self.kernel.cpus()
        if len(arguments) > 1:
            raise ui.UsageError("given %d arguments, expected a CPU number or nothing"
                                % len(arguments))
        if arguments:
            number = ui.number(arguments[0], "a CPU number")
            cpus = [cpu for cpu in cpus if cpu.number == number]
            if not cpus:
                raise ui.UsageError("no CPU %d is on line" % number)
        rings = trace.Rings(self.kernel)
        trace.require(rings)
        texts = dict(zip(rings.reasons.values(),
                         trace.texts(self.kernel, "reasons", len(rings.reasons) - 1)))
        records = rings.merged()[0]
        return [self._row(rings, cpu, texts, records) for cpu in cpus]

    @staticmethod
    def _runner_up(cpu, records, time):
        """The first in the queue that has not come there after the switch."""
        later = {r["a"] for r in records if r["time"] > time and r["b"] == cpu.number and
                 r["kind"] in (trace.WAKE, trace.MIGRATE)}
        return next((t for _, t in cpu.queued() if t.tid not in later and
                     t.running_on is None), None)

    def _row(self, rings, cpu, texts, records):
        switches = [r for r in rings.of_cpu(cpu.number)[0] if r["kind"] == trace.SWITCH]
        row = {"cpu": cpu.number, "switch": switches[-1] if switches else None}
        if not switches:
            return row
        last = switches[-1]
        second = self._runner_up(cpu, records, last["time"])
        following = self.names().get(last["b"])
        row.update(left={"tid": last["a"], "name": self.name(last["a"])},
                   runs={"tid": last["b"], "name": self.name(last["b"])},
                   reason=last["reason"], text=texts.get(last["reason"]),
                   rank=following and following.entity.rank,
                   runner_up=second and {"tid": second.tid, "name": second.name,
                                         "rank": second.entity.rank})
        return row

    def show(self, data):
        return "".join(self._text(row) for row in data)

    def _text(self, row):
        if not row["switch"]:
            return "CPU %d: no switch is in its trace\n" % row["cpu"]
        lines = ["CPU %d at %s: %s left because: %s (%s)\n" % (
            row["cpu"], clock_text(row["switch"]["time"]).strip(), self.called(row["left"]["tid"]),
            row["text"], row["reason"].lower())]
        lines.append("    %s runs%s\n" % (self.called(row["runs"]["tid"]),
                                         "" if row["rank"] is None else ", rank %d" % row["rank"]))
        second = row["runner_up"]
        lines.append("    runner-up: %s\n" % (
            "%d %s, rank %d" % (second["tid"], second["name"], second["rank"]) if second
            else "none that is still in the queue"))
        return "".join(lines)
