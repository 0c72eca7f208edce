# SPDX-License-Identifier: MIT
"""What stops the boot is told on the serial port and on the screen, with an exit code of its own.

Each case provokes one failure with the real kernel: a CPU that lacks something, a command line that
is too long, a loader that is none or hands over tables that cannot be (loaders.py).
"""
import struct
import subprocess

import pytest

from boot.tests import loaders
from ci.lib import boot as ci_boot
from ci.lib.boot import Runner, Verdict
from ci.lib.picture import Picture
from ci.lib.qemu import ROOT, Machine, Qemu, wait_for

KERNEL = ROOT / "build/gcc-debug/multios.elf"
ISO = KERNEL.with_suffix(".iso")
TIMEOUT = 60
WHITE = (0xff, 0xff, 0xff)


def boot(kernel=KERNEL, cmdline="", expect=(), **machine):
    machine.setdefault("smp", "2")
    about = Machine(kernel=kernel, iso=machine.pop("iso", ISO), cmdline=cmdline, **machine)
    return Runner(about, TIMEOUT, list(expect)).run()


def expect_failure(done, words):
    assert f"MultiOS cannot boot: {words}" in done.text, done.text + done.dump
    assert (done.verdict, done.exit_code) == (Verdict.SILENT, ci_boot.EXIT_BOOT), done.cause
    assert words in done.cause


@pytest.mark.parametrize("cpu, words", [
    ("qemu32", "this CPU has no long mode"),
    ("qemu64,-lm", "this CPU has no long mode"),
    ("max,-apic", "this CPU has no local APIC"),
])
@pytest.mark.parametrize("firmware", ["pvh", "bios"])
def test_cpu(cpu, words, firmware):
    expect_failure(boot(cpu=cpu, firmware=firmware), words)


def test_command_line_too_long():
    expect_failure(boot(cmdline="a" * 4096), "command line is longer than 4095 characters")


@pytest.mark.parametrize("firmware", ["bios", pytest.param("uefi", marks=pytest.mark.slow)])
def test_command_line_too_long_by_fw_cfg(firmware):
    done = boot(cmdline="a" * 4095, firmware=firmware)
    expect_failure(done, "command line of 4096 characters, 4095 from fw_cfg, is longer than 4095")


def test_longest_command_line():
    done = boot(cmdline="a" * 4095, expect=["no such parameter"])
    assert done.verdict == Verdict.PASS, done.cause


@pytest.mark.parametrize("level, shown", [(0, False), (1, False), (2, True)])
def test_log_level(level, shown):
    done = boot(cmdline=f"loglevel={level} bla")
    assert done.verdict == Verdict.PASS, done.cause
    assert "boot parameter bla: no such parameter" in done.text
    assert ("Clock: " in done.text) == shown


def test_wrong_loader(tmp_path):
    """PVH enters where only multiboot2 loaders should, without their magic number."""
    entry = loaders.symbol(KERNEL, "entry_multiboot2") - loaders.KERNEL_BASE
    kernel = loaders.entering_at(KERNEL, tmp_path, entry)
    expect_failure(boot(kernel), "the loader does not speak multiboot2")


MEMORY, END, RAM = loaders.MEMORY, loaders.END, loaders.RAM
NO_RAM = loaders.memory_map((0x100000, 0x1F000000, 2))
WRAPPING = loaders.memory_map((0x100000, 2**64 - 1, 1))
MODULE = loaders.tag(3, struct.pack("<II", 0x210000, 0x220000) + b"m\0")
LONG = loaders.tag(1, b"a" * 4096 + b"\0")
WRAPPING_SCREEN = loaders.framebuffer(2**64 - 0x10000)
MULTIBOOT2 = {
    # name: (table, what is told)
    "truncated": (loaders.multiboot2(MEMORY),
                  "multiboot2: table of 72 bytes is truncated: it has no end tag"),
    "cut-tag": (loaders.multiboot2(MEMORY, END, size=60),
                "multiboot2: tag of type 6 at offset 8 has an impossible size"),
    "huge": (loaders.multiboot2(MEMORY, END, size=0xFFFFFFFF),
             "has an impossible size of 4294967295 bytes"),
    "contradiction": (loaders.multiboot2(MEMORY, MEMORY, END),
                      "a second tag of type 6 contradicts the first"),
    "no-map": (loaders.multiboot2(END), "multiboot2: the loader gave no memory map"),
    "no-usable": (loaders.multiboot2(NO_RAM, END), "no usable memory"),
    "wrapping": (loaders.multiboot2(WRAPPING, END), "leaves the address space"),
    "module-in-kernel": (loaders.multiboot2(MEMORY, MODULE, END),
                         "module at 0x210000 of 0x10000 bytes overlaps"),
    "long-cmdline": (loaders.multiboot2(MEMORY, LONG, END),
                     "command line of 4096 characters is longer than 4095"),
    "screen-leaves-memory": (loaders.multiboot2(MEMORY, WRAPPING_SCREEN, END),
                             "(framebuffer) leaves the address space"),
    "screen-in-kernel": (loaders.multiboot2(MEMORY, loaders.framebuffer(0x200000), END),
                         "framebuffer at 0x200000 of 0x1d4c00 bytes overlaps"),
    "screen-too-far": (loaders.multiboot2(MEMORY, loaders.framebuffer(2**45), END),
                       "(framebuffer) is beyond 0x10000000000"),
    "memory-too-far": (loaders.multiboot2(loaders.memory_map(*RAM, (2**41, 2**30, 1)), END),
                       "memory range at 0x20000000000 of 0x40000000 bytes (usable) is beyond"),
    "memory-that-is-not-there": (loaders.multiboot2(loaders.memory_map(*RAM, (2**32, 2**38, 1)), END),
                                 "tells of memory at 0x100000000, "),
    "tables-too-far": (loaders.multiboot2(loaders.memory_map(*RAM, (2**50, 2**30, 3)), END),
                       "(ACPI tables) is beyond"),
    "memory-without-end": (loaders.multiboot2(loaders.memory_map((0x100000, 2**64 - 0x100001, 1)), END),
                           "(usable) is beyond"),
    "only-above-4g": (loaders.multiboot2(loaders.memory_map((2**32, 2**30, 1)), END),
                      "this machine has 0 KiB of usable memory between 1 MiB and 4 GiB"),
}


@pytest.mark.parametrize("case", MULTIBOOT2)
def test_multiboot2_tables(case, tmp_path):
    tables, words = MULTIBOOT2[case]
    loaded = loaders.by_multiboot2(KERNEL, tmp_path, tables)
    done = boot(loaded.kernel, extra=loaded.arguments)
    assert words in done.text, done.text
    expect_failure(done, "")


@pytest.mark.parametrize("address, words", [
    (loaders.TABLES + 4, "multiboot2: no table can be at 0x1001004"),
    (0xE0000000, "multiboot2: table at 0xe0000000 has an impossible size"),
    (0xFFFFFFF8, "multiboot2: table at 0xfffffff8 "),
])
def test_multiboot2_table_elsewhere(address, words, tmp_path):
    table = loaders.multiboot2(MEMORY, END)
    loaded = loaders.by_multiboot2(KERNEL, tmp_path, table, address=address)
    expect_failure(boot(loaded.kernel, extra=loaded.arguments), words)


def test_multiboot2_table_that_is_right(tmp_path):
    """The stub itself works: with a table that can be the kernel comes up."""
    name, cmdline = loaders.tag(2, b"a stub\0"), loaders.tag(1, b"stub=1\0")
    loaded = loaders.by_multiboot2(KERNEL, tmp_path, loaders.multiboot2(name, cmdline, MEMORY, END))
    done = boot(loaded.kernel, extra=loaded.arguments,
                expect=["stub=1: no such parameter", "started by a stub"])
    assert done.verdict == Verdict.PASS, done.cause + done.text


def boot_with_screen(folder, screen, **machine):
    """The verdict of a boot by a loader that tells of a screen."""
    loaded = loaders.by_multiboot2(KERNEL, folder, loaders.multiboot2(MEMORY, screen, END))
    done = boot(loaded.kernel, extra=loaded.arguments, expect=["^mos> "], **machine)
    assert done.verdict == Verdict.PASS, done.cause + done.text


@pytest.mark.parametrize("width, height, pitch", [(2**20, 2**12, 2**24), (2**14, 2**14, 2**18), (800, 600, 2**30)])
def test_impossible_screen_is_left_alone(width, height, pitch, tmp_path):
    boot_with_screen(tmp_path, loaders.framebuffer(2**32, width, height, pitch))


def test_screen_above_4_gib(tmp_path):
    """Memory takes the part of a screen that the first page tables do not reach, and is read back."""
    address, pixels = 2 * 2**32, tmp_path / "pixels"
    loaded = loaders.by_multiboot2(
        KERNEL, tmp_path, loaders.multiboot2(MEMORY, loaders.framebuffer(address), END))
    machine = Machine(kernel=loaded.kernel, smp="1", memory="9G", extra=loaded.arguments)
    serial = tmp_path / "serial"
    with Qemu([*machine.arguments(), "-serial", f"file:{serial}", "-monitor", "stdio"],
              stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as qemu:
        assert wait_for(lambda: serial.exists() and b"mos> " in serial.read_bytes(), TIMEOUT)
        qemu.process.communicate(f'pmemsave {address:#x} 1920000 "{pixels}"\nquit\n'.encode(), timeout=TIMEOUT)
    (tmp_path / "shown").write_bytes(b"P6\n800 600\n255\n" + bytes(
        part for at in struct.iter_unpack("<4B", pixels.read_bytes()) for part in at[2::-1]))
    rows = Picture(tmp_path / "shown").text((0xc0, 0xc0, 0xc0))
    assert any(row.startswith("  help               all commands") for row in rows), rows


ONE_RANGE = struct.pack("<QQII", 0x100000, 0x1F000000, 1, 0)
MANY_MODULES = loaders.pvh(modules=(loaders.TABLES, 99), memory=(loaders.TABLES + 56, 1))
PVH = {
    "magic": (loaders.pvh(magic=0x1BADB002),
              "begins with 0x1badb002, 0x336ec578 expected: wrong loader"),
    "version": (loaders.pvh(version=0),
                "PVH: start information of version 0 has no memory map"),
    "no-map": (loaders.pvh(), "PVH: the loader gave no memory map"),
    "map-nowhere": (loaders.pvh(memory=(2**40, 3)),
                    "PVH: memory map at 0x10000000000 with 3 entries"),
    "cmdline-nowhere": (loaders.pvh(cmdline=2**63),
                        "command line at 0x8000000000000000 is in memory that cannot be read"),
    "modules": (MANY_MODULES + ONE_RANGE, "PVH: 99 modules, at most 16 are possible"),
}


@pytest.mark.parametrize("case", PVH)
def test_pvh_tables(case, tmp_path):
    tables, words = PVH[case]
    loaded = loaders.by_pvh(KERNEL, tmp_path, tables)
    done = boot(loaded.kernel, extra=loaded.arguments)
    assert words in done.text, done.text
    expect_failure(done, "")


@pytest.mark.parametrize("code, words", [
    (b"\x0f\x0b", "exception 6, "),                              # ud2
    (b"\x48\xc7\xc4\x00\x10\x00\x00\x0f\x0b", "exception 6, "),  # … on another stack
    (b"\x31\xc9\xf7\xf1", "exception 0, "),                      # division by zero
    (b"\xa0\0\0\0\0\1\0\0\0", "exception 14, error code 0, "),   # load from 0x100000000
])
def test_fault_before_the_kernel_has_traps(code, words, tmp_path):
    kernel = loaders.with_code(KERNEL, tmp_path, "parse_pvh", code)
    expect_failure(boot(kernel), words)


@pytest.mark.parametrize("cpu, words", [
    ("qemu32", "MultiOS cannot boot: this CPU has no long mode"),
    ("max,-apic", "MultiOS cannot boot: this CPU has no local APIC"),
])
def test_screen(cpu, words, tmp_path):
    """Without a device to exit by the machine stands still, and the screen shows why."""
    serial, cells = tmp_path / "serial", tmp_path / "cells"
    command = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", cpu, "-display", "none",
               "-kernel", KERNEL, "-serial", f"file:{serial}", "-monitor", "stdio"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                          text=True) as qemu:
        try:
            assert wait_for(lambda: serial.exists() and serial.read_text().endswith("\n"), TIMEOUT)
            qemu.communicate(f'pmemsave 0xb8000 4000 "{cells}"\nquit\n', timeout=TIMEOUT)
        finally:
            qemu.kill()
    assert cells.read_bytes()[::2].decode("cp437").startswith(words)
    assert words in serial.read_text()


@pytest.mark.slow
def test_screen_of_pixels(tmp_path):
    """The same where the loader has switched to graphics."""
    image, serial, shown = (tmp_path / name for name in ("image.iso", "serial", "shown"))
    assert iso("--output", image, "--screen", "800x600", "--timeout", "0").returncode == 0
    machine = Machine(kernel=KERNEL, iso=image, firmware="bios", cmdline="a" * 4095)
    arguments = [word for word in machine.arguments() if not word.startswith("isa-debug-exit")]
    arguments.remove("-device")
    with Qemu([*arguments, "-serial", f"file:{serial}", "-monitor", "stdio"],
              stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as qemu:
        assert wait_for(lambda: serial.exists() and b"4095\r\n" in serial.read_bytes(), TIMEOUT)
        qemu.process.communicate(f'screendump "{shown}"\nquit\n'.encode(), timeout=TIMEOUT)
    rows = Picture(shown).text(WHITE)
    assert "".join(rows[:2]).startswith(
        "MultiOS cannot boot: command line of 4096 characters, 4095 from fw_cfg, is longer "), rows


def iso(*arguments):
    return subprocess.run([ROOT / "iso/build", "--kernel", KERNEL, *arguments], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)


def test_image_is_small_and_has_every_algorithm(tmp_path):
    assert ISO.stat().st_size < 6_000_000
    done = subprocess.run(
        ["xorriso", "-osirrox", "on", "-indev", ISO, "-extract", "/boot/grub/grub.cfg",
         tmp_path / "grub.cfg"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    menu = (tmp_path / "grub.cfg").read_text()
    for line in (ROOT / "sched/policies.def").read_text().splitlines():
        if line.startswith("POLICY(") and "idle" not in line:
            assert f"'sched={line[7:].split(',')[0]}'" in menu
    assert "idle" not in menu


@pytest.mark.slow
@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_command_line_in_the_image(firmware, tmp_path):
    """Parameters in the image reach the kernel, behind those that QEMU hands over."""
    image = tmp_path / "a.iso"
    done = iso("--output", image, "--cmdline", "first=1  se$cond", "--sched", "rr",
               "--timeout", "0")
    assert done.returncode == 0, done.stdout
    booted = boot(firmware=firmware, iso=image, cmdline="fw=1",
                  expect=["fw=1: no such(.|\n)*first=1: no such(.|\n)*se.cond: no such"])
    assert booted.verdict == Verdict.PASS, booted.cause + booted.text


class Disk(Machine):
    """The image is where a stick would be, not a CD."""

    def _boot(self):
        words = super()._boot()
        at = words.index("-cdrom")
        return [*words[:at], "-drive", f"format=raw,snapshot=on,file={self.iso}", *words[at + 4:]]


@pytest.mark.slow
@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_image_on_a_disk(firmware):
    machine = Disk(kernel=KERNEL, iso=ISO, firmware=firmware, smp="2", cmdline="test=log")
    done = Runner(machine, TIMEOUT).run()
    assert done.verdict == Verdict.PASS, done.cause + done.text


def test_images_built_at_the_same_time(tmp_path):
    image = tmp_path / "a.iso"
    command = [ROOT / "iso/build", "--kernel", KERNEL, "--output", image]
    builds = [subprocess.Popen(command) for _ in range(3)]
    assert [build.wait(60) for build in builds] == [0, 0, 0]
    assert [path.name for path in tmp_path.iterdir()] == ["a.iso"]


@pytest.mark.parametrize("arguments, words", [
    ([], "--kernel and --output are needed"),
    (["--output"], "--output needs a value"),
    (["--output", "x.iso", "--sched", "idle"], "--sched idle: no such algorithm (rr"),
    (["--output", "x.iso", "--timeout", "soon"], "--timeout soon: not a number of seconds"),
    (["--output", "x.iso", "--kernel", "/nowhere"], "/nowhere: no such file"),
    (["--sideways"], "--sideways: no such option"),
])
def test_image_usage(arguments, words):
    done = iso(*arguments)
    assert done.returncode == 2 and words in done.stdout, done.stdout
