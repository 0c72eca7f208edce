# SPDX-License-Identifier: MIT
"""A boot in Bochs: another maker's idea of the machine, with x2APIC and a TSC deadline timer."""
import glob
import subprocess
from pathlib import Path

import pexpect

from .qemu import ROOT, Unusable

BIOS = ("/usr/share/bochs/BIOS-bochs-latest",)  # SeaBIOS tells of one CPU only
VGA_BIOS = ("/usr/share/bochs/VGABIOS-lgpl-latest*", "/usr/share/seabios/vgabios-stdvga.bin")
# Time runs by instructions, so a busy host changes nothing. A triple fault ends Bochs.
CONFIG = """\
megs: {megabytes}
romimage: file={bios}
vgaromimage: file={vga}
cpu: model=corei7_skylake_x, count={cpus}, ips=50000000, reset_on_triple_fault=0
ata0-master: type=cdrom, path={iso}, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev={serial}
display_library: term
clock: sync=none
log: {log}
panic: action=fatal
error: action=report
"""


def first(patterns):
    for pattern in patterns:
        for path in glob.glob(pattern):
            if Path(path).exists():
                return path
    raise Unusable(f"none of {', '.join(patterns)} is there; 'ci/setup bochs' installs what is needed")


def boot(kernel, cmdline, folder, cpus=2, megabytes=256, seconds=90):
    """Boots the kernel from an image of its own; what it sent to the serial port."""
    iso, config, serial = folder / "bochs.iso", folder / "bochsrc", folder / "serial.log"
    subprocess.run([ROOT / "iso/build", "--kernel", kernel, "--output", iso, "--cmdline", cmdline],
                   check=True)
    config.write_text(CONFIG.format(
        megabytes=megabytes, cpus=cpus, bios=first(BIOS), vga=first(VGA_BIOS), iso=iso, serial=serial,
        log=folder / "bochs.log"), encoding="utf-8")
    # Its display wants a terminal; Debian's has the debugger built in, which waits for `c`.
    bochs = pexpect.spawn("bochs", ["-q", "-f", str(config)], timeout=seconds, dimensions=(50, 132))
    try:
        if bochs.expect([r"bochs:\d+>", pexpect.EOF]) == 0:
            bochs.sendline("c")
            bochs.expect(pexpect.EOF)
    except pexpect.TIMEOUT:
        pass  # what the serial port says decides
    finally:
        bochs.close(force=True)
    return serial.read_text(encoding="utf-8", errors="replace") if serial.exists() else ""
