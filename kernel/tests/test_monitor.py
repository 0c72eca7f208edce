# SPDX-License-Identifier: MIT
"""The monitor, driven over the serial console as a person would."""
import re

import pexpect
import pytest

from ci.lib.qemu import ROOT, Machine

BUILDS = ["gcc-debug", "gcc-release", "clang-debug"]
PROMPT = "\nmos> "  # a line that is drawn again has its prompt behind a carriage return
CONSOLE = ("-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console")
UP, LEFT, HOME, END = "\x1b[A", "\x1b[D", "\x1b[H", "\x1b[F"
EXIT_PANIC = 89
CPUS = 4


class Monitor:
    """A machine and the terminal that its monitor talks to."""

    def __init__(self, build="gcc-debug", smp=CPUS, cmdline="", icount=None):
        machine = Machine(kernel=ROOT / f"build/{build}/multios.elf", smp=str(smp), cmdline=cmdline,
                          icount=icount)
        command = [*machine.arguments(), *CONSOLE, "-no-reboot"]
        self.terminal = pexpect.spawn(command[0], command[1:], timeout=120, encoding="utf-8",
                                      dimensions=(24, 200))
        self.banner = self.until_prompt()

    def until_prompt(self):
        self.terminal.expect_exact(PROMPT)
        return re.sub("\r+\n?", "\n", self.terminal.before + "\n")

    def type(self, keys):
        self.terminal.send(keys)

    def run(self, line):
        """What the command says."""
        self.type(line + "\r")
        self.terminal.expect_exact(line)
        return self.until_prompt().lstrip("\n")

    def rows(self, line):
        """A table as a list of dictionaries by heading; the name column takes the rest."""
        head, *lines = self.run(line).splitlines()
        names = head.split()
        return [dict(zip(names, row.split(None, len(names) - 1))) for row in lines
                if re.match(r" *\d+ +[A-Z\d]", row) and len(row.split()) >= len(names)]

    def spawned(self, prefix):
        return [row for row in self.rows("threads") if row["NAME"].startswith(prefix)]

    def exit_code(self):
        self.terminal.expect(pexpect.EOF)
        self.terminal.close()
        return self.terminal.exitstatus

    def close(self):
        self.terminal.close(force=True)


@pytest.fixture(scope="module")
def monitor():
    machine = Monitor()
    yield machine
    machine.close()


@pytest.fixture
def fresh():
    """Makes machines that a test brings to their end."""
    made = []

    def make(*args, **kwargs):
        made.append(Monitor(*args, **kwargs))
        return made[-1]

    yield make
    for machine in made:
        machine.close()


def end_all(monitor, prefix):
    for row in monitor.spawned(prefix):
        monitor.run(f"kill {row['TID']}")
    for _ in range(20):
        if not monitor.spawned(prefix):
            return
    raise AssertionError(f"{prefix} threads do not end: {monitor.spawned(prefix)}")


def test_banner(monitor):
    for words in (r"MultiOS \d", "debug build [0-9a-f]{12}", r"gcc \d+", "started by", f"^{CPUS} CPUs, ",
                  "MiB of memory", "Clock: ", "protection: on", "Scheduler rr", "spawn spinner 8"):
        assert re.search(words, monitor.banner, re.M), words


def test_help_names_every_command(monitor):
    text = monitor.run("help")
    for name in ("help ps threads top cpu runq mem irq log trace spawn demo kill prio ground limit policy affinity suspend resume sleep wake "
                 "sched topology offline online latency stats gantt balance check params panic reboot poweroff").split():
        assert re.search(rf"^{name}( |$)", text, re.M), name
    text = monitor.run("help spawn")
    assert "spawn WORKLOAD [N] [PRIORITY] [CPUS] [PROCESS]" in text and "ping-pong" in text


def test_gantt(monitor):
    """A row per CPU, with a spinner on one of them the whole time; a legend; no line is too long."""
    monitor.run("spawn spinner 1 normal 3")
    tid = monitor.spawned("spinner")[0]["TID"]
    for _ in range(50):
        text = monitor.run("gantt 50")
        rows = dict(re.findall(r"^CPU(\d) +\|(.{68})\|$", text, re.M))
        letter = re.search(rf"(\w) {tid} spinner", text)[1]
        if rows["3"] == 68 * letter:
            break
    end_all(monitor, "spinner")
    assert sorted(rows) == ["0", "1", "2", "3"] and rows["3"] == 68 * letter, text
    assert all(letter not in rows[cpu] and "." in rows[cpu] for cpu in "012"), text
    assert re.match(r"the last 50 ms, 735 us a column\n", text) and text.endswith("\n. idle\n"), text
    assert max(map(len, text.splitlines())) < 80, text


@pytest.mark.parametrize("line, words", [
    ("ps", r"PID .*\n +0 .* NORMAL .* kernel\n.*1 processes, at most \d+"),
    ("threads", r"TID .*\n(.*\n)*.* monitor.*\n(.*\n)*\d+ threads, at most \d+"),
    ("cpu", r"CPU +BUSY%.*\n +0 .*\n +1 .*\n +2 .*\n +3 .*%"),
    ("runq", r"CPU 0 runs .*, \d+ waiting\n(.*\n)*CPU 3 runs"),
    ("runq 1", r"^CPU 1 runs \d+ \S+.*waiting\n$"),
    ("mem", r"memory: \d+ KiB, \d+ KiB free(.*\n)*CACHE .*\n(.*\n)*thread +\d+"),
    ("irq", r"VECTOR +COUNT(.*\n)* +0x[0-9a-f]{2} +\d+ +serial"),
    ("log", r"\[ *\d+\.\d{6} 0\] Clock: TSC"),
    ("log 1", r"^\[.*\n$"),
    ("log info", r"\[ *\d+\.\d{6} 0\] protection"),
    ("trace", r"(\[ *\d+\.\d{9} \d\] \w+.*\n){20}\d+ records, \d+ lost, hash [0-9a-f]{16}"),
    ("trace 3", r"^(\[.*\n){3}\d+ records"),
    ("sched", r"algorithm: +rr\nquantum: .* NORMAL 20 ms.*\n(.*\n)*CPUs: +4 on line"),
    ("topology", r"CPU PACKAGE .*\n +0 .* any\n +1 .*\n +2 .*\n +3 .* any"),
    ("offline 3", r"\] CPU 3 is off line\n(.*\n)*CPU 3 is off line\n$"),
    ("cpu", r"^CPU +BUSY%.*\n +0 .*\n +1 .*\n +2 .*\n$"),
    ("online 3", r"\] CPU 3 is on line\n(.*\n)*CPU 3 is on line\n$"),
    ("latency", r"^Threads that were woken.*\n( +< \d+ [num]?s +\d+ #*\n)+"
                r"CPUs that idled beside .*longest \d+ us, one balance interval is 50000 us\n( +< .*\n)*$"),
    ("latency 9", r'latency: cpus is "9", expected '),
    ("stats", r"^ +CPU +SWITCHES +WAKEUPS .*\n( +\d( +\d+){7}\n){4} +all( +\d+){7}\n$"),
    ("stats 2", r"^ +CPU +SWITCHES .*\n +2( +\d+){7}\n$"),
    ("stats x", r'stats: cpus is "x", expected '),
    ("gantt 0", r'gantt: ms is "0", expected a number from 1 to 10000'),
    ("balance", r"^\d+ threads moved\n$"),
    ("check", r"4 run queues checked, 0 wrong"),
    ("locks", r"KIND +CONTENDED +WAIT-US +MAX +HELD-US +MAX +WHERE"),
    ("locks maybe", r'locks: what is "maybe", expected off, on, clear'),
    ("params", r"sched += rr(.*\n)*quantum += 20 "),
    ("", "^$"),
])
def test_shows(monitor, line, words):
    assert re.search(words, monitor.run(line)), words


@pytest.mark.parametrize("line, words", [
    ("nonsense", "nonsense: no such command, `help` lists them"),
    ("help nonsense", 'help: command is "nonsense", expected help, ps, threads'),
    ("ps 1", 'ps: "1" is one too many, expected no arguments'),
    ("top 0", 'top: seconds is "0", expected a number from 1 to 60'),
    ("log loud", 'log: n is "loud", expected error, warning, info, debug or a number from 1 to'),
    ("trace -1", 'trace: n is "-1", expected a number from 1 to'),
    ("offline 0", 'offline: cpu is "0", expected a number from 1 to'),
    ("offline 4", "offline: CPU 4 is not on line, `cpu` lists those that are"),
    ("online 1", "online: CPU 1 is on line already"),
    ("online 4", "online: there is no CPU 4, the last one is 3"),
    ("runq 4", 'runq: cpus is "4", expected CPUs from 0 to 3 as in 0-1,3, or all'),
    ("spawn", "spawn: no workload given, expected spinner, sleeper, periodic, ping-pong, lock-fight, deadlock, thread-storm, bomb; "
              "usage: spawn WORKLOAD [N] [PRIORITY] [CPUS] [PROCESS]"),
    ("spawn spiner", 'spawn: workload is "spiner", expected spinner'),
    ("spawn spinner 0", 'spawn: n is "0", expected a number from 1 to'),
    ("spawn spinner 1 urgent", 'spawn: priority is "urgent", expected'),
    ("spawn spinner 1 40", 'spawn: priority is "40", expected'),
    ("spawn spinner 1 20 0-9", 'spawn: cpus is "0-9", expected CPUs from 0 to 3'),
    ("spawn spinner 1 20 0 x", 'spawn: process is "x", expected the id of a process as in p1 (`ps` lists them), new'),
    ("spawn spinner 1 20 0 p7777", "spawn: there is no process 7777, `ps` lists them"),
    ("spawn spinner 1 20 0 new x", 'spawn: "x" is one too many, expected at most 5 arguments'),
    ("kill p7777", "kill: there is no process 7777, `ps` lists them"),
    ("kill p", 'kill: thread is "p", expected the id of a thread (`threads` lists them) or, as in p1, the id of a process'),
    ("kill p0", "kill: process 0 (kernel) is part of the system and stays"),
    ("kill p0 tree", "kill: process 0 (kernel) is part of the system and stays"),
    ("kill p0 all", 'kill: tree is "all", expected tree'),
    ("kill 1 tree", "kill: only a process has a tree"),
    ("suspend p0", "suspend: process 0 (kernel) is part of the system and stays"),
    ("resume p0", "resume: process 0 (kernel) not: it is RUNNING"),
    ("prio p0 12", "prio: a process has no level 12, expected one of the names"),
    ("ground 3 foreground", 'ground: process is "3", expected the id of a process as in p1'),
    ("ground p0 up", 'ground: where is "up", expected none, foreground, background'),
    ("limit thread", 'limit: what is "thread", expected threads, processes, memory, process-threads, process-memory'),
    ("limit threads 0", 'limit: n is "0", expected a number from 1 to'),
    ("limit threads 5 p0", "limit: threads is the system's, a process has process-threads and process-memory"),
    ("sleep 999999 5", "sleep: there is no thread 999999"),
    ("sleep 0", "sleep: no ms given, expected a number from 1 to"),
    ("wake 999999", "wake: there is no thread 999999"),
    ("kill", "kill: no thread given, expected the id of a thread"),
    ("kill monitor", 'kill: thread is "monitor", expected the id of a thread'),
    ("kill 999999", "kill: there is no thread 999999, `threads` lists them"),
    ("prio 0", "prio: no priority given, expected"),
    ("prio 999999 5", "prio: there is no thread 999999"),
    ("affinity 0 none", 'affinity: cpus is "none", expected CPUs from 0 to 3'),
    ("suspend 999999", "suspend: there is no thread 999999"),
    ("resume x", 'resume: thread is "x", expected'),
    ("demo nothing", 'demo: name is "nothing", expected convoy, starvation, gaming, overload, inversion, '
                     "inheritance, deadlock, stop"),
    ("demo stop", "demo: none runs"),
    ("poweroff now", 'poweroff: "now" is one too many, expected no arguments'),
])
def test_wrong_arguments(monitor, line, words):
    assert words in monitor.run(line)


def test_policy(monitor):
    """A deadline is set, shown, kept, and waits for an algorithm that looks at it."""
    monitor.run("spawn sleeper 1")
    tid = monitor.spawned("sleeper")[0]["TID"]
    assert f"policy: thread {tid} (sleeper.1) rr level 20\n" in monitor.run(f"policy {tid}")
    text = monitor.run(f"policy {tid} edf 5000 20000")
    assert "rr level 20, D 5000 us, T 20000 us, 0 misses; the deadline waits for sched=edf" in text
    assert "D 20000 us, T 20000 us" in monitor.run(f"policy {tid} edf 0 20000")
    assert "policy: edf: " in (text := monitor.run(f"policy {tid} edf 2 1")) and "; expected D T: " in text
    assert "policy: edf takes 2 numbers, not 1: D T: " in monitor.run(f"policy {tid} edf 5")
    assert "(sleeper.1) rr level 20\n" in monitor.run(f"policy {tid} ts")
    assert "(sleeper.1) fifo priority 99\n" in monitor.run(f"policy {tid} fifo 99")
    assert "(sleeper.1) rr priority 1\n" in monitor.run(f"policy {tid} rr 1")
    assert "policy: rr: " in (text := monitor.run(f"policy {tid} rr 100")) and "; expected PRIORITY: 1 to 99" in text
    assert "(sleeper.1) rr level 20\n" in monitor.run(f"policy {tid} ts")
    assert re.search(r"dl on CPU \d, C 5000 us, D 20000 us, T 20000 us, \d+ misses, \d+ overruns\n",
                     monitor.run(f"policy {tid} dl 5000 0 20000"))
    assert "policy: dl: no allowed CPU can promise it; the most left to reservations is 949999 ppm" in monitor.run(
        f"policy {tid} dl 96 0 100")
    assert "dl on CPU" in monitor.run(f"policy {tid}")
    assert re.search(r"rm on CPU \d, C 5000 us, D 20000 us, T 20000 us, \d+ misses\n",
                     monitor.run(f"policy {tid} rm 5000 20000"))
    assert "policy: dl: invalid argument; expected C D T: " in monitor.run(f"policy {tid} dl 3 2 4")
    assert "(sleeper.1) rr level 20\n" in monitor.run(f"policy {tid} ts")
    assert "policy: there is no thread 99999" in monitor.run("policy 99999")
    assert 'policy: policy is "pdq", expected ts, edf, fifo, rr' in monitor.run(f"policy {tid} pdq")
    assert "edf           D T: " in monitor.run("help policy")
    end_all(monitor, "sleeper")


def test_sched_set(monitor):
    """Settings change under load and back; a wrong value says what is possible and changes nothing."""
    monitor.run("spawn spinner 8")
    for algorithm in ("mlfq", "edf", "priority", "rr"):
        assert f"sched: algorithm is now {algorithm}\n" in monitor.run(f"sched set algorithm {algorithm}")
        assert re.search(rf"algorithm: +{algorithm}\n", monitor.run("sched"))
        assert "4 run queues checked, 0 wrong" in monitor.run("check")
    assert len(monitor.spawned("spinner")) == 8
    assert re.search(r"ALGORITHM rr", monitor.run("trace 2000")) or "ALGORITHM" in monitor.run("trace 10000")
    assert "sched: quantum is now 10\n" in monitor.run("sched set quantum 10")
    assert "NORMAL 10 ms" in monitor.run("sched")
    assert "sched: quantum is 0, expected 1 to 1000\n" in monitor.run("sched set quantum 0")
    assert "sched: quantum is mlfq, expected 1 to 1000\n" in monitor.run("sched set quantum mlfq")
    assert "sched: algorithm is 7, expected rr, priority, mlfq, edf\n" in monitor.run("sched set algorithm 7")
    assert "sched: balancing is edf, expected on or off\n" in monitor.run("sched set balancing edf")
    assert "sched: quantum is missing, expected 1 to 1000\n" in monitor.run("sched set quantum")
    assert 'sched: what is "colour", expected algorithm, quantum, aging' in monitor.run("sched set colour 1")
    assert "what is to be set? algorithm, quantum" in monitor.run("sched set")
    assert "NORMAL 10 ms" in monitor.run("sched")
    for line in ("quantum 20", "aging 40", "boost 300", "balance 20", "affinity off", "balancing off"):
        assert f"sched: {line.replace(' ', ' is now ')}\n" in monitor.run(f"sched set {line}")
    text = monitor.run("sched")
    for words in ("a level for 40 ms", "every 300 ms", "off, every 20 ms", "affinity:    off"):
        assert words in text, words
    for line in ("aging 50", "boost 500", "balance 50", "affinity on", "balancing on"):
        monitor.run(f"sched set {line}")
    assert "sched [SET] [WHAT] [VALUE]" in (text := monitor.run("help sched")) and "boost         sched=mlfq" in text
    end_all(monitor, "spinner")


def test_system_threads_stay(monitor):
    tid = monitor.spawned("monitor")[0]["TID"]
    assert "is part of the system and stays" in monitor.run(f"kill {tid}")
    assert "is part of the system and stays" in monitor.run(f"suspend {tid}")
    assert f"resume: thread {tid} (monitor) not: " in monitor.run(f"resume {tid}")


def test_idle_threads_stay_as_they_are(monitor):
    for command in ("prio 0 high", "prio 0 5", "affinity 0 1", "kill 0", "suspend 0"):
        assert "thread 0 (idle) is a CPU's idle thread and stays as it is" in monitor.run(command)


def test_long_queues_are_not_walked(fresh):
    monitor = fresh("gcc-release", cmdline="sched=priority")
    assert "spinner: 2400 threads started" in monitor.run("spawn spinner 2400")
    assert len(re.findall(r"CPU \d: more than 500 threads, their queue not walked", monitor.run("check"))) == CPUS
    assert len(re.findall(r"  and (?:5|6)\d\d more", monitor.run("runq"))) >= 2


def process(monitor, name):
    found, = [row for row in monitor.rows("ps") if row["NAME"].strip() == name]
    return found


def until_gone(monitor, name):
    for _ in range(100):
        if not any(row["NAME"].strip() == name for row in monitor.rows("ps")):
            return
    raise AssertionError(monitor.run("ps"))


def test_processes(monitor):
    said = monitor.run("spawn spinner 3 normal all new")
    pid = re.search(r"spinner: 3 threads started in process (\d+)", said)[1]
    assert f"spinner: 1 thread started in process {pid}" in monitor.run(f"spawn spinner 1 20 all p{pid}")
    row = process(monitor, "spinner")
    assert (row["PID"], row["PARENT"], row["STATE"], row["THREADS"]) == (pid, "0", "RUNNING", "4")
    assert f"process {pid} (spinner) is stopped" in monitor.run(f"suspend p{pid}")
    assert process(monitor, "spinner")["STATE"] == "STOPPED"
    assert {row["STATE"] for row in monitor.spawned("spinner")} == {"STOPPED"}
    assert "not: it is STOPPED" in monitor.run(f"suspend p{pid}")
    assert "goes on" in monitor.run(f"resume p{pid}")
    assert "has it now" in monitor.run(f"prio p{pid} low")
    assert process(monitor, "spinner")["PRIORITY"] == "LOW"
    assert "is there now" in monitor.run(f"ground p{pid} background")
    assert "has it now" in monitor.run(f"limit process-threads 4 p{pid}")
    assert "no more than that: limit of threads reached" in monitor.run(f"spawn spinner 1 20 all p{pid}")
    assert "is asked to end" in monitor.run(f"kill p{pid}")
    until_gone(monitor, "spinner")
    assert not monitor.spawned("spinner")


def test_limits_are_shown_and_set(monitor):
    shown = monitor.run("limit")
    assert re.search(r"threads +\d+\nprocesses +\d+\nmemory +\d+ MiB\nprocess-threads +1024\nprocess-memory +\d+ MiB\nin use: ", shown)
    assert "process-threads  77" in monitor.run("limit process-threads 77")
    assert "process-threads  77" in monitor.run("limit process-threads")
    monitor.run("limit process-threads 1024")


def test_bomb_is_stopped_by_the_limit_of_memory(fresh):
    """However many threads and processes it may have: the prompt goes on, and says why it stopped."""
    monitor = fresh("gcc-release", cmdline="memory=30 process_threads=0")
    pid = re.search(r"bomb: 1 thread started in process (\d+)", monitor.run("spawn bomb"))[1]
    for _ in range(400):
        if "memory: limit of 30 MiB reached" in monitor.run("log warning"):
            break
    assert f"memory: limit of 30 MiB reached, creation refused to process {pid} (bomb)" in monitor.run("log warning")
    assert int(re.search(r"in use: \d+ threads, \d+ processes, (\d+) MiB", monitor.run("limit"))[1]) in range(28, 33)
    assert "4 run queues checked, 0 wrong" in monitor.run("check")
    assert "spinner: 2 threads started" in monitor.run("spawn spinner 2")
    monitor.run(f"kill p{pid}")
    until_gone(monitor, "bomb")
    assert not monitor.spawned("bomb")
    monitor.type("poweroff\r")
    assert monitor.exit_code() in (0, 93) and "leak" not in monitor.terminal.before


def test_sleep_and_wake(monitor):
    monitor.run("spawn thread-storm 1")
    tid = monitor.spawned("thread-storm")[0]["TID"]
    assert "is asked to sleep" in monitor.run(f"sleep {tid} 86400000")
    for _ in range(100):
        if "is woken" in monitor.run(f"wake {tid}"):
            break
    end_all(monitor, "thread-storm")


def test_bomb_is_stopped_by_the_limit(fresh):
    monitor = fresh("gcc-release", cmdline="process_threads=600")
    pid = re.search(r"bomb: 1 thread started in process (\d+)", monitor.run("spawn bomb"))[1]
    for _ in range(400):
        if process(monitor, "bomb")["THREADS"] == "600":
            break
    else:
        raise AssertionError(monitor.run("ps"))
    assert f"process {pid} (bomb): limit of 600 threads reached, creation refused" in monitor.run("log warning")
    assert "4 run queues checked, 0 wrong" in monitor.run("check")
    assert "spinner: 2 threads started" in monitor.run("spawn spinner 2")
    monitor.run(f"kill p{pid}")
    until_gone(monitor, "bomb")
    assert not monitor.spawned("bomb")
    monitor.type("poweroff\r")
    assert monitor.exit_code() in (0, 93) and "leak" not in monitor.terminal.before


@pytest.mark.parametrize("name", ["spinner", "sleeper", "periodic", "ping-pong", "lock-fight", "thread-storm"])
def test_workloads_run_and_end(monitor, name):
    assert f"{name}: 4 threads started" in monitor.run(f"spawn {name} 4")
    before = monitor.spawned(name)
    assert len(before) == 4
    monitor.run("check"), monitor.run("trace 5"), monitor.run("runq"), monitor.run("cpu")
    for _ in range(100):
        after = monitor.spawned(name)
        if all(a["CPU-SECONDS"] > b["CPU-SECONDS"] for a, b in zip(after, before)):
            break
    else:
        raise AssertionError(f"not all of them run: {before} {after}")
    end_all(monitor, name)


@pytest.mark.parametrize("name, threads, algorithm", [
    ("convoy", ["long", "brief.1", "brief.2", "brief.3"], "rr"),
    ("starvation", ["greedy", "starved"], "rr"),
    ("gaming", ["gamer", "honest.1", "honest.2"], "mlfq"),
    ("overload", ["each-20", "each-30", "each-50"], "edf"),
    ("inversion", ["low", "middle", "high"], "rr"),
    ("inheritance", ["low", "middle", "high"], "rr"),
    ("deadlock", ["philosopher.1", "philosopher.2", "philosopher.3"], "rr"),
])
def test_demonstrations(monitor, name, threads, algorithm):
    """Each starts, says where to look, is listed with its figures, refuses a second one, and ends."""
    assert re.search(rf"^  {name} +\w", monitor.run("demo"), re.M)
    said = monitor.run(f"demo {name}")
    assert re.match(rf"{name} on CPU \d: .*\nlook  .*\nsee   .*\n(.*\n)*how   demo shows", said), said
    assert f"demo: {name} runs already" in monitor.run("demo convoy")
    shown = monitor.run("demo")
    rows = re.findall(r"^ *(\d+) +([\d.]+) +(\d+) +([\d.]+) +([\d.]+) +(\d+)  (\S+)$", shown, re.M)
    assert [row[-1] for row in rows] == threads, shown
    assert {row["TID"] for row in monitor.rows("threads")} >= {row[0] for row in rows}
    assert f"algorithm:   {algorithm}" in monitor.run("sched")
    assert f"{name} has ended" in monitor.run("demo stop")
    assert not {row["TID"] for row in monitor.rows("threads")} & {row[0] for row in rows}
    assert "algorithm:   rr" in monitor.run("sched")
    assert "4 run queues checked, 0 wrong" in monitor.run("check")


def test_a_demonstration_needs_a_second_cpu_and_ends_with_the_machine(fresh):
    monitor = fresh("gcc-debug", smp=1)
    assert "demo: needs a second CPU" in monitor.run("demo convoy")
    monitor = fresh("gcc-debug", smp=2)
    monitor.run("demo starvation")
    monitor.type("poweroff\r")
    assert monitor.exit_code() in (0, 93) and "leak" not in monitor.terminal.before


def test_priority_and_affinity(monitor):
    monitor.run("spawn sleeper 1 low 1-2")
    thread = monitor.spawned("sleeper")[0]
    tid = thread["TID"]
    assert (thread["LEVEL"], thread["CPUS"]) == ("30", "1-2")
    assert "is at level 10 now" in monitor.run(f"prio {tid} high")
    assert "is at level 25 now" in monitor.run(f"prio {tid} 25")
    assert "may run on CPUs 1-2" in monitor.run(f"affinity {tid}")
    assert "may run on CPUs 3" in monitor.run(f"affinity {tid} 3")
    thread = monitor.spawned("sleeper")[0]
    assert (thread["LEVEL"], thread["CPUS"]) == ("25", "3")
    end_all(monitor, "sleeper")


def test_suspend_and_resume(monitor):
    monitor.run("spawn spinner 1")
    tid = monitor.spawned("spinner")[0]["TID"]
    assert "is stopped" in monitor.run(f"suspend {tid}")
    stopped = monitor.spawned("spinner")[0]
    assert stopped["STATE"] == "STOPPED"
    assert monitor.spawned("spinner")[0]["CPU-SECONDS"] == stopped["CPU-SECONDS"]
    assert "goes on" in monitor.run(f"resume {tid}")
    assert monitor.spawned("spinner")[0]["STATE"] in ("RUNNING", "READY")
    end_all(monitor, "spinner")


def screens(monitor, count):
    """The next `count` whole pictures of top, as lists of lines without escape sequences."""
    shown = []
    for _ in range(count):
        monitor.terminal.expect_exact("\x1b[H")
        monitor.terminal.expect_exact("\x1b[J")
        text = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", monitor.terminal.before)
        shown.append(re.split(r"\r+\n", text))
    return shown


def leave_top(monitor, key):
    """The prompt comes below the last picture, where the cursor is already."""
    monitor.type(key)
    monitor.terminal.expect_exact("\x1b[?25h\r\x1b[Kmos> ")


def test_top_shows_spinners_on_all_cpus(fresh):
    """Under icount, where the shares do not depend on which virtual CPUs the host lets run."""
    monitor = fresh(icount=6)
    monitor.run("spawn spinner 8")
    monitor.type("top\r")
    *_, picture = screens(monitor, 4)
    leave_top(monitor, "q")
    text = "\n".join(picture)
    assert len(picture) <= 24 and max(map(len, picture)) <= 80, text
    threads = [re.match(r" *\d+ +(\d+\.\d)% (\S+) +(\d+) .* spinner\.\d$", line) for line in picture]
    threads = [match for match in threads if match]
    assert len(threads) == 8, text
    assert {match[3] for match in threads} == {"0", "1", "2", "3"}, text
    assert all(float(match[1]) > 15 for match in threads), text
    assert sum(float(match[1]) for match in threads) > 100 * CPUS * 0.8, text
    busy = [float(share) for share in re.findall(r"CPU\d +(\d+\.\d)%", text)]
    assert len(busy) == CPUS and min(busy) > 90, text


def test_top_repaints_on_a_key_and_leaves_by_ctrl_c(monitor):
    monitor.type("top 60\r")
    screens(monitor, 1)
    monitor.type("x")
    screens(monitor, 1)
    leave_top(monitor, "\x03")


def test_history(monitor):
    monitor.run("runq 0")
    monitor.run("runq 1")
    monitor.type(UP + UP + "\r")
    assert "CPU 0 runs" in monitor.until_prompt()


def test_editing(monitor):
    monitor.type("unq 0" + HOME + "r" + END + "\x7f1" + LEFT + "\x05" + "\r")
    assert "CPU 1 runs" in monitor.until_prompt()
    monitor.type("garbage" + "\x15" + "runq 2 x" + "\x17" + "\r")
    assert "CPU 2 runs" in monitor.until_prompt()


def test_cancel(monitor):
    monitor.type("spawn spinner\x03")
    monitor.until_prompt()
    assert not monitor.spawned("spinner")


def test_completion(monitor):
    monitor.type("par\t\r")
    assert "quantum" in monitor.until_prompt()
    monitor.type("s\t")
    assert re.search(r"spawn +suspend +sleep +sched", monitor.until_prompt())
    monitor.type("p\tsp\t1 \t")
    choices = monitor.until_prompt()
    assert "critical" in choices and "spawn spinner 1 " in choices
    monitor.type("\x03")
    monitor.until_prompt()
    monitor.type("affinity 0\x08\t")
    assert re.search(r"0  1  2  3  \d", monitor.until_prompt())
    monitor.type("\x03")
    monitor.until_prompt()
    assert not monitor.spawned("spinner")


@pytest.mark.parametrize("build", BUILDS)
def test_poweroff(fresh, build):
    monitor = fresh(build)
    monitor.run("spawn spinner 3"), monitor.run("spawn thread-storm 2")
    monitor.type("poweroff\r")
    assert monitor.exit_code() in (0, 93), monitor.terminal.before
    assert "power off" in monitor.terminal.before and "leak" not in monitor.terminal.before
    assert re.search("trace hash [0-9a-f]{16}", monitor.terminal.before)


def test_reboot(fresh):
    monitor = fresh()
    monitor.type("reboot\r")
    assert monitor.exit_code() == 0  # -no-reboot
    assert "starting anew" in monitor.terminal.before


@pytest.mark.parametrize("build", BUILDS)
def test_panic_reports_every_cpu(fresh, build):
    monitor = fresh(build)
    monitor.run("spawn spinner 4")
    monitor.type("panic\r")
    assert monitor.exit_code() == EXIT_PANIC, monitor.terminal.before
    report = monitor.terminal.before
    assert "PANIC: asked for by the monitor" in report
    parts = re.split(r"--- CPU (\d+) ---", report)
    assert sorted(parts[1::2]) == ["0", "1", "2", "3"], report
    for part in parts[2::2]:
        assert re.search(r"thread \d+ \S+", part) and re.search(r"rip [0-9a-f]{16} \w+\+0x", part), part
        assert re.search(r"#\d+ +[0-9a-f]{16}  \w+", part), part
    own = next(part for part in parts[2::2] if "monitor_panic" in part)
    assert re.search(r"panic.*\n.*monitor_panic.*\n.*(run_line|monitor_main)", own), own
    assert sum("run_spinner" in part for part in parts[2::2]) >= 2, report
    assert re.search(r"last log records ---\s+\[", report), report
    assert re.search(r"last trace records ---\s+\[.*\d\] [A-Z]+ ", report), report
    assert "PANIC in the report" not in report and "end of the report" in report
