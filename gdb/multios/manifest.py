# SPDX-License-Identifier: MIT
"""
Do machine, symbols and scripts belong together? The manifest at the first byte of the image
(kernel/manifest.h) says which kernel is in memory; it is compared with the symbol file that gdb has
loaded and with what these scripts can read.
"""

VERSION = 1  # MANIFEST_VERSION of the kernels that these scripts understand
MAGIC = b"MultiOS manifest"
NOTE_HEADER = 16  # three words and "GNU" with its terminator
ID_SIZE = 20


def in_memory(target):
    """{"version", "build_id"} of the kernel in memory; None: what is there is no manifest."""
    address = target.symbol("debug_manifest")
    if address is None:
        return None
    value = target.struct("debug_manifest", address)
    if target.read(address, len(MAGIC)) != MAGIC:
        return None
    return {"version": value.version,
            "build_id": target.read(value.build_id + NOTE_HEADER, ID_SIZE).hex()}


def complaint(target):
    """None when all fits, else what does not, in words. Unreadable before the kernel is there."""
    if target.symbol("debug_manifest") is None:
        return "the symbol file in gdb is no MultiOS kernel, or one without a manifest, which is " \
            "older than these scripts (they read version %d)" % VERSION
    found, loaded = in_memory(target), target.build_id()
    if found is None:
        return "the machine runs something else than a MultiOS kernel with a manifest at 0x%x; " \
            "gdb has the symbols of build %s" % (target.symbol("debug_manifest"), loaded)
    if found["build_id"] != loaded:
        return "the machine runs build %s, gdb has the symbols of build %s: load the file that " \
            "was booted (`file build/…/multios.elf`)" % (found["build_id"], loaded)
    if found["version"] != VERSION:
        return "this kernel has a manifest of version %d, these scripts read version %d: use the " \
            "gdb/ folder of the kernel's own tree" % (found["version"], VERSION)
    return None
