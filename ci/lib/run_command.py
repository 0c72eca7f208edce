# SPDX-License-Identifier: MIT
"""What stands behind `make run`, `make debug`, `make gdb`, `make console` and the editor's way in."""
import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
import termios
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))
from ci.lib import console, cores, runs  # noqa: E402
from ci.lib.boot import EXIT_BOOT, EXIT_FAIL, EXIT_PANIC, EXIT_PASS, EXIT_POWEROFF  # noqa: E402
from ci.lib.qemu import ROOT, Machine, Qemu, Unusable, die_with_parent, qmp_pair, wait_for  # noqa: E402
from ci.lib.qmp import Qmp, QmpError  # noqa: E402
from ci.lib.symbols import address_of, build_id_of  # noqa: E402

sys.path.insert(1, str(ROOT / "tools"))
from mostrace import stream  # noqa: E402

ICOUNT_SHIFT = 6  # 64 ns of virtual time an instruction; idle time is skipped
# Without a prompt in between: more is a machine that never comes up. One reboot can be several: the
# kernel tries every way there is until one has its effect, and so does SeaBIOS when it starts anew.
RESETS_MAX = 12
PROMPT = b"mos> "
GOOD_ENDS = (0, EXIT_PASS, EXIT_POWEROFF)
PANIC_PAUSES = ("-device", "pvpanic", "-action", "panic=pause")
ENDS = {EXIT_FAIL: "a test failed", EXIT_PANIC: "panic", EXIT_BOOT: "the kernel could not boot"}


def say(text):
    print(f"multios: {text}", file=sys.stderr, flush=True)


def machine_of(options):
    out = ROOT / options.out
    words = [f"sched={options.sched}"] if options.sched else []
    return Machine(
        kernel=out / "multios.elf", iso=out / "multios.iso", firmware=options.firmware,
        smp=options.smp, memory=options.mem, cmdline=" ".join([*words, options.cmdline]).strip(),
        icount=ICOUNT_SHIFT if options.icount not in ("", "0") else None, accel=options.accel)


class Log:
    """What the console prints, also kept in a file."""

    def __init__(self, path):
        self.path, self.read = path, 0

    def had_prompt(self):
        """Whether there was a prompt since the last question."""
        with open(self.path, "rb") as file:
            file.seek(self.read)
            text = file.read()
        self.read += len(text)
        return PROMPT in text


def watch(connection, process, place):
    """
    Writes a core of a machine that is in panic, and ends one that resets again and again: nobody can
    read what it prints.
    """
    qmp, log, resets = Qmp(connection, timeout=None), Log(place.log), 0
    try:
        qmp.command("query-status")
        while resets <= RESETS_MAX:
            events, qmp.events = qmp.events, []
            if any(event["event"] == "RESET" and event["data"]["guest"] for event in events):
                resets = 0 if log.had_prompt() else resets + 1
            if any(event["event"] == "GUEST_PANICKED" for event in events):
                keep_core(qmp, place)
                qmp.command("cont")
            if not qmp.events and not qmp.wait():
                return
    except (QmpError, OSError):
        return
    say(f"the machine was reset {resets} times; 'ci/boot' tells where it faults")
    process.kill()


def keep_core(qmp, place):
    """A core of this machine, and how to look at it; True if there is one."""
    try:
        core = cores.write(qmp, place, say).relative_to(ROOT)
    except Unusable as error:
        say(str(error))
        return False
    say(f"core in {core}: 'make gdb CORE={core}', or 'gdb {core.with_suffix('.elf')} {core}'")
    return True


class Recording:
    """The trace of a machine, written to a file while it runs; without a file nothing."""

    def __init__(self, path, machine, place):
        self.path, self.machine, self.kernel = path, machine, place.kernel
        self.memory, self.recorder = None, None

    def arguments(self):
        if not self.path:
            return []
        shared = Path("/dev/shm")
        folder = shared if os.access(shared, os.W_OK) else self.kernel.parent
        self.memory = folder / f"multios-{os.getpid()}.memory"
        return stream.memory_arguments(self.memory, self.machine.memory)

    def __enter__(self):
        if self.path:
            export = address_of(self.kernel, "trace_export")
            try:
                self.recorder = stream.Recorder(
                    stream.wait_for_memory(self.memory), export, self.path, build_id_of(self.kernel))
            except OSError as error:
                raise Unusable(f"TRACE={self.path}: {error.strerror or error}") from error
            self.recorder.start()

    def __exit__(self, *_):
        if self.memory:
            self.memory.unlink(missing_ok=True)
        if self.recorder:
            self.recorder.close()
            say(f"{self.recorder.records} records in {self.path}, {self.recorder.lost} lost; "
                f"'tools/mos-trace {self.path}' says what can be made of them")


class Terminal:
    """Puts the terminal back as it was, however QEMU ended."""

    def __enter__(self):
        self.saved = termios.tcgetattr(0) if os.isatty(0) else None

    def __exit__(self, *_):
        if self.saved:
            termios.tcsetattr(0, termios.TCSADRAIN, self.saved)


def run(options):
    """A machine with its console in this terminal."""
    machine = machine_of(options)
    machine.arguments()  # complains before anything is made
    place = runs.start(machine, say)
    recording = Recording(options.trace, machine, place)
    ours, theirs, monitor = qmp_pair("watch")
    waits = options.gdb not in ("", "0")
    command = [
        *machine.arguments(), *monitor, *(["-S"] if waits else []),
        *recording.arguments(),
        *(PANIC_PAUSES if options.core not in ("", "0") else []),
        *("-chardev", f"stdio,id=terminal,mux=on,signal=off,logfile={place.log}"),
        *("-serial", "chardev:terminal", "-mon", "chardev=terminal"),
        *place.arguments("control", "trace", "gdb", "qmp"),
    ]
    say(f"run {place.number}, Ctrl-A x leaves; 'make gdb' in another terminal "
        + ("starts it" if waits else "attaches to it"))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Terminal(), ours, Qemu(command, (theirs.fileno(),), own_session=False) as qemu:
            theirs.close()
            threading.Thread(target=watch, args=(ours, qemu.process, place), daemon=True).start()
            with recording:
                code = qemu.process.wait()
    finally:
        place.close()
    if code not in GOOD_ENDS:
        say(f"{ENDS.get(code, 'QEMU failed')} (exit code {code}); log in {place.log.relative_to(ROOT)}")
        return 1
    return 0


def target_of(place, proxy):
    """Where gdb connects to: QEMU's stub, or the proxy that shows it the kernel's threads."""
    stub = str(place.socket("gdb"))
    if proxy in ("", "0"):
        return f"remote {stub}"
    return "remote | " + shlex.join([*map(str, (ROOT / "ci/python", ROOT / "gdb/proxy")), stub, str(place.kernel)])


def gdb_command(kernel, target, *more):
    """gdb with the kernel's scripts, given by name: what gdb would load by itself it may refuse."""
    words = ["gdb", "-q", "-iex", "set auto-load python-scripts off", "-iex", "set remotetimeout 60"]
    words += [str(kernel), "-ex", f"target {target}"]
    scripts = ROOT / "gdb/multios.py"
    if scripts.exists():
        words += ["-x", str(scripts)]
    return [*words, *more]


def run_gdb(command):
    """gdb in the foreground: Ctrl-C is for it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def begin():
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        die_with_parent()

    try:
        return subprocess.run(command, cwd=ROOT, check=False, preexec_fn=begin).returncode
    except FileNotFoundError as error:
        raise Unusable("gdb: not installed; 'ci/setup debug' installs it") from error


def attach(options):
    """gdb on a running machine, which goes on when gdb leaves."""
    more = shlex.split(options.gdbflags)
    if options.core:
        core = Path(options.core)
        return run_gdb(gdb_command(cores.kernel_of(core), f"core {core}", *more))
    place = runs.find(options.run, say)
    return run_gdb(gdb_command(place.kernel, target_of(place, options.proxy), *more))


def write_core(options):
    """A core of a running machine, which goes on."""
    place = runs.find(options.run, say)
    try:
        kept = keep_core(Qmp.connect(place.socket("qmp"), timeout=600), place)
    except OSError as error:
        raise Unusable(f"run {place.number} does not answer: {error.strerror or error}") from error
    return 0 if kept else 2


def enter_tmux():
    """Starts this command again inside tmux, if there is one to make a second pane.

    The session ends with its terminal: nobody would find it, and the machine in it, again.
    """
    terminal = os.isatty(0) and os.environ.get("TERM", "dumb") != "dumb"
    if os.environ.get("TMUX") or not shutil.which("tmux") or not terminal:
        return
    server = f"multios-{os.getpid()}"
    os.execvp("tmux", ["tmux", "-L", server, "new-session", shlex.join([sys.executable, *sys.argv]),
                       ";", "set-option", "destroy-unattached", "on"])


def show_console(place):
    """The console beside gdb; else says how to get it."""
    command = f"make console RUN={place.number}"
    if os.environ.get("TMUX") and shutil.which("tmux"):
        subprocess.run(["tmux", "split-window", "-d", "-v", "-c", str(ROOT), command], check=False)
    else:
        say(f"the console is in another terminal by '{command}'")


def debug(options):
    """A machine stopped at kernel_main with gdb in this terminal."""
    enter_tmux()
    machine = machine_of(options)
    machine.arguments()
    place = runs.start(machine, say)
    command = [*machine.arguments(), "-S", *place.arguments("console", "control", "trace", "gdb", "qmp")]
    try:
        with Qemu(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as qemu:
            if not wait_for(lambda: place.socket("gdb").exists() or qemu.wait(0) is not None, 10):
                raise Unusable("QEMU did not open its sockets within 10 s")
            show_console(place)
            return run_gdb(gdb_command(
                place.kernel, target_of(place, options.proxy), "-ex", "tbreak kernel_main", "-ex", "continue",
                *shlex.split(options.gdbflags)))
    finally:
        place.close()


def show(options):
    """The console of a machine that `make debug` started."""
    place = runs.find(options.run, say)
    if not place.socket("console").exists():
        raise Unusable(f"run {place.number} has its console in the terminal of its 'make run'")
    say(f"console of run {place.number}, Ctrl-A x leaves")
    console.attach(place.socket("console"), place.log)
    return 0


def link(options):
    """Fixed names for the newest run's kernel and gdb socket, for an editor's launch configuration."""
    place = runs.find(options.run, say)
    folder = ROOT / "build/attach"
    folder.mkdir(parents=True, exist_ok=True)
    for name, target in (("multios.elf", place.kernel), ("gdb.sock", place.socket("gdb"))):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)
    return 0


COMMANDS = {"run": run, "debug": debug, "gdb": attach, "console": show, "core": write_core,
            "links": link}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    for name in ("out", "smp", "mem", "sched", "firmware", "cmdline", "icount", "gdb", "accel", "run", "gdbflags",
                 "proxy", "core", "trace"):
        parser.add_argument(f"--{name}", default="")
    return parser.parse_args()


def main():
    options = parse_arguments()
    die_with_parent(signal.SIGTERM)  # a closed terminal tells only what is in its foreground
    try:
        return COMMANDS[options.command](options)
    except Unusable as error:
        say(str(error))
        return 2


if __name__ == "__main__":
    sys.exit(main())
