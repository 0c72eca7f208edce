# SPDX-License-Identifier: MIT
"""Builds little kernels from ending.S for the tests of the tools in ci/."""
import subprocess
from pathlib import Path

SOURCE = Path(__file__).parent / "ending.S"


def build(folder, text, end, code=0):
    """A kernel that prints `text` and goes to the label `end`; `code` is for isa-debug-exit."""
    elf = folder / "multios.elf"
    subprocess.run(
        ["gcc", "-nostdlib", "-static", "-no-pie",
         "-Wl,-N,-Ttext=0x100000,--build-id=none,--no-warn-rwx-segments",
         f'-DTEXT="{text}"', f"-DEND={end}", f"-DCODE={code}", SOURCE, "-o", elf],
        check=True)
    return elf
