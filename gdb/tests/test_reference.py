# SPDX-License-Identifier: MIT
"""The page of commands is what the commands say of themselves."""
import subprocess

from ci.lib.qemu import ROOT


def test_the_page_is_current():
    done = subprocess.run(
        ["gdb", "-nx", "-batch", "-x", ROOT / "gdb/multios.py", "-x", ROOT / "gdb/reference.py"],
        text=True, capture_output=True, timeout=120, check=True, stdin=subprocess.DEVNULL)
    page = (ROOT / "docs/gdb-commands.md").read_text()
    assert page == done.stdout, "`make gdb-reference` writes it"
    assert page.count("\n## mos ") > 20
