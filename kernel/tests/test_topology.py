# SPDX-License-Identifier: MIT
"""S8.1: what the scheduler learns from CPUID and SRAT about where CPUs sit, on machines of several shapes."""
import re

import pytest

from gdb.tests.live import Session


def numa(*cpus):
    words = []
    for node, which in enumerate(cpus):
        words += ["-object", f"memory-backend-ram,id=m{node},size={512 // len(cpus)}M",
                  "-numa", f"node,memdev=m{node},cpus={which}"]
    return tuple(words)


# Of each CPU: (package, core, thread, cache, node) and its neighbourhoods.
SHAPES = {
    "one package": ("4", (), "max", [
        "0 0 0 0 0 any", "0 1 0 0 0 any", "0 2 0 0 0 any", "0 3 0 0 0 any"]),
    "threads, cores, sockets, nodes": ("8,sockets=2,cores=2,threads=2", numa("0-3", "4-7"), "max", [
        "0 0 0 0 0 0-1, 0-3, any", "0 0 1 0 0 0-1, 0-3, any",
        "0 1 0 0 0 2-3, 0-3, any", "0 1 1 0 0 2-3, 0-3, any",
        "1 0 0 1 1 4-5, 4-7, any", "1 0 1 1 1 4-5, 4-7, any",
        "1 1 0 1 1 6-7, 4-7, any", "1 1 1 1 1 6-7, 4-7, any"]),
    "nodes of two sockets each": ("4,sockets=4", numa("0-1", "2-3"), "max", [
        "0 0 0 0 0 0-1, any", "1 0 0 1 0 0-1, any", "2 0 0 2 1 2-3, any", "3 0 0 3 1 2-3, any"]),
    "gaps in the numbers": ("6,sockets=2,cores=3", (), "max", [
        "0 0 0 0 0 0-2, any", "0 1 0 0 0 0-2, any", "0 2 0 0 0 0-2, any",
        "1 0 0 1 0 3-5, any", "1 1 0 1 0 3-5, any", "1 2 0 1 0 3-5, any"]),
    # Leaf 1 tells the package of two; without leaf 0xB and cores in leaf 4 its CPUs pass for threads.
    "no leaf of levels": ("4,sockets=2,cores=2", (), "qemu64,level=4", [
        "0 0 0 0 0 0-1, any", "0 0 1 0 0 0-1, any", "1 0 0 1 0 2-3, any", "1 0 1 1 0 2-3, any"]),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_topology(shape):
    smp, extra, cpu, want = SHAPES[shape]
    with Session(smp=smp, extra=extra, cpu=cpu) as session:
        text = session.type("topology")
    rows = [re.sub(r" +", " ", line.strip()) for line in text.strip().split("\n")]
    assert rows[0] == "CPU PACKAGE CORE THREAD CACHE NODE NEAREST FIRST", text
    assert rows[1:] == [f"{number} {row}" for number, row in enumerate(want)], text
