# SPDX-License-Identifier: MIT
"""The commands on a live kernel, compared with what the kernel says of itself on its console."""
import re

import pytest

from ci.lib.qemu import ROOT, wait_for
from gdb.tests.live import Session, run_to

COMMANDS = ("mos ps", "mos ps -t", "mos threads", "mos cpu", "mos runq", "mos runq 0", "mos bt all",
            "mos bt 1", "mos settle", "mos tree", "mos thread 1", "bt", "mos regs", "mos regs 1")


LAST_FUNCTIONS = ("thread_first_frame", "start64_low", "smp_ap_entry")


@pytest.fixture(scope="module", params=["gcc-debug", "gcc-release", "clang-debug"])
def busy(request):
    """Four CPUs, eight spinners, two sleepers, and a pair that hands a semaphore to and fro."""
    with Session(build=request.param) as session:
        for line in ("spawn spinner 8", "spawn sleeper 2", "spawn ping-pong 1"):
            session.type(line)
        yield session


def by_name(rows, prefix):
    return [row for row in rows if row["name"].startswith(prefix)]


def test_threads_agree_with_the_kernel(busy):
    said = busy.type("threads")
    threads, = busy.mos("threads")
    assert len(threads) == 17 + busy.watchdogs
    for row in threads:
        assert re.search(rf"^ *{row['tid']} .* {re.escape(row['name'])}\b", said, re.M), (row, said)


def test_one_running_thread_per_cpu(busy):
    threads, cpus = busy.mos("threads", "cpu")
    running = {row["cpu"]: row["tid"] for row in threads if row["state"] == "running"}
    assert running == {row["cpu"]: row["tid"] for row in cpus}
    assert sorted(running) == [0, 1, 2, 3]
    assert [row["gdb"] for row in cpus] == [1, 2, 3, 4]


def test_every_runnable_thread_is_in_one_place(busy):
    """Strictly so where no queue is being changed; test_stops.py looks at the other stops."""
    threads, runq = busy.at_rest("threads", "runq")
    assert not any(cpu["locked"] or cpu["picked"] for cpu in runq)
    placed = [cpu["current"]["tid"] for cpu in runq]
    placed += [entry["tid"] for cpu in runq for entry in cpu["queued"]]
    runnable = [row["tid"] for row in threads if row["state"] in ("running", "queued")]
    assert sorted(placed) == sorted(runnable)
    assert len(by_name([r for r in threads if r["tid"] in placed], "spinner")) == 8
    for cpu in runq:
        last = cpu["queued"][-1] if cpu["queued"] else cpu["current"]
        assert last["name"] == "idle" and cpu["load"] == len(cpu["queued"])


def functions(row):
    return [frame.get("function") for frame in row["frames"]]


def test_backtrace_of_every_thread_ends_cleanly(busy):
    rows, = busy.mos("bt all")
    for row in rows:
        names = functions(row)
        assert names[-1] in LAST_FUNCTIONS, row
        if row["name"].startswith("spinner"):
            assert "run_spinner" in names, row
            if row["state"] == "queued":
                assert any(frame["interrupt"] for frame in row["frames"]), row
        if row["name"].startswith("sleeper") and row["state"] == "blocked":
            assert "run_sleeper" in names and "wait_sleep" in names, row


def test_blocked_thread_names_what_it_waits_for(busy):
    """The monitor has printed its prompt, but may not have come to its next wait yet."""
    def monitor():
        return by_name(busy.mos("threads")[0], "monitor")[0]

    assert wait_for(lambda: monitor()["state"] == "blocked", 60)
    assert " at " in monitor()["waits_for"]


def test_backtraces_leave_the_machine_as_it_was(busy):
    text = busy.gdb("thread 2", "info registers", "mos bt all", "info registers", "frame")
    blocks = re.findall(r"^rax .*?^gs_base[^\n]*", text, re.M | re.S)
    assert len(blocks) == 2 and blocks[0] == blocks[1]
    assert "spinner" in busy.type("threads")


def names_of(plain):
    """Functions of a plain backtrace."""
    return re.findall(r"^#\d+ +(?:0x\w+ in )?(\w+) ?\(", plain, re.M)


def waiting_monitor(session):
    """The monitor's thread id, once it waits for input."""
    def blocked():
        row, = by_name(session.mos("threads")[0], "monitor")
        return row["tid"] if row["state"] == "blocked" else 0

    assert wait_for(blocked, 60)
    return blocked()


def test_select_a_blocked_thread(busy):
    tid = waiting_monitor(busy)
    text = busy.gdb(f"mos bt {tid}", "echo @\\n", f"mos thread {tid}", "bt", "echo @\\n", "mos bt all",
                    "mos cpu", "mos regs", "bt", "echo @\\n", "up", "info locals", "frame function begin",
                    "print self->name", "down")
    said, selected, again, frames = text.split("@\n")
    expected = [line.split()[2] for line in said.splitlines() if re.match("  #", line)]
    assert names_of(selected) == expected and expected[-1] == "thread_first_frame"
    assert names_of(again) == expected, "other commands leave the selection as it was"
    assert f"[thread {tid} monitor, " in selected and '= "monitor' in frames, frames


def test_resuming_with_any_thread_selected_is_safe(busy):
    tid = waiting_monitor(busy)
    text = busy.gdb("thread 2", "info registers", f"mos thread {tid}", "thread 2", "info registers", "bt",
                    "echo @\\n", f"mos thread {tid}", "stepi", "bt", "echo @\\n",
                    f"mos thread {tid}", run_to("arch_thread_switch"), "bt", "echo @\\n",
                    f"mos thread {tid}", "thread apply all bt")
    before, stepped, ran, all_of_them = text.split("@\n")
    blocks = re.findall(r"^rax .*?^gs_base[^\n]*", before, re.M | re.S)
    assert len(blocks) == 2 and blocks[0] == blocks[1]
    for part in (before, stepped, all_of_them):
        assert "monitor_main" not in names_of(part.split("frame\n")[-1]), part
    assert names_of(ran)[-1] in LAST_FUNCTIONS
    assert "spinner" in busy.type("threads")


def test_registers_of_every_cpu(busy):
    cpus, live = busy.mos("cpu", "regs")
    assert [row["cpu"] for row in live] == [0, 1, 2, 3]
    for cpu, row in zip(cpus, live):
        assert cpu["pc"] == row["sets"][0]["registers"]["rip"] and cpu["tid"] == row["tid"]


def test_registers_of_a_thread_that_was_interrupted(busy):
    """At one stop: what the interrupt broke into is where the backtrace goes on."""
    threads, = busy.mos("threads")
    spinners = [row["tid"] for row in threads if row["name"].startswith("spinner")]
    rows = busy.mos(*[f"regs {tid}" for tid in spinners], *[f"bt {tid}" for tid in spinners])
    seen = 0
    for (registers,), (stack,) in zip(rows[:len(spinners)], rows[len(spinners):]):
        sets = {part["at"]: part["registers"] for part in registers["sets"]}
        if "interrupt" not in sets:
            continue
        seen += 1
        entry = next(i for i, frame in enumerate(stack["frames"]) if frame["interrupt"])
        assert sets["interrupt"]["rip"] == stack["frames"][entry + 1]["pc"]
        assert sets["switch"]["rsp"] < sets["interrupt"]["rsp"]
        assert "eflags" not in sets["interrupt"] and len(sets["interrupt"]) == 17
    assert seen >= 4


def test_tree_has_every_process_and_thread(busy):
    tree, threads, ps = busy.mos("tree", "threads", "ps")
    assert [row["pid"] for row in tree] == [row["pid"] for row in ps]
    assert [t["tid"] for row in tree for t in row["threads"]] == [row["tid"] for row in threads]


def test_plain_output_and_printers(busy):
    text = busy.gdb(*COMMANDS, "print $current()", "print $thread(1).name", "print $runq(1)",
                    "print $process(0)", "print $cpu(2).cpu_id", "print process_list")
    assert "CPU TIME" in text and re.search(r"^CPU 3 +load \d", text, re.M)
    assert re.search(r"^\$1 = thread \d+ \S+, running, level \d+ = {", text, re.M)
    assert "run queue of CPU 1" in text and "process 0 kernel" in text and "list of 1" in text
    assert re.search(r"slice_end = (\d+\.\d+ (s|ms|us)|never|\d+ ns)", text)


@pytest.mark.parametrize("command, words", [
    ("mos bt", "given 0 arguments, expected a thread id or all"),
    ("mos bt 9999", "no thread has id 9999"),
    ("mos bt pear", "given 'pear', expected a thread id or all"),
    ("mos thread", "given 0 arguments, expected a thread id"),
    ("mos thread 9999", "no thread has id 9999"),
    ("mos regs pear", "given 'pear', expected a thread id"),
    ("mos tree 1", "takes no arguments"),
    ("mos runq 99", "no CPU 99 is on line; there are 0, 1, 2, 3"),
    ("mos runq 1 2", "given 2 arguments"),
    ("mos ps -x", "given '-x', expected -t or nothing"),
    ("mos threads now", "takes no arguments"),
    ("mos settle now", "takes no arguments"),
    ("mos bt 'unclosed", "No closing quotation"),
    ("print $thread(9999)", "there is none with this number"),
    ("print $runq(99)", "there is none with this number"),
])
def test_bad_arguments_are_named(busy, command, words):
    assert words in busy.gdb(command)


def test_kernel_symbols_and_scripts_fit(busy):
    row, = busy.mos("kernel")
    assert row["complaint"] is None and row["stage"] is None
    assert row["version"] == row["scripts_version"] and row["build_id"] == row["symbols"]
    assert row["build_id"][:12] in busy.boot_output


def test_symbols_of_another_build_are_refused(busy):
    other = "gcc-release" if busy.kernel.parent.name == "gcc-debug" else "gcc-debug"
    text = busy.gdb("mos threads", "mos kernel", symbols=ROOT / "build" / other / "multios.elf")
    assert len(re.findall("runs build [0-9a-f]{40}, gdb has the symbols of build", text)) == 2
    assert "TID" not in text


def test_symbols_of_something_else_are_refused(busy):
    assert "is no MultiOS kernel" in busy.gdb("mos threads", symbols="/bin/true")


def test_completion_and_help(busy):
    text = busy.gdb("complete mos ", "complete mos bt a", "help mos bt")
    assert re.search(r"^mos threads$", text, re.M) and "mos bt all" in text
    assert "Nothing is written to the machine" in text
