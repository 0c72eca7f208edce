# SPDX-License-Identifier: MIT
"""Machines of different shape, and those in which something is missing or does not work."""
import re
import subprocess

import pytest

from ci.lib.boot import Runner, Verdict
from ci.lib.qemu import ROOT, Machine, Qemu
from gdb.tests.live import Session

KERNEL = ROOT / "build/gcc-debug/multios.elf"
TESTS = "test=x86_ipi_arrives_on_each_cpu,x86_clock_is_monotonic_across_cpus"
NUMA = ("-object", "memory-backend-ram,id=a,size=256M", "-object", "memory-backend-ram,id=b,size=256M",
        "-numa", "node,memdev=a,cpus=0-1", "-numa", "node,memdev=b,cpus=2-3")
SHAPES = {
    # name: (-smp, command line, more arguments, what it must print)
    "two sockets of three cores": ("sockets=2,cores=3", "", (), "^6 CPUs"),
    "places for CPUs that are not there": ("4,maxcpus=64,threads=2", "", (), "^4 CPUs"),
    "two nodes": ("4", "", NUMA, "^4 CPUs"),
    "limited": ("4", "cpus=2", (), r"SMP: 2 CPUs left out by cpus=2[\s\S]*^2 CPUs"),
    "without HPET": ("2", "", ("-machine", "hpet=off"), r"by the ACPI PM timer[\s\S]*^2 CPUs"),
    "without ACPI": ("2", "", ("-machine", "pc,acpi=off"), r"warning: ACPI: RSDP: none[\s\S]*by the PIT[\s\S]*^1 CPU,"),
}


def machine(smp="4", cmdline="", extra=(), cpu="max"):
    return Machine(kernel=KERNEL, smp=smp, cmdline=cmdline, extra=extra, cpu=cpu)


@pytest.mark.parametrize("name", SHAPES)
def test_shape(name):
    smp, cmdline, extra, words = SHAPES[name]
    done = Runner(machine(smp, f"{cmdline} {TESTS}", extra), 60).run()
    assert done.verdict == Verdict.PASS and re.search(words, done.text, re.M), done.text


def test_cpus_know_their_nodes():
    """SRAT: CPUs 0 and 1 are of node 0, CPUs 2 and 3 of node 1."""
    with Session(extra=NUMA) as session:
        session.wait_for("mos> ")
        nodes = session.gdb(*(f"print smp_places[{cpu}].node" for cpu in range(4)))
        assert re.findall(r"^\$\d+ = (\d+)", nodes, re.M) == ["0", "0", "1", "1"], nodes


def test_cpu_without_apic_is_told():
    done = Runner(machine(cpu="max,-apic"), 30).run()
    assert done.verdict == Verdict.SILENT and "APIC" in done.text, done.text


@pytest.mark.slow
def test_cpu_that_does_not_answer_is_left_out():
    """The table of CPUs is changed to name one that is not there."""
    with Session(stopped=True, cmdline=TESTS) as session:
        session.gdb("hbreak arch_smp_start_all", "continue", "set var smp_hardware_id[2] = 77", "delete", "detach")
        session.wait_for("passed, 0 failed")
        assert "SMP: CPU 2 (APIC id 77) does not answer; left out" in session.output
        assert re.search("^3 CPUs", session.output, re.M), session.output


def test_nmi_button_stops_and_tells():
    """QEMU's `nmi` reaches the NMI pin of every CPU."""
    arguments = [*machine("3").arguments(), "-no-reboot", "-serial", "mon:stdio"]
    with Qemu(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as qemu:
        output = b""
        while b"mos> " not in output:
            output += qemu.process.stdout.read1()
        qemu.process.stdin.write(b"\x01cnmi\n")
        qemu.process.stdin.flush()
        output += qemu.process.stdout.read()
    text = output.decode("utf-8", "replace")
    assert "PANIC: NMI" in text and all(f"--- CPU {cpu} ---" in text for cpu in range(3)), text
