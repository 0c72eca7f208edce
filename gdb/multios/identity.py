# SPDX-License-Identifier: MIT
"""mos kernel: which kernel this is."""

from multios import manifest, ui
from multios.access import Unreadable


class KernelCommand(ui.MosCommand):
    """Say which kernel is in memory, and whether symbols and scripts fit it.

mos kernel [--json]

Compares the manifest at the first byte of the kernel's image with the symbol file in gdb, by build
id, and with the version these scripts read."""

    NAME = "kernel"
    ANY_STAGE = True

    def rows(self, arguments):
        self.no_arguments(arguments)
        row = {"scripts_version": manifest.VERSION, "symbols": self.target.build_id(),
               "version": None, "build_id": None}
        try:
            row.update(manifest.in_memory(self.target) or {})
            row["complaint"] = manifest.complaint(self.target)
        except Unreadable as error:
            row["complaint"] = "no kernel is mapped now: %s" % error
        row["stage"] = self.kernel.stage()
        return row

    def show(self, data):
        return ui.table(("", "VERSION", "BUILD"), [
            ["kernel", data["version"], data["build_id"]], ["symbols", None, data["symbols"]],
            ["scripts", data["scripts_version"], None]]) + (
                data["complaint"] or data["stage"] or "all fits, and the scheduler runs") + "\n"
