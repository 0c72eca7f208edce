# SPDX-License-Identifier: MIT
"""Core files of machines: QEMU dumps the memory, gdb/core puts the kernel's threads in."""
import shutil
import subprocess

from .qemu import ROOT, Unusable
from .qmp import QmpError

FOLDER = ROOT / "build/cores"


def write(qmp, run, say):
    """
    Writes build/cores/run-N.core and, beside it, the kernel that it is of. The machine stands still
    for that time, and is afterwards as it was.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    core = FOLDER / f"run-{run.number}.core"
    kernel, part = core.with_suffix(".elf"), core.with_suffix(".part")
    part.unlink(missing_ok=True)
    shutil.copyfile(run.kernel, kernel)
    try:
        qmp.command("dump-guest-memory", paging=False, protocol=f"file:{part}")
        part.chmod(0o644)
        convert(part, kernel, say)
        part.rename(core)
    except (QmpError, OSError) as error:
        raise Unusable(f"no core was written: {error}") from error
    finally:
        part.unlink(missing_ok=True)
    return core


def convert(part, kernel, say):
    done = subprocess.run(
        [ROOT / "ci/python", ROOT / "gdb/core", part, kernel], text=True, stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise Unusable(f"no core was written: {done.stderr.strip()}")
    for line in done.stderr.splitlines():
        say(line.removeprefix("multios core: "))
    make_sparse(part)


def make_sparse(path):
    """Most of a machine's memory is zero. A file system without holes keeps them as they are."""
    tool = shutil.which("fallocate")
    if tool:
        subprocess.run([tool, "--dig-holes", path], stderr=subprocess.DEVNULL, check=False)


def kernel_of(core):
    """The kernel that lies beside a core."""
    if not core.is_file():
        raise Unusable(f"CORE={core}: no such file; 'make core' writes one of a running machine")
    kernel = core.with_suffix(".elf")
    if not kernel.is_file():
        raise Unusable(f"CORE={core}: its kernel, {kernel}, is not there")
    return kernel
