# SPDX-License-Identifier: MIT
"""gdb without our scripts, behind the proxy: every kernel thread is a thread of gdb's."""
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from ci.lib.qemu import ROOT, wait_for
from gdb.tests.live import GDB, Session, run_to

LAST_FUNCTIONS = ("thread_first_frame", "start64_low", "smp_ap_entry")
ROW = re.compile(r'^([* ]) +(\d+) +Thread (\d+) "([^"]*)" \((?:tid (\d+), (\S+)|[^)]*)(.*?)\) +(.*)$', re.M)
SLEEPS = "thread_sleep"


@pytest.fixture(scope="module", params=["gcc-debug", "gcc-release", "clang-debug"])
def busy(request):
    with Session(build=request.param, smp="2") as session:
        for line in ("spawn spinner 3", "spawn sleeper 2", "spawn ping-pong 1"):
            session.type(line)
        yield session


def plain(session, *commands, **more):
    return session.gdb(*commands, proxy=True, scripts=False, **more)


def rows(text):
    """[{gdb's number, tid, name, …}] of one `info threads`."""
    names = ("selected", "gdb", "number", "name", "tid", "state", "place", "frame")
    return [dict(zip(names, found)) for found in ROW.findall(text)]


def row_of(text, name):
    """The only thread of that name."""
    row, = [row for row in rows(text) if row["name"] == name]
    return row


def gdb_number(session, name):
    """What `thread N` takes. It depends on the order in which gdb hears of the threads, which stays."""
    return row_of(plain(session, "info threads"), name)["gdb"]


def on_cpus(text):
    return sorted(re.findall(r"on CPU#(\d+)\)", text))


def blocks(text):
    """{name: functions} of `thread apply all bt`."""
    found = {}
    for part in re.split(r"^Thread (?=\d+ \()", text, flags=re.M)[1:]:
        found[re.search(r'"([^"]*)"', part)[1]] = re.findall(r"^#\d+ +(?:0x\w+ in )?(\w+) ?\(", part, re.M)
    return found


def test_the_threads_are_the_kernels_own(busy):
    said = re.findall(r"^ *(\d+) ([A-Z]+) .*\d  (\S+)(?:  .*)?$", busy.type("threads"), re.M)
    text = plain(busy, "info threads")
    assert sorted((row["tid"], row["name"]) for row in rows(text)) == sorted((tid, name) for tid, _, name in said)
    assert len(said) == 10 + busy.watchdogs and on_cpus(text) == ["0", "1"]
    assert all(int(row["number"]) == 1000 + int(row["tid"]) for row in rows(text))


def test_every_backtrace_ends_cleanly(busy):
    said = len(re.findall(r"^ *\d+ [A-Z]+ ", busy.type("threads"), re.M))
    text = plain(busy, "thread apply all bt", "info threads")
    found = blocks(text)
    assert len(re.findall(r"^Thread \d+ \(", text, re.M)) == said
    assert all(functions[-1] in LAST_FUNCTIONS for functions in found.values()), text
    assert "run_spinner" in found["spinner.1"] and "monitor_main" in found["monitor"], text
    assert not re.search(r"rror|corrupt|Cannot|arning", text), text
    assert "spinner.1" in busy.type("threads"), "the machine goes on"


def test_a_thread_on_no_cpu_can_be_looked_at_but_not_written(busy):
    """Its registers are the saved ones; those that nobody kept are unknown."""
    monitor = gdb_number(busy, "monitor")
    text = plain(busy, f"thread {monitor}", "print $rip", "print $rax", "set $rip = 0", "print $rip",
                 "set $rbx = 1", "frame function begin", "print self->name", "info threads")
    assert len(re.findall(r"Could not write registers?.*E\.thread \d+ is on no CPU", text)) == 2, text
    rip, again = re.findall(r"= \(void \(\*\)\(\)\) (0x\w+)", text)
    assert rip == again and "<unavailable>" in text and '= "monitor' in text, text
    assert row_of(text, "monitor")["selected"] == "*"


def test_going_on_with_any_thread_selected_is_safe(busy):
    monitor = gdb_number(busy, "monitor")
    text = plain(busy, f"thread {monitor}", run_to(SLEEPS), "info threads", f"thread {monitor}",
                 run_to(SLEEPS), "info threads")
    assert len(re.findall(r'^Thread \d+ "sleeper\.\d" hit Temporary breakpoint', text, re.M)) == 2, text
    assert "sleeper.1" in busy.type("threads")


def test_a_breakpoint_of_one_thread_survives(busy):
    """Also the turns that others have on the CPU; and no other thread's call stops."""
    number = gdb_number(busy, "sleeper.2")
    text = plain(busy, f"break {SLEEPS} thread {number}", *["continue"] * 6, "info threads", "echo @\\n")
    assert re.findall(r'^Thread \d+ "([^"]*)" hit Breakpoint', text, re.M) == ["sleeper.2"] * 6, text
    assert "no longer in the thread list" not in text.split("@\n")[0]
    assert row_of(text, "sleeper.2")["gdb"] == number


def while_it_is_blocked(session, *commands):
    """
    Commands with sleeper.1 selected, which waits while sleeper.2 is about to; what was printed, and the
    lists of threads in it, the first of which was asked for before the commands.
    """
    first, second = (gdb_number(session, name) for name in ("sleeper.1", "sleeper.2"))
    for _ in range(8):  # the two may be awake at once, on two CPUs
        text = plain(session, run_to(f"{SLEEPS} thread {second}"), "info threads", f"thread {first}", *commands)
        lists = text.split("  Id ")[1:]
        if row_of(lists[0], "sleeper.1")["state"] == "blocked":
            return text, lists
    raise AssertionError(text)


def test_a_blocked_thread_can_be_stepped(busy):
    """It stops where it resumes, on whichever CPU, and from there on goes step by step."""
    text, (_, *after) = while_it_is_blocked(busy, "print $pc", "stepi", "print $pc", "info threads", "stepi",
                                            "stepi", "print $pc", "info threads")
    for part in after:
        row = row_of(part, "sleeper.1")
        assert row["selected"] == "*" and "on CPU#" in row["place"], text
    before, resumed, stepped = re.findall(r"^\$\d+ = .*?(0x\w+)", text, re.M)
    assert before == resumed != stepped, text


def test_finish_waits_for_the_thread_that_was_selected(busy):
    """A frame of a blocked thread is left when that thread leaves it; others pass there meanwhile."""
    text, (_, after) = while_it_is_blocked(busy, "frame function run_sleeper", "down", "finish", "info threads")
    row = row_of(after, "sleeper.1")
    assert row["selected"] == "*" and row["frame"].split("in ")[-1].startswith("run_sleeper"), text


def test_stepping_a_thread_through_its_switch(busy):
    """A step that switches ends when the same thread is back."""
    text = plain(busy, run_to("arch_thread_switch"), "info threads", "finish", "info threads")
    before, after = text.split("  Id ")[1:]
    selected = [[r["name"] for r in rows(part) if r["selected"] == "*"] for part in (before, after)]
    assert selected[0] == selected[1] and len(selected[0]) == 1, text
    assert "arch_thread_switch" in before and "on CPU#" in row_of(after, selected[1][0])["place"], text


@pytest.mark.parametrize("place", ["sched_env_trace_switch", "arch_thread_switch", "entry_timer", "thread_sleep"])
def test_each_cpu_and_each_thread_is_shown_once(place):
    with Session(smp="2", cmdline="trace=on") as session:
        for line in ("spawn spinner 3", "spawn sleeper 2"):
            session.type(line)
        text = plain(session, *[run_to(place), "info threads", "echo @\\n"] * 4, "thread apply all bt")
    for part in text.split("@\n")[:4]:
        assert len(rows(part)) == 8 + session.watchdogs == len({row["tid"] for row in rows(part)}), part
        assert on_cpus(part) == ["0", "1"], part
    assert all(functions[-1] in LAST_FUNCTIONS for functions in blocks(text).values()), text


def test_without_the_newer_packets(busy):
    """What a debugger sees that knows neither the document of threads nor unacknowledged packets."""
    old = ("set remote threads-packet off", "set remote noack-packet off", "set remote verbose-resume-packet off")
    connect = busy.connect(proxy=True)
    text = busy.gdb(*old, connect, "info threads", run_to(SLEEPS), "stepi", "info threads", attach=False,
                    scripts=False)
    found = re.findall(r"^[* ] +\d+ +Thread 1\d\d\d \((\S+): tid \d+, ", text.split("  Id ")[-1], re.M)
    assert len(found) == 10 + busy.watchdogs and "sleeper.1" in found, text


def test_in_firmware_and_before_the_scheduler():
    with Session(stopped=True, smp="2") as session:
        text = plain(session, "info threads", run_to("kernel_main"), "info threads", run_to("idle_loop"),
                     "info threads", "thread apply all bt")
    firmware, starting, runs = text.split("  Id ")[1:]
    assert "only CPUs are shown: the kernel does not run yet" in text
    assert "only CPUs are shown: the kernel is starting: no CPU schedules yet" in text
    for part in (firmware, starting):
        assert re.findall(r'^[* ] +(\d) +Thread \1 "CPU \d" \(CPU#\d \[\w+ *\]\)', part, re.M) == ["1", "2"], text
    assert re.search(r'^\* .* "idle" \(tid \d, running on CPU#\d\)', runs, re.M), text


def test_a_kernel_that_does_not_fit(busy):
    other = "gcc-release" if busy.kernel.parent.name == "gcc-debug" else "gcc-debug"
    text = plain(busy, "info threads", "stepi", "info threads", symbols=ROOT / "build" / other / "multios.elf")
    assert len(re.findall(r"only CPUs are shown: the machine runs build [0-9a-f]{40}, ", text)) == 1, text
    assert len(re.findall(r'Thread \d "CPU \d"', text)) == 4, text
    assert "only CPUs are shown" in plain(busy, "info threads", symbols="/bin/true")
    assert "sleeper.1" in busy.type("threads")


def test_threads_come_and_go(tmp_path):
    """Typed while gdb, its breakpoint set, holds the machine."""
    ready = [tmp_path / str(number) for number in range(2)]
    with Session(smp="2") as session, ThreadPoolExecutor() as pool:
        session.type("spawn sleeper 2")
        tid = re.search(r"^ *(\d+) .* sleeper\.1\b", session.type("threads"), re.M)[1]
        text = pool.submit(
            plain, session, "info threads", "break thread_start", f"shell touch {ready[0]}", "continue",
            "info threads", "delete", f"thread {gdb_number(session, 'sleeper.1')}", "frame function begin",
            "set $ends = self", "watch -l $ends->exit_state if $ends->exit_state == THREAD_ENDED",
            f"shell touch {ready[1]}", "continue", "info threads", "delete",
            run_to(SLEEPS), "info threads")
        assert wait_for(ready[0].exists, 60)
        session.send("spawn spinner 1")
        assert wait_for(ready[1].exists, 60)
        session.send(f"kill {tid}")
        stops = text.result().split("  Id ")[1:]
    first, created, ends, ended = ({row["name"] for row in rows(part)} for part in stops)
    assert created == ends == first | {"spinner.1"} and "sleeper.1" in first, text.result()
    assert ended == created - {"sleeper.1"}, text.result()


def test_a_broken_list_is_said_and_ends():
    with Session(smp="1") as session:
        session.wait_for("mos> ")
        first = "((struct process *)((char *)process_list.head.next - (long)&((struct process *)0)->node))"
        text = plain(session, f"set var {first}->threads.head.next->next = {first}->threads.head.next",
                     "info threads", "kill")
    assert re.search(r"proxy: list at 0x\w+ has a cycle at 0x", text), text
    assert {row["name"] for row in rows(text)} >= {"idle"} and on_cpus(text) == ["0"], text


def test_machine_interface(busy):
    """What an editor asks: names, states, frames of a thread, going on, stopping again."""
    monitor = gdb_number(busy, "monitor")
    talk = [f'-target-select {busy.connect(proxy=True).split(" ", 1)[1]}', "-thread-info",
            f"-stack-list-frames --thread {monitor}", f"-stack-list-variables --thread {monitor} --frame 0 1",
            f"-break-insert -t {SLEEPS}", "-exec-continue"]
    with subprocess.Popen([word for word in GDB if word != "-batch"] + ["-q", "-i=mi", busy.kernel], text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as gdb:
        said = []

        def until(words):
            for line in gdb.stdout:
                said.append(line)
                if words in line:
                    return
            raise AssertionError("".join(said))

        for line in talk:
            gdb.stdin.write(line + "\n")
            gdb.stdin.flush()
            until("^running" if "continue" in line else "^")
        until("*stopped,reason=\"breakpoint-hit\"")
        gdb.stdin.write("-thread-info\n-target-detach\n-gdb-exit\n")
        gdb.stdin.flush()
        until("^exit")
    text = "".join(said)
    infos = re.findall(r"^\^done,threads=.*$", text, re.M)
    for info in infos:
        names = re.findall(r'target-id="Thread \d+",(?:details="[^"]*",)?name="([^"]*)"', info)
        assert len(names) == 10 + busy.watchdogs and {"monitor", "sleeper.2"} <= set(names), info
    assert len(infos) == 2 and 'func="monitor_main"' in text and "^error" not in text, text
    assert "sleeper.1" in busy.type("threads")


def test_our_commands_behind_the_proxy(busy):
    """The same answers: which gdb thread is which CPU is known there too."""
    settled, cpus, threads, traces = busy.mos("settle", "cpu", "threads", "bt all", proxy=True)
    assert all(row["pc"] for row in cpus) and len({row["gdb"] for row in cpus}) == 2
    assert len(threads) == len(traces) == 10 + busy.watchdogs and [row["cpu"] for row in settled] == [0, 1]
    for row in traces:
        assert row["frames"][-1].get("function") in LAST_FUNCTIONS, row


def test_settle_behind_the_proxy():
    """A CPU that is stepped through a switch goes on as another thread of gdb's."""
    with Session(smp="2") as session:
        session.type("spawn spinner 4")
        settled, cpus = session.mos("settle", "cpu", proxy=True, before=(run_to("arch_thread_switch"),))
    assert all(row["settled"] for row in settled) and sum(row["steps"] for row in settled) > 20
    assert not any(row["locked"] for row in cpus)
