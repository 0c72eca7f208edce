# SPDX-License-Identifier: MIT
"""The command ci/boot."""
import argparse
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))
from ci.lib.boot import Runner, Verdict  # noqa: E402
from ci.lib.qemu import FIRMWARES, ROOT, Machine, Unusable  # noqa: E402

EPILOG = """\
exit codes:
  0  pass: the kernel's code for success and its results, or everything expected was printed
  1  a test failed, or something expected was never printed
  2  usage, or the machine could not be started
  3  panic
  4  hang: the time is over; the state of all CPUs of the stopped machine is printed
  5  no boot: no word from the kernel, or its message why it cannot boot
  6  triple fault: the state of all CPUs is printed

Without test= or bench= on the kernel's command line the boot passes when every --expect was seen
on the serial port; without --expect, when the monitor's prompt was. QEMU is always ended.

examples:
  ci/boot --smp 2 --firmware pvh
  ci/boot --smp 4 --icount 6 --cmdline 'test=sched' --json build/result.json
  ci/boot --firmware uefi --cmdline 'sched=rr' --expect 'CPUs? up' --expect '^mos> '
"""


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="ci/boot", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Boots MultiOS in QEMU, prints its serial output and says how it went.")
    add = parser.add_argument
    add("--smp", default="4", metavar="N", help="CPUs, or QEMU's sockets=…,cores=… (4)")
    add("--mem", default="512M", metavar="SIZE", help="memory (512M)")
    add("--firmware", default="bios", choices=FIRMWARES, help="bios and uefi boot the ISO, pvh the ELF (bios)")
    add("--sched", metavar="NAME", help="system algorithm (the kernel's default)")
    add("--icount", type=int, metavar="SHIFT", help="deterministic: 2^SHIFT ns of virtual time an instruction")
    add("--timeout", type=float, default=60, metavar="SECONDS", help="the longest it may take (60)")
    add("--cmdline", default="test=all", metavar="TEXT", help="the kernel's command line (test=all)")
    add("--expect", action="append", default=[], metavar="REGEX", help="must be printed; may be repeated")
    add("--json", metavar="FILE", help="write everything about this boot to FILE")
    add("--cc", default="gcc", help="compiler of the build to boot (gcc)")
    add("--build", default="debug", help="debug or release (debug)")
    add("--kernel", type=Path, metavar="ELF", help="boot this instead of build/CC-BUILD/multios.elf")
    add("--iso", type=Path, metavar="ISO", help="boot this instead of build/CC-BUILD/multios.iso")
    add("--cpu", default="max", help="QEMU's CPU model (max)")
    add("--accel", default="tcg", help="QEMU's accelerator (tcg)")
    add("--qemu", action="append", default=[], metavar="ARG", help="one more argument for QEMU; may be repeated")
    return parser.parse_args()


def machine_of(options):
    out = ROOT / "build" / f"{options.cc}-{options.build}"
    cmdline = options.cmdline
    if options.sched:
        cmdline = f"sched={options.sched} {cmdline}".strip()
    return Machine(
        kernel=options.kernel or out / "multios.elf", iso=options.iso or out / "multios.iso",
        firmware=options.firmware, smp=options.smp, memory=options.mem, cmdline=cmdline,
        icount=options.icount, accel=options.accel, cpu=options.cpu, extra=tuple(options.qemu))


def main():
    options = parse_arguments()
    try:
        boot = Runner(machine_of(options), options.timeout, options.expect, sys.stdout).run()
    except Unusable as error:
        print(f"ci/boot: {error}", file=sys.stderr)
        return int(Verdict.USAGE)
    if not boot.serial.endswith("\n"):
        print()
    if boot.dump:
        print(boot.dump)
    if options.json:
        os.makedirs(os.path.dirname(options.json) or ".", exist_ok=True)
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(boot.json(), file, indent=1)
            file.write("\n")
    print(f"ci/boot: {boot.verdict.name.lower()} after {boot.seconds:.1f} s: {boot.cause}")
    return int(boot.verdict)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
